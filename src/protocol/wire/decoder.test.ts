import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { concatBytes, fromHex, fromLatin1, toHex, writeUint32 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { WireDecoder } from './decoder.js';
import { WireEncoder } from './encoder.js';
import { encodeHandshake, encodeReserved } from './handshake.js';
import { Recorder } from './testing/recorder.js';

const INFO_HASH = new Uint8Array(20).fill(0xaa);
const PEER_ID = fromLatin1('-DT0100-000000000001');
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const BLOCK = Uint8Array.from({ length: 700 }, (_, i) => i * 7);

interface Side {
  readonly decoder: WireDecoder;
  readonly recorder: Recorder;
}

function makeSide(): Side {
  const recorder = new Recorder();
  const decoder = new WireDecoder(recorder);
  recorder.decoder = decoder;
  return { decoder, recorder };
}

/** A side that has got its handshake; what the recorder heard of it is forgotten. */
function makeOpenSide({ hasFast = true } = {}): Side {
  const side = makeSide();
  side.decoder.push(encodeHandshake(encodeReserved({ fast: hasFast, extensions: true }), INFO_HASH, PEER_ID));
  side.recorder.lines.length = 0;
  return side;
}

function heard(hex: string, side: Side = makeOpenSide()): string[] {
  side.decoder.push(fromHex(hex)!);
  return side.recorder.lines;
}

/** Frame head: length prefix and id. */
function head(length: number, id: number): string {
  const bytes = new Uint8Array(5);
  writeUint32(bytes, 0, length);
  bytes[4] = id;
  return toHex(bytes);
}

/** A whole session with every kind of message. */
function makeSession(): { stream: Uint8Array; lines: string[] } {
  const encoder = new WireEncoder();
  encoder.handshake(encodeReserved({ fast: true, extensions: true }), INFO_HASH, PEER_ID);
  encoder.extended(0, fromLatin1('d1:mde1:v200:'.padEnd(215, 'x')));
  encoder.keepAlive();
  encoder.bitfield(new Uint8Array(150).fill(0xc0));
  encoder.unchoke();
  encoder.interested();
  encoder.have(5);
  encoder.request(1, 16384, 16384);
  encoder.pieceHeader(3, 1000, BLOCK.length);
  const before = encoder.take()!;
  encoder.cancel(1, 16384, 16384);
  encoder.port(6881);
  encoder.suggest(7);
  encoder.reject(1, 16384, 16384);
  encoder.allowedFast(1059);
  encoder.choke();
  encoder.notInterested();
  const after = encoder.take()!;
  const unknown = fromHex(`${head(11, 99)}00112233445566778899`)!;
  const last = fromHex('0000000101')!;
  const lines = [
    `handshake 0000000000100004 ${toHex(INFO_HASH)}`,
    `peer-id ${toHex(PEER_ID)}`,
    `extended 0 ${toHex(fromLatin1('d1:mde1:v200:'.padEnd(215, 'x')))}`,
    'keep-alive',
    `bitfield ${'c0'.repeat(150)}`,
    'unchoke',
    'interested',
    'have 5',
    'request 1 16384 16384',
    'block-start 3 1000 700',
    `block-end 3 1000 700 ${toHex(BLOCK)}`,
    'cancel 1 16384 16384',
    'port 6881',
    'suggest 7',
    'reject 1 16384 16384',
    'allowed-fast 1059',
    'choke',
    'not-interested',
    'unknown 99',
    'unchoke',
  ];
  return { stream: concatBytes([before, BLOCK, after, unknown, last]), lines };
}

test('a session in one chunk is heard message by message', () => {
  const { stream, lines } = makeSession();
  const { decoder, recorder } = makeSide();
  decoder.push(stream);
  assert.deepEqual(recorder.lines, lines);
});

test('a session cut in two, at every place, is heard the same', () => {
  const { stream, lines } = makeSession();
  for (let cut = 1; cut < stream.length; cut++) {
    const { decoder, recorder } = makeSide();
    // The reader's buffer is reused: nothing of a chunk may be needed after push().
    const chunk = stream.slice(0, cut);
    decoder.push(chunk);
    chunk.fill(0xee);
    decoder.push(stream.subarray(cut));
    assert.deepEqual(recorder.lines, lines, `cut at ${cut}`);
  }
});

test('a session that comes byte by byte in one reused buffer is heard the same', () => {
  const { stream, lines } = makeSession();
  const { decoder, recorder } = makeSide();
  const chunk = new Uint8Array(1);
  for (const byte of stream) {
    chunk[0] = byte;
    decoder.push(chunk);
    chunk[0] = 0xee;
  }
  assert.deepEqual(recorder.lines, lines);
});

test('a session in random chunks is heard the same', () => {
  const { stream, lines } = makeSession();
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed);
    const { decoder, recorder } = makeSide();
    for (let offset = 0; offset < stream.length; ) {
      const count = 1 + (random.uint32() % 60);
      decoder.push(stream.slice(offset, offset + count));
      offset += count;
    }
    assert.deepEqual(recorder.lines, lines, `seed ${seed}`);
  }
});

