/**
 * A home line in virtual time: how much of it is payload when twenty peers that have everything are on the other side
 * of a long way that loses packets. What is missing are the headers of IP and TCP, time without data, data that came
 * twice, and messages.
 */
import { FileLayout } from '../../src/format/file-layout.js';
import { LabNode } from '../../src/lab/lab-node.js';
import { LabTorrent } from '../../src/lab/lab-torrent.js';
import { Simulator } from '../../src/sim/simulator.js';
import { SharedContentDisk } from '../../src/sim/storage/shared-content.js';
import { SharedContentStorageFactory } from '../../src/sim/storage/shared-content-storage.js';
import type { Figures, Scenario } from '../suite/scenario.js';

const CONTENT_BYTES = 128 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
const PEERS = 20;
/** 20 Mbit/s, and a quarter of it upwards. */
const DOWN_BYTES_PER_MS = 2500;
const UP_BYTES_PER_MS = DOWN_BYTES_PER_MS / 4;
/** Of a packet of 1500 bytes 52 are headers; the simulator's lines carry TCP's data only, and have so much less to carry. */
const DATA_SHARE = 1448 / 1500;
const HOME_LINE = { downBytesPerMs: DOWN_BYTES_PER_MS * DATA_SHARE, upBytesPerMs: UP_BYTES_PER_MS * DATA_SHARE };
const PEER_LINE = { downBytesPerMs: 5 * DOWN_BYTES_PER_MS, upBytesPerMs: 5 * DOWN_BYTES_PER_MS };
/** There and back 80 ms. */
const PATH = { latencyMs: 40, lossRatio: 0.01, bytesPerMs: Number.POSITIVE_INFINITY };
/** Of the worlds of a run. */
const SEEDS = [1, 2, 3];
/** Of a world that does not come to its end: an hour is as if there were hardly a line. */
const VIRTUAL_MS_MAX = 3600 * 1000;

export const SLOW_LINK_SCENARIOS: readonly Scenario[] = [
  {
    name: 'slow-link',
    title: '20 Mbit/s, 80 ms, 1 % loss, 20 peers (simulator)',
    sides: [{ name: 'dtorrent', run: async () => worstOf(SEEDS.map(download)) }],
    goals: [{ figure: 'payloadPercent', bound: 95 }],
  },
];

function worstOf(percents: readonly number[]): Figures {
  return { payloadPercent: Math.min(...percents) };
}

/** From the moment the torrent is added, before anybody is dialled, to the last verified piece. */
function download(seed: number): number {
  const world = new SlowWorld(seed);
  const beganAtMs = world.now;
  world.download();
  return (100 * CONTENT_BYTES) / ((world.now - beganAtMs) * DOWN_BYTES_PER_MS);
}

class SlowWorld {
  readonly #simulator: Simulator;
  readonly #torrent: LabTorrent;
  readonly #seeds: readonly LabNode[];
  readonly #downloader: LabNode;

  /** Everybody listens, and the twenty seed. */
  constructor(seed: number) {
    this.#torrent = new LabTorrent({ lengths: { content: CONTENT_BYTES }, pieceLength: PIECE_BYTES, seed });
    this.#simulator = new Simulator({ seed, cutting: 'whole', link: () => PATH });
    this.#seeds = Array.from({ length: PEERS }, () => this.#makeNode(PEER_LINE, true));
    this.#downloader = this.#makeNode(HOME_LINE, false);
    let listening = 0;
    for (const node of [...this.#seeds, this.#downloader]) node.start(() => listening++);
    this.#runUntil(() => listening === PEERS + 1);
    const seeding = this.#seeds.map((node) => node.add(this.#torrent.metainfo, { isTrusted: true }));
    this.#runUntil(() => seeding.every(({ phase }) => phase === 'seeding'));
  }

  get now(): number {
    return this.#simulator.now;
  }

  download(): void {
    const peers = this.#seeds.map(({ host, session }) => ({ host: host.ipv4!, port: session.listenPort }));
    const downloading = this.#downloader.add(this.#torrent.metainfo, { peers });
    this.#runUntil(() => downloading.phase === 'seeding');
  }

  #makeNode(access: typeof HOME_LINE, isFull: boolean): LabNode {
    const { metainfo, content } = this.#torrent;
    const disk = new SharedContentDisk({ layout: new FileLayout(metainfo), content, isFull });
    const storage: SimStorage = (wiring) => new SharedContentStorageFactory(disk, wiring);
    return new LabNode(this.#simulator.createHost({ ipv6: null, access, storage }));
  }

  #runUntil(isDone: () => boolean): void {
    if (!this.#simulator.run(isDone, { maxVirtualMs: VIRTUAL_MS_MAX })) throw new Error('the download does not end');
  }
}

type SimStorage = (wiring: ConstructorParameters<typeof SharedContentStorageFactory>[1]) => SharedContentStorageFactory;
