/**
 * Hashes all pieces of a new torrent, on worker threads or, without any, on this one between turns of the event loop.
 * Workers read the files themselves: memory is one buffer a worker plus the digests. Called by create-torrent.ts.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { DtorrentError, type ErrorCode, toDtorrentError } from '../base/errors.js';
import type { PieceDigests } from '../format/create-torrent.js';
import { type HashJob, type HashPlan, HashThread } from './hash-job.js';

export interface HashOptions {
  /** 0 = this thread. */
  readonly workers: number;
  readonly signal: AbortSignal | null;
  /** Told the pieces that are done so far, each time some are. */
  readonly onPieces: (piecesDone: number) => void;
}

/** What a worker answers to a job. */
export type HashAnswer =
  | { readonly job: HashJob; readonly digests: PieceDigests; readonly error: null }
  | {
      readonly job: HashJob;
      readonly digests: null;
      readonly error: { readonly code: ErrorCode; readonly message: string };
    };

/**
 * @returns the digests of all pieces, in order. Whatever the outcome, no worker runs any more when it is known.
 * @throws {DtorrentError} of HashThread.run; `ESTOPPED` when the signal aborts; what `onPieces` throws.
 */
export async function hashPieces(plan: HashPlan, options: HashOptions): Promise<PieceDigests> {
  throwIfStopped(options.signal);
  const run = new HashRun(plan, options);
  await (options.workers === 0 ? hashInline(run) : hashOnWorkers(run, options.workers));
  return run.digests;
}

/** One message is worth this many bytes of hashing, or one piece: a few milliseconds, against some 50 µs for a message. */
const JOB_BYTES = 4 * 1024 * 1024;
/** The next job waits in the worker's queue while it runs one. */
const JOBS_PER_WORKER = 2;
const SHA1_BYTES = 20;
const SHA256_BYTES = 32;

/** What is left to do and what is done. Jobs are made as they are taken: there may be millions of pieces. */
class HashRun {
  readonly plan: HashPlan;
  readonly signal: AbortSignal | null;
  readonly digests: PieceDigests;
  /** The outcome is known: what workers have still to say must reach no listener of the caller. */
  isOver = false;
  readonly #onPieces: (piecesDone: number) => void;
  readonly #piecesPerJob: number;
  #nextPiece = 0;
  #piecesDone = 0;

  constructor(plan: HashPlan, { signal, onPieces }: HashOptions) {
    this.plan = plan;
    this.signal = signal;
    this.#onPieces = onPieces;
    this.#piecesPerJob = Math.max(1, Math.floor(JOB_BYTES / plan.pieceLength));
    this.digests = {
      v1: new Uint8Array(plan.hasV1 ? plan.pieceCount * SHA1_BYTES : 0),
      v2: new Uint8Array(plan.hasV2 ? plan.pieceCount * SHA256_BYTES : 0),
    };
  }

  get isDone(): boolean {
    return this.#piecesDone === this.plan.pieceCount;
  }

  /** @returns null when every piece has been handed out. */
  takeJob(): HashJob | null {
    const firstPiece = this.#nextPiece;
    const pieceCount = Math.min(this.#piecesPerJob, this.plan.pieceCount - firstPiece);
    if (pieceCount === 0) return null;
    this.#nextPiece += pieceCount;
    return { firstPiece, pieceCount };
  }

  finishJob({ firstPiece, pieceCount }: HashJob, { v1, v2 }: PieceDigests): void {
    this.digests.v1.set(v1, this.plan.hasV1 ? firstPiece * SHA1_BYTES : 0);
    this.digests.v2.set(v2, this.plan.hasV2 ? firstPiece * SHA256_BYTES : 0);
    this.#piecesDone += pieceCount;
    this.#onPieces(this.#piecesDone);
  }
}

async function hashInline(run: HashRun): Promise<void> {
  const thread = new HashThread(run.plan);
  for (let job = run.takeJob(); job !== null; job = run.takeJob()) {
    run.finishJob(job, thread.run(job));
    await nextTurn();
    throwIfStopped(run.signal);
  }
}

async function hashOnWorkers(run: HashRun, workerCount: number): Promise<void> {
  const workers: Worker[] = [];
  let onAbort = (): void => {};
  try {
    await new Promise<void>((resolve, reject) => {
      onAbort = () => reject(stoppedError());
      run.signal?.addEventListener('abort', onAbort, { once: true });
      for (let i = 0; i < workerCount; i++) workers.push(startWorker(run, resolve, reject));
    });
  } finally {
    run.signal?.removeEventListener('abort', onAbort);
    run.isOver = true;
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function startWorker(run: HashRun, resolve: () => void, reject: (reason: unknown) => void): Worker {
  const worker = new Worker(new URL('./hash-worker.js', import.meta.url), { workerData: run.plan });
  const giveJob = (): void => {
    const job = run.takeJob();
    if (job !== null) worker.postMessage(job);
  };
  worker.on('message', (answer: HashAnswer) => {
    if (run.isOver) return;
    if (answer.error !== null) {
      reject(new DtorrentError(answer.error.code, answer.error.message));
      return;
    }
    giveJob();
    // Nothing may be thrown out of an event handler, not even by a listener of the caller.
    try {
      run.finishJob(answer.job, answer.digests);
    } catch (error) {
      reject(error);
    }
    if (run.isDone) resolve();
  });
  worker.on('error', (error) => reject(toDtorrentError(error, 'EFAILED')));
  worker.on('exit', (code) => reject(new DtorrentError('EFAILED', `a hash worker ended early, with code ${code}`)));
  for (let i = 0; i < JOBS_PER_WORKER; i++) giveJob();
  return worker;
}

function throwIfStopped(signal: AbortSignal | null): void {
  if (signal?.aborted) throw stoppedError();
}

function stoppedError(): DtorrentError {
  return new DtorrentError('ESTOPPED', 'stopped');
}