test('the info-hash is told after 48 bytes, before the peer id has come', () => {
  const { decoder, recorder } = makeSide();
  const handshake = encodeHandshake(encodeReserved({}), INFO_HASH, PEER_ID);
  decoder.push(handshake.subarray(0, 47));
  assert.deepEqual(recorder.lines, []);
  decoder.push(handshake.subarray(47, 48));
  assert.deepEqual(recorder.lines, [`handshake 0000000000000000 ${toHex(INFO_HASH)}`]);
  decoder.push(handshake.subarray(48, 67));
  assert.equal(recorder.lines.length, 1);
  decoder.push(handshake.subarray(67));
  assert.equal(recorder.lines[1], `peer-id ${toHex(PEER_ID)}`);
});

test('what the handshake delivers is a copy that later messages do not change', () => {
  const kept: Uint8Array[] = [];
  const { decoder, recorder } = makeSide();
  recorder.onHandshakeHash = (reserved, infoHash) => kept.push(reserved, infoHash);
  recorder.onPeerId = (peerId) => kept.push(peerId);
  const handshake = encodeHandshake(encodeReserved({ dht: true }), INFO_HASH, PEER_ID);
  decoder.push(handshake);
  handshake.fill(0);
  for (const byte of new Uint8Array(200)) decoder.push(Uint8Array.of(byte));
  assert.deepEqual(kept, [encodeReserved({ dht: true }), INFO_HASH, PEER_ID]);
});

test('another protocol is refused at its first wrong byte', () => {
  const head20 = fromLatin1('\x13BitTorrent protocol');
  for (let i = 0; i < head20.length; i++) {
    const { decoder, recorder } = makeSide();
    const wrong = head20.slice(0, i + 1);
    wrong[i]! ^= 1;
    decoder.push(wrong.subarray(0, i));
    assert.deepEqual(recorder.lines, []);
    decoder.push(wrong.subarray(i));
    assert.deepEqual(recorder.lines, ['violation bad-protocol-name'], `byte ${i}`);
  }
  const { decoder, recorder } = makeSide();
  decoder.push(fromLatin1('GET /announce HTTP/1.1\r\n\r\n'.repeat(10)));
  assert.deepEqual(recorder.lines, ['violation bad-protocol-name']);
});

test('a second handshake is a message that is far too long', () => {
  assert.deepEqual(heard(toHex(encodeHandshake(encodeReserved({}), INFO_HASH, PEER_ID))), [
    'violation message-too-long',
  ]);
});

test('a length above the limit is refused at the length prefix', () => {
  assert.deepEqual(heard('ffffffff'), ['violation message-too-long']);
  assert.deepEqual(heard('80000000'), ['violation message-too-long']);
  const longest = head(LIMITS.messageBytesMax, 99);
  assert.deepEqual(heard(longest), ['unknown 99']);
  assert.deepEqual(heard(head(LIMITS.messageBytesMax + 1, 99)), ['violation message-too-long']);
});

test('a message of fixed size with any other length is refused at its head', () => {
  const exact: [number, number][] = [
    ...[0, 1, 2, 3, 14, 15].map((id): [number, number] => [id, 1]),
    ...[4, 13, 17].map((id): [number, number] => [id, 5]),
    ...[6, 8, 16].map((id): [number, number] => [id, 13]),
    [9, 3],
  ];
  for (const [id, length] of exact) {
    assert.equal(heard(head(length, id) + '00'.repeat(length - 1)).length, 1);
    assert.deepEqual(heard(head(length + 1, id)), ['violation bad-length'], `id ${id}`);
    if (length > 1) assert.deepEqual(heard(head(length - 1, id)), ['violation bad-length'], `id ${id}`);
  }
});

