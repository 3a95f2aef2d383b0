import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import { RequestPipeline, WITHDRAWN_MAX, WITHDRAWN_MS } from './request-pipeline.js';

const BLOCK = LIMITS.blockBytes;

function pipeline({ maxRequests = 500, queueMs = 3000 } = {}): RequestPipeline {
  return new RequestPipeline({ maxRequests, queueMs });
}

function released(): { readonly blocks: number[]; readonly note: (piece: number, block: number) => void } {
  const blocks: number[] = [];
  return { blocks, note: (_piece, block) => blocks.push(block) };
}

/** Streams blocks at `bytesPerSecond`, keeping the queue as full as it wants. @returns the time at the end. */
function stream(requests: RequestPipeline, bytesPerSecond: number, fromMs: number, durationMs: number): number {
  const intervalMs = (BLOCK * 1000) / bytesPerSecond;
  const queue: number[] = [];
  let next = 0;
  let now = fromMs;
  while (now < fromMs + durationMs) {
    for (let left = requests.want(now); left > 0; left--) {
      requests.add(7, next, now);
      queue.push(next++);
    }
    now += intervalMs;
    assert.equal(requests.onBlock(7, queue.shift()!, BLOCK, now), 'requested');
  }
  return now;
}

/** Two answers `ms` after their requests: enough to know how long this peer takes. */
function answerIn(requests: RequestPipeline, ms: number, now: number): number {
  for (let block = 0; block < 2; block++) {
    requests.add(99, block, now);
    now += ms;
    requests.onBlock(99, block, BLOCK, now);
  }
  return now;
}

test('slow start asks for one more with every block', () => {
  const requests = pipeline();
  const first = requests.want(0);
  assert.equal(first, 4);
  for (let block = 0; block < first; block++) requests.add(0, block, 0);
  assert.equal(requests.want(0), 0);
  requests.onBlock(0, 0, BLOCK, 10);
  assert.equal(requests.want(10), 2);
  requests.onBlock(0, 1, BLOCK, 11);
  assert.equal(requests.want(11), 4);
});

test('a peer that has been silent for long is asked for nothing more, until it says something', () => {
  const requests = pipeline();
  for (let block = 0; block < 3; block++) requests.add(0, block, 0);
  assert.equal(requests.want(9000), 1);
  assert.equal(requests.want(10_000), 0);
  assert.equal(requests.hasAnswered, false);
  requests.onBlock(0, 0, BLOCK, 20_000);
  assert.ok(requests.want(20_000) > 0);
  assert.equal(requests.hasAnswered, true);
  for (const block of [1, 2]) requests.onBlock(0, block, BLOCK, 20_000);
  assert.ok(requests.want(90_000) > 0, 'one that has nothing to say is not silent');
});

test('when the rate stops growing the queue holds queueMs of data', () => {
  const requests = pipeline();
  const bytesPerSecond = 40 * BLOCK;
  const now = stream(requests, bytesPerSecond, 0, 10_000);
  const outstanding = requests.count + requests.want(now);
  // 120, of which up to an eighth waits for the next batch.
  assert.ok(outstanding > 100 && outstanding <= 130, `${outstanding} requests`);
  assert.ok(Math.abs(requests.bytesPerSecond(now) / bytesPerSecond - 1) < 0.15);
});

test('the queue is never longer than maxRequests or what the peer keeps', () => {
  const requests = pipeline({ maxRequests: 60 });
  let now = stream(requests, 5000 * BLOCK, 0, 5000);
  const outstanding = requests.count + requests.want(now);
  assert.ok(outstanding > 52 && outstanding <= 60, `${outstanding} requests`);
  requests.setPeerLimit(10);
  assert.equal(requests.want(now), 0);
  requests.clear(now, () => {});
  assert.equal(requests.want(now), 10);
  now = stream(requests, 5000 * BLOCK, now, 5000);
  assert.equal(requests.count + requests.want(now), 10);
});

test('a deep queue is filled up in batches, a short one block by block', () => {
  const requests = pipeline({ maxRequests: 64 });
  let now = stream(requests, 5000 * BLOCK, 0, 5000);
  while (requests.want(now) > 0) requests.add(1, 1000 + requests.count, now);
  const answers = (count: number): void => {
    for (; count > 0; count--) requests.onBlock(requests.pieceAt(0), requests.blockAt(0), BLOCK, ++now);
  };
  answers(requests.count - 57);
  assert.equal(requests.want(now), 0);
  answers(1);
  assert.equal(requests.want(now), 8);
  requests.setPeerLimit(15);
  answers(requests.count - 15);
  assert.equal(requests.want(now), 0);
  answers(1);
  assert.equal(requests.want(now), 1);
});

