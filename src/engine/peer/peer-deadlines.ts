/**
 * How long a connection may be silent, in either direction (BEP 3 keep-alives): monotonic ms of what happened last, and
 * what is due. Asked about once a second, so that a peer needs no timer of its own. Used by Peer.
 */
import { LIMITS } from '../../base/limits.js';

export type PeerDue = 'nothing' | 'keep-alive' | 'handshake-timeout' | 'idle';

export class PeerDeadlines {
  /** When the stream opened: the handshake's time counts from here, however long the dial took. */
  openedAtMs: number;
  lastReceivedAtMs: number;
  lastSentAtMs: number;
  /** When the stream last took bytes of what it had been given, or was given bytes while it had none. */
  lastWrittenAtMs: number;

  constructor(now: number) {
    this.openedAtMs = now;
    this.lastReceivedAtMs = now;
    this.lastSentAtMs = now;
    this.lastWrittenAtMs = now;
  }

  /** @param unwrittenBytes what the stream has been given and not taken yet */
  due(now: number, state: { readonly isHandshakeDone: boolean; readonly unwrittenBytes: number }): PeerDue {
    if (!state.isHandshakeDone) {
      return now - this.openedAtMs >= LIMITS.handshakeTimeoutMs ? 'handshake-timeout' : 'nothing';
    }
    // A peer that asks and does not read holds on to memory of the read cache.
    const isStalled = state.unwrittenBytes > 0 && now - this.lastWrittenAtMs >= LIMITS.sendStallTimeoutMs;
    if (isStalled || now - this.lastReceivedAtMs >= LIMITS.idleTimeoutMs) return 'idle';
    return now - this.lastSentAtMs >= LIMITS.keepAliveAfterMs ? 'keep-alive' : 'nothing';
  }
}
