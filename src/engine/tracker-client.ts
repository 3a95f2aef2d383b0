/** What the announcer sees of a tracker protocol: HTTP and UDP now, WebSocket later. */
import type { AnnounceRequest, AnnounceResult } from '../protocol/tracker/announce.js';

export interface TrackerClient {
  /**
   * One announce. `done` is called once, in a turn of its own, never inside the call. `timeoutMs` bounds the wait for
   * protocols that have no time-outs of their own.
   */
  announce(
    url: string,
    request: AnnounceRequest,
    timeoutMs: number,
    done: (result: AnnounceResult) => void,
  ): TrackerExchange;
}

export interface TrackerExchange {
  /** After this, `done` is not called. */
  cancel(): void;
}
