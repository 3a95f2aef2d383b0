/**
 * Runs work in steps (format/steps.ts) on the main thread and lets the event loop have its turn in between, so that
 * sockets are served while a large torrent is read.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Steps } from '../format/steps.js';

/** Steps are bundled up to this time: a turn of the loop for each would cost more than they do. */
const TURN_MS = 10;

/** Rejects with what a step throws. Work that takes no longer than a turn is done before anything else runs. */
export async function runInTurns<T>(steps: Steps<T>): Promise<T> {
  let turnEndsAt = performance.now() + TURN_MS;
  let turns = 1;
  for (;;) {
    const step = steps.next();
    if (step.done && turns === 1) return step.value;
    if (step.done || performance.now() >= turnEndsAt) {
      await nextTurn();
      // What the caller does with the result is a turn of its own.
      if (step.done) return step.value;
      turns++;
      turnEndsAt = performance.now() + TURN_MS;
    }
  }
}
