/** One announce to one tracker, from its place in the queue to the answer. */
import type { AnnounceRequest, AnnounceResult } from '../../protocol/tracker/announce.js';
import type { AnnounceJob, AnnounceQueue } from './announce-queue.js';
import type { TrackerClient, TrackerExchange } from './tracker-client.js';

export interface AnnounceCallOptions {
  readonly queue: AnnounceQueue;
  readonly client: TrackerClient;
  readonly host: string;
  readonly url: string;
  /** Someone waits for it: a `stopped`, or what a person asked for. Goes before those that are not. */
  readonly isUrgent: boolean;
  readonly timeoutMs: number;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Called when it is sent: the totals may change while it waits. */
  readonly request: () => AnnounceRequest;
  readonly done: (result: AnnounceResult) => void;
}

export class AnnounceCall implements AnnounceJob {
  readonly host: string;
  readonly isUrgent: boolean;
  readonly #options: AnnounceCallOptions;
  /** Monotonic ms; Infinity = it waits for its turn. */
  sentAtMs: number = Number.POSITIVE_INFINITY;
  #exchange: TrackerExchange | null = null;

  /** Takes its place in the queue; `done` is not called before the constructor returns. */
  constructor(options: AnnounceCallOptions) {
    this.host = options.host;
    this.isUrgent = options.isUrgent;
    this.#options = options;
    options.queue.add(this);
  }

  /** The tracker may have heard it, whatever becomes of the answer. */
  get isSent(): boolean {
    return this.sentAtMs < Number.POSITIVE_INFINITY;
  }

  start(): void {
    const { client, url, request, queue, done, timeoutMs, now } = this.#options;
    this.sentAtMs = now();
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

/** Ends several. Those that wait go first: they must not be sent because the others make room. */
export function cancelCalls(calls: Iterable<AnnounceCall>): void {
  const sent: AnnounceCall[] = [];
  for (const call of calls) {
    if (call.isSent) sent.push(call);
    else call.cancel();
  }
  for (const call of sent) call.cancel();
}