test('a peer’s absurd queue length is taken for the nearest sense', () => {
  for (const [given, expected] of [
    [0, 1],
    [-5, 1],
    [Number.NaN, 1],
    [1e12, 4],
    [2.9, 2],
  ] as const) {
    const requests = pipeline();
    requests.setPeerLimit(given);
    assert.equal(requests.want(0), expected);
  }
});

test('a slow peer still has two requests', () => {
  const requests = pipeline();
  const now = stream(requests, 1000, 0, 120_000);
  assert.equal(requests.count + requests.want(now), 2);
});

test('after a pause slow start begins anew', () => {
  const requests = pipeline();
  let now = stream(requests, 40 * BLOCK, 0, 10_000);
  requests.clear(now, () => {});
  now += 20_000;
  assert.equal(requests.want(now), 2);
  requests.add(0, 0, now);
  assert.equal(requests.want(now), 3);
});

test('blocks are recognised in any order', () => {
  const requests = pipeline();
  for (let block = 0; block < 6; block++) requests.add(3, block, 0);
  for (const block of [0, 3, 5, 4, 1, 2]) {
    assert.equal(requests.has(3, block), true);
    assert.equal(requests.has(4, block), false);
    assert.equal(requests.onBlock(3, block, BLOCK, 1), 'requested');
    assert.equal(requests.has(3, block), false);
  }
  assert.equal(requests.count, 0);
  assert.equal(requests.totalBytes, 6 * BLOCK);
});

test('a block nobody asked for is told from one that was cancelled', () => {
  const requests = pipeline();
  requests.add(1, 0, 0);
  requests.add(1, 1, 0);
  assert.equal(requests.cancel(1, 0, 5), true);
  assert.equal(requests.cancel(1, 0, 5), false);
  assert.equal(requests.onBlock(1, 0, BLOCK, 6), 'cancelled');
  assert.equal(requests.onBlock(1, 0, BLOCK, 7), 'unrequested');
  assert.equal(requests.onBlock(2, 1, BLOCK, 7), 'unrequested');
  assert.equal(requests.totalBytes, 0);
});

test('withdrawn requests are remembered for a minute', () => {
  const requests = pipeline();
  for (const block of [0, 1]) requests.add(1, block, 0);
  requests.clear(0, () => {});
  assert.equal(requests.onBlock(1, 0, BLOCK, WITHDRAWN_MS), 'cancelled');
  assert.equal(requests.onBlock(1, 1, BLOCK, WITHDRAWN_MS + 1), 'unrequested');
});

test('no more than a fixed number of withdrawn requests is remembered, the newest', () => {
  const requests = pipeline({ maxRequests: WITHDRAWN_MAX + 1 });
  for (let block = 0; block <= WITHDRAWN_MAX; block++) requests.add(1, block, 0);
  for (let block = 0; block <= WITHDRAWN_MAX; block++) requests.cancel(1, block, 0);
  assert.equal(requests.onBlock(1, 0, BLOCK, 1), 'unrequested');
  assert.equal(requests.onBlock(1, 1, BLOCK, 1), 'cancelled');
  assert.equal(requests.onBlock(1, WITHDRAWN_MAX, BLOCK, 1), 'cancelled');
});

test('a block that was withdrawn and asked for again counts once, its copy as cancelled', () => {
  const requests = pipeline();
  requests.add(1, 0, 0);
  requests.clear(0, () => {});
  requests.add(1, 0, 1);
  assert.equal(requests.onBlock(1, 0, BLOCK, 2), 'requested');
  assert.equal(requests.onBlock(1, 0, BLOCK, 3), 'cancelled');
});

test('a reject ends a request; the reject that answers a cancel ends its memory', () => {
  const requests = pipeline();
  requests.add(1, 0, 0);
  requests.add(1, 1, 0);
  assert.equal(requests.onReject(1, 0), true);
  assert.equal(requests.onReject(1, 0), false);
  requests.cancel(1, 1, 0);
  assert.equal(requests.onReject(1, 1), false);
  assert.equal(requests.onBlock(1, 1, BLOCK, 1), 'unrequested');
});

