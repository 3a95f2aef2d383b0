import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import type { SimHost } from '../sim-host.js';
import { Simulator } from '../simulator.js';
import { dialFrom, listenOn, pour, type StreamEnd } from '../testing/stream-end.js';
import type { AccessOptions } from './access-link.js';

const MIB = 1024 * 1024;
const FAST: AccessOptions = { upBytesPerMs: 100_000, downBytesPerMs: 100_000 };

/** One host that others send to, or that sends to others; `latencies` has one of them each. */
class Star {
  readonly simulator: Simulator;
  readonly hub: SimHost;
  readonly others: SimHost[];

  constructor(options: {
    readonly hub: AccessOptions;
    readonly others?: AccessOptions;
    readonly latencies: readonly number[];
  }) {
    const latencyOf = new Map<string, number>();
    const link = (from: string, to: string): { latencyMs: number; bytesPerMs: number; lossRatio: number } => ({
      latencyMs: latencyOf.get(from) ?? latencyOf.get(to) ?? 0,
      bytesPerMs: Number.POSITIVE_INFINITY,
      lossRatio: 0,
    });
    this.simulator = new Simulator({ seed: 1, link });
    this.hub = this.simulator.createHost({ access: options.hub });
    this.others = options.latencies.map((latencyMs) => {
      const host = this.simulator.createHost({ access: options.others ?? FAST });
      latencyOf.set(host.ipv4!, latencyMs);
      return host;
    });
  }

  /** Opens one stream with each of the others. */
  connect(): { readonly atHub: StreamEnd[]; readonly atOthers: StreamEnd[] } {
    const atHub = listenOn(this.hub, 7);
    const atOthers = this.others.map((host) => {
      const end = dialFrom(host, this.hub, 7);
      assert.ok(this.simulator.run(() => end.isOpen, { maxVirtualMs: 10_000 }));
      return end;
    });
    return { atHub, atOthers };
  }

