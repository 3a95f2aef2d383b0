import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, makeAddress, parseIp, toCompact } from '../../base/address.js';
import { toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { decodeNodes, type NodeContact } from './compact-nodes.js';
import { commonPrefixBits, compareDistance, makeNodeId, NODE_ID_BYTES } from './node-id.js';
import { BUCKET_NODES, RoutingTable, randomIdInBucket } from './routing-table.js';

const MINUTE_MS = 60_000;
const CHECKED = { afterMs: 10 * MINUTE_MS };
const OWN_ID = new Uint8Array(NODE_ID_BYTES);
const random = new SeededRandom(160);

function table(options: { readonly allowSameIp?: boolean } = {}): RoutingTable {
  return new RoutingTable({ id: OWN_ID, family: 4, allowSameIp: options.allowSameIp ?? false });
}

/** Every one in a /24 of its own. */
function address(index: number): Address {
  return makeAddress(`${11 + (index >>> 16)}.${(index >>> 8) & 255}.${index & 255}.1`, 6881)!;
}

/** In the bucket of ids that share so many bits with ours. */
function contact(bucket: number, index: number): NodeContact {
  return { id: randomIdInBucket(OWN_ID, bucket, random), address: address(index) };
}

function answer(into: RoutingTable, { id, address: at }: NodeContact, now = 0, rttMs = 50): boolean {
  return into.onAnswer(id, toCompact(at), rttMs, now);
}

function fail(into: RoutingTable, { address: at }: NodeContact, times: number): void {
  for (let i = 0; i < times; i++) into.onFailure(toCompact(at));
}

function hosts(contacts: readonly NodeContact[]): string[] {
  return contacts.map(({ address: { host } }) => host);
}

test('the nodes closest to a target are found, closest first', () => {
  const routing = table();
  const known = Array.from({ length: 60 }, (_, i) => contact(i % 6, i));
  for (const each of known) answer(routing, each);
  const target = contact(3, 0).id;
  const inTable = known.filter(({ address: at }) => routing.has(toCompact(at)));
  const expected = inTable.sort((a, b) => compareDistance(target, a.id, b.id)).slice(0, BUCKET_NODES);
  const live = new Set(hosts(routing.contacts(0)));
  assert.deepEqual(
    hosts(routing.closest(target, BUCKET_NODES, 0)),
    hosts(expected.filter(({ address: { host } }) => live.has(host))),
  );
  assert.deepEqual(
    hosts(decodeNodes(routing.closestCompact(target, 0), 4, address(1))),
    hosts(routing.closest(target, BUCKET_NODES, 0)),
  );
});

test('the first buckets are larger, and each other has eight places', () => {
  for (const [bucket, capacity] of [
    [0, 128],
    [1, 64],
    [2, 32],
    [3, 16],
    [4, 8],
    [20, 8],
  ] as const) {
    const routing = table();
    for (let i = 0; i < 200; i++) answer(routing, contact(bucket, i));
    assert.equal(routing.size, capacity);
    routing.verify();
  }
});

test('a whole table has an end, whatever ids there are', () => {
  const routing = table();
  for (let i = 0; i < 160 * 130; i++) answer(routing, contact(i % 160, i));
  const rows = routing.contacts(0).length;
  assert.ok(rows > 0.8 * LIMITS.dhtTableNodesMax && rows <= LIMITS.dhtTableNodesMax, `${rows} nodes`);
  routing.verify();
});

test('we are not in our own table', () => {
  const routing = table();
  assert.equal(answer(routing, { id: OWN_ID, address: address(1) }), true);
  assert.equal(routing.size, 0);
});

test('an endpoint that answers with another id loses its place', () => {
  const routing = table();
  const node = contact(0, 1);
  answer(routing, node);
  const other = contact(0, 1);
  assert.equal(routing.contradicts(other.id, toCompact(node.address)), true);
  assert.equal(answer(routing, other), false);
  assert.equal(routing.size, 0);
});

test('an id that answers from another endpoint gets no place while the first one answers', () => {
  const routing = table();
  const node = contact(0, 1);
  answer(routing, node);
  const thief = { id: node.id, address: address(2) };
  answer(routing, thief);
  assert.deepEqual(hosts(routing.contacts(0)), hosts([node]));
  fail(routing, node, 1);
  answer(routing, thief);
  assert.deepEqual(hosts(routing.contacts(0)), hosts([thief]));
});

test('one IP has one place, and one /24 has one in each bucket', () => {
  const routing = table();
  answer(routing, { ...contact(0, 1), address: makeAddress('20.0.0.1', 1)! });
  answer(routing, { ...contact(1, 1), address: makeAddress('20.0.0.1', 2)! });
  assert.equal(routing.size, 1);
  answer(routing, { ...contact(0, 1), address: makeAddress('20.0.0.2', 1)! });
  assert.equal(routing.size, 1);
  answer(routing, { ...contact(1, 1), address: makeAddress('20.0.0.2', 1)! });
  answer(routing, { ...contact(0, 1), address: makeAddress('20.0.1.1', 1)! });
  assert.equal(routing.size, 3);
  routing.verify();
});

test('neighbours in a local network are one node each, and with allowSameIp those behind one IP are too', () => {
  const local = table();
  for (let i = 1; i <= 5; i++) answer(local, { ...contact(0, 1), address: makeAddress(`127.0.0.${i}`, 6881)! });
  answer(local, { ...contact(0, 1), address: makeAddress('127.0.0.1', 7000)! });
  assert.equal(local.size, 5);
  const shared = table({ allowSameIp: true });
  for (let i = 1; i <= 5; i++) answer(shared, { ...contact(0, 1), address: makeAddress('127.0.0.1', 6880 + i)! });
  assert.equal(shared.size, 5);
  local.verify();
  shared.verify();
});

test('a node of a full bucket that does not answer gives way to one that waits', () => {
  const routing = table();
  const nodes = Array.from({ length: 9 }, (_, i) => contact(5, i));
  for (const each of nodes) answer(routing, each, 0, 50);
  const waiting = nodes.find(({ address: at }) => !hosts(routing.contacts(0)).includes(at.host))!;
  const leaving = nodes.find((node) => node !== waiting)!;
  fail(routing, leaving, 1);
  assert.equal(routing.size, BUCKET_NODES);
  fail(routing, leaving, 1);
  assert.equal(routing.size, BUCKET_NODES);
  assert.ok(hosts(routing.contacts(0)).includes(waiting.address.host));
  routing.verify();
});

test('a node that nobody waits to replace may fail a few times', () => {
  const routing = table();
  const node = contact(5, 1);
  answer(routing, node);
  fail(routing, node, 2);
  assert.equal(routing.size, 1);
  answer(routing, node);
  fail(routing, node, 2);
  assert.equal(routing.size, 1);
  fail(routing, node, 1);
  assert.equal(routing.size, 0);
});

test('a node is good for a quarter of an hour after it was heard, and others are named only where there are too few', () => {
  const routing = table();
  const old = contact(2, 1);
  const fresh = contact(2, 2);
  const asking = contact(2, 3);
  for (const each of [old, asking]) answer(routing, each, 0);
  answer(routing, fresh, 16 * MINUTE_MS);
  routing.onQuery(toCompact(asking.address), 16 * MINUTE_MS);
  assert.equal(routing.goodCount(16 * MINUTE_MS), 2);
  assert.deepEqual([routing.hasGood(16 * MINUTE_MS), routing.hasGood(32 * MINUTE_MS)], [true, false]);
  const named = hosts(routing.closest(old.id, BUCKET_NODES, 16 * MINUTE_MS));
  assert.deepEqual([named.length, named[2]], [3, old.address.host]);
  assert.ok(!hosts(routing.closest(old.id, 2, 16 * MINUTE_MS)).includes(old.address.host));
});

test('of the nodes the one that was silent for longest is checked first', () => {
  const routing = table();
  assert.equal(routing.nextToCheck(0, CHECKED), null);
  const nodes = [contact(0, 1), contact(1, 2), contact(2, 3)];
  for (const [i, each] of nodes.entries()) answer(routing, each, i * MINUTE_MS);
  const now = 10 * MINUTE_MS;
  const first = routing.nextToCheck(now, CHECKED)!;
  assert.deepEqual([first.contact.address.host, first.bucket], [nodes[0]!.address.host, 0]);
  routing.onCheck(toCompact(nodes[0]!.address), now);
  assert.equal(routing.nextToCheck(now, CHECKED), null);
  assert.equal(routing.nextToCheck(now + MINUTE_MS, CHECKED)!.contact.address.host, nodes[1]!.address.host);
});

test('who asks us needs no check, until it has not answered for a quarter of an hour longer', () => {
  const routing = table();
  const node = contact(0, 1);
  answer(routing, node);
  const isDue = (now: number): boolean => routing.nextToCheck(now, CHECKED) !== null;
  routing.onQuery(toCompact(node.address), 9 * MINUTE_MS);
  assert.deepEqual([isDue(18 * MINUTE_MS), isDue(19 * MINUTE_MS)], [false, true]);
  routing.onQuery(toCompact(node.address), 24 * MINUTE_MS);
  assert.deepEqual([isDue(24 * MINUTE_MS), isDue(25 * MINUTE_MS)], [false, true]);
});

test('who has failed, or has answered only because it had just asked us, is checked sooner', () => {
  const routing = table();
  const [old, failing, calling] = [contact(0, 1), contact(1, 2), contact(2, 3)];
  for (const each of [old, failing, calling]) answer(routing, each);
  const nextHost = (): string | undefined => routing.nextToCheck(2 * MINUTE_MS, CHECKED)?.contact.address.host;
  assert.equal(nextHost(), undefined);
  fail(routing, failing, 1);
  assert.equal(nextHost(), failing.address.host);
  answer(routing, failing);
  routing.onAnswerToCaller(toCompact(calling.address));
  assert.equal(nextHost(), calling.address.host);
  answer(routing, calling);
  assert.equal(nextHost(), undefined);
});

test('an id that belongs to its address takes the place of one that does not', () => {
  const routing = table();
  // All with ids that are not of their addresses.
  let index = 0;
  while (routing.size < 128) answer(routing, contact(0, index++));
  const secure = Array.from({ length: 2000 }, (_, i) => address(50_000 + i))
    .map((at) => ({ id: makeNodeId(parseIp(at.host), random), address: at }))
    .filter(({ id }) => commonPrefixBits(id, OWN_ID) === 0);
  for (const each of secure.slice(0, 64)) answer(routing, each);
  const kept = new Set(hosts(routing.contacts(0)));
  assert.equal(secure.slice(0, 64).filter(({ address: { host } }) => kept.has(host)).length, 64);
  assert.equal(routing.size, 128);
});

test('the size of the network follows from how near the neighbours are', () => {
  const routing = table();
  assert.equal(routing.estimateNetwork(0), 1);
  const seeded = new SeededRandom(3);
  for (let i = 0; i < 4000; i++) {
    const id = new Uint8Array(NODE_ID_BYTES);
    seeded.fill(id);
    answer(routing, { id, address: address(i) });
  }
  const estimate = routing.estimateNetwork(0);
  assert.ok(estimate > 1000 && estimate < 16_000, `${estimate} nodes`);
});

test('a random id in a bucket shares as many bits as the bucket says', () => {
  for (let bucket = 0; bucket < 160; bucket++) {
    const id = new Uint8Array(NODE_ID_BYTES);
    random.fill(id);
    assert.equal(commonPrefixBits(id, randomIdInBucket(id, bucket, random)), bucket);
  }
});

test('whatever happens to a table, its invariants hold', () => {
  const events = fc.array(
    fc.record({
      kind: fc.constantFrom('answer', 'answer', 'answer', 'failure', 'query', 'check'),
      seed: fc.nat(200),
      bucket: fc.nat(12),
      host: fc.nat(400),
      isLocal: fc.boolean(),
    }),
    { maxLength: 400 },
  );
  fc.assert(
    fc.property(events, fc.boolean(), (script, allowSameIp) => {
      const routing = table({ allowSameIp });
      for (const [now, { kind, seed, bucket, host, isLocal }] of script.entries()) {
        const seeded = new SeededRandom(seed);
        const ip = isLocal ? `10.0.${host >>> 6}.${host & 63}` : `30.0.${host >>> 2}.${host & 3}`;
        const node = {
          id: randomIdInBucket(OWN_ID, bucket, seeded),
          address: makeAddress(ip, 6881 + randomBelow(seeded, 2))!,
        };
        const endpoint = toCompact(node.address);
        if (kind === 'answer') answer(routing, node, 1000 * now, seed);
        else if (kind === 'failure') routing.onFailure(endpoint);
        else if (kind === 'query') routing.onQuery(endpoint, 1000 * now);
        else routing.onCheck(endpoint, 1000 * now);
      }
      routing.verify();
      const all = routing.contacts(400_000);
      assert.equal(all.length, routing.size);
      assert.equal(new Set(all.map(({ id }) => toHex(id))).size, all.length);
    }),
    { seed: 7 },
  );
});