test('the reject that answers a cancel does not end a new request for the same block', () => {
  const requests = pipeline();
  requests.add(1, 0, 0);
  requests.cancel(1, 0, 0);
  requests.add(1, 0, 1);
  assert.equal(requests.onReject(1, 0), false);
  assert.equal(requests.has(1, 0), true);
  assert.equal(requests.onReject(1, 0), true);
});

test('clear gives every request back once', () => {
  const requests = pipeline();
  for (let block = 0; block < 5; block++) requests.add(1, block, 0);
  const { blocks, note } = released();
  requests.clear(0, note);
  assert.deepEqual(blocks.sort(), [0, 1, 2, 3, 4]);
  assert.equal(requests.count, 0);
  assert.equal(requests.nextDeadline, Number.POSITIVE_INFINITY);
});

test('nothing times out while nothing is outstanding', () => {
  assert.equal(pipeline().nextDeadline, Number.POSITIVE_INFINITY);
});

test('the first answer may take a minute', () => {
  const requests = pipeline();
  requests.add(1, 0, 1000);
  requests.add(1, 1, 5000);
  assert.equal(requests.nextDeadline, 61_000);
});

test('a quick peer has two seconds, a slow one its mean and four deviations', () => {
  const quick = pipeline();
  let now = answerIn(quick, 20, 0);
  quick.add(1, 0, now);
  assert.equal(quick.nextDeadline, now + 2000);

  const slow = pipeline();
  now = answerIn(slow, 1000, 0);
  slow.add(1, 0, now);
  // Deviation 500 after the first answer, three quarters of it after one that took just as long.
  assert.equal(slow.nextDeadline, now + 1000 + 4 * 375);

  const verySlow = pipeline();
  now = answerIn(verySlow, 50_000, 0);
  verySlow.add(1, 0, now);
  assert.equal(verySlow.nextDeadline, now + 60_000);
});

test('every block restarts the timer', () => {
  const requests = pipeline();
  const start = answerIn(requests, 20, 0);
  for (let block = 0; block < 3; block++) requests.add(1, block, start);
  requests.onBlock(1, 0, BLOCK, start + 1500);
  assert.ok(requests.nextDeadline >= start + 3500);
});

test('a time-out withdraws the newest request, the next one all of them, each wait twice as long', () => {
  const requests = pipeline();
  const start = answerIn(requests, 20, 0);
  for (let block = 0; block < 4; block++) requests.add(1, block, start);
  const { blocks, note } = released();
  requests.onTimeout(start + 1999, note);
  assert.deepEqual(blocks, []);
  assert.equal(requests.isSnubbed, false);
  requests.onTimeout(start + 2000, note);
  assert.deepEqual(blocks, [3]);
  assert.equal(requests.isSnubbed, true);
  assert.equal(requests.want(start + 2000), 0);
  assert.equal(requests.nextDeadline, start + 6000);
  requests.onTimeout(start + 6000, note);
  assert.deepEqual(blocks.sort(), [0, 1, 2, 3]);
  assert.equal(requests.want(start + 6000), 1, 'a snubbed peer has one request');
  requests.add(1, 9, start + 6000);
  assert.equal(requests.nextDeadline, start + 14_000);
});

test('a block in time ends the snub, a late one does not', () => {
  const requests = pipeline();
  const start = answerIn(requests, 20, 0);
  for (let block = 0; block < 2; block++) requests.add(1, block, start);
  requests.onTimeout(start + 2000, () => {});
  assert.equal(requests.onBlock(1, 1, BLOCK, start + 2100), 'cancelled');
  assert.equal(requests.isSnubbed, true);
  assert.equal(requests.onBlock(1, 0, BLOCK, start + 2200), 'requested');
  assert.equal(requests.isSnubbed, false);
  assert.ok(requests.want(start + 2200) >= 4);
});

test('the block that is arriving does not time out', () => {
  const requests = pipeline();
  const start = answerIn(requests, 20, 0);
  for (let block = 0; block < 2; block++) requests.add(1, block, start);
  assert.equal(requests.startBlock(1, 5), false);
  assert.equal(requests.startBlock(1, 1), true);
  const { blocks, note } = released();
  requests.onTimeout(start + 2000, note);
  requests.onTimeout(start + 6000, note);
  assert.deepEqual(blocks, [0]);
  assert.equal(requests.onBlock(1, 1, BLOCK, start + 7000), 'requested');
  assert.equal(requests.isSnubbed, false);
});

