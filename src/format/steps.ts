/**
 * Long work in steps: a generator that yields where it may be interrupted, every few milliseconds of work. Below floor 4
 * nobody can wait; node/in-turns.ts lets the event loop have its turn between steps.
 */
export type Steps<T> = Generator<void, T, void>;

/** All of it at once. */
export function runSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
