import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, makeAddress, toCompact } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { TimerQueue } from '../../base/timer-queue.js';
import { type OutstandingQuery, type QueryListener, Transactions, transactionIdBytes } from './transactions.js';

const ALICE = makeAddress('192.0.2.1', 6881)!;
const BOB = makeAddress('192.0.2.1', 6882)!;

class Scene implements QueryListener {
  readonly timers = new TimerQueue();
  readonly timedOut: OutstandingQuery[] = [];
  readonly transactions = new Transactions(new SeededRandom(1), this.timers, (query) => this.timedOut.push(query));
  readonly heard: string[] = [];

  ask(to: Address, now: number, rttMs = 0): OutstandingQuery {
    return this.transactions.open({ to, endpoint: toCompact(to), isBootstrap: false, rttMs }, this, now);
  }

  onResponse(): void {
    this.heard.push('response');
  }

  onSlow(): void {
    this.heard.push('slow');
  }

  onFailure(): void {
    this.heard.push('failure');
  }
}

test('an answer counts once, with the id and from the endpoint that was asked', () => {
  const { transactions, ask } = bound(new Scene());
  const query = ask(ALICE, 0);
  const id = transactionIdBytes(query.transactionId);
  assert.equal(transactions.close(id, BOB, 10), null, 'another port');
  assert.equal(transactions.close(id, makeAddress('192.0.2.2', 6881)!, 10), null, 'another host');
  assert.equal(transactions.close(Uint8Array.of(...id, 0), ALICE, 10), null, 'another id');
  assert.equal(transactions.close(id, ALICE, 10), query);
  assert.equal(transactions.close(id, ALICE, 10), null, 'again');
});

test('a query is slow first, and then it has failed', () => {
  const scene = new Scene();
  scene.ask(ALICE, 0);
  scene.timers.advance(999);
  assert.deepEqual(scene.heard, []);
  scene.timers.advance(1000);
  assert.deepEqual(scene.heard, ['slow']);
  scene.timers.advance(6000);
  assert.deepEqual(scene.heard, ['slow', 'failure']);
  assert.equal(scene.timedOut.length, 1);
  assert.equal(scene.transactions.outstanding, 0);
  assert.equal(scene.timers.nextDeadline, Number.POSITIVE_INFINITY);
});

test('where others answer within tenths of a second nobody is waited for any longer than need be', () => {
  const scene = new Scene();
  for (let i = 0; i < 50; i++) {
    const { transactionId } = scene.ask(ALICE, 1000 * i);
    scene.transactions.close(transactionIdBytes(transactionId), ALICE, 1000 * i + 50 + (i % 10));
  }
  scene.ask(BOB, 100_000);
  scene.timers.advance(100_200);
  assert.deepEqual(scene.heard, ['slow']);
  scene.timers.advance(101_000);
  assert.deepEqual(scene.heard, ['slow', 'failure']);
});

test('a node that is known to be fast is slow sooner', () => {
  const scene = new Scene();
  scene.ask(ALICE, 0, 100);
  scene.timers.advance(350);
  assert.deepEqual(scene.heard, ['slow']);
});

test('a query that is cancelled is heard of no more, and with the socket all others have failed', () => {
  const scene = new Scene();
  scene.transactions.cancel(scene.ask(ALICE, 0));
  scene.ask(BOB, 0);
  scene.ask(BOB, 0);
  scene.transactions.failAll(0);
  scene.timers.advance(10_000);
  assert.deepEqual(scene.heard, ['failure', 'failure']);
  assert.equal(scene.timedOut.length, 0, 'nobody is to blame');
  assert.equal(scene.transactions.outstanding, 0);
});

test('so many queries are outstanding at once, each with an id of its own', () => {
  const scene = new Scene();
  const ids = new Set<number>();
  while (scene.transactions.hasRoom) ids.add(scene.ask(ALICE, 0).transactionId);
  assert.equal(scene.transactions.outstanding, LIMITS.dhtQueriesOutstandingMax);
  assert.equal(ids.size, LIMITS.dhtQueriesOutstandingMax);
});

function bound(scene: Scene): { transactions: Transactions; ask: (to: Address, now: number) => OutstandingQuery } {
  return { transactions: scene.transactions, ask: (to, now) => scene.ask(to, now) };
}