test('more requests than allowed are a bug', () => {
  const requests = pipeline({ maxRequests: 2 });
  requests.add(0, 0, 0);
  requests.add(0, 1, 0);
  assert.throws(() => requests.add(0, 2, 0), { code: 'EINTERNAL' });
});

for (const seed of [1, 2, 3]) {
  test(`agrees with a list after random changes (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const requests = pipeline({ maxRequests: 16 });
    let model: number[] = [];
    let next = 0;
    for (let now = 0; now < 5000; now++) {
      const at = randomBelow(random, Math.max(1, model.length));
      const block = model[at] ?? -1;
      const action = randomBelow(random, 10);
      if (action < 5 && model.length < 16) {
        requests.add(0, next, now);
        model.push(next++);
      } else if (action < 7 && block >= 0) {
        assert.equal(requests.onBlock(0, block, BLOCK, now), 'requested');
        model.splice(at, 1);
      } else if (action === 7 && block >= 0) {
        assert.equal(requests.onReject(0, block), true);
        model.splice(at, 1);
      } else if (action === 8 && block >= 0) {
        assert.equal(requests.cancel(0, block, now), true);
        model.splice(at, 1);
      } else if (randomBelow(random, 20) === 0) {
        const { blocks, note } = released();
        requests.clear(now, note);
        assert.deepEqual(blocks.reverse(), model);
        model = [];
      }
      assert.equal(requests.count, model.length);
      for (const each of model) assert.equal(requests.has(0, each), true);
    }
  });
}

test('how long an answer takes is guessed from the round trip of a first request, and from the pace of those behind it', () => {
  const requests = pipeline();
  requests.add(0, 0, 0);
  requests.onBlock(0, 0, BLOCK, 200);
  assert.equal(requests.waitMs(0, 200), 350, 'between what was guessed and what it took');
  for (let block = 1; block < 200; block++) {
    requests.add(0, block, 200);
    requests.onBlock(0, block, BLOCK, 200 + 10 * block);
  }
  const now = 2190;
  const firstMs = requests.waitMs(0, now);
  requests.add(1, 0, now);
  requests.add(1, 1, now);
  const paceMs = requests.waitMs(1, now) - requests.waitMs(0, now);
  assert.equal(requests.waitMs(0, now), firstMs);
  assert.equal(requests.waitMs(2, now), firstMs + 2 * paceMs);
  assert.equal(requests.waitMsOf(1, 1, now), firstMs + paceMs);
  assert.equal(requests.waitMsOf(9, 9, now), Number.POSITIVE_INFINITY);
});

test('a peer that is late is expected to take as long again, and one that is snubbed to take for ever', () => {
  const requests = pipeline();
  requests.add(0, 0, 0);
  assert.equal(requests.waitMs(0, 0), 500, 'a guess');
  assert.equal(requests.waitMs(0, 400), 100);
  assert.equal(requests.waitMs(0, 3000), 3000);
  requests.add(0, 1, 3000);
  requests.onTimeout(60_000, () => {});
  assert.equal(requests.waitMs(0, 60_000), Number.POSITIVE_INFINITY);
});

test('a withdrawn request whose block comes all the same counts again, and does not make the peer a fast one', () => {
  const requests = pipeline({ maxRequests: 2 });
  requests.add(1, 0, 0);
  requests.add(1, 1, 0);
  for (let now = requests.nextDeadline; requests.count > 0; now = requests.nextDeadline)
    requests.onTimeout(now, () => {});
  assert.equal(requests.isSnubbed, true);
  assert.equal(requests.canRenew(1, 2), false);
  assert.equal(requests.canRenew(1, 0), true);
  requests.renew(1, 0, 199_000);
  assert.equal(requests.startBlock(1, 0), true);
  assert.ok(requests.nextDeadline > 200_000, 'it is not timed out again while it comes');
  assert.equal(requests.onBlock(1, 0, BLOCK, 200_000), 'requested');
  assert.equal(requests.isSnubbed, true);
  assert.equal(requests.onBlock(1, 0, BLOCK, 200_001), 'unrequested');
});