  /** @returns what each of them receives in so many ms, after a second to find its rate. */
  rates(ends: readonly StreamEnd[], ms: number): number[] {
    this.simulator.run(this.simulator.now + 1000);
    const before = ends.map((end) => end.receivedBytes);
    this.simulator.run(this.simulator.now + ms);
    return ends.map((end, i) => (end.receivedBytes - before[i]!) / ms);
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

describe('AccessLink', () => {
  test('what one host sends to many is its line’s rate, shared fairly, whatever the distance', () => {
    const star = new Star({ hub: { ...FAST, upBytesPerMs: 1000 }, latencies: [1, 5, 20, 50, 100, 150, 200, 20] });
    const { atHub, atOthers } = star.connect();
    for (const end of atHub) pour(end, 50 * MIB);
    const rates = star.rates(atOthers, 20_000);
    assert.ok(sum(rates) > 950 && sum(rates) <= 1010, `${sum(rates)} of 1000 bytes per ms`);
    for (const rate of rates) assert.ok(rate > 125 * 0.75 && rate < 125 * 1.25, `shares ${rates.map(Math.round)}`);
  });

  test('what many send to one host is its line’s rate, shared about fairly', () => {
    const star = new Star({ hub: { ...FAST, downBytesPerMs: 1000 }, latencies: [20, 25, 30, 35, 40, 45, 50, 55] });
    const { atHub, atOthers } = star.connect();
    for (const end of atOthers) pour(end, 50 * MIB);
    const rates = star.rates(atHub, 20_000);
    assert.ok(sum(rates) > 930 && sum(rates) <= 1010, `${sum(rates)} of 1000 bytes per ms`);
    for (const rate of rates) assert.ok(rate > 125 * 0.5 && rate < 125 * 1.7, `shares ${rates.map(Math.round)}`);
  });

  test('a stream alone has the whole line, also a long one', () => {
    for (const latencyMs of [2, 20, 100]) {
      const up = new Star({ hub: { ...FAST, upBytesPerMs: 1250 }, latencies: [latencyMs] });
      const down = new Star({ hub: { ...FAST, downBytesPerMs: 1250 }, latencies: [latencyMs] });
      const fromHub = up.connect();
      pour(fromHub.atHub[0]!, 50 * MIB);
      const toHub = down.connect();
      pour(toHub.atOthers[0]!, 50 * MIB);
      const upRate = up.rates(fromHub.atOthers, 20_000)[0]!;
      const downRate = down.rates(toHub.atHub, 20_000)[0]!;
      assert.ok(upRate > 1250 * 0.95 && upRate < 1250 * 1.01, `${upRate} up at ${latencyMs} ms`);
      assert.ok(downRate > 1250 * 0.9 && downRate < 1250 * 1.01, `${downRate} down at ${latencyMs} ms`);
    }
  });

  test('a slow stream leaves its part of a line to the others', () => {
    const star = new Star({
      hub: { ...FAST, downBytesPerMs: 1000 },
      others: { ...FAST, upBytesPerMs: 50 },
      latencies: [20, 20],
    });
    const quick = star.simulator.createHost({ access: FAST });
    const { atHub, atOthers } = star.connect();
    const own = dialFrom(quick, star.hub, 7);
    star.simulator.run(() => own.isOpen);
    for (const end of [...atOthers, own]) pour(end, 50 * MIB);
    const rates = star.rates(atHub, 10_000);
    assert.ok(rates[0]! > 45 && rates[1]! > 45, `slow ones ${rates.map(Math.round)}`);
    assert.ok(rates[2]! > 830, `the quick one ${rates.map(Math.round)}`);
  });

  test('a small message does not wait behind everything another stream has to send', () => {
    const star = new Star({ hub: { ...FAST, upBytesPerMs: 125 }, latencies: [10, 10] });
    const { atHub, atOthers } = star.connect();
    pour(atHub[0]!, 50 * MIB);
    star.simulator.run(star.simulator.now + 1000);
    const sentMs = star.simulator.now;
    atHub[1]!.stream.write(new Uint8Array(17));
    assert.ok(star.simulator.run(() => atOthers[1]!.receivedBytes === 17));
    assert.ok(star.simulator.now - sentMs < 100, `after ${star.simulator.now - sentMs} ms`);
  });

  test('datagrams that do not fit the queue are dropped, up and down', () => {
    const queueBytesMax = 20_000;
    const star = new Star({
      hub: { upBytesPerMs: 100, downBytesPerMs: 100, queueBytesMax },
      latencies: [10],
    });
    let received = 0;
    const handler = { onListening() {}, onError() {}, onDatagram: () => received++ };
    const [other] = star.others;
    const here = star.hub.network.openDatagramSocket({ host: '', port: 9 }, handler);
    const there = other!.network.openDatagramSocket({ host: '', port: 9 }, handler);
    for (let i = 0; i < 100; i++) here.send(new Uint8Array(972), makeAddress(other!.ipv4!, 9)!);
    star.simulator.run(10_000);
    assert.equal(received, 20, 'a thousand bytes each, with headers');
    received = 0;
    for (let i = 0; i < 100; i++) there.send(new Uint8Array(972), makeAddress(star.hub.ipv4!, 9)!);
    star.simulator.run(20_000);
    assert.ok(received >= 20 && received <= 22, `${received} of 100 came down`);
  });

  test('datagrams share the line with streams', () => {
    const star = new Star({ hub: { ...FAST, upBytesPerMs: 1000 }, latencies: [10] });
    const { atHub, atOthers } = star.connect();
    pour(atHub[0]!, 50 * MIB);
    let received = 0;
    const [other] = star.others;
    other!.network.openDatagramSocket(
      { host: '', port: 9 },
      { onListening() {}, onError() {}, onDatagram: (packet) => (received += packet.length) },
    );
    const socket = star.hub.network.openDatagramSocket(
      { host: '', port: 8 },
      { onListening() {}, onError() {}, onDatagram() {} },
    );
    const offer = (): void => {
      for (let i = 0; i < 10; i++) socket.send(new Uint8Array(1000), makeAddress(other!.ipv4!, 9)!);
      star.simulator.after(10, offer);
    };
    offer();
    const [rate] = star.rates(atOthers, 10_000);
    assert.ok(rate! > 350 && rate! < 650, `${rate} bytes per ms for the stream`);
    assert.ok(received / 11_000 > 350, `${received / 11_000} bytes per ms for datagrams`);
  });
});
