/**
 * Spreads disk jobs over worker threads, or runs them on the main thread when there are none; all torrents share it.
 * One message per job each way. A job goes to the worker with the fewest bytes to do; workers start when the others are
 * busy, and end when they have been idle for a while. No `done` runs inside the call.
 * Invariant: every job's `done` is called exactly once, also when its worker dies.
 */
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { DtorrentError, type ErrorCode, toDtorrentError } from '../base/errors.js';
import { type DiskJob, type DiskResult, DiskThread, FILL_BYTES } from './disk-job.js';
import type { KeyRange } from './open-files.js';

export interface DiskPoolOptions {
  /** Threads; 0 = the main thread. */
  readonly diskWorkers: number;
  /** Of all threads together; each has at least one. */
  readonly maxOpenFiles: number;
  /** For tests: another module in place of disk-worker.js. */
  readonly workerUrl?: URL;
}

export interface DiskWorkerData {
  readonly maxOpenFiles: number;
}

/** What a worker sends: results other than errors as they are. */
export type DiskWorkerAnswer = Exclude<DiskResult, DtorrentError> | readonly [code: ErrorCode, message: string];

type Done = (result: DiskResult) => void;

interface Lane {
  /** Bytes of the jobs that are not answered; a measure of how busy it is. */
  readonly pendingBytes: number;
  readonly pendingJobs: number;
  submit(job: DiskJob, done: Done): void;
  /** `done` comes after all jobs. */
  close(done: () => void): void;
}

/** Idle workers cost 7 MiB each and may hold on to memory of slots until their next garbage collection. */
const IDLE_WORKER_MS = 30_000;

