/**
 * The threads that read what a torrent is made of: they list the files, then they hash, and none has to wait for the main
 * thread in between. Without workers the same runs on the main thread, between turns of the event loop.
 * Memory is one buffer a thread plus the digests. Called by create-torrent.ts.
 */
import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { DtorrentError, type ErrorCode, toDtorrentError } from '../base/errors.js';
import type { PieceDigests } from '../format/create-torrent.js';
import { digestsOf, type HashPlan, HashThread } from './hash-job.js';
import { SourceWalk, type WalkedFiles, type WalkOrder } from './source-walk.js';

/** What a worker is told to do: to list a directory, or to hash. */
export type SourceOrder = WalkOrder | HashPlan;

/** What it answers: files, and null after the last; how many pieces were hashed; or what went wrong. */
export type SourceAnswer = WalkedFiles | null | number | { readonly code: ErrorCode; readonly message: string };

export interface SourceThreadsOptions {
  /** 0 = the calling thread; null = as many as there is work for. */
  readonly workers: number | null;
  /** Ends what is running, with `ESTOPPED`. */
  readonly signal: AbortSignal | null;
}

/** What the workers are doing. */
interface Task {
  /** @throws what the task ends with. */
  readonly take: (answer: Exclude<SourceAnswer, { readonly code: ErrorCode }>) => void;
  readonly reject: (reason: unknown) => void;
}

/** They list a directory before it is known how much there is to hash. */
const LISTING_WORKERS = 2;
/** Below this, starting workers (about 40 ms) takes longer than hashing. */
const WORKERS_FROM_BYTES = 32 * 1024 * 1024;
const WORKERS_MAX = 16;

/** Invariant: one task at a time. `close` is owed whatever the outcome: workers run until then. */
export class SourceThreads {
  readonly #workersWanted: number | null;
  readonly #signal: AbortSignal | null;
  readonly #workers: Worker[] = [];
  #task: Task | null = null;
  /** Of a worker, while there was no task. */
  #failure: unknown = null;

  constructor({ workers, signal }: SourceThreadsOptions) {
    this.#workersWanted = workers;
    this.#signal = signal;
  }

  /** There is so much to hash, at least: starts the workers for it. */
  prepareFor(bytes: number): void {
    const suitable = bytes < WORKERS_FROM_BYTES ? 0 : Math.min(availableParallelism(), WORKERS_MAX);
    this.#startWorkers(this.#workersWanted ?? suitable);
  }

  /**
   * Calls `take` with the files below a directory, some at a time.
   * @throws {DtorrentError} of SourceWalk; `ESTOPPED`; what `take` throws.
   */
  async list(order: WalkOrder, take: (files: WalkedFiles) => void): Promise<void> {
    this.#throwIfStopped();
    if (this.#workersWanted === 0) {
      await this.#listHere(order, take);
      return;
    }
    this.#startWorkers(this.#workersWanted ?? LISTING_WORKERS);
    await this.#run((finish) => {
      let walking = this.#tellAll(order);
      return (answer) => {
        if (answer !== null) take(answer as WalkedFiles);
        else if (--walking === 0) finish();
      };
    });
  }

  /**
   * @param onPieces is told how many pieces are done so far, each time some are.
   * @returns the digests of all pieces, in order.
   * @throws {DtorrentError} of HashThread.runJob; `ESTOPPED`; what `onPieces` throws.
   */
  async hash(plan: HashPlan, onPieces: (piecesDone: number) => void): Promise<PieceDigests> {
    this.#throwIfStopped();
    if (this.#workers.length === 0) await this.#hashHere(plan, onPieces);
    else {
      await this.#run((finish) => {
        this.#tellAll(plan);
        let piecesDone = 0;
        return (answer) => {
          piecesDone += answer as number;
          onPieces(piecesDone);
          if (piecesDone === plan.pieceCount) finish();
        };
      });
    }
    return digestsOf(plan);
  }

  /** No worker runs any more when it is done. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  async #listHere(order: WalkOrder, take: (files: WalkedFiles) => void): Promise<void> {
    const walk = new SourceWalk(order);
    for (let files = walk.next(); files !== null; files = walk.next()) {
      take(files);
      await nextTurn();
      this.#throwIfStopped();
    }
  }

  async #hashHere(plan: HashPlan, onPieces: (piecesDone: number) => void): Promise<void> {
    const thread = new HashThread(plan);
    let piecesDone = 0;
    for (let pieces = thread.runJob(); pieces > 0; pieces = thread.runJob()) {
      piecesDone += pieces;
      onPieces(piecesDone);
      await nextTurn();
      this.#throwIfStopped();
    }
  }

  /** @param begin tells the workers what to do. @returns when `finish` is called; rejects as soon as anything fails. */
  async #run(begin: (finish: () => void) => Task['take']): Promise<void> {
    let onAbort = (): void => {};
    try {
      await new Promise<void>((resolve, reject) => {
        if (this.#failure !== null) throw this.#failure;
        onAbort = () => this.#fail(stoppedError());
        this.#signal?.addEventListener('abort', onAbort, { once: true });
        this.#task = { take: begin(resolve), reject };
      });
    } finally {
      this.#task = null;
      this.#signal?.removeEventListener('abort', onAbort);
    }
  }

  /** @returns how many workers there are. */
  #tellAll(order: SourceOrder): number {
    for (const worker of this.#workers) worker.postMessage(order);
    return this.#workers.length;
  }

  #startWorkers(count: number): void {
    while (this.#workers.length < count) this.#startWorker();
  }

  #startWorker(): void {
    const worker = new Worker(new URL('./source-worker.js', import.meta.url));
    worker.on('message', (answer: SourceAnswer) => this.#answered(answer));
    worker.on('error', (error) => this.#fail(toDtorrentError(error, 'EFAILED')));
    worker.on('exit', (code) =>
      this.#fail(new DtorrentError('EFAILED', `a source worker ended early, with code ${code}`)),
    );
    this.#workers.push(worker);
  }

  /** Nothing may be thrown out of an event handler, not even by a listener of the caller. */
  #answered(answer: SourceAnswer): void {
    try {
      if (answer !== null && typeof answer === 'object' && 'code' in answer) {
        throw new DtorrentError(answer.code, answer.message);
      }
      this.#task?.take(answer);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** What workers have still to say after the first failure must reach no listener of the caller. */
  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#task?.reject(error);
    this.#task = null;
  }

  #throwIfStopped(): void {
    if (this.#signal?.aborted) throw stoppedError();
  }
}

function stoppedError(): DtorrentError {
  return new DtorrentError('ESTOPPED', 'stopped');
}
