import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { DIGEST_BYTES, SmartBan } from './smart-ban.js';

/** One digest a letter. */
function digests(versions: string): Uint8Array {
  const bytes = new Uint8Array(versions.length * DIGEST_BYTES);
  for (let i = 0; i < versions.length; i++) {
    bytes.fill(versions.charCodeAt(i), i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES);
  }
  return bytes;
}

const from = (...senders: number[]): Int32Array => Int32Array.from(senders);

test('who sent a block that turns out otherwise is guilty, and nobody else', () => {
  const bans = new SmartBan();
  assert.deepEqual(bans.record(7, from(1, 2, 3, 1), digests('gxgg')), []);
  assert.equal(bans.has(7), true);
  assert.deepEqual(bans.judge(7, digests('gggg')), { guilty: [2], innocent: [1, 3] });
  assert.equal(bans.has(7), false);
  assert.equal(bans.blockCount, 0);
});

test('one wrong byte of a digest is enough, the last one too', () => {
  const bans = new SmartBan();
  const sent = digests('gg');
  sent[DIGEST_BYTES - 1]! ^= 1;
  bans.record(0, from(5, 6), sent);
  assert.deepEqual(bans.judge(0, digests('gg')).guilty, [5]);
});

test('several liars of one piece are found together, also over several attempts', () => {
  const bans = new SmartBan();
  bans.record(0, from(1, 2, 3), digests('xgx'));
  bans.record(0, from(2, 4, 4), digests('gyg'));
  assert.deepEqual(bans.judge(0, digests('ggg')), { guilty: [1, 3, 4], innocent: [2] });
});

test('two versions of one block from one peer are proof at once', () => {
  const bans = new SmartBan();
  bans.record(0, from(1, 2), digests('ag'));
  assert.deepEqual(bans.record(0, from(1, 2), digests('bg')), [1]);
  assert.deepEqual(bans.record(1, from(1, 2), digests('cc')), [], 'another piece says nothing');
});

test('nobody is blamed for padding, nor for what an earlier session left', () => {
  const bans = new SmartBan();
  bans.record(0, from(-2, 1, -1), digests('xgx'));
  assert.deepEqual(bans.record(0, from(-2, 1, -1), digests('ygy')), []);
  assert.deepEqual(bans.judge(0, digests('ggg')), { guilty: [], innocent: [1] });
});

test('a peer that has a part in another piece in doubt is not cleared yet', () => {
  const bans = new SmartBan();
  bans.record(0, from(1, 2), digests('gg'));
  bans.record(1, from(1, 3), digests('gx'));
  assert.deepEqual(bans.judge(0, digests('gg')), { guilty: [], innocent: [2] });
  assert.deepEqual(bans.judge(1, digests('gg')), { guilty: [3], innocent: [1] });
});

test('a piece that never failed has nobody to judge', () => {
  const bans = new SmartBan();
  assert.deepEqual(bans.judge(3, digests('gg')), { guilty: [], innocent: [] });
  bans.forget(3);
  assert.equal(bans.blockCount, 0);
});

test('only so many blocks are remembered: the piece that failed first is forgotten', () => {
  const bans = new SmartBan();
  const blocks = LIMITS.smartBanBlocksMax / 4;
  for (let piece = 0; piece < 4; piece++)
    bans.record(piece, new Int32Array(blocks), new Uint8Array(blocks * DIGEST_BYTES));
  assert.equal(bans.blockCount, LIMITS.smartBanBlocksMax);
  bans.record(9, from(1), digests('x'));
  assert.equal(bans.has(0), false);
  assert.equal(bans.has(1), true);
  assert.equal(bans.blockCount, 3 * blocks + 1);
});

test('of the longest piece there is, two attempts are remembered', () => {
  assert.equal(LIMITS.smartBanBlocksMax, (2 * LIMITS.pieceLengthBytesMax) / LIMITS.blockBytes);
});

for (let seed = 1; seed <= 30; seed++) {
  test(`a peer that sends what is right is never found guilty (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const bans = new SmartBan(400);
    const good = digests('abcdefghij');
    for (let step = 0; step < 300; step++) {
      const piece = randomBelow(random, 6);
      const senders = Int32Array.from({ length: 10 }, () => randomBelow(random, 8) - 1);
      const sent = good.slice();
      const liars = new Set<number>();
      for (const [block, sender] of senders.entries()) {
        // Odd numbers lie now and then.
        if (sender % 2 !== 1 || randomBelow(random, 3) > 0) continue;
        sent[block * DIGEST_BYTES]! ^= 1 + randomBelow(random, 255);
        liars.add(sender);
      }
      for (const sender of bans.record(piece, senders, sent)) assert.equal(sender % 2, 1);
      if (randomBelow(random, 2) === 0 || !bans.has(piece)) continue;
      const { guilty, innocent } = bans.judge(piece, good);
      for (const sender of guilty) assert.equal(sender % 2, 1);
      for (const liar of liars) assert.ok(guilty.includes(liar) && !innocent.includes(liar));
    }
  });
}