test('an extended message has at least an id, and at most so many bytes', () => {
  assert.deepEqual(heard(head(1, 20)), ['violation bad-length']);
  assert.deepEqual(heard(`${head(2, 20)}07`), ['extended 7 ']);
  assert.deepEqual(heard(head(LIMITS.extendedMessageBytesMax + 3, 20)), ['violation message-too-long']);
  const longest = makeOpenSide();
  longest.decoder.push(fromHex(`${head(LIMITS.extendedMessageBytesMax + 2, 20)}07`)!);
  for (let sent = 0; sent < LIMITS.extendedMessageBytesMax; sent += 16384) longest.decoder.push(new Uint8Array(16384));
  assert.deepEqual(longest.recorder.lines, [`extended 7 ${'00'.repeat(LIMITS.extendedMessageBytesMax)}`]);
});

test('after a long message that was put together, small ones are heard as before', () => {
  const side = makeOpenSide();
  const payload = new Uint8Array(50_000).fill(1);
  const encoder = new WireEncoder();
  for (let i = 0; i < 3; i++) {
    encoder.extended(1, payload);
    encoder.have(i);
  }
  const stream = encoder.take()!;
  for (let offset = 0; offset < stream.length; offset += 999) side.decoder.push(stream.slice(offset, offset + 999));
  const long = `extended 1 ${toHex(payload)}`;
  assert.deepEqual(side.recorder.lines, [long, 'have 0', long, 'have 1', long, 'have 2']);
});

test('a length alone costs no memory: room grows with what has come', () => {
  const sides = Array.from({ length: 64 }, () => makeOpenSide());
  for (const side of sides) side.recorder.buffer = null;
  const before = process.memoryUsage().arrayBuffers;
  for (const side of sides) heard(`${head(LIMITS.extendedMessageBytesMax, 20)}${'07'.repeat(500)}`, side);
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < LIMITS.extendedMessageBytesMax, `${grown} bytes`);
  assert.ok(sides.every((side) => side.recorder.lines.length === 0));
});