export class DiskPool {
  readonly #options: DiskPoolOptions;
  readonly #maxOpenFilesPerLane: number;
  #lanes: Lane[] = [];
  #idleTimer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: DiskPoolOptions) {
    this.#options = options;
    this.#maxOpenFilesPerLane = Math.max(Math.floor(options.maxOpenFiles / Math.max(options.diskWorkers, 1)), 1);
  }

  get laneCount(): number {
    return this.#lanes.length;
  }

  /** A job after close fails. */
  submit(job: DiskJob, done: Done): void {
    if (this.#isClosed) {
      setImmediate(done, new DtorrentError('EFILEIO', 'the disk threads are stopped'));
      return;
    }
    let lane: Lane;
    try {
      lane = this.#idlestLane();
    } catch (thrown) {
      // The system gives no more threads or memory.
      setImmediate(done, toDtorrentError(thrown, 'EFILEIO'));
      return;
    }
    lane.submit(job, done);
  }

  /** Closes these files in every thread. */
  release(keys: KeyRange, done: () => void): void {
    let waiting = this.#lanes.length;
    if (waiting === 0) setImmediate(done);
    for (const lane of this.#lanes) {
      lane.submit({ kind: 'release', keys }, () => {
        waiting--;
        if (waiting === 0) done();
      });
    }
  }

  /** Ends the threads once every job is done. */
  close(done: () => void): void {
    this.#isClosed = true;
    if (this.#idleTimer !== null) clearInterval(this.#idleTimer);
    this.#idleTimer = null;
    const lanes = this.#lanes;
    this.#lanes = [];
    let waiting = lanes.length;
    if (waiting === 0) setImmediate(done);
    for (const lane of lanes) {
      lane.close(() => {
        waiting--;
        if (waiting === 0) done();
      });
    }
  }

  /** Called every IDLE_WORKER_MS; ends the workers without a job since `idleSince` at the latest, a performance.now(). */
  endIdleWorkers(idleSince: number): void {
    this.#lanes = this.#lanes.filter((lane) => {
      if (!(lane instanceof WorkerLane) || lane.pendingJobs > 0 || lane.idleSince > idleSince) return true;
      lane.close(() => {});
      return false;
    });
    if (this.#lanes.length > 0 || this.#idleTimer === null) return;
    clearInterval(this.#idleTimer);
    this.#idleTimer = null;
  }

  #idlestLane(): Lane {
    let best: Lane | null = null;
    for (const lane of this.#lanes) if (best === null || lane.pendingBytes < best.pendingBytes) best = lane;
    const laneMax = Math.max(this.#options.diskWorkers, 1);
    if (best === null || (best.pendingJobs > 0 && this.#lanes.length < laneMax)) {
      best = this.#startLane();
      this.#lanes.push(best);
    }
    return best;
  }

  #startLane(): Lane {
    if (this.#options.diskWorkers === 0) return new InlineLane(this.#maxOpenFilesPerLane);
    if (this.#idleTimer === null) {
      this.#idleTimer = setInterval(() => this.endIdleWorkers(performance.now() - IDLE_WORKER_MS), IDLE_WORKER_MS);
      this.#idleTimer.unref();
    }
    const url = this.#options.workerUrl ?? new URL('./disk-worker.js', import.meta.url);
    return new WorkerLane(url, this.#maxOpenFilesPerLane, (dead) => {
      this.#lanes = this.#lanes.filter((lane) => lane !== dead);
    });
  }
}

function bytesOf(job: DiskJob): number {
  if (job.kind === 'fill') return FILL_BYTES;
  return job.kind === 'write' || job.kind === 'verify' ? job.pieceBytes : 0;
}

/** One job for each round of the event loop: sockets are served in between. */
class InlineLane implements Lane {
  pendingBytes = 0;
  readonly #thread: DiskThread;
  #jobs: { readonly job: DiskJob; readonly done: Done }[] = [];
  #onEmpty: (() => void) | null = null;

  constructor(maxOpenFiles: number) {
    this.#thread = new DiskThread(maxOpenFiles);
  }

  get pendingJobs(): number {
    return this.#jobs.length;
  }

  submit(job: DiskJob, done: Done): void {
    this.pendingBytes += bytesOf(job);
    this.#jobs.push({ job, done });
    if (this.#jobs.length === 1) setImmediate(() => this.#runNext());
  }

  close(done: () => void): void {
    const finish = (): void => {
      this.#thread.close();
      done();
    };
    if (this.#jobs.length === 0) setImmediate(finish);
    else this.#onEmpty = finish;
  }

  #runNext(): void {
    const { job, done } = this.#jobs[0]!;
    const result = this.#thread.run(job);
    this.#jobs.shift();
    this.pendingBytes -= bytesOf(job);
    if (this.#jobs.length > 0) setImmediate(() => this.#runNext());
    try {
      done(result);
    } finally {
      // `done` may have asked for more, then that comes first.
      if (this.#jobs.length === 0) this.#onEmpty?.();
    }
  }
}

class WorkerLane implements Lane {
  pendingBytes = 0;
  /** When the last job was done; performance.now(). */
  idleSince = 0;
  readonly #worker: Worker;
  readonly #onDead: (lane: Lane) => void;
  /** Answers come in the order of the jobs. */
  #jobs: { readonly job: DiskJob; readonly done: Done }[] = [];
  #fault: DtorrentError | null = null;
  #hasExited = false;
  #onEmpty: (() => void) | null = null;

  constructor(url: URL, maxOpenFiles: number, onDead: (lane: Lane) => void) {
    this.#onDead = onDead;
    const data: DiskWorkerData = { maxOpenFiles };
    this.#worker = new Worker(url, {
      name: 'dtorrent-disk',
      workerData: data,
      // Flags such as --test or --inspect are not for this thread; sharing the environment saves a copy of it.
      execArgv: [],
      env: SHARE_ENV,
      // A small young generation: 7 MiB a worker instead of 9.5. The old one holds little, but a piece may lie in
      // hundreds of thousands of tiny files, and then its job is large.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 1024 },
    });
    this.#worker.on('message', (answer: DiskWorkerAnswer) => this.#onAnswer(answer));
    this.#worker.on('error', (thrown) => {
      this.#fault = toDtorrentError(thrown);
    });
    this.#worker.on('messageerror', (thrown) => {
      this.#fault = toDtorrentError(thrown);
      void this.#worker.terminate();
    });
    this.#worker.on('exit', () => this.#onExit());
    this.#worker.unref();
  }

  get pendingJobs(): number {
    return this.#jobs.length;
  }

  submit(job: DiskJob, done: Done): void {
    // Only work keeps the process alive.
    if (this.#jobs.length === 0) this.#worker.ref();
    this.#jobs.push({ job, done });
    this.pendingBytes += bytesOf(job);
    this.#worker.postMessage(job);
  }

  close(done: () => void): void {
    if (this.#hasExited) {
      setImmediate(done);
      return;
    }
    this.#onEmpty = () => {
      this.#worker.ref();
      void this.#worker.terminate().then(done);
    };
    if (this.#jobs.length === 0) this.#onEmpty();
  }

  #onAnswer(answer: DiskWorkerAnswer): void {
    const { job, done } = this.#jobs.shift()!;
    this.pendingBytes -= bytesOf(job);
    if (this.#jobs.length === 0) {
      this.idleSince = performance.now();
      this.#worker.unref();
    }
    try {
      done(typeof answer === 'string' ? answer : new DtorrentError(...answer));
    } finally {
      if (this.#jobs.length === 0) this.#onEmpty?.();
    }
  }

  /** The slots of what it had are free again: the thread has ended. The next job starts another worker. */
  #onExit(): void {
    this.#hasExited = true;
    this.#onDead(this);
    const jobs = this.#jobs;
    this.#jobs = [];
    this.pendingBytes = 0;
    const reason = this.#fault?.message ?? 'it ended unexpectedly';
    for (const { done } of jobs) {
      done(new DtorrentError('EFILEIO', `a disk thread failed: ${reason}`, { cause: this.#fault }));
    }
    if (jobs.length > 0) this.#onEmpty?.();
  }
}
