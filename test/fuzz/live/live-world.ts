/**
 * One case of a live session: an engine of ours, up to three mutated peers, and one honest engine that comes later. In
 * the end everybody honest has the right bytes, no bug was met on the way, and nothing is left when all have stopped.
 */
import assert from 'node:assert/strict';
import { makeAddress } from '../../../src/base/address.js';
import { randomBelow, type SeededRandom } from '../../../src/base/random.js';
import { auditSession } from '../../../src/engine/audit/audit-session.js';
import { SimEngine, type SimTorrent } from '../../../src/engine/testing/sim-swarm.js';
import type { Torrent } from '../../../src/engine/torrent.js';
import { Simulator } from '../../../src/sim/simulator.js';
import { LIVE_TORRENTS, type LiveKind } from './live-torrents.js';
import { MutatedPeer } from './mutated-peer.js';

export interface LiveCase {
  readonly kind: LiveKind;
  /** What the engine is to the torrent. */
  readonly role: 'leech' | 'magnet' | 'seed';
  readonly peers: readonly LivePeer[];
  /** A person pauses, resumes, rechecks and sets limits meanwhile. */
  readonly hasOrders: boolean;
  readonly random: SeededRandom;
}

export interface LivePeer {
  readonly script: Uint8Array;
  /** Else the engine dials it. */
  readonly isDialler: boolean;
  readonly answers: 'never' | 'mostly-right' | 'anyhow';
  readonly chunkBytes: number;
  readonly delayMs: number;
}

/** How long the mutated peers have the engine to themselves. */
const ALONE_MS = 15_000;
/** Choke rounds, snubbing, and dials that are tried again. */
const COMPLETION_MS_MAX = 45 * 60_000;
const AUDIT_EVERY_MS = 500;
const PEER_PORT = 7000;

export function runLiveCase(live: LiveCase): void {
  const world = new LiveWorld(live);
  world.meetMutatedPeers();
  world.completeWithHonestOne();
  world.end();
}

class LiveWorld {
  readonly #live: LiveCase;
  readonly #torrent: SimTorrent;
  readonly #simulator: Simulator;
  readonly #engine: SimEngine;
  readonly #peers: MutatedPeer[];
  readonly #download: Torrent;
  #honest: SimEngine | null = null;

  constructor(live: LiveCase) {
    this.#live = live;
    this.#torrent = LIVE_TORRENTS[live.kind];
    this.#simulator = new Simulator({ seed: live.random.uint32() });
    this.#engine = new SimEngine(this.#simulator);
    this.#peers = live.peers.map((peer) => this.#makePeer(peer));
    if (live.role === 'seed') this.#engine.give(this.#torrent);
    const hosts = live.peers.map((peer) =>
      peer.isDialler ? null : this.#listen(this.#peers[live.peers.indexOf(peer)]!),
    );
    this.#download = this.#engine.add(live.role === 'magnet' ? this.#torrent.magnet : this.#torrent.metainfo, {
      peers: hosts.flatMap((host) => (host === null ? [] : [{ host, port: PEER_PORT }])),
    });
  }

  meetMutatedPeers(): void {
    this.#simulator.run(this.#simulator.now + 100);
    for (const [i, { isDialler }] of this.#live.peers.entries()) if (isDialler) this.#dial(this.#peers[i]!);
    const until = this.#simulator.now + ALONE_MS;
    while (this.#simulator.now < until) {
      this.#simulator.run(this.#simulator.now + AUDIT_EVERY_MS);
      this.#audit();
      if (this.#live.hasOrders) this.#order();
    }
  }

  #order(): void {
    const { session } = this.#engine;
    switch (randomBelow(this.#live.random, 12)) {
      case 0:
        session.pause(this.#download, () => {});
        break;
      case 1:
        session.resume(this.#download);
        break;
      case 2:
        session.recheck(this.#download);
        break;
      case 3:
        session.setRateLimits({ downloadLimit: 20_000, uploadLimit: 10_000 });
        break;
    }
  }

  /** A seed for who downloads, somebody who downloads for a seed. */
  completeWithHonestOne(): void {
    this.#engine.session.resume(this.#download);
    this.#engine.session.setRateLimits({ downloadLimit: 0, uploadLimit: 0 });
    const isSeed = this.#live.role === 'seed';
    const honest = new SimEngine(this.#simulator);
    this.#honest = honest;
    if (!isSeed) honest.give(this.#torrent);
    const other = honest.add(this.#torrent.metainfo, { from: [this.#engine] });
    const isDone = (): boolean => this.#download.phase === 'seeding' && other.phase === 'seeding';
    const isComplete = this.#simulator.run(isDone, { maxVirtualMs: COMPLETION_MS_MAX });
    this.#audit();
    assert.ok(isComplete, `stalled: ${JSON.stringify(this.#engine.session.stats(this.#download))}`);
    assert.ok(this.#engine.has(this.#torrent) && honest.has(this.#torrent), 'the right bytes are on disk');
  }

  end(): void {
    this.#engine.stop(this.#simulator);
    this.#honest!.stop(this.#simulator);
    for (const peer of this.#peers) peer.close();
    this.#simulator.run(this.#simulator.now + 60_000);
    this.#audit();
    assert.ok(this.#simulator.isIdle, 'something is left when all have stopped');
  }

  #audit(): void {
    for (const engine of [this.#engine, this.#honest]) {
      if (engine === null) continue;
      const bug = engine.host.log.lines.find((line) => / error /.test(line));
      assert.equal(bug, undefined);
      for (const event of engine.events) {
        if (event.type === 'torrentFailed') throw event.error;
        if ('error' in event && event.error !== null) assert.notEqual(event.error.code, 'EINTERNAL', event.error.stack);
      }
      assert.equal(auditSession(engine.session), null);
    }
  }

  #makePeer({ script, answers, chunkBytes, delayMs }: LivePeer): MutatedPeer {
    const random = this.#live.random.split();
    return new MutatedPeer({
      simulator: this.#simulator,
      torrent: this.#torrent,
      script,
      chunkBytes,
      delayMs,
      answers,
      random,
    });
  }

  #dial(peer: MutatedPeer): void {
    const host = this.#simulator.createHost();
    const address = makeAddress(this.#engine.host.ipv4!, this.#engine.session.listenPort)!;
    peer.begin(host.network.dial(address, { bindHost: '', timeoutMs: 60_000 }, peer));
  }

  /** @returns where the engine finds it. */
  #listen(peer: MutatedPeer): string {
    const host = this.#simulator.createHost();
    host.network.listen(
      { host: '', port: PEER_PORT },
      {
        onListening: () => {},
        onConnection: (stream) => {
          if (peer.stream !== null) {
            stream.close();
            return;
          }
          stream.handler = peer;
          peer.begin(stream);
        },
        onError: (error) => assert.fail(error),
      },
    );
    return host.ipv4!;
  }
}
