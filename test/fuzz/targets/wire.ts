/**
 * The wire decoder: however the bytes are cut it hears the same, keeps no view of a chunk, passes no limit on, and what
 * it heard encodes to the bytes that came. The first byte of an input says what the decoder knows: bits 0 and 1 whether
 * the number of pieces is known, and which.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { concatBytes } from '../../../src/base/bytes.js';
import { LIMITS } from '../../../src/base/limits.js';
import { randomBelow } from '../../../src/base/random.js';
import { type BlockTarget, WireDecoder } from '../../../src/protocol/wire/decoder.js';
import { Recorder } from '../../../src/protocol/wire/testing/recorder.js';
import { wireStreams } from '../generators/wire-streams.js';
import { type FuzzTarget, randomOf } from '../target.js';
import { EncodingHandler } from './wire-echo.js';

const PIECE_COUNTS = [0, 5, 16, 100] as const;
const CUT_BYTES_MAX = 40;

export const wireTarget: FuzzTarget = {
  name: 'wire',
  inputs: fc.tuple(fc.nat({ max: 3 }), wireStreams).map(([head, stream]) => concatBytes([Uint8Array.of(head), stream])),
  samples: fc.sample(wireStreams, { seed: 1, numRuns: 10 }).map((stream) => concatBytes([Uint8Array.of(0), stream])),
  tokens: [
    '\x13BitTorrent protocol',
    '\0\0\0\x01',
    '\0\0\0\x05\x04',
    '\0\0\0\x0d\x06',
    '\0\0\x40\x09\x07',
    '\0\x20\0\0\x14',
  ],
  check,
};

function check(input: Uint8Array): void {
  const pieceCount = PIECE_COUNTS[(input[0] ?? 0) % PIECE_COUNTS.length]!;
  const stream = input.subarray(1);
  const whole = hear(stream, pieceCount, () => stream.length);
  const byByte = hear(stream, pieceCount, () => 1);
  assert.deepEqual(byByte, whole, 'one byte at a time says the same');
  const random = randomOf(input);
  assert.deepEqual(
    hear(stream, pieceCount, () => 1 + randomBelow(random, CUT_BYTES_MAX)),
    whole,
    'cut at random places it says the same',
  );
  checkEcho(stream, pieceCount);
}

class LimitsRecorder extends Recorder {
  #isOver = false;

  override onBlockStart(piece: number, begin: number, length: number, target: BlockTarget): void {
    assert.ok(length >= 1 && length <= LIMITS.requestBytesMax);
    super.onBlockStart(piece, begin, length, target);
  }
  override onExtended(id: number, payload: Uint8Array): void {
    assert.ok(payload.length <= LIMITS.extendedMessageBytesMax);
    super.onExtended(id, payload);
  }
  override onBitfield(bytes: Uint8Array): void {
    assert.ok(bytes.length <= Math.ceil(LIMITS.pieceCountMax / 8));
    super.onBitfield(bytes);
  }
  override onLine = (line: string): void => {
    assert.ok(!this.#isOver, `after the violation: ${line}`);
    if (line.startsWith('violation')) this.#isOver = true;
  };
}

/** @returns what the decoder says of `stream`; each chunk is overwritten as soon as it was pushed. */
function hear(stream: Uint8Array, pieceCount: number, nextLength: () => number): string[] {
  const recorder = new LimitsRecorder();
  const decoder = new WireDecoder(recorder);
  recorder.decoder = decoder;
  if (pieceCount > 0) decoder.setPieceCount(pieceCount);
  for (let offset = 0; offset < stream.length; ) {
    const chunk = stream.slice(offset, offset + nextLength());
    decoder.push(chunk);
    offset += chunk.length;
    chunk.fill(0xaa);
  }
  return recorder.lines;
}

/** What was heard, encoded again, is how the stream begins. */
function checkEcho(stream: Uint8Array, pieceCount: number): void {
  const handler = new EncodingHandler();
  const decoder = new WireDecoder(handler);
  handler.decoder = decoder;
  if (pieceCount > 0) decoder.setPieceCount(pieceCount);
  decoder.push(stream.slice());
  const echo = handler.bytes();
  assert.deepEqual(echo, stream.slice(0, echo.length), 'what was heard encodes to what was sent');
}
