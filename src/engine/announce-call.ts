/** One announce to one tracker, from its place in the queue to the answer. */
import { LIMITS } from '../base/limits.js';
import type { AnnounceRequest, AnnounceResult } from '../protocol/tracker/announce.js';
import type { AnnounceJob, AnnounceQueue } from './announce-queue.js';
import type { TrackerClient, TrackerExchange } from './tracker-client.js';

export interface AnnounceCallOptions {
  readonly queue: AnnounceQueue;
  readonly client: TrackerClient;
  readonly host: string;
  readonly url: string;
  /** A `stopped`: goes first, and is not waited for as long. */
  readonly isUrgent: boolean;
  /** Called when it is sent: the totals may change while it waits. */
  readonly request: () => AnnounceRequest;
  readonly done: (result: AnnounceResult) => void;
}

export class AnnounceCall implements AnnounceJob {
  readonly host: string;
  readonly isUrgent: boolean;
  readonly #options: AnnounceCallOptions;
  #exchange: TrackerExchange | null = null;

  /** Takes its place in the queue; `done` is not called before the constructor returns. */
  constructor(options: AnnounceCallOptions) {
    this.host = options.host;
    this.isUrgent = options.isUrgent;
    this.#options = options;
    options.queue.add(this);
  }

  start(): void {
    const { client, url, request, queue, done } = this.#options;
    const timeoutMs = this.isUrgent ? LIMITS.stoppedAnnounceTimeoutMs : LIMITS.httpTrackerTimeoutMs;
    this.#exchange = client.announce(url, request(), timeoutMs, (result) => {
      queue.remove(this);
      done(result);
    });
  }

  /** After this, `done` is not called. */
  cancel(): void {
    this.#exchange?.cancel();
    this.#options.queue.remove(this);
  }
}
