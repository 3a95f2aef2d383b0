/** Remotes that break rules and sockets that break: a WireStream ends, and nothing is thrown. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { concatBytes, fromLatin1, writeUint32 } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { SeededRandom } from '../base/random.js';
import { encodeBencode } from '../format/bencode.js';
import { encodeReserved } from '../protocol/wire/handshake.js';
import { closed, FOUR_BYTES, INFO_HASH, type Opening, PEER_ID, record, ScriptedWire } from './testing/scripted-wire.js';
import { WireStream } from './wire-stream.js';

test('a remote that does not speak BitTorrent ends the stream with an error that nobody has to hear', async () => {
  const wire = new WireStream();
  wire.write(fromLatin1('GET / HTTP/1.1\r\n'));
  await closed(wire);
  assert.match(wire.errored!.message, /bad-protocol-name/);
});

interface Violation {
  readonly title: string;
  /** How the error's message ends. */
  readonly reason: string;
  readonly act: (peer: ScriptedWire) => void;
  readonly opening?: Opening;
}

const VIOLATIONS: readonly Violation[] = [
  {
    title: 'a message longer than any may be',
    reason: 'message-too-long',
    act: (peer) => peer.hear(uint32(LIMITS.messageBytesMax + 1)),
  },
  {
    title: 'a have of four bytes',
    reason: 'bad-length',
    act: (peer) => peer.hear(Uint8Array.from([0, 0, 0, 4, 4, 0, 0, 0])),
  },
  {
    title: 'a bitfield for another number of pieces',
    reason: 'bad-length',
    act: (peer) => peer.encoder.bitfield(new Uint8Array(3)),
  },
  {
    title: 'a bitfield with a spare bit',
    reason: 'bad-bitfield',
    act: (peer) => peer.encoder.bitfield(new Uint8Array([0, 1])),
  },
  {
    title: 'have-all without the fast extension',
    reason: 'fast-not-negotiated',
    act: (peer) => peer.encoder.haveAll(),
    opening: { fast: false },
  },
  {
    title: 'have-none that comes late',
    reason: 'bitfield-not-first',
    act: (peer) => {
      peer.encoder.have(1);
      peer.encoder.haveNone();
    },
  },
  {
    title: 'a have beyond the last piece',
    reason: 'piece-out-of-range',
    act: (peer) => peer.encoder.have(10),
  },
  {
    title: 'a suggestion beyond the last piece',
    reason: 'piece-out-of-range',
    act: (peer) => peer.encoder.suggest(10),
  },
  {
    title: 'an allowed-fast piece beyond the last one',
    reason: 'piece-out-of-range',
    act: (peer) => peer.encoder.allowedFast(0xffffffff),
  },
  {
    title: 'more requests for what does not exist than the limit',
    reason: 'too-many-invalid-requests',
    act: (peer) => {
      for (let i = 0; i <= LIMITS.invalidRequestsMax; i++) peer.encoder.request(10, 0, 1);
    },
  },
  {
    title: 'more blocks that nobody asked for than the limit',
    reason: 'too-many-unrequested-blocks',
    act: (peer) => {
      for (let i = 0; i <= LIMITS.unrequestedBlocksMax; i++) {
        peer.encoder.pieceHeader(0, 0, 4);
        peer.hear(concatBytes([peer.encoder.take()!, FOUR_BYTES]));
      }
    },
  },
  {
    title: 'so many refusals that are not read',
    reason: 'not-reading',
    act: (peer) => {
      for (let i = 0; i < (2 * LIMITS.outgoingMessageBytesMax) / 17 + 10; i++) peer.encoder.request(0, 0, 4);
    },
  },
];

for (const { title, reason, act, opening } of VIOLATIONS) {
  test(`${title}: the stream is destroyed`, async () => {
    const peer = new ScriptedWire(opening);
    act(peer);
    const bytes = peer.encoder.take();
    if (bytes !== null) peer.hear(bytes);
    assert.match(await peer.failure(), new RegExp(`\\(${reason}\\)$`));
  });
}

test('a remote that answers for another torrent is refused', async () => {
  const peer = new ScriptedWire({ isOpen: false });
  peer.wire.handshake({ infoHash: new Uint8Array(20) });
  peer.encoder.handshake(encodeReserved({}), INFO_HASH, PEER_ID);
  peer.hear();
  assert.match(await peer.failure(), /wrong-info-hash/);
});

