/**
 * The pipeline against a plain list of what is outstanding, under random answers, delays, refusals and time-outs. Also a
 * peer at the other end of a link, slow or fast, steady or not: it is never left without work and never asked for more
 * than it may be. A seed in the test's name replays it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { RequestPipeline, WITHDRAWN_MAX, WITHDRAWN_MS } from './request-pipeline.js';

const BLOCK = LIMITS.blockBytes;
const PIECES = 5;
const BLOCKS = 40;
/** No time-out is longer. */
const TIMEOUT_MAX_MS = 60_000;

interface Request {
  readonly piece: number;
  readonly block: number;
  readonly atMs: number;
}

const isSame = (a: Request, piece: number, block: number): boolean => a.piece === piece && a.block === block;

class Model {
  readonly random: SeededRandom;
  readonly max: number;
  readonly pipeline: RequestPipeline;
  limit: number;
  now = 0;
  outstanding: Request[] = [];
  /** In the order withdrawn; `atMs` is when. */
  withdrawn: Request[] = [];
  arriving: Request | null = null;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.max = 2 + randomBelow(this.random, 60);
    this.limit = this.max;
    this.pipeline = new RequestPipeline({ maxRequests: this.max, queueMs: 100 + randomBelow(this.random, 5000) });
  }

  step(): void {
    const { random, pipeline } = this;
    this.now += randomBelow(random, 10) === 0 ? randomBelow(random, 40_000) : randomBelow(random, 300);
    const [piece, block] = this.#anyBlock();
    const action = randomBelow(random, 100);
    if (action < 40) this.#fill();
    else if (action < 70) this.#answer(piece, block);
    else if (action < 76) this.#refuse(piece, block);
    else if (action < 82) this.#cancel(piece, block);
    else if (action < 85) this.#start(piece, block);
    else if (action < 87) pipeline.clearPiece(piece, this.now, (p, b) => this.#withdraw(p, b));
    else if (action < 89) this.#cancelWhere(piece);
    else if (action < 90) this.#clear();
    else if (action < 97) this.#timeOut();
    else this.#limitTo(randomBelow(random, 2 * this.max));
    this.check();
  }

  check(): void {
    const { pipeline, outstanding, now } = this;
    const seen: Request[] = [];
    pipeline.forEach((piece, block) => {
      seen.push({ piece, block, atMs: 0 });
    });
    assert.deepEqual(
      seen.map(({ piece, block }) => [piece, block]),
      outstanding.map(({ piece, block }) => [piece, block]),
      'in the order asked',
    );
    assert.equal(pipeline.count, outstanding.length);
    for (const { piece, block } of outstanding) assert.ok(pipeline.has(piece, block));
    const want = pipeline.want(now);
    assert.ok(Number.isInteger(want) && want >= 0);
    assert.ok(want === 0 || outstanding.length + want <= Math.min(this.limit, this.max), 'asks for more than it may');
    if (outstanding.length === 0) assert.ok(want > 0, 'a peer that is asked for nothing is not asked at all');
    const within = pipeline.wantWithin(1000, now);
    assert.ok(within >= 0 && within <= want && (within > 0 || outstanding.length > 0));
    assert.ok(pipeline.blockMs(now) > 0 || outstanding.length === 0);
    const isAsked = outstanding.length > 0;
    assert.equal(Number.isFinite(pipeline.nextDeadline), isAsked, 'a deadline while something is outstanding');
    if (isAsked) assert.ok(pipeline.nextDeadline <= now + TIMEOUT_MAX_MS);
  }

  /** Mostly one that is outstanding. */
  #anyBlock(): [number, number] {
    const { random, outstanding } = this;
    if (outstanding.length > 0 && randomBelow(random, 4) > 0) {
      const { piece, block } = outstanding[randomBelow(random, outstanding.length)]!;
      return [piece, block];
    }
    return [randomBelow(random, PIECES), randomBelow(random, BLOCKS)];
  }

  #fill(): void {
    for (let left = this.pipeline.want(this.now); left > 0; left--) {
      const piece = randomBelow(this.random, PIECES);
      const block = randomBelow(this.random, BLOCKS);
      if (this.outstanding.some((request) => isSame(request, piece, block))) continue;
      this.pipeline.add(piece, block, this.now);
      this.outstanding.push({ piece, block, atMs: this.now });
    }
  }

  #answer(piece: number, block: number): void {
    const { pipeline, now } = this;
    const bytesBefore = pipeline.totalBytes;
    const answer = pipeline.onBlock(piece, block, BLOCK, now);
    this.arriving = null;
    if (this.#forget(piece, block)) {
      assert.equal(answer, 'requested');
      assert.equal(pipeline.isSnubbed, false, 'it answers');
      assert.equal(pipeline.totalBytes, bytesBefore + BLOCK);
      return;
    }
    this.withdrawn = this.withdrawn.filter(({ atMs }) => now - atMs <= WITHDRAWN_MS);
    assert.equal(answer, this.#recall(piece, block) ? 'cancelled' : 'unrequested');
    assert.equal(pipeline.totalBytes, bytesBefore);
  }

  #start(piece: number, block: number): void {
    const request = this.outstanding.find((each) => isSame(each, piece, block)) ?? null;
    assert.equal(this.pipeline.startBlock(piece, block), request !== null);
    if (request !== null) this.arriving = request;
  }

  /** Of a block that was asked for twice, the request that was withdrawn is answered first. */
  #refuse(piece: number, block: number): void {
    const wasWithdrawn = this.#recall(piece, block);
    assert.equal(this.pipeline.onReject(piece, block), !wasWithdrawn && this.#forget(piece, block));
  }

  #cancel(piece: number, block: number): void {
    const wasOutstanding = this.#forget(piece, block);
    assert.equal(this.pipeline.cancel(piece, block, this.now), wasOutstanding);
    if (wasOutstanding) this.#remember(piece, block);
  }

  #cancelWhere(unwanted: number): void {
    const expected = this.outstanding.filter((each) => each.piece === unwanted && each !== this.arriving).length;
    let cancelled = 0;
    this.pipeline.cancelWhere(
      (piece) => piece === unwanted,
      this.now,
      (piece, block) => {
        cancelled++;
        this.#withdraw(piece, block);
      },
    );
    assert.equal(cancelled, expected, 'all of the piece but what is arriving');
  }

  #clear(): void {
    this.pipeline.clear(this.now, (piece, block) => this.#withdraw(piece, block));
    this.arriving = null;
    assert.equal(this.outstanding.length, 0, 'a choke leaves nothing outstanding');
  }

  #timeOut(): void {
    const { pipeline, outstanding } = this;
    if (randomBelow(this.random, 2) === 0 && outstanding.length > 0)
      this.now = Math.max(this.now, pipeline.nextDeadline);
    const isDue = this.now >= pipeline.nextDeadline;
    const wasSnubbed = pipeline.isSnubbed;
    const others = outstanding.filter((each) => each !== this.arriving);
    const newest = others.at(-1);
    const released: Request[] = [];
    pipeline.onTimeout(this.now, (piece, block) => {
      released.push({ piece, block, atMs: 0 });
      this.#withdraw(piece, block);
    });
    if (!isDue) {
      assert.equal(released.length, 0);
      return;
    }
    assert.ok(pipeline.isSnubbed);
    assert.equal(released.length, wasSnubbed ? others.length : Math.min(1, others.length));
    if (newest !== undefined) assert.ok(isSame(released[0]!, newest.piece, newest.block), 'the newest first');
    assert.ok(this.outstanding.length === 0 || pipeline.nextDeadline > this.now, 'no time-out follows at once');
  }

  #limitTo(requests: number): void {
    this.pipeline.setPeerLimit(requests);
    this.limit = Math.max(1, Math.min(requests, this.max));
  }

  #withdraw(piece: number, block: number): void {
    assert.ok(this.#forget(piece, block), 'withdrawn, and was not outstanding');
    this.#remember(piece, block);
  }

  #remember(piece: number, block: number): void {
    this.withdrawn = this.withdrawn.filter(({ atMs }) => this.now - atMs <= WITHDRAWN_MS);
    this.withdrawn.push({ piece, block, atMs: this.now });
    if (this.withdrawn.length > WITHDRAWN_MAX) this.withdrawn.shift();
  }

  #forget(piece: number, block: number): boolean {
    const index = this.outstanding.findIndex((each) => isSame(each, piece, block));
    if (index < 0) return false;
    const [request] = this.outstanding.splice(index, 1);
    if (request === this.arriving) this.arriving = null;
    return true;
  }

  #recall(piece: number, block: number): boolean {
    const index = this.withdrawn.findIndex((each) => isSame(each, piece, block));
    if (index >= 0) this.withdrawn.splice(index, 1);
    return index >= 0;
  }
}

