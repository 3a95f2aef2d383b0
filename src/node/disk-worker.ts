/**
 * Entry point of a disk worker: takes one message per job, answers each in order with one. Started by disk-pool.ts.
 * An answer is the result alone, or `[code, message]` for an error: answers come in the order of the jobs.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.js';
import { DtorrentError } from '../base/errors.js';
import { type DiskJob, DiskThread } from './disk-job.js';
import type { DiskWorkerAnswer, DiskWorkerData } from './disk-pool.js';

assert(parentPort !== null, 'the disk worker runs on a worker thread');
const port = parentPort;
const thread = new DiskThread((workerData as DiskWorkerData).maxOpenFiles);

port.on('message', (job: DiskJob) => {
  const result = thread.run(job);
  const answer: DiskWorkerAnswer = result instanceof DtorrentError ? [result.code, result.message] : result;
  port.postMessage(answer);
});
