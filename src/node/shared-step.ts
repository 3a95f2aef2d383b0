/**
 * Something that has to be done once before others can go on. Whoever asks while it is under way shares its result;
 * after an error the next to ask tries again. Called by WriteGround.
 */
import type { DtorrentError } from '../base/errors.js';

export type ErrorDone = (error: DtorrentError | null) => void;

export class SharedStep {
  readonly #run: (done: ErrorDone) => void;
  #waiting: ErrorDone[] | null = null;
  #isDone = false;

  constructor(run: (done: ErrorDone) => void) {
    this.#run = run;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** It has to be done again. Not while it is under way. */
  reset(): void {
    this.#isDone = false;
  }

  /** `done` runs inside the call when the step was done before. */
  run(done: ErrorDone): void {
    if (this.#isDone) {
      done(null);
      return;
    }
    if (this.#waiting !== null) {
      this.#waiting.push(done);
      return;
    }
    this.#waiting = [done];
    this.#run((error) => {
      const waiting = this.#waiting!;
      this.#waiting = null;
      this.#isDone = error === null;
      for (const waiter of waiting) waiter(error);
    });
  }
}

/** One after the other, as long as none fails. */
export function runInOrder(steps: readonly ((done: ErrorDone) => void)[], done: ErrorDone): void {
  const [first, ...rest] = steps;
  if (first === undefined) done(null);
  else first((error) => (error === null ? runInOrder(rest, done) : done(error)));
}