test('a remote that comes for another torrent is refused, whoever answers it without looking', async () => {
  const peer = new ScriptedWire({ isOpen: false });
  peer.wire.on('handshake', () => peer.wire.handshake({ infoHash: new Uint8Array(20) }));
  peer.encoder.handshake(encodeReserved({}), INFO_HASH, PEER_ID);
  peer.hear();
  assert.match(await peer.failure(), /wrong-info-hash/);
});

test('nothing is told after a violation, not even from the same chunk', async () => {
  const peer = new ScriptedWire();
  peer.encoder.have(1);
  peer.encoder.have(10);
  peer.encoder.have(2);
  peer.hear();
  await peer.failure();
  assert.ok(!peer.lines.includes('have 2'));
});

test('a remote that announces ever new extensions is remembered up to the limit', async () => {
  const peer = new ScriptedWire();
  for (let round = 0; round < 3; round++) {
    const m = new Map(Array.from({ length: 60 }, (_, i) => [`xx_${round}_${i}`, 1 + i]));
    peer.encoder.extended(0, encodeBencode({ m }));
    peer.hear();
  }
  const known = [0, 1, 2].flatMap((round) =>
    Array.from({ length: 60 }, (_, i) => peer.wire.extended(`xx_${round}_${i}`, FOUR_BYTES)).filter(Boolean),
  );
  assert.equal(known.length, LIMITS.extensionsPerPeerMax);
});

test('random bytes after a handshake never throw', async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new SeededRandom(seed);
    const peer = new ScriptedWire(seed % 2 === 0 ? {} : { fast: false });
    peer.wire.unchoke();
    for (let i = 0; i < 40 && !peer.wire.destroyed; i++) {
      const bytes = new Uint8Array(1 + (random.uint32() % 60));
      random.fill(bytes);
      // Mostly frames of plausible length, so that more than the first one is read.
      if (random.uint32() % 8 !== 0 && bytes.length > 5) {
        writeUint32(bytes, 0, bytes.length - 4);
        bytes[4] = random.uint32() % 24;
      }
      assert.doesNotThrow(() => peer.hear(bytes), `seed ${seed}`);
    }
    const error = peer.wire.errored;
    assert.ok(error === null || error instanceof DtorrentError, `seed ${seed}: ${error}`);
    peer.wire.destroy();
  }
});

// ---- pipes ----

/** Stands for a socket: what is pushed comes from the remote, what is written goes there. */
function piped(): { socket: PassThrough; sent: PassThrough; wire: WireStream; lines: string[] } {
  const socket = new PassThrough();
  const sent = new PassThrough();
  const wire = new WireStream();
  const lines = record(wire);
  socket.pipe(wire).pipe(sent);
  return { socket, sent, wire, lines };
}

test('a socket that ends ends the stream, which then ends what it was piped to', async () => {
  const { socket, sent, lines } = piped();
  sent.resume();
  socket.end();
  await once(sent, 'end');
  await nextTurn();
  assert.deepEqual(lines, ['end', 'close']);
});

test('a socket that breaks destroys the stream, without an error listener on either', async () => {
  const { socket, wire } = piped();
  socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  await closed(wire);
  assert.ok(wire.errored instanceof DtorrentError);
  assert.equal(wire.errored.code, 'ENETWORK');
});

test('a socket that its owner destroys closes the stream without an error', async () => {
  const { socket, wire } = piped();
  socket.destroy();
  await closed(wire);
  assert.equal(wire.errored, null);
});

test('a hostile remote takes its socket with it', async () => {
  const { socket, wire } = piped();
  socket.write('SSH-2.0-OpenSSH_9.2\r\n');
  await closed(wire);
  await nextTurn();
  assert.ok(socket.destroyed);
});

test('a stream that is destroyed takes the socket with it, one that was unpiped does not', async () => {
  const one = piped();
  one.wire.destroy();
  await closed(one.wire);
  assert.ok(one.socket.destroyed);
  const other = piped();
  other.socket.unpipe(other.wire);
  other.wire.destroy();
  await closed(other.wire);
  await nextTurn();
  assert.equal(other.socket.destroyed, false);
});

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  writeUint32(bytes, 0, value);
  return bytes;
}
