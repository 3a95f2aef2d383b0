import assert from 'node:assert/strict';
import { type ByteStreamHarness, describeByteStream } from '../../host/testing/byte-stream-conformance.js';
import { Simulator } from '../simulator.js';
import type { Link } from './internet.js';

for (const family of [4, 6] as const) {
  describeByteStream(`a simulated link, IPv${family}`, () => harness(1, family));
}
describeByteStream('a simulated link without latency', () =>
  harness(2, 4, { latencyMs: 0, bytesPerMs: Number.POSITIVE_INFINITY, lossRatio: 0 }),
);
describeByteStream('a slow simulated link', () => harness(3, 4, { latencyMs: 70, bytesPerMs: 2000, lossRatio: 0 }));

function harness(seed: number, family: 4 | 6, link?: Link): ByteStreamHarness {
  const simulator = new Simulator({ seed, ...(link === undefined ? {} : { link: () => link }) });
  const dialler = simulator.createHost();
  const listener = simulator.createHost();
  const ipOf = (host: typeof dialler): string => (family === 4 ? host.ipv4! : host.ipv6!);
  return {
    diallerNetwork: dialler.network,
    listenerNetwork: listener.network,
    listenerHost: ipOf(listener),
    diallerHost: ipOf(dialler),
    until: async (condition) => {
      assert.ok(simulator.run(condition, { maxVirtualMs: 600_000 }), 'the condition did not come true in time');
    },
    close: async () => {},
  };
}
