/** One lookup against nodes that are played by the test: whom it asks, when it ends and whom it believes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressKey, makeAddress, toCompact } from '../../base/address.js';
import { EMPTY_BYTES, fromLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import type { NodeContact } from './compact-nodes.js';
import { decodeKrpc, encodeKrpcResponse, type KrpcResponse } from './krpc.js';
import { Lookup, type LookupGoal, type LookupHost } from './lookup.js';
import type { LookupNode } from './lookup-candidates.js';
import { NODE_ID_BYTES } from './node-id.js';
import type { OutstandingQuery, QueryListener } from './transactions.js';

const TARGET = new Uint8Array(NODE_ID_BYTES);

/** The smaller `distance`, the closer to the target. Local, so that its id belongs to its address. */
function node(distance: number, host = `10.0.${distance >>> 8}.${distance & 255}`): NodeContact {
  const id = new Uint8Array(NODE_ID_BYTES);
  id[0] = distance >>> 8;
  id[1] = distance;
  return { id, address: makeAddress(host, 6881)! };
}

class Scene implements LookupHost, LookupGoal {
  readonly family = 4;
  readonly method = 'get_peers';
  readonly args = {};
  readonly allowSameIp: boolean;
  bits = Number.POSITIVE_INFINITY;
  starting: NodeContact[] = [];
  wellKnown: Address[] = [];
  /** What is asked and not answered yet. */
  readonly open: OutstandingQuery[] = [];
  readonly asked: string[] = [];
  readonly answered: LookupNode[] = [];
  ends = 0;
  readonly lookup: Lookup;
  readonly #named = new Map<KrpcResponse, readonly NodeContact[]>();

  constructor({ allowSameIp = false } = {}) {
    this.allowSameIp = allowSameIp;
    this.lookup = new Lookup(TARGET, { host: this, goal: this, onOver: () => {} }, 0);
  }

  closest(): NodeContact[] {
    return this.starting;
  }

  bootstrap(): readonly Address[] {
    return this.wellKnown;
  }

  plausibleBits(): number {
    return this.bits;
  }

  ask(to: Address, _method: string, _args: object, listener: QueryListener): OutstandingQuery {
    const query = { transactionId: 0, to, endpoint: toCompact(to), isBootstrap: false, sentAtMs: 0, listener };
    this.open.push(query);
    this.asked.push(to.host);
    return query;
  }

  askBootstrap(to: Address, method: string, args: object, listener: QueryListener): OutstandingQuery {
    return this.ask(to, method, args, listener);
  }

