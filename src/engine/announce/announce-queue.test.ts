import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { type AnnounceJob, AnnounceQueue } from './announce-queue.js';

class Job implements AnnounceJob {
  isRunning = false;
  constructor(
    readonly name: string,
    readonly host = 'a.test',
    readonly isUrgent = false,
    readonly started: string[] = [],
  ) {}
  start(): void {
    assert.ok(!this.isRunning);
    this.isRunning = true;
    this.started.push(this.name);
  }
}

function fill(queue: AnnounceQueue, host = 'a.test'): Job[] {
  return Array.from({ length: LIMITS.announcesPerHostMax }, (_, i) => {
    const job = new Job(`busy${i}`, host);
    queue.add(job);
    return job;
  });
}

test('so many announces of one host run at once, and other hosts are not held up', () => {
  const queue = new AnnounceQueue();
  const busy = fill(queue);
  assert.ok(busy.every((job) => job.isRunning));
  const waiting = new Job('waiting');
  const elsewhere = new Job('elsewhere', 'b.test');
  queue.add(waiting);
  queue.add(elsewhere);
  assert.deepEqual([waiting.isRunning, elsewhere.isRunning], [false, true]);
  queue.remove(busy[0]!);
  assert.equal(waiting.isRunning, true);
});

test('those that wait are started in order, the urgent ones first', () => {
  const queue = new AnnounceQueue();
  const busy = fill(queue);
  const started: string[] = [];
  for (const name of ['one', 'two', 'three']) queue.add(new Job(name, 'a.test', false, started));
  for (const name of ['stop1', 'stop2']) queue.add(new Job(name, 'a.test', true, started));
  for (const job of busy) queue.remove(job);
  queue.remove(busy[0]!); // twice: nothing happens
  assert.deepEqual(started, ['stop1', 'stop2', 'one', 'two']);
});

test('a job that is removed while it waits never starts', () => {
  const queue = new AnnounceQueue();
  const busy = fill(queue);
  const gone = new Job('gone');
  const next = new Job('next');
  queue.add(gone);
  queue.add(next);
  queue.remove(gone);
  queue.remove(busy[0]!);
  assert.deepEqual([gone.isRunning, next.isRunning], [false, true]);
});

test('no more than the limit ever run, and all are started in the end', () => {
  const seed = Number(process.env['SEED'] ?? 4);
  const random = new SeededRandom(seed);
  const queue = new AnnounceQueue();
  const jobs: Job[] = [];
  const running = (): Job[] => jobs.filter((job) => job.isRunning);
  for (let step = 0; step < 500; step++) {
    if (random.uint32() % 2 === 0) {
      const job = new Job(`${step}`, 'a.test', random.uint32() % 3 === 0);
      jobs.push(job);
      queue.add(job);
    } else {
      const [job] = running();
      if (job === undefined) continue;
      jobs.splice(jobs.indexOf(job), 1);
      queue.remove(job);
    }
    assert.equal(running().length, Math.min(jobs.length, LIMITS.announcesPerHostMax), `seed ${seed}, step ${step}`);
  }
});
