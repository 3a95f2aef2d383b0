import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { Simulator } from './simulator.js';

/** @returns a promise that virtual time keeps. */
function sleep(simulator: Simulator, ms: number): Promise<void> {
  return new Promise((resolve) => simulator.after(ms, resolve));
}

describe('a simulated world with code that awaits', () => {
  test('what an event sets off by promises happens before the next event', async () => {
    const simulator = new Simulator({ seed: 1 });
    const seen: string[] = [];
    const note = (name: string): void => {
      seen.push(`${name}@${simulator.now}`);
    };
    const work = async (name: string): Promise<void> => {
      for (let i = 1; i <= 2; i++) {
        await sleep(simulator, 10);
        for (let step = 0; step < 15; step++) await null;
        note(`${name}${i}`);
      }
    };
    void work('a');
    void work('b');
    simulator.at(10, () => note('event'));
    assert.equal(await simulator.runAsync(100), true);
    assert.deepEqual(seen, ['a1@10', 'b1@10', 'event@10', 'a2@20', 'b2@20']);
    assert.equal(simulator.now, 100);
  });

  test('it runs until a condition, or says that it did not come true', async () => {
    const simulator = new Simulator({ seed: 1 });
    let count = 0;
    const tick = async (): Promise<void> => {
      for (;;) {
        await sleep(simulator, 10);
        if (++count === 8) return;
      }
    };
    void tick();
    assert.equal(await simulator.runAsync(() => count === 3), true);
    assert.equal(simulator.now, 30);
    assert.equal(await simulator.runAsync(() => count === 6, { maxVirtualMs: 15 }), false);
    assert.equal(count, 4);
    assert.equal(await simulator.runAsync(() => count === 9), false);
    assert.equal(simulator.now, 80);
  });

  test('settle runs until the promise has its value, or throws what it rejects with', async () => {
    const simulator = new Simulator({ seed: 1 });
    const value = sleep(simulator, 1000).then(() => 'value');
    assert.equal(await simulator.settle(value), 'value');
    assert.equal(simulator.now, 1000);
    const failure = sleep(simulator, 1000).then(() => Promise.reject(new DtorrentError('EFAILED', 'no luck')));
    await assert.rejects(simulator.settle(failure), /no luck/);
    await assert.rejects(simulator.settle(new Promise(() => {})), { code: 'ETIMEOUT' });
    simulator.after(10_000, () => {});
    await assert.rejects(simulator.settle(new Promise(() => {}), { maxVirtualMs: 5000 }), { code: 'ETIMEOUT' });
  });

  test('an event that throws ends it with its error, and nothing else may run the world meanwhile', async () => {
    const simulator = new Simulator({ seed: 1 });
    simulator.after(5, () => assert.fail('a bug'));
    await assert.rejects(simulator.runAsync(10), /a bug/);
    const running = simulator.runAsync(20);
    assert.throws(() => simulator.run(20), { code: 'EINTERNAL' });
    await assert.rejects(simulator.runAsync(20), { code: 'EINTERNAL' });
    assert.equal(await running, true);
  });
});
