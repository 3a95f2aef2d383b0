/**
 * Candidates against a plain table, under random peers, trackers and strangers: bounded, one entry an endpoint, nobody
 * dialled who is in use, banned, given up or too early. A seed in the test's name replays it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressKey, makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { type CandidateSource, Candidates } from './candidates.js';

const SOURCES: readonly CandidateSource[] = ['user', 'magnet', 'incoming', 'resume', 'tracker', 'dht', 'pex'];
const MAX = 30;
/** More endpoints than there are places. */
const ENDPOINTS: readonly Address[] = Array.from({ length: 60 }, (_, i) => makeAddress(`12.0.0.${i}`, 6881)!);
/** What ended is not dialled again sooner. */
const RETRY_MIN_MS = 5000;

interface Entry {
  state: 'idle' | 'dialling' | 'connected' | 'banned';
  failures: number;
  isNamed: boolean;
  /** When it failed, or a connection ended; -Infinity = neither, or we let it go. */
  endedAtMs: number;
}

class Model {
  readonly random: SeededRandom;
  readonly candidates = new Candidates({ max: MAX });
  /** What is known of each endpoint; some of these the candidates may have forgotten. */
  readonly entries = new Map<string, Entry>();
  now = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  step(): void {
    const { random } = this;
    this.now += randomBelow(random, randomBelow(random, 20) === 0 ? 900_000 : 5000);
    const address = ENDPOINTS[randomBelow(random, ENDPOINTS.length)]!;
    const action = randomBelow(random, 100);
    if (action < 25) this.#add(address);
    else if (action < 60) this.#dial();
    else if (action < 98) this.#end();
    else this.#ban(address);
    this.check();
  }

  check(): void {
    assert.ok(this.candidates.count <= MAX);
    let inUse = 0;
    this.candidates.forEachInUse((address, state) => {
      inUse++;
      assert.equal(this.entries.get(addressKey(address))!.state, state);
    });
    let expected = 0;
    for (const { state } of this.entries.values()) if (state === 'dialling' || state === 'connected') expected++;
    assert.equal(inUse, expected, 'who is in use is not forgotten');
    const next = this.candidates.next(this.now);
    assert.equal(next !== null, this.candidates.nextRetryAt() <= this.now, 'nextRetryAt says when next has something');
    if (next !== null) this.#checkNext(next.address);
  }

  #checkNext(address: Address): void {
    const { state, failures, isNamed, endedAtMs } = this.#entry(address);
    assert.equal(state, 'idle');
    assert.ok(isNamed || failures < LIMITS.dialAttemptsMax, 'it was given up');
    assert.ok(this.now >= endedAtMs + RETRY_MIN_MS, 'it failed just now');
    if (failures > 1) assert.ok(this.now >= endedAtMs + 60_000 * Math.min(failures, 10), 'it failed often');
  }

  #add(address: Address): void {
    const source = SOURCES[randomBelow(this.random, SOURCES.length)]!;
    const wasKnown = this.candidates.isKnown(address);
    const isKnown = this.candidates.add(address, source);
    assert.equal(isKnown, this.candidates.isKnown(address));
    assert.ok(isKnown || !wasKnown, 'hearing of it again does not make it forgotten');
    this.#forgetLost();
    if (!isKnown) return;
    const entry = this.#entry(address);
    if (source === 'user') entry.isNamed = true;
    if (wasKnown && (source === 'user' || source === 'tracker')) entry.failures = Math.max(0, entry.failures - 1);
  }

  #dial(): void {
    const next = this.candidates.next(this.now);
    if (next === null) return;
    this.candidates.onDialled(next.address, this.now);
    this.#entry(next.address).state = 'dialling';
  }

  /** Something becomes of somebody who is dialled or connected. */
  #end(): void {
    const busy = ENDPOINTS.filter((address) => {
      const state = this.entries.get(addressKey(address))?.state;
      return state === 'dialling' || state === 'connected';
    });
    if (busy.length === 0) return;
    const address = busy[randomBelow(this.random, busy.length)]!;
    const entry = this.#entry(address);
    const action = randomBelow(this.random, 5);
    if (action === 0 && entry.state === 'dialling') {
      this.candidates.onConnected(address);
      entry.state = 'connected';
      return;
    }
    const failuresBefore = entry.failures;
    entry.state = 'idle';
    entry.endedAtMs = this.now;
    if (action === 1) {
      this.candidates.onReleased(address);
      entry.endedAtMs = Number.NEGATIVE_INFINITY;
    } else if (action === 2) {
      this.candidates.onClosed(address, this.now);
      // It may have been too short to count as one; then it failed.
      entry.failures = 0;
    } else {
      if (action === 3) this.candidates.onUseless(address, this.now);
      else this.candidates.onFailed(address, this.now);
      entry.failures = failuresBefore + 1;
    }
  }

  #ban(address: Address): void {
    this.candidates.ban(address);
    assert.ok(this.candidates.isBanned(address) || !this.candidates.isKnown(address), 'no place, and none to be had');
    this.#forgetLost();
    if (this.candidates.isKnown(address)) this.#entry(address).state = 'banned';
  }

  #entry(address: Address): Entry {
    const key = addressKey(address);
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = { state: 'idle', failures: 0, isNamed: false, endedAtMs: Number.NEGATIVE_INFINITY };
      this.entries.set(key, entry);
    }
    return entry;
  }

  /** Somebody had to go for a newcomer: never one in use. */
  #forgetLost(): void {
    for (const address of ENDPOINTS) {
      const entry = this.entries.get(addressKey(address));
      if (entry === undefined || this.candidates.isKnown(address)) continue;
      assert.ok(entry.state === 'idle' || entry.state === 'banned', `${entry.state} is forgotten`);
      this.entries.delete(addressKey(address));
    }
  }
}

for (let seed = 1; seed <= 30; seed++) {
  test(`nobody is dialled who is in use, banned, given up or too early (seed ${seed})`, () => {
    const model = new Model(seed);
    for (let step = 0; step < 3000; step++) model.step();
  });
}
