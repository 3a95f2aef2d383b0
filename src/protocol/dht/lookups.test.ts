import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, makeAddress, toCompact } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { TimerQueue } from '../../base/timer-queue.js';
import type { NodeContact } from './compact-nodes.js';
import type { LookupGoal, LookupHost } from './lookup.js';
import { Lookups } from './lookups.js';
import { NODE_ID_BYTES } from './node-id.js';
import type { OutstandingQuery, QueryListener } from './transactions.js';

const TARGET = new Uint8Array(NODE_ID_BYTES);
const SOMEBODY: NodeContact = { id: TARGET, address: makeAddress('10.0.0.1', 6881)! };

class Scene {
  readonly timers = new TimerQueue();
  readonly open: OutstandingQuery[] = [];
  known: NodeContact[] = [];
  readonly ended: number[] = [];
  readonly lookups: Lookups;

  constructor() {
    const ask = (to: Address, _method: string, _args: object, listener: QueryListener): OutstandingQuery => {
      const query = { transactionId: 0, to, endpoint: toCompact(to), isBootstrap: false, sentAtMs: 0, listener };
      this.open.push(query);
      return query;
    };
    const host: LookupHost = {
      family: 4,
      allowSameIp: false,
      closest: () => this.known,
      bootstrap: () => [],
      plausibleBits: () => Number.POSITIVE_INFINITY,
      ask,
      askBootstrap: ask,
      nodesIn: () => [],
    };
    this.lookups = new Lookups(host, this.timers);
  }

  add(name: number, now = 0): ReturnType<Lookups['add']> {
    const goal: LookupGoal = {
      method: 'find_node',
      args: {},
      onResponse: () => {},
      onEnd: () => this.ended.push(name),
    };
    return this.lookups.add(TARGET, goal, now);
  }
}

test('so many lookups run at once, and the others in turn', () => {
  const scene = new Scene();
  scene.known = [SOMEBODY];
  const max = LIMITS.dhtLookupsMax;
  for (let i = 0; i < max + 3; i++) scene.add(i);
  assert.equal(scene.open.length, 0, 'nothing begins inside the call');
  scene.timers.advance(0);
  assert.deepEqual([scene.lookups.running, scene.open.length], [max, max]);
  const query = scene.open[0]!;
  query.listener.onFailure(null, query, 0);
  scene.timers.advance(0);
  assert.deepEqual([scene.ended, scene.open.length], [[0], max + 1]);
});

test('a lookup that finds nobody to ask waits for somebody', () => {
  const scene = new Scene();
  scene.add(1);
  scene.timers.advance(0);
  assert.equal(scene.open.length, 0);
  scene.known = [SOMEBODY];
  scene.lookups.wake(100);
  scene.timers.advance(100);
  assert.equal(scene.open.length, 1);
});

test('it waits for half a minute, and ends without a result', () => {
  const scene = new Scene();
  scene.add(1);
  scene.timers.advance(0);
  scene.timers.advance(29_999);
  assert.deepEqual(scene.ended, []);
  scene.timers.advance(30_000);
  assert.deepEqual(scene.ended, [1]);
  assert.equal(scene.timers.nextDeadline, Number.POSITIVE_INFINITY);
});

test('of more than may wait the latest end at once', () => {
  const scene = new Scene();
  const max = LIMITS.dhtLookupsWaitingMax;
  for (let i = 0; i < max + 5; i++) scene.add(i);
  scene.timers.advance(0);
  assert.equal(scene.ended.length, 5);
  assert.ok(scene.ended.every((name) => name === 0 || name > max));
});

test('a lookup that is cancelled leaves its place to another', () => {
  const scene = new Scene();
  scene.known = [SOMEBODY];
  const lookups = Array.from({ length: LIMITS.dhtLookupsMax + 1 }, (_, i) => scene.add(i));
  scene.timers.advance(0);
  lookups[0]!.cancel();
  scene.timers.advance(0);
  assert.deepEqual([scene.lookups.running, scene.ended], [LIMITS.dhtLookupsMax, []]);
});

test('all of them can be ended', () => {
  const scene = new Scene();
  scene.add(1);
  scene.add(2);
  scene.lookups.finishAll(0);
  assert.deepEqual(scene.ended, [1, 2]);
  assert.equal(scene.lookups.running, 0);
});
