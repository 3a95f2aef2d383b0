/**
 * A small honest swarm with a hostile peer in it: one seed, two leechers, all of production engines, on links of
 * 100 KB/s a connection. Measures how long the leechers took and what honest nodes had to hold at most.
 */
import assert from 'node:assert/strict';
import { type Address, makeAddress } from '../../../base/address.js';
import type { CloseReason } from '../../../engine/peer/close-reason.js';
import type { Settings } from '../../../engine/settings.js';
import { contentOf } from '../../../engine/testing/raw-peer.js';
import { makeSimTorrent, SimEngine, type SimTorrent } from '../../../engine/testing/sim-swarm.js';
import type { Torrent } from '../../../engine/torrent.js';
import { Simulator } from '../../simulator.js';
import type { Actor, ActorKind } from '../actor.js';
import { createActor } from '../create-actor.js';

const LINK = { latencyMs: 20, bytesPerMs: 100, lossRatio: 0 };
const HOUR_MS = 3_600_000;
const LOOK_MS = 1000;

export interface ActorSceneOptions {
  /** Left out = nobody hostile. */
  readonly kind?: ActorKind;
  readonly variant?: string;
  readonly seed?: number;
  /** The leechers know the magnet link only. */
  readonly isMagnet?: boolean;
  /** How many of the actor there are. */
  readonly count?: number;
  /** Left out = ACTOR_TORRENT. */
  readonly torrent?: SimTorrent;
  readonly settings?: Partial<Settings>;
}

/** 96 pieces of two blocks. */
export const ACTOR_TORRENT: SimTorrent = makeSimTorrent({ lengths: { 'a.bin': 3_145_728 }, pieceLength: 32_768 });

export class ActorScene {
  readonly simulator: Simulator;
  readonly torrent: SimTorrent;
  readonly seed: SimEngine;
  readonly leechers: readonly SimEngine[];
  readonly actors: readonly Actor[];
  readonly downloads: readonly Torrent[];
  /** The most that any honest node had waiting to be sent to one peer, and of candidates. */
  unsentBytesMax = 0;
  candidatesMax = 0;
  connectionsMax = 0;
  readonly #torrents: readonly Torrent[];

  constructor(options: ActorSceneOptions) {
    const { kind, variant, isMagnet = false, count = 1, torrent = ACTOR_TORRENT, settings = {} } = options;
    this.torrent = torrent;
    this.simulator = new Simulator({ seed: options.seed ?? 1, link: () => LINK });
    const { simulator } = this;
    const engines = [0, 1, 2].map(() => new SimEngine(simulator, settings));
    this.seed = engines[0]!;
    this.leechers = engines.slice(1);
    const { pieceCount, pieceLength } = torrent.metainfo;
    const pieces = Array.from({ length: pieceCount }, (_, piece) => contentOf(torrent, piece, 0, pieceLength));
    const world = {
      simulator,
      metainfo: torrent.metainfo,
      pieceBytes: (piece: number) => pieces[piece]!,
      peers: () => engines.map(addressOf),
      random: simulator.random.split(),
    };
    this.actors = kind === undefined ? [] : Array.from({ length: count }, () => createActor(kind, world, variant));
    this.seed.give(torrent);
    const peers = this.actors.map(({ address }) => address);
    const seeding = this.seed.add(torrent.metainfo, { peers });
    const source = isMagnet ? torrent.magnet : torrent.metainfo;
    this.downloads = this.leechers.map((leecher) =>
      leecher.add(source, { from: engines.filter((one) => one !== leecher), peers }),
    );
    this.#torrents = [seeding, ...this.downloads];
    for (const actor of this.actors) actor.start();
  }

  /** @returns virtual ms until both leechers had everything, rightly; Infinity = they had not within an hour. */
  finish(): number {
    const startedMs = this.simulator.now;
    while (!this.#isFinished) {
      if (this.simulator.now - startedMs > HOUR_MS) return Number.POSITIVE_INFINITY;
      this.simulator.run(() => this.#isFinished, { maxVirtualMs: LOOK_MS });
      this.#look();
    }
    for (const leecher of this.leechers) assert.ok(leecher.has(this.torrent), 'the data is right');
    return this.simulator.now - startedMs;
  }

  pass(durationMs: number): void {
    for (const endMs = this.simulator.now + durationMs; this.simulator.now < endMs; ) {
      this.simulator.run(this.simulator.now + LOOK_MS);
      this.#look();
    }
  }

  /** Why honest nodes let the actors go, each reason with how often. */
  reasons(engines: readonly SimEngine[] = [this.seed, ...this.leechers]): Map<CloseReason, number> {
    const ips = new Set(this.actors.flatMap(({ host }) => [host.ipv4, `[${host.ipv6}]`]));
    const counts = new Map<CloseReason, number>();
    for (const event of engines.flatMap(({ events }) => events)) {
      if (event.type !== 'peerDisconnected' || !ips.has(event.address.replace(/:\d+$/, ''))) continue;
      const reason = event.reason as CloseReason;
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    return counts;
  }

  /** Ends the actors, then the rest, and sees that nothing is left of either. */
  stop(): void {
    for (const actor of this.actors) actor.stop();
    this.simulator.run(this.simulator.now + LOOK_MS);
    for (const { host, kind } of this.actors) assert.equal(host.network.openCount, 0, `${kind} has left a socket`);
    for (const engine of [this.seed, ...this.leechers]) engine.stop(this.simulator);
    this.simulator.run(this.simulator.now + 120_000);
    assert.equal(this.simulator.isIdle, true, 'a timer is left');
  }

  get #isFinished(): boolean {
    return this.downloads.every(({ phase }) => phase === 'seeding');
  }

  #look(): void {
    for (const { swarm } of this.#torrents) {
      this.candidatesMax = Math.max(this.candidatesMax, swarm.candidates.count);
      this.connectionsMax = Math.max(this.connectionsMax, swarm.peers.size);
      for (const { connection } of swarm.peers)
        this.unsentBytesMax = Math.max(this.unsentBytesMax, connection.unsentBytes);
    }
  }
}

function addressOf(engine: SimEngine): Address {
  return makeAddress(engine.host.ipv4!, engine.session.listenPort)!;
}
