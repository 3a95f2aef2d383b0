/**
 * WireStream, the peer wire as a Duplex, against a remote that sends anything, and a program that answers. Nothing is
 * thrown, an error is a protocol error, what waits unread is bounded, nothing is told after the end, and without a
 * program that answers it hears the same however the bytes are cut. The first byte says what it is opened with.
 */
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { concatBytes } from '../../../src/base/bytes.js';
import { DtorrentError } from '../../../src/base/errors.js';
import { LIMITS } from '../../../src/base/limits.js';
import { randomBelow, type SeededRandom } from '../../../src/base/random.js';
import { LAYOUT, record } from '../../../src/node/testing/scripted-wire.js';
import { WireStream } from '../../../src/node/wire-stream.js';
import { wireStreams } from '../generators/wire-streams.js';
import { type FuzzTarget, randomOf } from '../target.js';

const UNSENT_BYTES_MAX = 2 * LIMITS.outgoingMessageBytesMax + LIMITS.requestBytesMax + LIMITS.extendedMessageBytesMax;
const CHUNK_BYTES_MAX = 300;

export const wireStreamTarget: FuzzTarget = {
  name: 'wire-stream',
  inputs: fc.tuple(fc.nat({ max: 7 }), wireStreams).map(([head, stream]) => concatBytes([Uint8Array.of(head), stream])),
  samples: fc.sample(wireStreams, { seed: 2, numRuns: 10 }).map((stream) => concatBytes([Uint8Array.of(1), stream])),
  tokens: ['\0\0\0\x01', '\0\0\0\x05\x04', '\0\0\0\x0d\x06', '\0\0\0\x02\x14\0'],
  casesPerRound: 60,
  check,
};

async function check(input: Uint8Array): Promise<void> {
  const stream = input.subarray(1);
  const hasLayout = ((input[0] ?? 0) & 1) !== 0;
  const fast = ((input[0] ?? 0) & 2) !== 0;
  const random = randomOf(input);
  const whole = await hear(stream, { hasLayout, fast, chunkBytes: () => stream.length });
  const cut = await hear(stream, { hasLayout, fast, chunkBytes: () => 1 + randomBelow(random, CHUNK_BYTES_MAX) });
  assert.deepEqual(cut, whole);
  await converse(stream, { hasLayout, fast }, random);
}

interface Opening {
  readonly hasLayout: boolean;
  readonly fast: boolean;
}

function openStream({ hasLayout, fast }: Opening): { wire: WireStream; lines: string[] } {
  const wire = new WireStream();
  const lines = record(wire);
  wire.on('handshake', ({ infoHash }) => {
    wire.handshake({ infoHash, features: { fast }, ...(hasLayout ? { layout: LAYOUT } : {}) });
    wire.extensionHandshake({ extensions: ['ut_metadata', 'ut_pex'] });
  });
  return { wire, lines };
}

async function hear(
  stream: Uint8Array,
  { chunkBytes, ...opening }: Opening & { readonly chunkBytes: () => number },
): Promise<string[]> {
  const { wire, lines } = openStream(opening);
  wire.on('data', () => {});
  await feed(wire, stream, chunkBytes);
  wire.end();
  await settled(wire, lines);
  return lines;
}

/** The program asks, serves and answers as it likes, and sometimes does not read. */
async function converse(stream: Uint8Array, opening: Opening, random: SeededRandom): Promise<void> {
  const { wire, lines } = openStream(opening);
  const act = (): void => {
    const piece = randomBelow(random, 10);
    const acts = [
      () => wire.unchoke(),
      () => wire.choke(),
      () => wire.interested(),
      () => wire.request(piece, 16_384 * randomBelow(random, 4), 1 + randomBelow(random, 16_384)),
      () => wire.cancel(piece, 0, 16_384),
      () => wire.allowedFast(piece),
      () => wire.have(piece),
      () => wire.extended('ut_metadata', new Uint8Array(5)),
      () => wire.read(),
      () => wire.keepAlive(),
    ];
    acts[randomBelow(random, acts.length)]!();
  };
  wire.on('request', (request) => {
    const answer = randomBelow(random, 4);
    if (answer < 2) request.respond(new Uint8Array(request.length));
    else if (answer === 2) request.reject();
  });
  await feed(wire, stream, () => 1 + randomBelow(random, CHUNK_BYTES_MAX), act);
  assert.ok(wire.readableLength <= UNSENT_BYTES_MAX, `${wire.readableLength} bytes wait unread`);
  wire.destroy();
  await settled(wire, lines);
}

async function feed(
  wire: WireStream,
  stream: Uint8Array,
  chunkBytes: () => number,
  act: () => void = () => {},
): Promise<void> {
  for (let offset = 0; offset < stream.length && !wire.destroyed; ) {
    const chunk = stream.slice(offset, offset + chunkBytes());
    offset += chunk.length;
    wire.write(chunk);
    act();
    if (wire.writableNeedDrain) await nextTurn();
  }
  await nextTurn();
}

async function settled(wire: WireStream, lines: readonly string[]): Promise<void> {
  for (let turn = 0; turn < 5 && !wire.closed; turn++) await nextTurn();
  const { errored } = wire;
  assert.ok(errored === null || (errored instanceof DtorrentError && errored.code === 'EPROTOCOL'), String(errored));
  const end = lines.indexOf('close');
  assert.ok(end < 0 || end === lines.length - 1, `told after the end: ${lines.slice(end + 1).join(', ')}`);
}
