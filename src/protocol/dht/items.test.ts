/** Items (BEP 44), scrapes (BEP 33) and samples (BEP 51), as who asks for them sees it: on a network of thirty nodes. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Address, addressKey } from '../../base/address.js';
import { fromUtf8, toHex } from '../../base/bytes.js';
import { sha1 } from '../../base/crypto.js';
import { encodeBencode } from '../../format/bencode.js';
import { type MutableItem, signItem } from './item.js';
import type { FoundMutable, ItemSummary, LookupSummary, PutSummary, ScrapeSummary } from './operations.js';
import { DhtNetwork, type TestDht } from './testing/dht-network.js';

const SEED = sha1(fromUtf8('a private key')).slice(0, 16);
const PRIVATE_KEY = new Uint8Array([...SEED, ...SEED]);
const SALT = fromUtf8('salt');

let network: DhtNetwork;
let dhts: TestDht[];

before(() => {
  network = new DhtNetwork({ seed: 44 });
  dhts = network.addMany(30);
  network.run(60_000);
});

/** Runs until `start` has its answer. */
function ask<T>(by: TestDht, start: (dht: TestDht['dht'], now: number, done: (result: T) => void) => void): T {
  let result: { readonly value: T } | null = null;
  by.do((dht, now) =>
    start(dht, now, (value) => {
      assert.equal(result, null, 'an end is told once');
      result = { value };
    }),
  );
  assert.ok(network.run(60_000, () => result !== null));
  return result!.value;
}

function itemOf(sequence: bigint, text: string): MutableItem {
  return signItem(PRIVATE_KEY, { salt: SALT, sequence, value: encodeBencode(text) });
}

function putMutable(by: TestDht, item: MutableItem, cas: bigint | null = null): PutSummary {
  return ask<PutSummary>(by, (dht, now, done) => dht.putMutable(item, cas, { onDone: done }, now));
}

function getMutable(by: TestDht): { found: FoundMutable | null; summary: ItemSummary; versions: bigint[] } {
  const versions: bigint[] = [];
  const { publicKey, salt } = itemOf(1n, '');
  return ask(by, (dht, now, done) =>
    dht.getMutable(
      { publicKey, salt },
      {
        onVersion: ({ sequence }) => versions.push(sequence),
        onDone: (found, summary) => done({ found, summary, versions }),
      },
      now,
    ),
  );
}

function getItem(by: TestDht, target: Uint8Array): { value: Uint8Array | null; summary: ItemSummary } {
  return ask(by, (dht, now, done) =>
    dht.getItem(target, { onDone: (value, summary) => done({ value, summary }) }, now),
  );
}

test('what one puts another gets', () => {
  const value = encodeBencode(['Hello', 'World!']);
  const { stored, refusal } = ask<PutSummary>(dhts[3]!, (dht, now, done) =>
    dht.putImmutable(value, { onDone: done }, now),
  );
  assert.ok(stored >= 8, `${stored} nodes`);
  assert.equal(refusal, 0);
  // One that does not keep it itself.
  const reader = dhts.find(({ dht }) => dht.stats(network.now).storedItems === 0)!;
  const found = getItem(reader, sha1(value));
  assert.deepEqual(found.value, value);
  assert.ok(found.summary.copies >= 1);
});

test('what nobody has put is found nowhere', () => {
  const { value, summary } = getItem(dhts[5]!, sha1(fromUtf8('nothing')));
  assert.equal(value, null);
  assert.equal(summary.copies, 0);
  assert.ok(summary.answers >= 8);
});

test('a value that no node would take is refused with the code of the specification, and nothing is sent', () => {
  const sent = network.packets;
  const put = (value: Uint8Array): PutSummary =>
    ask<PutSummary>(dhts[3]!, (dht, now, done) => dht.putImmutable(value, { onDone: done }, now));
  assert.equal(put(encodeBencode(new Uint8Array(1000))).refusal, 205);
  assert.equal(put(fromUtf8('not bencode')).refusal, 203);
  const item = itemOf(1n, 'signed');
  const forged = { ...item, value: encodeBencode('forged') };
  assert.equal(putMutable(dhts[3]!, forged).refusal, 206);
  assert.equal(network.packets, sent);
});

test('of the versions of a mutable item the newest is found', () => {
  assert.ok(putMutable(dhts[1]!, itemOf(1n, 'one')).stored >= 8);
  assert.ok(putMutable(dhts[2]!, itemOf(2n, 'two')).stored >= 8);
  const { found, summary, versions } = getMutable(dhts[25]!);
  assert.deepEqual(found?.value, encodeBencode('two'));
  assert.equal(found?.sequence, 2n);
  assert.ok(summary.copies >= 7, `${summary.copies} copies`);
  assert.equal(versions.at(-1), 2n);
});