test('the room for a long message is given back after it', async () => {
  const sides = Array.from({ length: 32 }, () => makeOpenSide());
  const frame = fromHex(head(1 + 262_144, 20) + '00'.repeat(262_144))!;
  for (const side of sides) {
    side.recorder.onExtended = () => {};
    heard('00000000', side);
  }
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  for (const side of sides) {
    side.decoder.push(frame.subarray(0, 1000));
    side.decoder.push(frame.subarray(1000));
  }
  // All of them keeping theirs would be 32 frames; other things come and go in the process meanwhile. Array buffers are
  // swept in the background, so the count may need a few rounds to fall.
  const kept = (): number => process.memoryUsage().arrayBuffers - before;
  for (let round = 0; round < 100 && kept() >= 8 * frame.length; round++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(kept() < 8 * frame.length, `${kept()} bytes`);
  for (const side of sides) assert.deepEqual(heard('0000000100', side), ['keep-alive', 'choke']);
});

test('a block is at least as long as its header says, and at most as long as we ask for', () => {
  assert.deepEqual(heard(head(8, 7)), ['violation bad-length']);
  assert.deepEqual(heard(head(9 + LIMITS.requestBytesMax + 1, 7)), ['violation message-too-long']);
  const longest = makeOpenSide();
  longest.decoder.push(fromHex(`${head(9 + LIMITS.requestBytesMax, 7)}0000000100000000`)!);
  longest.decoder.push(new Uint8Array(LIMITS.requestBytesMax));
  assert.equal(longest.recorder.lines[0], `block-start 1 0 ${LIMITS.requestBytesMax}`);
  assert.equal(longest.recorder.lines.length, 2);
});

test('a block without bytes is a reject, with or without the fast extension', () => {
  const empty = `${head(9, 7)}0000000500004000`;
  assert.deepEqual(heard(empty), ['reject 5 16384 0']);
  assert.deepEqual(heard(`${empty}0000000100`, makeOpenSide({ hasFast: false })), ['reject 5 16384 0', 'choke']);
});

test('a block that nobody wants is skipped, and the next message is heard', () => {
  const side = makeOpenSide();
  side.recorder.buffer = null;
  side.decoder.push(fromHex(`${head(9 + 5, 7)}ffffffffffffffff0102`)!);
  side.decoder.push(fromHex('0304050000000100')!);
  assert.deepEqual(side.recorder.lines, [
    'block-start 4294967295 4294967295 5',
    'block-end 4294967295 4294967295 5 skipped',
    'choke',
  ]);
});

test('a block lands at its place in the piece, and nowhere else', () => {
  const side = makeOpenSide();
  const piece = new Uint8Array(40);
  side.recorder.buffer = piece;
  side.decoder.push(fromHex(`${head(9 + 4, 7)}000000000000000a11`)!);
  side.decoder.push(fromHex('2233')!);
  side.decoder.push(fromHex('44')!);
  assert.equal(toHex(piece), `${'00'.repeat(10)}11223344${'00'.repeat(26)}`);
});

test('a block goes where the handler says, which need not be its place in the piece', () => {
  const side = makeOpenSide();
  const targets: Uint8Array[] = [];
  side.recorder.onBlockStart = (_piece, begin, length, target) => {
    assert.deepEqual({ ...target }, { bytes: null, offset: 0 }, 'nothing is left of the block before');
    target.bytes = new Uint8Array(length + 3);
    if (begin > 0) target.offset = 2;
    targets.push(target.bytes);
  };
  side.decoder.push(fromHex(`${head(9 + 2, 7)}00000000000000092211`)!);
  side.decoder.push(fromHex(`${head(9 + 2, 7)}00000000000000003344`)!);
  assert.deepEqual(targets.map(toHex), ['0000221100', '3344000000']);
});

test('the rest of a block goes elsewhere when the handler has changed its mind, and the next block is its own again', () => {
  const side = makeOpenSide();
  const piece = new Uint8Array(8);
  const aside = new Uint8Array(5);
  side.recorder.buffer = piece;
  side.decoder.push(fromHex(`${head(9 + 4, 7)}00000000000000021122`)!);
  side.decoder.redirectBlock(aside);
  side.decoder.push(fromHex(`3344${head(9 + 1, 7)}000000000000000055`)!);
  assert.deepEqual([piece, aside].map(toHex), ['5500112200000000', '0000334400']);
  assert.throws(() => side.decoder.redirectBlock(aside), /redirected/);
});

test('a handler whose buffer cannot hold the block has a bug, and nothing is written', () => {
  const side = makeOpenSide();
  side.recorder.onBlockStart = (_piece, begin, _length, target) => {
    target.bytes = new Uint8Array(10);
    target.offset = begin;
  };
  assert.throws(() => side.decoder.push(fromHex(`${head(9 + 4, 7)}0000000000000007`)!), /EINTERNAL|internal error/);
});

test('fast messages without the fast extension are a violation', () => {
  for (const [id, length] of [
    [13, 5],
    [14, 1],
    [15, 1],
    [16, 13],
    [17, 5],
  ] as const) {
    assert.deepEqual(heard(head(length, id), makeOpenSide({ hasFast: false })), ['violation fast-not-negotiated']);
  }
});

test('a bitfield, have-all or have-none may come after what does not tell of pieces', () => {
  const opening = `${head(2, 20)}0000000000${head(2, 99)}00`;
  for (const [hex, line] of [
    ['0000000205c0', 'bitfield c0'],
    ['000000010e', 'have-all'],
    ['000000010f', 'have-none'],
  ] as const) {
    assert.deepEqual(heard(opening + hex), ['extended 0 ', 'keep-alive', 'unknown 99', line]);
    // As WebTorrent does, which can say what it has only when it has a magnet's metadata.
    assert.deepEqual(heard(`0000000102${hex}`), ['interested', line]);
  }
});

test('a have-all or have-none after another message that tells of pieces is a violation', () => {
  const earlier = ['0000000205c0', '000000010e', '000000010f', '000000050400000001'];
  const block = `${head(10, 7)}000000000000000001`;
  for (const first of [...earlier, block]) {
    for (const second of ['000000010e', '000000010f']) {
      assert.equal(heard(first + second).at(-1), 'violation bitfield-not-first');
    }
  }
});

test('a bitfield may come again later, as aria2 sends it instead of many haves', () => {
  assert.deepEqual(heard('0000000205800000000101' + '0000000205c0'), ['bitfield 80', 'unchoke', 'bitfield c0']);
});

test('a bitfield has the length of the piece count, once that is known', () => {
  for (const [payload, isRight] of [
    ['c0', false],
    ['c040', true],
    ['c04000', false],
    ['', false],
  ] as const) {
    const side = makeOpenSide();
    side.decoder.setPieceCount(10);
    const lines = heard(head(1 + payload.length / 2, 5) + payload, side);
    assert.deepEqual(lines, [isRight ? `bitfield ${payload}` : 'violation bad-length']);
  }
});

test('a bitfield before the piece count is known is bounded by the largest torrent', () => {
  const bytesMax = Math.ceil(LIMITS.pieceCountMax / 8);
  assert.deepEqual(heard(head(1 + bytesMax + 1, 5)), ['violation message-too-long']);
  const side = makeOpenSide();
  side.decoder.push(fromHex(head(1 + bytesMax, 5))!);
  side.decoder.push(new Uint8Array(bytesMax));
  assert.deepEqual(side.recorder.lines, [`bitfield ${'00'.repeat(bytesMax)}`]);
});

test('nothing is delivered after a violation', () => {
  const side = makeOpenSide();
  heard(`${head(2, 0)}000000000100`, side);
  side.decoder.push(fromHex('0000000100')!);
  assert.deepEqual(side.recorder.lines, ['violation bad-length']);
});

test('stop() inside any callback is the end, also in the middle of a chunk', () => {
  const { stream, lines } = makeSession();
  lines.forEach((line, i) => {
    const { decoder, recorder } = makeSide();
    recorder.onLine = (heardLine) => {
      if (heardLine === line && recorder.lines.length === i + 1) decoder.stop();
    };
    decoder.push(stream);
    decoder.push(stream);
    assert.deepEqual(recorder.lines, lines.slice(0, i + 1), line);
  });
});

test('a block stopped half-way is not written to any more', () => {
  const side = makeOpenSide();
  const piece = new Uint8Array(10);
  side.recorder.buffer = piece;
  side.decoder.push(fromHex(`${head(9 + 4, 7)}00000000000000001122`)!);
  side.decoder.stop();
  side.decoder.push(fromHex('3344')!);
  assert.equal(toHex(piece), '11220000000000000000');
});

test('slice() of what a handler gets is a copy also when the chunk is a Buffer', () => {
  const side = makeOpenSide();
  const kept: Uint8Array[] = [];
  side.recorder.onBitfield = (bytes) => kept.push(bytes.slice());
  side.recorder.onExtended = (_id, payload) => kept.push(payload.slice());
  const chunk = Buffer.from(`0000000205c0${head(3, 20)}0107`, 'hex');
  side.decoder.push(chunk);
  chunk.fill(0);
  assert.deepEqual(kept, [Uint8Array.of(0xc0), Uint8Array.of(7)]);
});

test('random bytes never throw, and end in silence or in one violation', () => {
  for (let seed = 1; seed <= 400; seed++) {
    const random = new SeededRandom(seed);
    const side = seed % 2 === 0 ? makeOpenSide({ hasFast: seed % 4 === 0 }) : makeSide();
    if (seed % 3 === 0) side.decoder.setPieceCount(1 + (random.uint32() % 100));
    for (let i = 0; i < 40; i++) {
      const chunk = new Uint8Array(random.uint32() % 100);
      random.fill(chunk);
      // Small lengths and known ids, so that the state machine is reached and not just the length limit.
      if (seed % 2 === 0) for (let j = 0; j < chunk.length; j++) if (random.uint32() % 4 !== 0) chunk[j]! %= 21;
      if (seed % 2 === 0) for (let j = 0; j + 3 < chunk.length; j += 4) chunk[j] = 0;
      side.decoder.push(chunk);
    }
    const violations = side.recorder.lines.filter((line) => line.startsWith('violation')).length;
    assert.ok(violations <= 1, `seed ${seed}`);
    if (violations === 1) assert.match(side.recorder.lines.at(-1)!, /^violation/, `seed ${seed}`);
  }
});

/** By id, of those that the next test writes. */
const FIXED_PAYLOADS = new Map([
  [4, 4],
  [6, 12],
  [21, 48],
]);

test('random but well-formed frames are heard the same in any chunking', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new SeededRandom(seed);
    const frames: Uint8Array[] = [];
    for (let i = 0; i < 50; i++) {
      const payload = new Uint8Array(random.uint32() % 300);
      random.fill(payload);
      const id = [7, 20, 24, 99, 4, 6, 21][random.uint32() % 7]!;
      const exact = FIXED_PAYLOADS.get(id) ?? (id === 7 ? payload.length + 8 : payload.length + 1);
      const body = new Uint8Array(exact);
      random.fill(body);
      frames.push(fromHex(head(1 + exact, id))!, body);
    }
    const stream = concatBytes(frames);
    const whole = makeOpenSide();
    whole.decoder.push(stream);
    const cut = makeOpenSide();
    for (let offset = 0; offset < stream.length; ) {
      const count = 1 + (random.uint32() % 40);
      cut.decoder.push(stream.slice(offset, offset + count));
      offset += count;
    }
    assert.ok(whole.recorder.lines.length >= 50, `seed ${seed}`);
    assert.deepEqual(cut.recorder.lines, whole.recorder.lines, `seed ${seed}`);
  }
});