for (let seed = 1; seed <= 40; seed++) {
  test(`the pipeline keeps what a plain list keeps (seed ${seed})`, () => {
    const model = new Model(seed);
    for (let step = 0; step < 2000; step++) model.step();
  });
}

/** A peer that answers in order, each block `delayMs(now)` after it was asked for and no faster than its rate. */
function serve(
  seed: number,
  peer: { readonly bytesPerMs: number; readonly delayMs: (random: SeededRandom) => number },
): { readonly bytes: number; readonly withdrawn: number; readonly idleMs: number } {
  const random = new SeededRandom(seed);
  const pipeline = new RequestPipeline({ maxRequests: 500, queueMs: 3000 });
  const queue: { block: number; dueMs: number }[] = [];
  const result = { bytes: 0, withdrawn: 0, idleMs: 0 };
  let next = 0;
  let lastDueMs = 0;
  for (let now = 0; now < 120_000; now += 10) {
    while (queue.length > 0 && queue[0]!.dueMs <= now) {
      const answer = pipeline.onBlock(0, queue.shift()!.block, BLOCK, now);
      assert.notEqual(answer, 'unrequested');
      result.bytes += BLOCK;
    }
    if (now >= pipeline.nextDeadline) pipeline.onTimeout(now, () => result.withdrawn++);
    for (let left = pipeline.want(now); left > 0; left--) {
      pipeline.add(0, next, now);
      lastDueMs = Math.max(now + peer.delayMs(random), lastDueMs + BLOCK / peer.bytesPerMs);
      queue.push({ block: next++, dueMs: lastDueMs });
    }
    if (queue.length === 0) result.idleMs += 10;
    assert.ok(pipeline.count > 0, 'an unchoked peer with something for us stands idle');
  }
  return result;
}

for (const [name, bytesPerMs, delayMs] of [
  ['near and fast', 5000, () => 20],
  ['far and fast', 1000, () => 300],
  ['slow', 4, () => 100],
  ['unsteady', 200, (random: SeededRandom) => 50 + randomBelow(random, 1500)],
] as const) {
  test(`a peer that is ${name} is kept busy, and hardly anything is withdrawn that it goes on to send`, () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { bytes, withdrawn, idleMs } = serve(seed, { bytesPerMs, delayMs });
      assert.ok(bytes > 0.8 * 120_000 * Math.min(bytesPerMs, (500 * BLOCK) / 2000), `${bytes} bytes (seed ${seed})`);
      assert.ok(withdrawn <= (0.02 * bytes) / BLOCK + 3, `${withdrawn} withdrawn (seed ${seed})`);
      assert.equal(idleMs, 0);
    }
  });
}
