/**
 * A Reader as an async iterable: promises at the edge of the engine. Made by TorrentFile.stream. The iterator is written
 * out, not a generator: a generator's return() waits for a next() that is under way, and that may wait for ever.
 */
import { DtorrentError } from '../../base/errors.js';
import type { Reader, ReadResult } from './reader.js';

/** Which part of a file to read, as in an HTTP `Range` and in `fs.createReadStream`: both ends are included. */
export interface StreamOptions {
  /** First byte, from 0. Default 0. */
  readonly start?: number;
  /** Last byte, at least `start`; beyond the end of the file means the end. Default: to the end. */
  readonly end?: number;
  /** Ends the iteration with `ESTOPPED` when it aborts. */
  readonly signal?: AbortSignal;
}

interface StreamSource {
  /** Called in a turn, when the first chunk is asked for. */
  readonly open: () => Reader;
  readonly inTurn: (task: () => void) => void;
  readonly signal: AbortSignal | null;
}

export class FileStream implements AsyncIterable<Uint8Array> {
  readonly #source: StreamSource;

  constructor(source: StreamSource) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return new FileIterator(this.#source);
  }
}

class FileIterator implements AsyncIterator<Uint8Array, undefined> {
  readonly #source: StreamSource;
  #reader: Reader | null = null;
  #isOver = false;
  /** Reads come one after the other, also when several are asked for at once. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(source: StreamSource) {
    this.#source = source;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const read = this.#last.then(() => this.#read());
    this.#last = read.catch(() => {});
    return read;
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#finish();
    this.#source.inTurn(() => this.#reader?.close());
    return END;
  }

  #read(): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((resolve, reject) => {
      const done = (result: ReadResult): void => {
        if (result instanceof Uint8Array) {
          resolve({ done: false, value: result });
          return;
        }
        // Told once; after that an iterator has nothing more to say.
        const isNews = !this.#isOver;
        this.#finish();
        if (result === null || !isNews) resolve(END);
        else reject(result);
      };
      const { signal } = this.#source;
      if (this.#isOver) done(null);
      else if (this.#reader === null && signal?.aborted) done(abortedError(signal));
      else this.#source.inTurn(() => this.#open().read(done));
    });
  }

  #open(): Reader {
    if (this.#reader !== null) return this.#reader;
    const reader = this.#source.open();
    this.#reader = reader;
    this.#source.signal?.addEventListener('abort', this.#onAbort, { once: true });
    return reader;
  }

  #finish(): void {
    this.#isOver = true;
    this.#source.signal?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => {
    const { signal } = this.#source;
    if (signal !== null) this.#source.inTurn(() => this.#reader?.fail(abortedError(signal)));
  };
}

function abortedError(signal: AbortSignal): DtorrentError {
  return new DtorrentError('ESTOPPED', 'reading was stopped by its abort signal', { cause: signal.reason });
}

const END = { done: true, value: undefined } as const;
