import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteBudget, type Slot, SlotPool } from './slot-pool.js';

test('a budget gives until it is spent, and never in part', () => {
  const budget = new ByteBudget(100);
  assert.equal(budget.reserve(60), true);
  assert.equal(budget.reserve(41), false);
  assert.equal(budget.usedBytes, 60);
  assert.equal(budget.reserve(40), true);
  budget.release(100);
  assert.equal(budget.usedBytes, 0);
  assert.throws(() => budget.release(1), { code: 'EINTERNAL' });
});

test('pools share one budget, and a spent budget gives no slot', () => {
  const budget = new ByteBudget(100);
  const small = new SlotPool(30, budget);
  const large = new SlotPool(64, budget);
  assert.ok(large.acquire());
  assert.ok(small.acquire());
  assert.equal(small.acquire(), null);
  assert.equal(small.inUse, 1);
});

test('a pool without a slot gets one even when others have spent the budget, and only one', () => {
  const budget = new ByteBudget(100);
  const rich = new SlotPool(50, budget);
  rich.acquire();
  rich.acquire();
  const poor = new SlotPool(30, budget);
  const slot = poor.acquire();
  assert.ok(slot);
  assert.equal(poor.acquire(), null);
  assert.equal(budget.usedBytes, 130);
  poor.release(slot);
  poor.trim();
  assert.equal(budget.usedBytes, 100);
});

test('slots are shared memory of the slot length, reused last in, first out', () => {
  const pool = new SlotPool(16, new ByteBudget(1000));
  const a = pool.acquire()!;
  const b = pool.acquire()!;
  assert.ok(a.buffer instanceof SharedArrayBuffer);
  assert.equal(a.bytes.length, 16);
  assert.notEqual(a.buffer, b.buffer);
  pool.release(a);
  pool.release(b);
  assert.equal(pool.acquire(), b);
  assert.equal(pool.acquire(), a);
});

test('free slots keep their memory until the pool is trimmed', () => {
  const budget = new ByteBudget(32);
  const pool = new SlotPool(16, budget);
  const kept = pool.acquire()!;
  pool.release(pool.acquire()!);
  assert.equal(budget.usedBytes, 32);
  pool.trim();
  assert.equal(budget.usedBytes, 16);
  pool.release(kept);
  pool.trim();
  assert.equal(budget.usedBytes, 0);
});

test('of free slots those go back to the budget that were not needed for a while, and no others', () => {
  const budget = new ByteBudget(64);
  const pool = new SlotPool(16, budget);
  const [a, b, c, d] = [pool.acquire()!, pool.acquire()!, pool.acquire()!, pool.acquire()!];
  for (const slot of [a, b, c]) pool.release(slot);
  assert.equal(pool.trimIdle(), false, 'they have been free for no time yet');
  assert.equal(pool.acquire(), c);
  pool.release(c);
  assert.equal(pool.trimIdle(), true);
  assert.equal(budget.usedBytes, 32, 'a and b were not needed, c was');
  assert.equal(pool.trimIdle(), true);
  assert.equal(budget.usedBytes, 16);
  assert.equal(pool.trimIdle(), false);
  pool.release(d);
});

test('a slot released twice, or to a foreign pool, is a bug that is reported', () => {
  const budget = new ByteBudget(1000);
  const pool = new SlotPool(16, budget);
  const slot = pool.acquire()!;
  const other = pool.acquire()!;
  pool.release(slot);
  assert.throws(() => pool.release(slot), { code: 'EINTERNAL' });
  assert.throws(() => new SlotPool(16, budget).release(other), { code: 'EINTERNAL' });
  assert.equal(pool.inUse, 1);
});

test('pools of one budget never have more than it, but for one slot each, and give all of it back', () => {
  const step = fc.tuple(
    fc.nat(2),
    fc.constantFrom('acquire', 'acquire', 'acquire', 'release', 'trim', 'trimIdle'),
    fc.nat(9),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const budget = new ByteBudget(100);
      const pools = [10, 16, 40].map((slotBytes) => ({ pool: new SlotPool(slotBytes, budget), slots: [] as Slot[] }));
      for (const [which, action, index] of steps) {
        const { pool, slots } = pools[which]!;
        if (action === 'acquire') {
          const hadRoom = pool.hasRoom;
          const slot = pool.acquire();
          assert.equal(slot !== null, hadRoom, 'hasRoom says what acquire does');
          if (slot !== null) {
            assert.ok(!slots.includes(slot), 'a slot is given to one at a time');
            assert.equal(slot.bytes.length, pool.slotBytes);
            slots.push(slot);
          }
        } else if (action === 'release') {
          const [slot] = slots.splice(index % Math.max(1, slots.length), 1);
          if (slot !== undefined) pool.release(slot);
        } else {
          const before = budget.usedBytes;
          const isFreed = action === 'trim' ? pool.trim() : pool.trimIdle();
          assert.equal(isFreed, budget.usedBytes < before);
        }
        assert.equal(pool.inUse, slots.length);
        assert.ok(pool.inUse > 0 || pool.hasRoom, 'nobody is without a slot for ever');
        let heldBytes = 0;
        let firstSlots = 0;
        for (const each of pools) {
          heldBytes += each.pool.heldBytes;
          firstSlots += each.pool.slotBytes;
        }
        assert.equal(budget.usedBytes, heldBytes);
        assert.ok(budget.usedBytes <= budget.limitBytes + firstSlots);
      }
      for (const { pool, slots } of pools) {
        for (const slot of slots) pool.release(slot);
        pool.trim();
      }
      assert.equal(budget.usedBytes, 0);
    }),
  );
});
