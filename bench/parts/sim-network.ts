/**
 * How fast simulated bytes move: some GiB through N streams of a simulated network, and how many events that took.
 * usage: node build/bench/parts/sim-network.js [gibibytes]
 */
import type { ByteStream, ByteStreamHandler } from '../../src/host/network.js';
import { type SimHostOptions, Simulator, type SimulatorOptions } from '../../src/sim/simulator.js';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const BLOCK_BYTES = 16 * 1024;
const totalGib = Number(process.argv[2] ?? 2);

interface World {
  readonly name: string;
  readonly hosts: number;
  /** Of each host, to the next ones. */
  readonly streams: number;
  /** Of totalGib; worlds with many events get less. */
  readonly share: number;
  readonly options: Omit<SimulatorOptions, 'seed'>;
  readonly host?: SimHostOptions;
}

const quick = { latencyMs: 5, bytesPerMs: Number.POSITIVE_INFINITY, lossRatio: 0 };
const access = { upBytesPerMs: 1250, downBytesPerMs: 5000 };
const worlds: readonly World[] = [
  { name: 'whole segments', hosts: 2, streams: 1, share: 1, options: { cutting: 'whole', link: () => quick } },
  { name: 'whole segments', hosts: 100, streams: 10, share: 1, options: { cutting: 'whole', link: () => quick } },
  { name: 'random segments', hosts: 100, streams: 10, share: 0.5, options: { link: () => quick } },
  {
    name: 'whole segments over access links (10 and 40 Mbit/s)',
    hosts: 200,
    streams: 8,
    share: 0.5,
    options: { cutting: 'whole', link: () => ({ ...quick, latencyMs: 20 }) },
    host: { access },
  },
  {
    name: 'whole segments over slow access links (2 and 8 Mbit/s)',
    hosts: 200,
    streams: 8,
    share: 0.25,
    options: { cutting: 'whole', link: () => ({ ...quick, latencyMs: 20 }) },
    host: { access: { upBytesPerMs: 250, downBytesPerMs: 1000 } },
  },
  {
    name: 'random segments over access links, jitter, 0.1 % loss',
    hosts: 200,
    streams: 8,
    share: 0.25,
    options: { link: () => ({ ...quick, latencyMs: 20, jitterMs: 5, lossRatio: 0.001 }) },
    host: { access },
  },
];

/** Keeps a stream full: blocks as a seed writes them, one after the other. */
class Source implements ByteStreamHandler {
  stream!: ByteStream;
  readonly #block = new Uint8Array(BLOCK_BYTES).fill(7);
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }
  onOpen(): void {
    this.#fill();
  }
  onData(): void {}
  onWritten(): void {
    this.#fill();
  }
  onClose(): void {}

  #fill(): void {
    this.stream.cork();
    while (this.#left > 0 && this.stream.bufferedBytes < MIB) {
      this.stream.write(this.#block);
      this.#left -= BLOCK_BYTES;
    }
    this.stream.uncork();
  }
}

function measure(world: World): void {
  let turns = 0;
  const observer = { onTurn: () => turns++, onSent() {}, onReceived() {}, onOpened() {}, onClosed() {} };
  const simulator = new Simulator({
    seed: 1,
    ...world.options,
    observer: { ...observer, onDialled() {}, onDatagramSent() {}, onCrashed() {} },
  });
  const hosts = Array.from({ length: world.hosts }, () => simulator.createHost(world.host));
  let receivedBytes = 0;
  const sink = {
    onOpen() {},
    onData: (chunk: Uint8Array) => {
      receivedBytes += chunk.length;
    },
    onWritten() {},
    onClose() {},
  };
  for (const host of hosts) {
    const onConnection = (stream: ByteStream): void => {
      stream.handler = sink;
    };
    host.network.listen({ host: '', port: 1 }, { onListening() {}, onError() {}, onConnection });
  }
  const streams = world.hosts === 2 ? 1 : world.hosts * world.streams;
  const bytesEach = Math.ceil((totalGib * GIB * world.share) / streams / BLOCK_BYTES) * BLOCK_BYTES;
  for (let i = 0; i < streams; i++) {
    const from = hosts[i % hosts.length]!;
    const to = hosts[(i + 1 + Math.floor(i / hosts.length)) % hosts.length]!;
    const source = new Source(bytesEach);
    const address = { family: 4 as const, host: to.ipv4!, port: 1 };
    source.stream = from.network.dial(address, { bindHost: '', timeoutMs: 10_000 }, source);
  }
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  simulator.run(() => receivedBytes === bytesEach * streams, { maxVirtualMs: 1e9 });
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - startedMs) / 1000;
  const cpuSeconds = (user + system) / 1e6;
  console.log(
    `${world.name}, ${streams} streams: ${(receivedBytes / MIB / cpuSeconds).toFixed(0)} MiB per CPU second ` +
      `(${(receivedBytes / GIB).toFixed(2)} GiB, ${seconds.toFixed(1)} s, ${(turns / 1e6).toFixed(2)} million turns, ` +
      `${(simulator.now / 1000).toFixed(1)} virtual s, RSS ${(process.memoryUsage().rss / MIB).toFixed(0)} MiB)`,
  );
}

for (const world of worlds) measure(world);
