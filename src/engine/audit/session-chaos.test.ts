/**
 * Small swarms of whole sessions in which people and networks do what they like: pause, check, select, read, limit,
 * remove, come back, break connections, lie about pieces. Every turn is audited; then everyone is left in peace, and has to finish.
 * SEED=n runs from that seed, SEEDS=n as many.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../../base/errors.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { v2WireHash } from '../../format/infohash.js';
import type { Link } from '../../sim/network/internet.js';
import { Simulator } from '../../sim/simulator.js';
import { MemoryDisk } from '../../sim/storage/memory-disk.js';
import { MemoryStorageFactory } from '../../sim/storage/memory-storage.js';
import type { Reader } from '../data/reader.js';
import type { Settings } from '../settings.js';
import { DOWNLOADS, makeSimTorrent, SimEngine, type SimTorrent } from '../testing/sim-swarm.js';
import { makeV2Torrent } from '../testing/v2-torrent.js';
import type { Torrent } from '../torrent.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const STEPS = 150;
const PEACE_MS = 4 * 3_600_000;

class Chaos {
  readonly random: SeededRandom;
  readonly simulator: Simulator;
  readonly torrents: readonly SimTorrent[];
  readonly engines: SimEngine[] = [];
  readonly liars: SimEngine[] = [];
  /** By engine, then by torrent; null = removed. */
  readonly added: (Torrent | null)[][] = [];
  readonly readers: Reader[] = [];
  /** Of 1000 operations of the disks. */
  faults = 0;

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.random = random;
    const links: Link[] = Array.from({ length: 4 }, () => ({
      latencyMs: 1 + randomBelow(random, 100),
      bytesPerMs: 20 + randomBelow(random, 2000),
      lossRatio: randomBelow(random, 2) / 100,
      resetsPerHour: randomBelow(random, 2) * 60,
    }));
    const link = (from: string, to: string): Link => links[(from.charCodeAt(from.length - 1) + to.length) % 4]!;
    this.simulator = new Simulator({ seed, link });
    this.torrents = Array.from({ length: 1 + randomBelow(random, 3) }, (_, index) => this.#makeTorrent(index));
    const count = 3 + randomBelow(random, 3);
    for (let index = 0; index < count; index++) this.#addEngine(index);
    if (randomBelow(random, 3) === 0) this.#addLiar();
  }

  /** Has everything, and serves some of it wrong. */
  #addLiar(): void {
    const { random, simulator } = this;
    const liar = new SimEngine(simulator);
    for (const torrent of this.torrents) {
      liar.give(torrent);
      for (const [path, bytes] of torrent.files) {
        const times = randomBelow(random, 5);
        for (let i = 0; i < times; i++)
          liar.host.disk.corrupt(`${DOWNLOADS}/${path}`, randomBelow(random, bytes.length));
      }
      liar.add(torrent.metainfo, { isTrusted: true, from: this.engines });
    }
    this.liars.push(liar);
  }

  #makeTorrent(index: number): SimTorrent {
    const { random } = this;
    const pieceLength = [16 * KIB, 64 * KIB, 256 * KIB, MIB][randomBelow(random, 4)]!;
    const pieces = 2 + randomBelow(random, pieceLength === MIB ? 4 : 16);
    const kind = (['v1', 'v1', 'v2', 'hybrid'] as const)[randomBelow(random, 4)]!;
    // All of these have one file of one name: one is enough.
    if (kind !== 'v1' && index === 0) {
      return makeV2Torrent({ kind, lengthBytes: 1 + randomBelow(random, pieces * pieceLength), pieceLength });
    }
    const lengths: Record<string, number> = {};
    for (let file = 0; file <= randomBelow(random, 4); file++) {
      lengths[`${index}-${file}.bin`] = 1 + randomBelow(random, pieces * pieceLength);
    }
    return makeSimTorrent({ lengths, pieceLength });
  }

  #settings(): Partial<Settings> {
    const { random } = this;
    const oneOf = (...values: number[]): number => values[randomBelow(random, values.length)]!;
    return {
      writeCacheBytes: oneOf(1, 2, 8) * MIB,
      readCacheBytes: oneOf(1, 2, 8) * MIB,
      uploadSlots: oneOf(1, 2, 4),
      optimisticSlots: oneOf(0, 1),
      maxPeers: oneOf(2, 4, 200),
      maxHalfOpen: oneOf(1, 2, 50),
      maxRequestsPerPeer: oneOf(2, 20, 500),
      requestQueueMs: oneOf(100, 3000),
      uploadLimit: oneOf(0, 0, 100_000, 1_000_000),
      downloadLimit: oneOf(0, 0, 100_000, 1_000_000),
    };
  }

  #addEngine(index: number): void {
    const { random, simulator } = this;
    const disk = new MemoryDisk();
    const broken = new DtorrentError('EFILEIO', 'a bad moment');
    const storage = new MemoryStorageFactory({
      defer: (fn) => simulator.after(randomBelow(random, 20), fn),
      disk,
      fault: (operation) => (operation !== 'open' && randomBelow(random, 1000) < this.faults ? broken : null),
    });
    const engine = new SimEngine(simulator, this.#settings(), { storage, disk });
    if (index === 0) for (const torrent of this.torrents) engine.give(torrent);
    this.engines.push(engine);
    this.added.push(this.torrents.map(() => null));
    for (const which of this.torrents.keys()) this.addTorrent(index, which);
  }

  addTorrent(index: number, which: number): void {
    const { metainfo, magnet } = this.torrents[which]!;
    // A magnet does not bring what v2 pieces are verified by.
    const isMagnet = index > 0 && randomBelow(this.random, 3) === 0 && v2WireHash(metainfo.infoHash) === null;
    const source = isMagnet ? magnet : metainfo;
    const from = this.engines.filter((_, other) => other < index);
    const isSuperSeed = index === 0 && randomBelow(this.random, 4) === 0;
    this.added[index]![which] = this.engines[index]!.add(source, { from, isSuperSeed });
  }

  step(): void {
    const { random, simulator, torrents } = this;
    simulator.run(simulator.now + randomBelow(random, randomBelow(random, 5) === 0 ? 15_000 : 400));
    const index = randomBelow(random, this.engines.length);
    const which = randomBelow(random, torrents.length);
    const { session } = this.engines[index]!;
    const torrent = this.added[index]![which]!;
    if (torrent === null) {
      this.addTorrent(index, which);
      return;
    }
    const action = randomBelow(random, 100);
    if (action < 8) session.pause(torrent, () => {});
    else if (action < 25) session.resume(torrent);
    else if (action < 30) session.recheck(torrent);
    else if (action < 45) this.select(index, torrent);
    else if (action < 60) this.read(index, torrent);
    else if (action < 68) this.closeReader(index);
    else if (action < 78) this.breakConnection(index, torrent);
    else if (action < 86) this.limit(index);
    else if (action < 91) this.meet(index, torrent);
    else if (action < 92) this.engines[index]!.host.network.resetStreams(0.5);
    else if (action < 95 && index > 0) {
      session.remove(torrent, () => {
        this.added[index]![which] = null;
      });
    } else if (action < 97) this.faults = randomBelow(random, 2) * 20;
  }

  select(index: number, torrent: Torrent): void {
    if (torrent.files === null || torrent.phase === 'failed' || torrent.phase === 'stopped') return;
    const { files } = torrent;
    const priorities = files.ofFile.map(() => Math.max(0, randomBelow(this.random, 10) - 2));
    this.engines[index]!.session.inTurn(() => torrent.setFilePriorities(priorities));
  }

  read(index: number, torrent: Torrent): void {
    if (torrent.files === null) return;
    const { random } = this;
    const file = randomBelow(random, torrent.metainfo!.files.length);
    const { lengthBytes: length, padding } = torrent.metainfo!.files[file]!;
    if (padding) return;
    const from = randomBelow(random, length);
    this.engines[index]!.session.inTurn(() => {
      const reader = torrent.openReader(file, from, from + 1 + randomBelow(random, length - from));
      this.readers.push(reader);
      const readOn = (): void => {
        reader.read((result) => {
          if (!(result instanceof Uint8Array)) return;
          // As a player would: by and by.
          this.simulator.after(randomBelow(random, 500), () => this.engines[index]!.session.inTurn(readOn));
        });
      };
      readOn();
    });
  }

  closeReader(index: number): void {
    if (this.readers.length === 0) return;
    const [reader] = this.readers.splice(randomBelow(this.random, this.readers.length), 1);
    this.engines[index]!.session.inTurn(() => reader!.close());
  }

  breakConnection(index: number, torrent: Torrent): void {
    const peers = [...torrent.swarm.peers];
    if (peers.length === 0) return;
    const peer = peers[randomBelow(this.random, peers.length)]!;
    this.engines[index]!.session.inTurn(() => peer.close('idle'));
  }

  limit(index: number): void {
    const { random } = this;
    const limits = [0, 0, 20_000, 200_000, 5_000_000];
    this.engines[index]!.session.setRateLimits({
      uploadLimit: limits[randomBelow(random, limits.length)]!,
      downloadLimit: limits[randomBelow(random, limits.length)]!,
    });
  }

  /** Told of everyone, as by a tracker. */
  meet(index: number, torrent: Torrent): void {
    const all = [...this.engines, ...this.liars];
    const peers = all.map(({ host, session }) => ({ host: host.ipv4!, port: session.listenPort }));
    this.engines[index]!.session.inTurn(() => torrent.addNamedPeers(peers, 'user'));
  }

  /** Nothing fails any more, everyone wants everything and knows everyone. */
  makePeace(): void {
    this.faults = 0;
    // Until what is being removed is gone.
    this.simulator.run(this.simulator.now + 120_000);
    for (const [index, engine] of this.engines.entries()) {
      engine.session.setRateLimits({ uploadLimit: 0, downloadLimit: 0 });
      for (const which of this.torrents.keys()) {
        if (this.added[index]![which] === null) this.addTorrent(index, which);
        const torrent = this.added[index]![which]!;
        engine.session.resume(torrent);
        engine.session.inTurn(() => {
          if (torrent.files !== null) torrent.setFilePriorities(torrent.files.ofFile.map(() => 4));
        });
        this.meet(index, torrent);
      }
    }
  }

  get isDone(): boolean {
    return this.added.every((torrents) => torrents.every((torrent) => torrent?.phase === 'seeding'));
  }

  describe(): string {
    const phases = this.added.map((torrents) =>
      torrents.map((torrent) => `${torrent?.phase} ${torrent?.data?.have.count}/${torrent?.metainfo?.pieceCount}`),
    );
    return JSON.stringify(phases);
  }
}

const first = Number(process.env['SEED'] ?? 1);
const count = Number(process.env['SEEDS'] ?? 8);
for (let seed = first; seed < first + count; seed++) {
  test(`whatever is done to them, sessions stay in order and finish once they are left alone (seed ${seed})`, () => {
    const chaos = new Chaos(seed);
    for (let step = 0; step < STEPS; step++) chaos.step();
    chaos.makePeace();
    const isDone = chaos.simulator.run(() => chaos.isDone, { maxVirtualMs: PEACE_MS });
    assert.ok(isDone, chaos.describe());
    for (const engine of chaos.engines) for (const torrent of chaos.torrents) assert.ok(engine.has(torrent));
    for (const engine of [...chaos.engines, ...chaos.liars]) engine.stop(chaos.simulator);
  });
}
