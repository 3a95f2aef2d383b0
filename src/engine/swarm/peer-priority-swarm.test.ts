/** BEP 40 on whole sessions that know who they are: both ends of a connection come to one number, and act on it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressKey, makeAddress } from '../../base/address.js';
import { SeededRandom } from '../../base/random.js';
import { Simulator } from '../../sim/simulator.js';
import type { Settings } from '../settings.js';
import { HASH, TORRENT, wait } from '../testing/peer-scenes.js';
import { RawPeer } from '../testing/raw-peer.js';
import { SimEngine } from '../testing/sim-swarm.js';
import type { Torrent } from '../torrent.js';
import { peerPriority } from './peer-priority.js';

const MINUTE_MS = 60_000;
const PLACES = 4;
/** Nobody is ever served, so that nobody has a merit. */
const MISER: Partial<Settings> = { uploadSlots: 0, optimisticSlots: 0 };

interface Member {
  readonly engine: SimEngine;
  readonly torrent: Torrent;
  readonly address: Address;
}

class Scene {
  readonly simulator: Simulator;
  readonly random: SeededRandom;

  constructor(seed: number) {
    this.simulator = new Simulator({ seed });
    this.random = new SeededRandom(seed);
  }

  /** On public addresses far from each other, which a router has told them. */
  members(count: number, settings: Partial<Settings>, { isSeed = false } = {}): Member[] {
    return Array.from({ length: count }, () => {
      const ipv4 = this.ip();
      const engine = new SimEngine(this.simulator, settings, { ipv4 });
      engine.session.context.externalAddress.vote(ipv4, { host: '192.168.0.1' }, 'router', 0);
      if (isSeed) engine.give(TORRENT);
      const torrent = engine.add(TORRENT.metainfo, { isTrusted: isSeed });
      return { engine, torrent, address: makeAddress(ipv4, engine.session.listenPort)! };
    });
  }

  ip(): string {
    const [a, b, c] = [this.random.uint32(), this.random.uint32(), this.random.uint32()];
    return `${20 + (a % 70)}.${b & 255}.${c & 255}.1`;
  }
}

function tell({ engine, torrent }: Member, addresses: readonly Address[]): void {
  engine.session.context.turn.run(() => torrent.addPeers(addresses, 'tracker'));
}

/** The best first. */
function byPriority(own: Address, addresses: readonly Address[]): Address[] {
  return addresses.toSorted((a, b) => peerPriority(own, b) - peerPriority(own, a));
}

/** Hosts of those that are connected, in alphabetical order. */
function connected({ torrent }: Member): string[] {
  return [...torrent.swarm.peers]
    .filter((peer) => peer.isHandshakeDone)
    .map(({ remote }) => remote.host)
    .sort();
}

test('of those that it is told of, an engine dials the ones of the greatest priority, the best first', () => {
  const scene = new Scene(1);
  const [member] = scene.members(1, { maxPeersPerTorrent: PLACES }) as [Member];
  const dialled: string[] = [];
  const listeners = Array.from({ length: 12 }, () => {
    const host = scene.simulator.createHost({ ipv4: scene.ip() });
    new RawPeer(scene.simulator, { host }).listen(6881);
    return makeAddress(host.ipv4!, 6881)!;
  });
  const { network } = member.engine.host;
  const dial = network.dial.bind(network);
  network.dial = (to, ...rest) => {
    dialled.push(addressKey(to));
    return dial(to, ...rest);
  };
  wait(scene.simulator, 1000);
  tell(member, listeners);
  assert.deepEqual(dialled, byPriority(member.address, listeners).slice(0, PLACES).map(addressKey));
});

for (const seed of [1, 2, 3]) {
  test(`both ends of every connection of a swarm give it the same priority (seed ${seed})`, () => {
    const scene = new Scene(seed);
    const members = scene.members(12, { maxPeersPerTorrent: PLACES });
    for (const member of members)
      tell(
        member,
        members.map(({ address }) => address),
      );
    wait(scene.simulator, 5 * MINUTE_MS);
    const seen = new Map<string, number>();
    for (const { torrent, address } of members) {
      for (const { remote, priority } of torrent.swarm.peers) {
        assert.equal(priority, peerPriority({ ...address, port: 1 }, remote));
        const ends = [address.host, remote.host].sort().join();
        assert.equal(seen.get(ends) ?? priority, priority, ends);
        seen.set(ends, priority);
      }
    }
    assert.ok(seen.size >= members.length, `${seen.size} connections`);
  });

  // The places of the torrent are short, or those of the client.
  const limit = seed === 2 ? 'maxPeers' : 'maxPeersPerTorrent';
  test(`of those without a merit the ones of the greatest priority have all places of ${limit} in the end (seed ${seed})`, () => {
    const scene = new Scene(seed);
    const [member] = scene.members(1, { ...MISER, [limit]: PLACES }, { isSeed: true }) as [Member];
    wait(scene.simulator, 1000);
    const hosts = Array.from({ length: 14 }, () => scene.simulator.createHost({ ipv4: scene.ip() }));
    const waiting: RawPeer[] = [];
    for (let minute = 0; minute < 10; minute++) {
      for (const [i, host] of hosts.entries()) {
        if (waiting[i]?.isClosed === false) {
          waiting[i].send((encoder) => encoder.keepAlive());
          continue;
        }
        waiting[i] = new RawPeer(scene.simulator, { host }).dial(member.engine).handshake(HASH);
        waiting[i].send((encoder) => encoder.interested());
      }
      wait(scene.simulator, MINUTE_MS);
    }
    const addresses = hosts.map(({ ipv4 }) => makeAddress(ipv4!, 1)!);
    const best = byPriority(member.address, addresses).slice(0, PLACES);
    assert.deepEqual(connected(member), best.map(({ host }) => host).sort());
  });
}