test('an older version is refused with 302, and one that expects another version with 301', () => {
  assert.deepEqual([putMutable(dhts[4]!, itemOf(1n, 'one')).refusal, getMutable(dhts[6]!).found?.sequence], [302, 2n]);
  assert.equal(putMutable(dhts[4]!, itemOf(3n, 'three'), 1n).refusal, 301);
  // Who had nothing has taken that version: it is for who writes to see it.
  const current = getMutable(dhts[4]!).found!.sequence;
  assert.equal(putMutable(dhts[4]!, itemOf(current + 1n, 'four'), current).refusal, 0);
  assert.deepEqual(getMutable(dhts[6]!).found?.value, encodeBencode('four'));
});

test('a scrape tells about how many seeds and leechers there are', () => {
  const infoHash = sha1(fromUtf8('scraped'));
  for (const [i, each] of dhts.entries()) {
    const options = { port: 7000, isImpliedPort: true, isSeed: i % 3 === 0 };
    const listener = (done: (summary: LookupSummary) => void) => ({ onPeers: () => {}, onDone: done });
    ask<LookupSummary>(each, (dht, now, done) => dht.announce(infoHash, options, listener(done), now));
  }
  const scrape = (hash: Uint8Array): ScrapeSummary =>
    ask<ScrapeSummary>(dhts[9]!, (dht, now, done) => dht.scrape(hash, { onDone: done }, now));
  const { seeds, leechers } = scrape(infoHash);
  assert.ok(Math.abs(seeds! - 10) <= 1, `${seeds} seeds`);
  assert.ok(Math.abs(leechers! - 20) <= 2, `${leechers} leechers`);
  const unknown = scrape(sha1(fromUtf8('unknown')));
  assert.deepEqual([unknown.seeds, unknown.leechers], [null, null]);
});

test('samples tell which torrents nodes keep peers of, and an index asks every node once', () => {
  const infoHash = sha1(fromUtf8('scraped'));
  const sampled = new Set<string>();
  const asked: string[] = [];
  const gather = (done: (summary: LookupSummary) => void) => ({
    onSamples: (hashes: readonly Uint8Array[], from: Address, total: number) => {
      assert.ok(total >= hashes.length);
      asked.push(addressKey(from));
      for (const hash of hashes) sampled.add(toHex(hash));
    },
    onDone: done,
  });
  ask<LookupSummary>(dhts[9]!, (dht, now, done) => dht.sampleInfohashes(infoHash, gather(done), now));
  assert.deepEqual([...sampled], [toHex(infoHash)]);
  asked.length = 0;
  ask<LookupSummary>(dhts[9]!, (dht, now, done) => dht.index(gather(done), now));
  assert.equal(new Set(asked).size, asked.length);
  assert.ok(asked.length >= 28, `${asked.length} nodes`);
});

test('a ping tells the round trip, or that nobody is there', () => {
  const ping = (to: Address): number | null =>
    ask<number | null>(dhts[2]!, (dht, now, done) => dht.ping(to, { onDone: done }, now));
  assert.ok(ping(dhts[3]!.address)! >= 20);
  assert.equal(ping({ family: 4, host: '203.0.113.1', port: 1 }), null);
  assert.equal(ping({ family: 6, host: '2001:db8::1', port: 1 }), null);
});

test('an operation that is cancelled is heard of no more', () => {
  let calls = 0;
  const count = (): void => {
    calls++;
  };
  const value = encodeBencode('cancelled');
  const { publicKey, salt } = itemOf(1n, '');
  const operations = dhts[7]!.do((dht, now) => [
    dht.getPeers(sha1(value), { onPeers: count, onDone: count }, now),
    dht.announce(sha1(value), { port: 9, isImpliedPort: false, isSeed: false }, { onPeers: count, onDone: count }, now),
    dht.getItem(sha1(value), { onDone: count }, now),
    dht.getMutable({ publicKey, salt }, { onVersion: count, onDone: count }, now),
    dht.putImmutable(value, { onDone: count }, now),
    dht.putImmutable(fromUtf8('refused'), { onDone: count }, now),
    dht.scrape(sha1(value), { onDone: count }, now),
    dht.sampleInfohashes(sha1(value), { onSamples: count, onDone: count }, now),
    dht.index({ onSamples: count, onDone: count }, now),
    dht.ping(dhts[3]!.address, { onDone: count }, now),
  ]);
  network.run(15);
  for (const operation of operations) operation.cancel();
  const before = calls;
  network.run(60_000);
  // The refused one ends with the next advance, before it can be cancelled.
  assert.deepEqual([before, calls], [1, 1]);
});
