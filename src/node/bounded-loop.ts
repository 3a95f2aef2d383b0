/**
 * Does something asynchronous for each of many, a few at a time. For what libuv's threads do with files: a thousand at
 * once would fill its queue and keep everything else waiting.
 */

export interface BoundedLoop {
  readonly count: number;
  readonly atOnce: number;
  /** Begins with the one at `index`, and owes one call of `next`, inside the call or later. */
  readonly start: (index: number, next: () => void) => void;
  /** When all are done; inside the call when none of them took time. */
  readonly done: () => void;
}

export function runBounded({ count, atOnce, start, done }: BoundedLoop): void {
  let index = 0;
  let running = 0;
  let isStarting = false;
  const startMore = (): void => {
    if (isStarting) return;
    isStarting = true;
    while (running < atOnce && index < count) {
      running++;
      start(index++, next);
    }
    isStarting = false;
    if (running === 0) done();
  };
  const next = (): void => {
    running--;
    startMore();
  };
  startMore();
}
