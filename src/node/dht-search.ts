/**
 * Something that the DHT is asked for and that is found bit by bit: an async iterable of what is found, in the order in
 * which it comes, and a promise of what it took. Made by DhtClient.
 */
import type { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';

/** What a search tells its owner: each thing that is found. */
export type SearchBegin<T, S> = (found: (item: T) => void, signal: AbortSignal) => Promise<S>;

/**
 * What is found, as it comes, for `for await`. Leaving the loop ends the search. Whoever only wants to know how it ended
 * awaits `summary`. One loop at a time: what one has taken, another does not get.
 */
export class DhtSearch<T, S> implements AsyncIterable<T> {
  /** How it ended. Rejects with `ESTOPPED` when it was stopped, and with what the loop throws when it failed. */
  readonly summary: Promise<S>;
  readonly #stop = new AbortController();
  /** What was found; what stands before `#next` was taken. */
  readonly #found: T[] = [];
  #next = 0;
  #isOver = false;
  #failure: DtorrentError | null = null;
  #wake: () => void = () => {};

  /** @internal */
  constructor(begin: SearchBegin<T, S>) {
    this.summary = begin((item) => this.#add(item), this.#stop.signal);
    this.summary.then(
      () => this.#end(null),
      (error: DtorrentError) => this.#end(error),
    );
  }

  /** Stops it. What was found until then can still be read. */
  stop(): void {
    this.#stop.abort();
  }

  /** @throws {DtorrentError} in the loop, when the search fails: as the method that began it says. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        while (this.#next < this.#found.length) yield this.#take();
        if (this.#isOver) break;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.stop();
    }
    if (this.#failure !== null) throw this.#failure;
  }

  #take(): T {
    const item = this.#found[this.#next++]!;
    // Not one by one: that would move all the others each time.
    if (this.#next === this.#found.length || this.#next >= TAKEN_KEPT_MAX) {
      this.#found.splice(0, this.#next);
      this.#next = 0;
    }
    return item;
  }

  /** More than anybody reads is not kept. */
  #add(item: T): void {
    if (this.#found.length - this.#next >= LIMITS.dhtFoundWaitingMax) return;
    this.#found.push(item);
    this.#wake();
  }

  #end(error: DtorrentError | null): void {
    this.#isOver = true;
    this.#failure = error !== null && error.code === 'ESTOPPED' && this.#stop.signal.aborted ? null : error;
    this.#wake();
  }
}

const TAKEN_KEPT_MAX = 1000;
