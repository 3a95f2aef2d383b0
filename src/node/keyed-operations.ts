/**
 * Operations on many small things, each with a key: those of one key go one after the other, in the order they were
 * asked for, and of all keys together only a few at a time, so that what else waits for the disk gets its turn: at a
 * start, and when a session saves, there are thousands. Called by StateDirectory.
 */

/** Begins, and owes one call of `finish`, inside the call or later. */
export type Operation = (finish: () => void) => void;

export class KeyedOperations {
  readonly #atOnceMax: number;
  /** Of each key that has any, those that are not done. The first is under way, or among the ready. */
  readonly #byKey = new Map<string, Operation[]>();
  /** Keys whose first operation may begin, in order from #nextReady on. */
  #ready: string[] = [];
  #nextReady = 0;
  #running = 0;
  #onSettled: (() => void)[] = [];

  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  add(key: string, operation: Operation): void {
    const earlier = this.#byKey.get(key);
    if (earlier !== undefined) {
      earlier.push(operation);
      return;
    }
    this.#byKey.set(key, [operation]);
    this.#ready.push(key);
    this.#startMore();
  }

  /** Resolves when everything is done. */
  async settled(): Promise<void> {
    if (this.#byKey.size > 0) await new Promise<void>((resolve) => this.#onSettled.push(resolve));
  }

  #startMore(): void {
    while (this.#running < this.#atOnceMax && this.#nextReady < this.#ready.length) {
      const key = this.#ready[this.#nextReady++]!;
      this.#running++;
      this.#byKey.get(key)![0]!(() => this.#onFinished(key));
    }
    if (this.#nextReady < this.#ready.length) return;
    this.#ready = [];
    this.#nextReady = 0;
  }

  #onFinished(key: string): void {
    this.#running--;
    const operations = this.#byKey.get(key)!;
    operations.shift();
    if (operations.length > 0) this.#ready.push(key);
    else this.#byKey.delete(key);
    this.#startMore();
    if (this.#byKey.size > 0) return;
    for (const resolve of this.#onSettled.splice(0)) resolve();
  }
}
