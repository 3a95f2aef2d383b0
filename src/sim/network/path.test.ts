import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SimHost } from '../sim-host.js';
import { Simulator, type SimulatorOptions } from '../simulator.js';
import { connect, dialFrom, listenOn, pour } from '../testing/stream-end.js';
import type { Link } from './link.js';

const MIB = 1024 * 1024;
const QUICK: Link = { latencyMs: 5, bytesPerMs: Number.POSITIVE_INFINITY, lossRatio: 0 };

function pair(
  link: Partial<Link> = {},
  options: Partial<SimulatorOptions> = {},
): { simulator: Simulator; a: SimHost; b: SimHost } {
  const simulator = new Simulator({ seed: 1, link: () => ({ ...QUICK, ...link }), ...options });
  return { simulator, a: simulator.createHost(), b: simulator.createHost() };
}

/** @returns bytes per ms of one stream over that path. */
function rateOver(link: Partial<Link>, ms: number): number {
  const { simulator, a, b } = pair(link);
  const { dialled, accepted } = connect(simulator, a, b);
  pour(dialled, 500 * MIB);
  simulator.run(simulator.now + 2000);
  const before = accepted.receivedBytes;
  simulator.run(simulator.now + ms);
  return (accepted.receivedBytes - before) / ms;
}

describe('a path that loses packets', () => {
  test('lets one stream have about what TCP has there', () => {
    // Mathis et al. 1997: rate = packet / round trip × 1.22 / √loss.
    for (const [latencyMs, lossRatio] of [
      [40, 0.01],
      [10, 0.01],
      [40, 0.001],
      [100, 0.003],
    ] as const) {
      const expected = (1448 / (2 * latencyMs)) * (1.22 / Math.sqrt(lossRatio));
      const rate = rateOver({ latencyMs, lossRatio }, 120_000);
      assert.ok(
        rate > expected * 0.5 && rate < expected * 1.5,
        `${rate} of ${expected} bytes per ms at ${latencyMs} ms, ${lossRatio}`,
      );
    }
  });

  test('starts a stream slowly, and doubles what it carries each round trip', () => {
    const { simulator, a, b } = pair({ latencyMs: 50, lossRatio: 1e-9 });
    const { dialled, accepted } = connect(simulator, a, b);
    pour(dialled, 50 * MIB);
    const seen: number[] = [];
    const startMs = simulator.now;
    for (let trip = 0; trip < 5; trip++) {
      simulator.run(startMs + 50 + 100 * trip + 25);
      seen.push(accepted.receivedBytes);
    }
    assert.ok(seen[0]! > 10_000 && seen[0]! <= 14_480, `${seen}`);
    for (let trip = 1; trip < 5; trip++) {
      const factor = (seen[trip]! - seen[trip - 1]!) / (trip === 1 ? seen[0]! : seen[trip - 1]! - seen[trip - 2]!);
      assert.ok(factor > 1.6 && factor < 2.4, `${seen}`);
    }
  });

  test('also loses dials, which are sent again', () => {
    const { simulator, a, b } = pair({ lossRatio: 0.5 });
    const accepted = listenOn(b, 7);
    const ends = Array.from({ length: 50 }, () => dialFrom(a, b, 7, { timeoutMs: 600_000 }));
    simulator.run(100);
    const atOnce = ends.filter((end) => end.isOpen).length;
    assert.ok(atOnce > 10 && atOnce < 40, `${atOnce} of 50`);
    assert.ok(simulator.run(() => ends.every((end) => end.isOpen), { maxVirtualMs: 600_000 }));
    assert.equal(accepted.length, 50);
  });
});