  nodesIn(response: KrpcResponse): NodeContact[] {
    return [...(this.#named.get(response) ?? [])];
  }

  onResponse(_response: KrpcResponse, from: LookupNode): void {
    this.answered.push(from);
  }

  onEnd(): void {
    this.ends++;
  }

  /** The answer of the node that was asked at `contact.address`. */
  answer(contact: NodeContact, named: readonly NodeContact[] = [], token = 'token'): void {
    const query = this.#take(contact.address);
    const packet = encodeKrpcResponse(EMPTY_BYTES, { id: contact.id, token: fromLatin1(token) }, EMPTY_BYTES);
    const response = decodeKrpc(packet) as KrpcResponse;
    this.#named.set(response, named);
    query.listener.onResponse(response, query, 0);
  }

  fail(contact: NodeContact): void {
    const query = this.#take(contact.address);
    query.listener.onFailure(null, query, 0);
  }

  slow(contact: NodeContact): void {
    const query = this.open.find(({ to }) => addressKey(to) === addressKey(contact.address))!;
    query.listener.onSlow?.(query, 0);
  }

  overdue(contact: NodeContact): void {
    const query = this.open.find(({ to }) => addressKey(to) === addressKey(contact.address))!;
    query.listener.onOverdue?.(query, 0);
  }

  /** Everybody who is asked answers with nothing. */
  answerAll(nodes: readonly NodeContact[]): void {
    while (this.open.length > 0 && this.ends === 0) {
      const to = this.open[0]!.to;
      this.answer(nodes.find(({ address }) => addressKey(address) === addressKey(to))!);
    }
  }

  #take(address: Address): OutstandingQuery {
    const index = this.open.findIndex(({ to }) => addressKey(to) === addressKey(address));
    assert.ok(index >= 0, `${address.host} was asked`);
    return this.open.splice(index, 1)[0]!;
  }
}

function startingFrom(nodes: readonly NodeContact[], change: (scene: Scene) => void = () => {}): Scene {
  const scene = new Scene();
  scene.starting = [...nodes];
  change(scene);
  assert.ok(scene.lookup.start(0));
  return scene;
}

test('the closest are asked first, four at a time', () => {
  const nodes = [9, 3, 7, 1, 5].map((distance) => node(distance));
  const scene = startingFrom(nodes);
  assert.deepEqual(scene.asked, ['10.0.0.1', '10.0.0.3', '10.0.0.5', '10.0.0.7']);
  scene.answer(node(1), [node(2)]);
  assert.equal(scene.asked.at(-1), '10.0.0.2');
});

test('it ends when the eight closest have answered, and asks nobody else', () => {
  const nodes = Array.from({ length: 30 }, (_, i) => node(i + 1));
  const scene = startingFrom(nodes);
  scene.answerAll(nodes);
  assert.deepEqual([scene.ends, scene.asked.length, scene.lookup.queries, scene.lookup.answers], [1, 8, 8, 8]);
  assert.deepEqual(
    scene.lookup.writableNodes().map(({ address }) => address.host),
    nodes.slice(0, 8).map(({ address }) => address.host),
  );
});

test('it ends when nobody is left, and when nobody answers', () => {
  const few = [node(1), node(2)];
  const answering = startingFrom(few);
  answering.answerAll(few);
  assert.equal(answering.ends, 1);
  const silent = startingFrom(few);
  for (const each of few) silent.fail(each);
  assert.deepEqual([silent.ends, silent.lookup.answers], [1, 0]);
});

test('with nobody to ask it cannot start, and may be started again', () => {
  const scene = new Scene();
  assert.equal(scene.lookup.start(0), false);
  scene.starting = [node(1)];
  assert.equal(scene.lookup.start(0), true);
  assert.equal(scene.open.length, 1);
});

test('for each that is slow another one is asked, and with eight answers the end does not wait until it has failed', () => {
  const nodes = Array.from({ length: 12 }, (_, i) => node(i + 1));
  const scene = startingFrom(nodes);
  scene.slow(node(1));
  assert.equal(scene.asked.length, 5);
  for (const each of nodes.slice(1, 8)) scene.answer(each);
  assert.equal(scene.ends, 0);
  scene.answer(nodes[8]!);
  assert.equal(scene.ends, 0);
  scene.overdue(node(1));
  assert.equal(scene.ends, 1);
  scene.answer(node(1));
  assert.deepEqual([scene.ends, scene.lookup.answers], [1, 8]);
});

test('the end waits for who is overdue while fewer than eight have answered', () => {
  const nodes = Array.from({ length: 8 }, (_, i) => node(i + 1));
  const scene = startingFrom(nodes);
  scene.slow(node(1));
  for (const each of nodes.slice(1)) scene.answer(each);
  scene.overdue(node(1));
  assert.equal(scene.ends, 0);
  scene.answer(node(1));
  assert.equal(scene.ends, 1);
});

test('well-known nodes are asked when nobody else answers, each twice at most', () => {
  const router = makeAddress('192.0.2.1', 6881)!;
  const scene = startingFrom([node(1)], (each) => {
    each.wellKnown = [router];
  });
  assert.deepEqual(scene.asked, ['10.0.0.1']);
  scene.fail(node(1));
  const asRouter = { ...node(500), address: router };
  scene.fail(asRouter);
  scene.answer(asRouter, [node(3)]);
  assert.deepEqual(scene.asked, ['10.0.0.1', '192.0.2.1', '192.0.2.1', '10.0.0.3']);
  scene.answer(node(3));
  assert.equal(scene.ends, 1);
});

test('a node that answers with another id than it was named with counts where it really is', () => {
  const liar = node(50);
  const scene = startingFrom([{ ...node(1), address: liar.address }, node(2)]);
  scene.answer(liar);
  scene.answer(node(2));
  assert.deepEqual(
    scene.lookup.writableNodes().map(({ address }) => address.host),
    ['10.0.0.2', '10.0.0.50'],
  );
});

test('one IP is asked once, and one /24 is, unless it is silent', () => {
  const scene = startingFrom([
    node(1, '20.0.0.1'),
    { id: node(2).id, address: makeAddress('20.0.0.1', 7000)! },
    node(3, '20.0.0.2'),
    node(4, '20.0.1.1'),
  ]);
  assert.deepEqual(scene.asked, ['20.0.0.1', '20.0.1.1']);
  scene.fail(node(1, '20.0.0.1'));
  assert.deepEqual(scene.asked, ['20.0.0.1', '20.0.1.1', '20.0.0.2']);
  const shared = new Scene({ allowSameIp: true });
  shared.starting = [node(1, '20.0.0.1'), { id: node(2).id, address: makeAddress('20.0.0.1', 7000)! }];
  assert.ok(shared.lookup.start(0));
  assert.equal(shared.asked.length, 2);
});

test('who names many that are not there is believed last', () => {
  const liar = node(100);
  const honest = Array.from({ length: 9 }, (_, i) => node(101 + i));
  const scene = startingFrom([liar, ...honest]);
  scene.answer(
    liar,
    Array.from({ length: 20 }, (_, i) => node(1 + i)),
  );
  for (let i = 0; i < 4; i++) scene.fail(node(1 + i));
  const ghosts = scene.asked.filter((host) => Number(host.split('.')[3]) <= 20).length;
  for (const each of honest) if (scene.open.some(({ to }) => to.host === each.address.host)) scene.answer(each);
  assert.ok(ghosts <= 7, `${ghosts} that are not there`);
});

test('nodes whose id is not of their address do not crowd out those whose id is', () => {
  const insecure = Array.from({ length: 30 }, (_, i) => node(1 + i, `20.0.${i}.1`));
  const secure = Array.from({ length: 8 }, (_, i) => node(100 + i));
  const scene = startingFrom([...insecure, ...secure]);
  scene.answerAll([...insecure, ...secure]);
  const asked = new Set(scene.asked);
  assert.ok(secure.every(({ address }) => asked.has(address.host)));
  assert.equal(scene.asked.length, 16);
  const written = scene.lookup.writableNodes();
  assert.equal(written.filter(({ isSecure }) => isSecure).length, 8);
  assert.equal(written.length, 12);
});

test('of nodes that are too close to be an accident a few are asked, and they take nobody’s place', () => {
  const tooClose = Array.from({ length: 8 }, (_, i) => node(1 + i));
  const insecure = Array.from({ length: 8 }, (_, i) => node(0x4000 + i, `20.0.${i}.1`));
  const secure = Array.from({ length: 8 }, (_, i) => node(0x5000 + i));
  const scene = startingFrom([...tooClose, ...insecure, ...secure], (each) => {
    each.bits = 10;
  });
  scene.answerAll(scene.starting);
  const { dhtLookupImplausibleMax } = LIMITS;
  assert.equal(scene.asked.length, dhtLookupImplausibleMax + 16);
  assert.deepEqual(
    scene.answered.map(({ isSecure }) => isSecure),
    [...Array(dhtLookupImplausibleMax + 8).fill(false), ...Array(8).fill(true)],
  );
});

test('a token is kept up to a length', () => {
  const scene = startingFrom([node(1), node(2)]);
  scene.answer(node(1), [], 't'.repeat(LIMITS.dhtTokenBytesMax));
  scene.answer(node(2), [], 't'.repeat(LIMITS.dhtTokenBytesMax + 1));
  assert.deepEqual(
    scene.lookup.writableNodes().map(({ address }) => address.host),
    ['10.0.0.1'],
  );
});

test('however many are named, so many are remembered and so many are asked', () => {
  let distance = 60_000;
  const scene = startingFrom([node(distance)]);
  // Each answer names others that are all closer: an endless way.
  for (let i = 0; i < 2 * LIMITS.dhtLookupQueriesMax && scene.ends === 0; i++) {
    const { to } = scene.open[0]!;
    const [, , high, low] = to.host.split('.').map(Number) as [number, number, number, number];
    const named = Array.from({ length: 2 * LIMITS.dhtLookupCandidatesMax }, () => node(--distance));
    scene.answer(node(256 * high + low), named);
  }
  assert.equal(scene.ends, 1);
  assert.equal(scene.lookup.queries, LIMITS.dhtLookupQueriesMax);
});

test('of all that are named only the closest are remembered', () => {
  const scene = startingFrom([node(1)]);
  scene.answer(
    node(1),
    Array.from({ length: 2 * LIMITS.dhtLookupCandidatesMax }, (_, i) => node(2 + i)),
  );
  while (scene.ends === 0) {
    const query = scene.open.shift()!;
    query.listener.onFailure(null, query, 0);
  }
  assert.equal(scene.asked.length, LIMITS.dhtLookupCandidatesMax);
});

test('however many claim ids next to the target that are not of their address, those whose ids are stay', () => {
  const secure = Array.from({ length: 8 }, (_, i) => node(100 + i));
  const scene = startingFrom([node(200)]);
  // More than are remembered in all, and than are of their kind.
  const crowd = Array.from({ length: LIMITS.dhtLookupCandidatesMax + LIMITS.dhtLookupInsecureMax }, (_, i) =>
    node(1 + (i % 7), `20.${i >>> 8}.${i & 255}.1`),
  );
  scene.answer(node(200), [...secure, ...crowd]);
  while (scene.ends === 0) {
    const query = scene.open[0]!;
    const asked = [...secure, ...crowd].find(({ address }) => address.host === query.to.host)!;
    if (secure.includes(asked)) scene.answer(asked);
    else scene.fail(asked);
  }
  for (const { address } of secure) assert.ok(scene.asked.includes(address.host), address.host);
  const crowdAsked = scene.asked.filter((host) => host.startsWith('20.'));
  assert.ok(crowdAsked.length <= 7, `${crowdAsked.length} that are not there were asked: four, and three at that time`);
});

test('of nodes whose id is not of their address many may be gone, as long as others are there', () => {
  const insecure = Array.from({ length: 12 }, (_, i) => node(1 + i, `20.0.${i}.1`));
  const secure = node(200);
  const scene = startingFrom([secure]);
  scene.answer(secure, insecure);
  for (let i = 0; scene.ends === 0; i++) {
    const asked = insecure.find(({ address }) => address.host === scene.open[0]!.to.host)!;
    if (i % 2 === 0) scene.answer(asked);
    else scene.fail(asked);
  }
  assert.equal(scene.asked.length, 1 + insecure.length);
});

test('who does not know the size of the network asks a few that are far closer than who has proven its id, until others are', () => {
  const far = node(0x4000);
  const claims = Array.from({ length: 6 }, (_, i) => node(1 + i, `20.0.${i}.1`));
  const near = node(40);
  const scene = startingFrom([far]);
  scene.answer(far, [...claims, near]);
  const { dhtLookupImplausibleMax } = LIMITS;
  assert.deepEqual(
    scene.asked.slice(1),
    [...claims.slice(0, dhtLookupImplausibleMax), near].map(({ address }) => address.host),
  );
  scene.answer(near);
  // 10 bits and 13 to 15: those may well be there.
  assert.ok(scene.asked.length > 2 + dhtLookupImplausibleMax);
  scene.answerAll([...claims, near]);
  assert.equal(scene.asked.length, 8);
});

test('who began with liars alone, of whom the table is rid now, asks whom else it knows', () => {
  const liars = Array.from({ length: 16 }, (_, i) => node(1 + i));
  const honest = Array.from({ length: 8 }, (_, i) => node(500 + i));
  const scene = startingFrom(liars);
  while (scene.open.length > 0) {
    const query = scene.open.shift()!;
    if (scene.open.length === 0) scene.starting = honest;
    query.listener.onFailure(null, query, 0);
  }
  assert.equal(scene.ends, 1);
  for (const { address } of honest) assert.ok(scene.asked.includes(address.host), address.host);
});

test('a lookup that is cancelled asks nobody, and tells nothing', () => {
  const scene = startingFrom([node(1), node(2)]);
  scene.lookup.cancel();
  scene.answer(node(1), [node(3)]);
  scene.fail(node(2));
  assert.deepEqual([scene.asked.length, scene.answered.length, scene.ends], [2, 0, 0]);
});
