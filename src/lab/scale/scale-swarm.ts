/**
 * A whole swarm from the first byte to the last copy: makes the world of a scenario, lets it run in virtual time, and
 * says what it looked like. Engines are the production ones with their default settings, but for memory: a thousand of
 * them share one machine. Who knows whom is the scenario's to say, and whether they exchange peers.
 */
import { SeededRandom } from '../../base/random.js';
import type { Torrent } from '../../engine/torrent.js';
import { FileLayout } from '../../format/file-layout.js';
import type { Link } from '../../sim/network/link.js';
import { Simulator } from '../../sim/simulator.js';
import { SharedContentDisk } from '../../sim/storage/shared-content.js';
import { SharedContentStorageFactory } from '../../sim/storage/shared-content-storage.js';
import { LabNode } from '../lab-node.js';
import { LabTorrent } from '../lab-torrent.js';
import type { PeerOutcome, SwarmReport } from '../report/swarm-report.js';
import { completionBound } from './completion-bound.js';
import { drawAddresses, makeWorld, type ScalePeer, type ScaleScenario, type ScaleWorld } from './scale-scenario.js';
import { SwarmMeter } from './swarm-meter.js';

/** A run that takes longer than so many times the bound is over all the same: its report says who is not done. */
const GIVEN_UP_AT_BOUNDS = 10;
const SAMPLES_PER_BOUND = 100;
const READ_CACHE_BYTES = 1024 * 1024;
/** Room for so many pieces in flight: with eight of them, forty peers cannot all be asked, and the swarm is a fifth slower. */
const PIECES_IN_FLIGHT = 32;
const WRITE_CACHE_BYTES_MIN = 8 * 1024 * 1024;

export class ScaleSwarm {
  readonly scenario: ScaleScenario;
  readonly world: ScaleWorld;
  readonly meter: SwarmMeter;
  readonly #simulator: Simulator;
  readonly #torrent: LabTorrent;
  readonly #layout: FileLayout;
  /** Of the peers, then of the seed. */
  readonly #members: ScalePeer[];
  readonly #nodes: LabNode[] = [];
  readonly #torrents: Torrent[] = [];
  readonly #addresses: readonly (readonly number[])[];
  #startedCount = 0;
  #beganAtMs = 0;

  constructor(scenario: ScaleScenario) {
    this.scenario = scenario;
    this.world = makeWorld(scenario);
    this.#members = [...this.world.peers, this.world.source];
    const { contentBytes, pieceLength, seed } = scenario;
    this.#torrent = new LabTorrent({ lengths: { content: contentBytes }, pieceLength, seed });
    this.#layout = new FileLayout(this.#torrent.metainfo);
    const pieces = Math.ceil(contentBytes / pieceLength);
    this.meter = new SwarmMeter({ machines: this.#members.length, peers: scenario.peers, pieces });
    const byIp = new Map<string, ScalePeer>();
    this.#simulator = new Simulator({
      seed,
      cutting: 'whole',
      observer: this.meter.observer,
      link: (from, to) => pathBetween(byIp.get(from)!, byIp.get(to)!),
    });
    for (const [i, member] of this.#members.entries()) {
      const node = this.#makeNode(i, member);
      byIp.set(node.host.ipv4!, member);
    }
    this.#addresses = drawAddresses(scenario, new SeededRandom(seed).split());
  }

