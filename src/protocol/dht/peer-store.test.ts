import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, addressKey, makeAddress, parseIp } from '../../base/address.js';
import { toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { BloomFilter } from './bloom-filter.js';
import { PeerStore } from './peer-store.js';

const PEERS_MAX = LIMITS.dhtStoredPeersPerHashMax;
const HASHES_MAX = LIMITS.dhtStoredHashesMax;
const LEECHER = { isSeed: false };
const SEED = { isSeed: true };

/** An info-hash that begins with `prefix`. */
function hash(prefix: number, rest = 0): Uint8Array {
  const infoHash = new Uint8Array(20);
  infoHash.set([prefix >>> 8, prefix, rest >>> 8, rest]);
  return infoHash;
}

/** The i-th of many public addresses. */
function peer(i: number, port = 6881): Address {
  return makeAddress(`198.${18 + (i >>> 16)}.${(i >>> 8) & 255}.${i & 255}`, port)!;
}

function hostsOf(store: PeerStore, infoHash: Uint8Array, now: number, noSeeds = false): string[] {
  const random = new SeededRandom(1);
  const both = [4, 6] as const;
  return both
    .flatMap((family) => store.peersOf(infoHash, { family, max: 1000, noSeeds, random }, now))
    .map(addressKey)
    .sort();
}

test('peers that announced are told, by family', () => {
  const store = new PeerStore();
  assert.equal(store.size, 0);
  assert.deepEqual(hostsOf(store, hash(1), 0), []);
  assert.equal(store.add(hash(1), peer(1), LEECHER, 0), true);
  assert.equal(store.add(hash(1), makeAddress('2001:db8::1', 6881)!, LEECHER, 0), true);
  assert.equal(store.add(hash(2), peer(2), LEECHER, 0), true);
  const random = new SeededRandom(1);
  const choose = (family: 4 | 6) => store.peersOf(hash(1), { family, max: 10, noSeeds: false, random }, 0);
  assert.deepEqual(choose(4), [peer(1)]);
  assert.deepEqual(choose(6), [makeAddress('2001:db8::1', 6881)!]);
  assert.equal(store.size, 2);
  assert.equal(store.peerCount, 3);
});

test('one address has one entry a torrent, the latest', () => {
  const store = new PeerStore();
  store.add(hash(1), peer(1, 1000), LEECHER, 0);
  store.add(hash(1), peer(1, 2000), LEECHER, 0);
  assert.deepEqual(hostsOf(store, hash(1), 0), [addressKey(peer(1, 2000))]);
});

test('in a local network one address may have several peers', () => {
  const store = new PeerStore();
  for (const port of [1000, 2000, 2000]) store.add(hash(1), makeAddress('127.0.0.1', port)!, LEECHER, 0);
  assert.deepEqual(hostsOf(store, hash(1), 0), ['127.0.0.1:1000', '127.0.0.1:2000']);
});

test('an address that no peer can have is refused', () => {
  const store = new PeerStore();
  for (const [host, port] of [
    ['198.18.0.1', 0],
    ['0.0.0.0', 1],
    ['224.0.0.1', 1],
    ['ff02::1', 1],
  ] as const) {
    assert.equal(store.add(hash(1), makeAddress(host, port)!, LEECHER, 0), false, host);
  }
  assert.equal(store.size, 0);
});

test('who asks for no seeds gets none', () => {
  const store = new PeerStore();
  store.add(hash(1), peer(1), SEED, 0);
  store.add(hash(1), peer(2), LEECHER, 0);
  assert.deepEqual(hostsOf(store, hash(1), 0, true), [addressKey(peer(2))]);
  store.add(hash(1), peer(1), LEECHER, 0);
  store.add(hash(1), peer(2), SEED, 0);
  assert.deepEqual(hostsOf(store, hash(1), 0, true), [addressKey(peer(1))]);
});

test('of many peers a few are chosen, each as often as any other', () => {
  const store = new PeerStore();
  for (let i = 0; i < 20; i++) store.add(hash(1), peer(i), LEECHER, 0);
  const random = new SeededRandom(7);
  const times = new Map<string, number>();
  for (let round = 0; round < 2000; round++) {
    const chosen = store.peersOf(hash(1), { family: 4, max: 5, noSeeds: false, random }, 0);
    assert.equal(new Set(chosen.map(addressKey)).size, 5);
    for (const address of chosen) times.set(addressKey(address), (times.get(addressKey(address)) ?? 0) + 1);
  }
  assert.equal(times.size, 20);
  for (const count of times.values()) assert.ok(count > 400 && count < 600, `${count} times`);
});

test('who has not announced for 45 minutes is forgotten', () => {
  const store = new PeerStore();
  store.add(hash(1), peer(1), LEECHER, 0);
  store.add(hash(1), peer(2), LEECHER, 60_000);
  store.add(hash(2), peer(3), LEECHER, 0);
  assert.equal(hostsOf(store, hash(1), LIMITS.dhtPeerLifetimeMs).length, 2);
  assert.deepEqual(hostsOf(store, hash(1), LIMITS.dhtPeerLifetimeMs + 1000), [addressKey(peer(2))]);
  store.add(hash(1), peer(2), LEECHER, LIMITS.dhtPeerLifetimeMs);
  store.expire(LIMITS.dhtPeerLifetimeMs + 120_000);
  assert.equal(store.size, 1);
  assert.deepEqual(hostsOf(store, hash(1), LIMITS.dhtPeerLifetimeMs + 120_000), [addressKey(peer(2))]);
});

test('a torrent that is full takes no one more until somebody is forgotten', () => {
  const store = new PeerStore();
  for (let i = 0; i < PEERS_MAX; i++) {
    assert.equal(store.isFull(hash(1)), false);
    assert.equal(store.add(hash(1), peer(i), LEECHER, i === 0 ? 0 : 60_000), true);
  }
  assert.equal(store.isFull(hash(1)), true);
  assert.equal(store.isFull(hash(2)), false);
  assert.equal(store.add(hash(1), peer(PEERS_MAX), LEECHER, 60_000), false);
  assert.equal(store.add(hash(1), peer(5), SEED, 60_000), true, 'who is there may renew');
  assert.equal(store.add(hash(1), peer(PEERS_MAX), LEECHER, LIMITS.dhtPeerLifetimeMs + 1000), true);
  assert.equal(hostsOf(store, hash(1), LIMITS.dhtPeerLifetimeMs + 1000).length, PEERS_MAX);
});

test('when there are too many torrents, the least popular gives way, and of several the farthest', () => {
  const ownId = hash(0);
  const store = new PeerStore(() => [ownId]);
  // All close to us but one, which has two peers, and one of one peer.
  for (let i = 2; i < HASHES_MAX; i++) store.add(hash(0x0100, i), peer(i), LEECHER, 0);
  store.add(hash(0xff00), peer(1), LEECHER, 0);
  store.add(hash(0xff00), peer(2), LEECHER, 0);
  store.add(hash(0x8000), peer(3), LEECHER, 0);
  assert.equal(store.size, HASHES_MAX);

  assert.equal(store.add(hash(0xc000), peer(4), LEECHER, 0), false, 'no closer than what would have to go');
  assert.equal(store.add(hash(0x0001), peer(4), LEECHER, 0), true);
  assert.equal(store.size, HASHES_MAX);
  assert.deepEqual(hostsOf(store, hash(0x8000), 0), []);
  assert.equal(hostsOf(store, hash(0xff00), 0).length, 2);
  assert.deepEqual(hostsOf(store, hash(0x0001), 0), [addressKey(peer(4))]);
});

test('a flood of new torrents that are close to us does not displace those that have peers', () => {
  const ownId = hash(0);
  const store = new PeerStore(() => [ownId]);
  for (let i = 0; i < HASHES_MAX; i++) for (const j of [1, 2]) store.add(hash(0x8000, i), peer(j), LEECHER, 0);
  for (let i = 0; i < 100; i++) store.add(hash(0x0100 >>> (i % 9), i), peer(3), LEECHER, 0);
  let kept = 0;
  for (let i = 0; i < HASHES_MAX; i++) if (hostsOf(store, hash(0x8000, i), 0).length === 2) kept++;
  assert.equal(kept, HASHES_MAX - 1);
  assert.equal(store.size, HASHES_MAX);
});

test('when there are too many torrents, forgotten ones go first', () => {
  const store = new PeerStore();
  for (let i = 0; i < HASHES_MAX; i++) store.add(hash(1, i), peer(1), LEECHER, i === 9 ? 0 : 60_000);
  assert.equal(store.add(hash(2), peer(1), LEECHER, 60_000), false);
  assert.equal(store.add(hash(2), peer(1), LEECHER, LIMITS.dhtPeerLifetimeMs + 1000), true);
  assert.equal(store.size, HASHES_MAX);
});

test('a scrape tells seeds and peers of one family, as they are now', () => {
  const store = new PeerStore();
  assert.equal(store.scrape(hash(1), 4, 0), null);
  const expected = (seeds: number[], peers: number[]): { seeds: Uint8Array; peers: Uint8Array } => {
    const filters = [seeds, peers].map((indices) => {
      const filter = new BloomFilter();
      for (const i of indices) filter.add(parseIp(peer(i).host)!);
      return filter.bytes;
    });
    return { seeds: filters[0]!, peers: filters[1]! };
  };
  store.add(hash(1), peer(1), SEED, 0);
  store.add(hash(1), peer(2), LEECHER, 60_000);
  assert.deepEqual(store.scrape(hash(1), 4, 0), expected([1], [2]));
  assert.equal(store.scrape(hash(1), 6, 0), null);
  store.add(hash(1), peer(3), LEECHER, 60_000);
  assert.deepEqual(store.scrape(hash(1), 4, 60_000), expected([1], [2, 3]));
  store.add(hash(1), peer(2), SEED, 60_000);
  assert.deepEqual(store.scrape(hash(1), 4, 60_000), expected([1, 2], [3]));
  assert.deepEqual(store.scrape(hash(1), 4, LIMITS.dhtPeerLifetimeMs + 1000), expected([2], [3]));
  assert.equal(store.scrape(hash(1), 4, 2 * LIMITS.dhtPeerLifetimeMs), null);
});

test('a sample names torrents that have peers, none twice, and how many there are', () => {
  const store = new PeerStore();
  const random = new SeededRandom(3);
  assert.deepEqual(store.sample(20, random, 0), { hashes: new Uint8Array(0), count: 0 });
  for (let i = 0; i < 50; i++) store.add(hash(i), peer(1), LEECHER, i < 10 ? 0 : 60_000);
  const namesOf = (hashes: Uint8Array): Set<string> =>
    new Set(Array.from({ length: hashes.length / 20 }, (_, i) => toHex(hashes.subarray(20 * i, 20 * i + 20))));
  const all = store.sample(100, random, 0);
  assert.equal(all.count, 50);
  assert.equal(namesOf(all.hashes).size, 50);
  const seen = new Set<string>();
  for (let round = 0; round < 200; round++) {
    const { hashes, count } = store.sample(20, random, LIMITS.dhtPeerLifetimeMs + 1000);
    assert.equal(count, 40);
    const names = namesOf(hashes);
    assert.equal(names.size, 20);
    for (const name of names) seen.add(name);
  }
  assert.equal(seen.size, 40);
});

test('whatever is announced and forgotten, the store is what a plain table would be', () => {
  const anAnnounce = fc.record({
    hash: fc.nat(3),
    host: fc.oneof(
      fc.nat(30).map((i) => `198.18.0.${i}`),
      fc.nat(10).map((i) => `2001:db8::${i + 1}`),
    ),
    port: fc.integer({ min: 1, max: 4 }),
    isSeed: fc.boolean(),
    // Whole seconds: the store does not keep more.
    pauseSeconds: fc.nat(600),
  });
  fc.assert(
    fc.property(fc.array(anAnnounce, { maxLength: 80, size: 'max' }), (announces) => {
      const store = new PeerStore();
      const model = new Map<string, { hash: number; address: Address; isSeed: boolean; at: number }>();
      let now = 0;
      for (const { hash: index, host, port, isSeed, pauseSeconds } of announces) {
        now += 1000 * pauseSeconds;
        const address = makeAddress(host, port)!;
        assert.equal(store.add(hash(index), address, { isSeed }, now), true);
        model.set(`${index} ${host}`, { hash: index, address, isSeed, at: now });
        for (const [key, { at }] of model) if (at < now - LIMITS.dhtPeerLifetimeMs) model.delete(key);
        const expected = (noSeeds: boolean): string[] =>
          [...model.values()]
            .filter((entry) => entry.hash === index && !(noSeeds && entry.isSeed))
            .map((entry) => addressKey(entry.address))
            .sort();
        assert.deepEqual(hostsOf(store, hash(index), now), expected(false));
        assert.deepEqual(hostsOf(store, hash(index), now, true), expected(true));
      }
      store.expire(now);
      assert.equal(store.size, new Set([...model.values()].map((entry) => entry.hash)).size);
    }),
    { numRuns: 50 },
  );
});
