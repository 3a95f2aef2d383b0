/** Entry point of a worker that reads what a torrent is made of: it lists, or it hashes. Started by source-threads.ts. */
import { parentPort } from 'node:worker_threads';
import { assert } from '../base/assert.js';
import { toDtorrentError } from '../base/errors.js';
import { HashThread } from './hash-job.js';
import type { SourceAnswer, SourceOrder } from './source-threads.js';
import { SourceWalk } from './source-walk.js';

assert(parentPort !== null, 'the source worker runs on a worker thread');
const port = parentPort;

port.on('message', (order: SourceOrder) => {
  try {
    for (const answer of answersTo(order)) port.postMessage(answer);
  } catch (thrown) {
    // Errors lose their class on the way between threads.
    const { code, message } = toDtorrentError(thrown);
    port.postMessage({ code, message } satisfies SourceAnswer);
  }
});

function* answersTo(order: SourceOrder): Generator<SourceAnswer> {
  if ('root' in order) {
    const walk = new SourceWalk(order);
    for (let files = walk.next(); files !== null; files = walk.next()) yield files;
    yield null;
    return;
  }
  const thread = new HashThread(order);
  for (let pieces = thread.runJob(); pieces > 0; pieces = thread.runJob()) yield pieces;
}
