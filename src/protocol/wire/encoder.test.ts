import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../base/bytes.js';
import { SeededRandom } from '../../base/random.js';
import { WireEncoder } from './encoder.js';

function written(write: (encoder: WireEncoder) => void): string {
  const encoder = new WireEncoder();
  write(encoder);
  return toHex(encoder.take()!);
}

test('every message has the bytes of the specification', () => {
  const vectors: [string, (encoder: WireEncoder) => void][] = [
    ['00000000', (e) => e.keepAlive()],
    ['0000000100', (e) => e.choke()],
    ['0000000101', (e) => e.unchoke()],
    ['0000000102', (e) => e.interested()],
    ['0000000103', (e) => e.notInterested()],
    ['000000050400000005', (e) => e.have(5)],
    ['0000000305c040', (e) => e.bitfield(fromHex('c040')!)],
    ['0000000d06000000010000400000004000', (e) => e.request(1, 16384, 16384)],
    ['000040090700000001' + '00008000', (e) => e.pieceHeader(1, 32768, 16384)],
    ['0000000d08000000010000400000004000', (e) => e.cancel(1, 16384, 16384)],
    ['00000003091ae1', (e) => e.port(6881)],
    ['000000050d00000007', (e) => e.suggest(7)],
    ['000000010e', (e) => e.haveAll()],
    ['000000010f', (e) => e.haveNone()],
    ['0000000d10000000010000400000004000', (e) => e.reject(1, 16384, 16384)],
    ['000000051100000423', (e) => e.allowedFast(1059)],
    ['00000006140700000005', (e) => e.extended(7, fromHex('00000005')!)],
    ['0000000d06fffffffffffffffe80000000', (e) => e.request(0xffffffff, 0xfffffffe, 0x80000000)],
  ];
  for (const [hex, write] of vectors) assert.equal(written(write), hex);
});

test('messages stand in the order they were written, and are handed out once', () => {
  const encoder = new WireEncoder();
  assert.equal(encoder.take(), null);
  encoder.interested();
  encoder.have(1);
  assert.equal(encoder.pendingBytes, 14);
  assert.equal(toHex(encoder.take()!), '0000000102' + '000000050400000001');
  assert.equal(encoder.pendingBytes, 0);
  assert.equal(encoder.take(), null);
  encoder.choke();
  assert.equal(toHex(encoder.take()!), '0000000100');
});

test('bytes that were handed out are never rewritten, whatever is written behind them', () => {
  const seed = 7;
  const random = new SeededRandom(seed);
  const encoder = new WireEncoder();
  const taken: { bytes: Uint8Array; hex: string }[] = [];
  let expected = '';
  for (let i = 0; i < 5000; i++) {
    const piece = random.uint32();
    if (random.uint32() % 50 === 0) {
      const payload = new Uint8Array(random.uint32() % 20_000);
      random.fill(payload);
      encoder.extended(2, payload);
      expected += `${(payload.length + 2).toString(16).padStart(8, '0')}1402${toHex(payload)}`;
    } else {
      encoder.have(piece);
      expected += `0000000504${piece.toString(16).padStart(8, '0')}`;
    }
    if (random.uint32() % 7 !== 0) continue;
    const bytes = encoder.take()!;
    taken.push({ bytes, hex: toHex(bytes) });
  }
  const rest = encoder.take();
  const stream = taken.map(({ hex }) => hex).join('') + (rest === null ? '' : toHex(rest));
  assert.equal(stream, expected, `seed ${seed}`);
  for (const { bytes, hex } of taken) assert.equal(toHex(bytes), hex, `seed ${seed}`);
});

test('messages of several turns share an allocation, and a long one gets the room it needs', () => {
  const encoder = new WireEncoder();
  encoder.have(1);
  const first = encoder.take()!;
  encoder.have(2);
  const second = encoder.take()!;
  assert.equal(second.buffer, first.buffer);
  assert.equal(second.byteOffset, first.byteOffset + first.length);
  encoder.bitfield(new Uint8Array(262_144));
  assert.equal(encoder.take()!.length, 262_149);
});