  /** `onSample` hears of progress, many times a run. */
  run(onSample: (meter: SwarmMeter, nowMs: number) => void = () => {}): SwarmReport {
    const bound = completionBound(this.world, this.scenario.contentBytes);
    const supply = supplyOf(this.#members);
    for (const [i, node] of this.#nodes.entries()) {
      this.#simulator.at(this.#members[i]!.startsAtMs, () => node.start(() => this.#startedCount++));
    }
    this.#simulator.run(() => this.#startedCount === this.#nodes.length);
    this.#beganAtMs = this.#simulator.now;
    for (let i = this.#nodes.length - 1; i >= 0; i--) this.#simulator.defer(() => this.#begin(i));
    const sample = (): void => {
      this.meter.sample(this.#elapsedMs, supply);
      onSample(this.meter, this.#elapsedMs);
    };
    const sampleAgain = (): void => {
      sample();
      this.#simulator.after(bound.ms / SAMPLES_PER_BOUND, sampleAgain);
    };
    this.#simulator.after(bound.ms / SAMPLES_PER_BOUND, sampleAgain);
    const isDone = (): boolean => this.meter.doneCount === this.scenario.peers;
    this.#simulator.run(isDone, { maxVirtualMs: GIVEN_UP_AT_BOUNDS * bound.ms });
    sample();
    return this.#report(bound);
  }

  get #elapsedMs(): number {
    return this.#simulator.now - this.#beganAtMs;
  }

  #makeNode(index: number, member: ScalePeer): LabNode {
    const slots = member.isFreeRider ? { uploadSlots: 0, optimisticSlots: 0 } : {};
    const layout = this.#layout;
    const disk = new SharedContentDisk({
      layout,
      content: this.#torrent.content,
      isFull: index === this.scenario.peers,
    });
    const host = this.#simulator.createHost({
      // Each in a network of its own: neighbours would all be allowed the same pieces (BEP 6).
      ipv4: `11.${index >>> 8}.${index & 255}.1`,
      ipv6: null,
      access: { upBytesPerMs: member.upBytesPerMs, downBytesPerMs: member.downBytesPerMs },
      storage: (wiring) => new SharedContentStorageFactory(disk, wiring),
    });
    const writeCacheBytes = Math.max(WRITE_CACHE_BYTES_MIN, PIECES_IN_FLIGHT * this.scenario.pieceLength);
    const own = { readCacheBytes: READ_CACHE_BYTES, writeCacheBytes, pex: this.scenario.hasPex };
    const node = new LabNode(host, { ...own, ...slots });
    node.onEvent = (event) => {
      if (event.type === 'pieceVerified') this.meter.onPieceVerified(event.piece);
      else if (event.type === 'completed' && index < this.scenario.peers) this.#onCompleted(index);
    };
    this.#nodes.push(node);
    return node;
  }

  #begin(index: number): void {
    const node = this.#nodes[index]!;
    const isSource = index === this.scenario.peers;
    const peers = this.#addresses[index]!.map((other) => {
      const { host, session } = this.#nodes[other]!;
      return { host: host.ipv4!, port: session.listenPort };
    });
    this.#torrents[index] = node.add(this.#torrent.metainfo, { peers, isTrusted: isSource });
  }

  #onCompleted(index: number): void {
    this.meter.onDone(index, this.#elapsedMs);
    if (!this.#members[index]!.isFreeRider) return;
    this.#simulator.defer(() => {
      this.#nodes[index]!.session.stop(() => {});
      this.meter.onLeft();
    });
  }

  #report(bound: SwarmReport['bound']): SwarmReport {
    const outcomes = this.world.peers.map((peer, i) => this.#outcome(peer, i));
    const source = this.#torrents[this.scenario.peers]!;
    return {
      scenario: this.scenario,
      bound,
      virtualMs: this.#elapsedMs,
      sentBytes: this.meter.totalSentBytes,
      sourceUploadedBytes: source.swarm.uploadedBytes,
      peers: outcomes,
      samples: this.meter.samples,
    };
  }

  #outcome(peer: ScalePeer, index: number): PeerOutcome {
    const { swarm } = this.#torrents[index]!;
    const doneAtMs = this.meter.doneAtMs[index]!;
    return {
      isFreeRider: peer.isFreeRider,
      upBytesPerMs: peer.upBytesPerMs,
      downBytesPerMs: peer.downBytesPerMs,
      doneAtMs: Number.isNaN(doneAtMs) ? null : doneAtMs,
      uploadedBytes: swarm.uploadedBytes,
      downloadedBytes: swarm.downloadedBytes,
      wastedBytes: swarm.wastedBytes,
    };
  }
}

function supplyOf(members: readonly ScalePeer[]): number {
  return members.reduce((sum, member) => sum + (member.isFreeRider ? 0 : member.upBytesPerMs), 0);
}

/** Bandwidth is the access links' affair; the middle of the network has enough of it and loses nothing. */
function pathBetween(from: ScalePeer, to: ScalePeer): Link {
  return {
    latencyMs: from.latencyMs + to.latencyMs,
    bytesPerMs: Number.POSITIVE_INFINITY,
    lossRatio: 0,
  };
}
