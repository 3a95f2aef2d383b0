import assert from 'node:assert/strict';
import { type ByteStreamHarness, describeByteStream } from '../../host/testing/byte-stream-conformance.js';
import { type SimHostOptions, Simulator, type SimulatorOptions } from '../simulator.js';

const QUICK = { latencyMs: 5, bytesPerMs: Number.POSITIVE_INFINITY, lossRatio: 0 };

for (const family of [4, 6] as const) {
  describeByteStream(`a simulated link, IPv${family}`, () => harness({ seed: 1, family }));
}
describeByteStream('a simulated link without latency', () =>
  harness({ seed: 2, link: () => ({ ...QUICK, latencyMs: 0 }) }),
);
describeByteStream('a slow simulated link', () =>
  harness({ seed: 3, link: () => ({ ...QUICK, latencyMs: 70, bytesPerMs: 2000 }) }),
);
describeByteStream('a simulated link that gives one byte at a time', () =>
  harness({ seed: 4, cutting: 'bytes', volume: 1 / 512 }),
);
describeByteStream('a simulated link that cuts nothing', () => harness({ seed: 5, cutting: 'whole', volume: 1 / 4 }));
describeByteStream('a slow simulated link with jitter and loss', () =>
  harness({ seed: 6, volume: 1 / 4, link: () => ({ latencyMs: 30, jitterMs: 20, bytesPerMs: 2000, lossRatio: 0.01 }) }),
);
describeByteStream('simulated access links', () =>
  harness({ seed: 7, volume: 1 / 4, host: { access: { upBytesPerMs: 1000, downBytesPerMs: 3000 } } }),
);
describeByteStream('a simulated access link whose queue is short', () =>
  harness({
    seed: 8,
    volume: 1 / 4,
    link: () => ({ ...QUICK, latencyMs: 40 }),
    host: { access: { upBytesPerMs: 5000, downBytesPerMs: 2000, queueBytesMax: 32_768 } },
  }),
);
describeByteStream('simulated access links, one byte at a time', () =>
  harness({
    seed: 9,
    cutting: 'bytes',
    volume: 1 / 512,
    host: { access: { upBytesPerMs: 1000, downBytesPerMs: 1000 } },
  }),
);

interface WorldOptions extends SimulatorOptions {
  readonly family?: 4 | 6;
  readonly host?: SimHostOptions;
  readonly volume?: number;
}

function harness({ family = 4, host, volume, ...options }: WorldOptions): ByteStreamHarness {
  const simulator = new Simulator(options);
  const dialler = simulator.createHost(host);
  const listener = simulator.createHost(host);
  const ipOf = (host: typeof dialler): string => (family === 4 ? host.ipv4! : host.ipv6!);
  return {
    diallerNetwork: dialler.network,
    listenerNetwork: listener.network,
    listenerHost: ipOf(listener),
    diallerHost: ipOf(dialler),
    ...(volume === undefined ? {} : { volume }),
    until: async (condition) => {
      assert.ok(simulator.run(condition, { maxVirtualMs: 600_000 }), 'the condition did not come true in time');
    },
    close: async () => {},
  };
}