describe('jitter', () => {
  test('delays segments, and never puts one before another', () => {
    const { simulator, a, b } = pair({ latencyMs: 20, jitterMs: 30 });
    const { dialled, accepted } = connect(simulator, a, b);
    const delays: number[] = [];
    const bytes: number[] = [];
    accepted.onReceived = (chunk) => {
      bytes.push(...chunk);
      delays.push(simulator.now - 100 * (chunk[0]! + 10));
    };
    for (let i = 0; i < 50; i++) simulator.at(1000 + 100 * i, () => dialled.stream.write(new Uint8Array([i])));
    simulator.run(20_000);
    assert.deepEqual(
      bytes,
      Array.from({ length: 50 }, (_, i) => i),
    );
    assert.ok(Math.min(...delays) >= 20 && Math.max(...delays) < 50);
    assert.ok(Math.max(...delays) - Math.min(...delays) > 20);
  });
});

describe('a path that resets connections', () => {
  test('does it at random, as often as it says, and both ends hear of it', () => {
    const { simulator, a, b } = pair({ resetsPerHour: 60 });
    const accepted = listenOn(b, 7);
    const ends = Array.from({ length: 400 }, () => dialFrom(a, b, 7));
    simulator.run(60_000);
    const broken = ends.filter((end) => /reset/.test(end.closedWith?.message ?? '')).length;
    assert.ok(broken > 220 && broken < 285, `${broken} of 400 in the mean time between two`); // 1 − 1/e of them
    assert.equal(accepted.filter((end) => /reset/.test(end.closedWith?.message ?? '')).length, broken);
  });

  test('leaves nothing to come behind a stream that closes before', () => {
    const { simulator, a, b } = pair({ resetsPerHour: 1 });
    const { dialled } = connect(simulator, a, b);
    dialled.stream.close();
    simulator.run(simulator.now + 1000);
    assert.equal(simulator.isIdle, true);
  });

  test('a host’s streams can be reset, some or all', () => {
    const { simulator, a, b } = pair();
    const accepted = listenOn(b, 7);
    const ends = Array.from({ length: 10 }, () => dialFrom(a, b, 7));
    simulator.run(100);
    b.network.resetStreams(0.3);
    simulator.run(200);
    const count = (): number => ends.filter((end) => end.closedWith !== undefined).length;
    assert.equal(count(), 3);
    a.network.resetStreams();
    simulator.run(300);
    assert.equal(count(), 10);
    assert.ok([...ends, ...accepted].every((end) => /reset/.test(end.closedWith?.message ?? '')));
    assert.equal(a.network.openCount + b.network.openCount, 1, 'the listener');
  });
});

describe('a partition', () => {
  test('stalls streams, and they go on once it heals, with nothing lost', () => {
    const { simulator, a, b } = pair();
    const { dialled, accepted } = connect(simulator, a, b);
    pour(dialled, 5 * MIB);
    assert.ok(simulator.run(() => accepted.receivedBytes > MIB));
    simulator.internet.cut((from, to) => from === a.ipv4 && to === b.ipv4);
    simulator.run(simulator.now + 300_000);
    const { receivedBytes } = accepted;
    simulator.run(simulator.now + 100_000);
    assert.equal(accepted.receivedBytes, receivedBytes);
    assert.equal(dialled.isClosed, false);
    simulator.internet.cut(null);
    // A stalled sender asks every two minutes.
    assert.ok(simulator.run(() => accepted.receivedBytes === 5 * MIB, { maxVirtualMs: 125_000 }));
  });

  test('is noticed by who has something under way, after a quarter of an hour, and by the other one never', () => {
    const { simulator, a, b } = pair();
    const { dialled, accepted } = connect(simulator, a, b);
    simulator.internet.cut(() => true);
    dialled.stream.write(new Uint8Array(1));
    simulator.run(simulator.now + 900_000);
    assert.equal(dialled.isClosed, false);
    simulator.run(simulator.now + 200_000);
    assert.equal(dialled.closedWith?.code, 'ETIMEOUT');
    assert.match(dialled.closedWith!.message, /^lost the connection to .*: no answer/);
    simulator.run(simulator.now + 10_000_000);
    assert.equal(accepted.isClosed, false);
    assert.equal(simulator.isIdle, true);
  });

  test('swallows what a host had under way that lost power: nobody sends it again', () => {
    const { simulator, a, b } = pair();
    const { dialled, accepted } = connect(simulator, a, b);
    dialled.stream.write(new Uint8Array(1000));
    simulator.run(simulator.now + 1);
    simulator.internet.cut(() => true);
    a.machine.crash('power');
    simulator.run(simulator.now + 1000);
    simulator.internet.cut(null);
    simulator.run(simulator.now + 600_000);
    assert.equal(accepted.receivedBytes, 0);
    assert.equal(simulator.isIdle, true);
  });

  test('keeps dials without an answer, until it heals or they are given up; a host reaches itself', () => {
    const { simulator, a, b } = pair();
    listenOn(a, 7);
    listenOn(b, 7);
    simulator.internet.cut(() => true);
    const impatient = dialFrom(a, b, 7, { timeoutMs: 2000 });
    const patient = dialFrom(a, b, 7, { timeoutMs: 20_000 });
    const own = dialFrom(a, a, 7);
    simulator.run(5000);
    assert.equal(impatient.closedWith?.code, 'ETIMEOUT');
    assert.equal(patient.isOpen, false);
    assert.equal(own.isOpen, true);
    simulator.internet.cut(null);
    simulator.run(10_000);
    assert.equal(patient.isOpen, true);
  });
});

