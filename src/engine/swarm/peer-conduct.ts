/**
 * What a peer does that is of no use to us, counted until it is enough: blocks that nobody asked for, unchokes that
 * bring nothing, silence although it was asked. Interest may change as often as pieces come: that is no misconduct. Time is monotonic ms. Used by Peer, which closes the
 * connection with the reason that it is told.
 */
import { LIMITS } from '../../base/limits.js';
import type { CloseReason } from '../peer/close-reason.js';

const MINUTE_MS = 60_000;

export class PeerConduct {
  /** When its last block came that we had asked for; -Infinity = never. */
  lastBlockAtMs: number = Number.NEGATIVE_INFINITY;
  #unrequestedBlocks = 0;
  /** In a row: it unchoked us, was asked, and choked us before a block came. */
  #fruitlessUnchokes = 0;
  #hasSentSinceUnchoke = false;
  /** CHOKE and UNCHOKE in the minute that began at #minuteAtMs. */
  #chokeMessages = 0;
  #minuteAtMs = Number.NEGATIVE_INFINITY;
  /** Since when it owes us a block and sends none; Infinity = it does not. */
  #owingSinceMs: number = Number.POSITIVE_INFINITY;
  /** Since when neither side wants anything of the other; Infinity = one does. */
  #indifferentSinceMs: number = Number.POSITIVE_INFINITY;

  onBlock(now: number): void {
    this.lastBlockAtMs = now;
    this.#hasSentSinceUnchoke = true;
    this.#fruitlessUnchokes = 0;
    this.#owingSinceMs = Number.POSITIVE_INFINITY;
  }

  onUnrequestedBlock(): CloseReason | null {
    return ++this.#unrequestedBlocks > LIMITS.unrequestedBlocksMax ? 'too-many-unrequested-blocks' : null;
  }

  /** CHOKE or UNCHOKE: a round of requests given back or made for us, five bytes for the peer. */
  onChokeMessage(now: number): CloseReason | null {
    if (now - this.#minuteAtMs >= MINUTE_MS) {
      this.#minuteAtMs = now;
      this.#chokeMessages = 0;
    }
    return ++this.#chokeMessages > LIMITS.chokeMessagesPerMinuteMax ? 'choke-flapping' : null;
  }

  onUnchoke(): void {
    this.#hasSentSinceUnchoke = false;
  }

  /** `wasAsked`: requests of ours were outstanding. */
  onChoke({ wasAsked }: { readonly wasAsked: boolean }): CloseReason | null {
    if (!wasAsked || this.#hasSentSinceUnchoke) return null;
    return ++this.#fruitlessUnchokes > LIMITS.fruitlessUnchokesMax ? 'choke-flapping' : null;
  }

  /**
   * About once a second. `owesBlocks`: it has requests of ours, or rejects them. `isIndifferent`: neither side is
   * interested. `isCrowded`: others could use its place.
   */
  tick(
    now: number,
    state: { readonly owesBlocks: boolean; readonly isIndifferent: boolean; readonly isCrowded: boolean },
  ): CloseReason | null {
    this.#owingSinceMs = state.owesBlocks ? Math.min(this.#owingSinceMs, now) : Number.POSITIVE_INFINITY;
    this.#indifferentSinceMs = state.isIndifferent ? Math.min(this.#indifferentSinceMs, now) : Number.POSITIVE_INFINITY;
    if (now - this.#owingSinceMs >= LIMITS.owedBlockTimeoutMs) return 'no-blocks';
    const isOver = now - this.#indifferentSinceMs >= LIMITS.indifferenceTimeoutMs;
    return isOver && state.isCrowded ? 'mutual-disinterest' : null;
  }
}
