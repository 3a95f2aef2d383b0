/** Entry point of a hash worker: takes the plan at its start and one message per job. Started by hash-pool.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.js';
import { toDtorrentError } from '../base/errors.js';
import { type HashJob, type HashPlan, HashThread } from './hash-job.js';
import type { HashAnswer } from './hash-pool.js';

assert(parentPort !== null, 'the hash worker runs on a worker thread');
const port = parentPort;
const thread = new HashThread(workerData as HashPlan);

port.on('message', (job: HashJob) => {
  port.postMessage(answer(job));
});

function answer(job: HashJob): HashAnswer {
  try {
    return { job, digests: thread.run(job), error: null };
  } catch (thrown) {
    // Errors lose their class on the way between threads.
    const { code, message } = toDtorrentError(thrown);
    return { job, digests: null, error: { code, message } };
  }
}