describe('a half-open connection', () => {
  test('is reset by the successor of a host that lost power, once something is sent to it', () => {
    const { simulator, a, b } = pair();
    const { dialled } = connect(simulator, a, b);
    b.machine.crash('power');
    dialled.stream.write(new Uint8Array(100));
    simulator.run(simulator.now + 10_000);
    assert.equal(dialled.isClosed, false);
    simulator.restartHost(b);
    simulator.run(simulator.now + 20_000);
    assert.match(dialled.closedWith?.message ?? '', /connection reset/);
  });

  test('stays as it is as long as nobody sends', () => {
    const { simulator, a, b } = pair();
    const { dialled } = connect(simulator, a, b);
    b.machine.crash('power');
    simulator.restartHost(b);
    simulator.run(simulator.now + 3_600_000);
    assert.equal(dialled.isClosed, false);
    dialled.stream.write(new Uint8Array(1));
    simulator.run(simulator.now + 100);
    assert.match(dialled.closedWith?.message ?? '', /connection reset/);
  });

  test('of a dialler that gave up just then is reset at the other side', () => {
    const { simulator, a, b } = pair({ latencyMs: 50 });
    const accepted = listenOn(b, 7);
    const dialled = dialFrom(a, b, 7);
    assert.ok(simulator.run(() => accepted.length === 1));
    dialled.stream.close();
    simulator.run(simulator.now + 1000);
    assert.match(accepted[0]!.closedWith?.message ?? '', /connection reset/);
  });
});

describe('how streams are cut', () => {
  /** @returns the lengths of what arrives of 4000 bytes. */
  function lengthsOf(options: Partial<SimulatorOptions>, link: Partial<Link> = {}): number[] {
    const { simulator, a, b } = pair(link, options);
    const { dialled, accepted } = connect(simulator, a, b);
    const lengths: number[] = [];
    accepted.onReceived = (chunk) => lengths.push(chunk.length);
    for (let i = 0; i < 40; i++) dialled.stream.write(new Uint8Array(100));
    simulator.run(simulator.now + 10_000);
    return lengths;
  }

  test('one byte at a time, as it comes, or at random, for a world or for a link', () => {
    assert.deepEqual(new Set(lengthsOf({ cutting: 'bytes' })), new Set([1]));
    assert.equal(lengthsOf({ cutting: 'bytes' }).length, 4000);
    assert.deepEqual(lengthsOf({ cutting: 'whole' }), [4000]);
    assert.deepEqual(lengthsOf({ cutting: 'whole', link: () => ({ ...QUICK, cutting: 'bytes' }) }).length, 4000);
    const random = [1, 2, 3, 4, 5].map((seed) => lengthsOf({ seed }));
    assert.ok(new Set(random.map((lengths) => lengths.length)).size > 1);
  });
});
