/**
 * The congestion window of one direction of a simulated TCP connection: slow start from ten packets, then one packet more
 * a round trip (RFC 5681), halved by a loss, and made a fifth smaller by a queue that is getting full, as ECN does it (RFC 8511).
 * All in bytes; at most one step down a round trip. Used by SimPipe, where something can be lost or shared.
 */

import type { SeededRandom } from '../../base/random.js';
import { happens } from './link.js';

const INITIAL_PACKETS = 10;
const LEAST_PACKETS = 2;
const WINDOW_BYTES_MAX = 2 * 1024 * 1024;
const AFTER_LOSS = 0.5;
const AFTER_MARK = 0.8;
/** Fewer packets than this under way, and nobody notices the hole before the timer does (RFC 5681, 3.2). */
const FAST_RETRANSMIT_PACKETS = 4;
const RETRANSMIT_TIMEOUT_MIN_MS = 200;
/** Where everything is lost. */
const DELAY_MS_MAX = 600_000;

export class Congestion {
  /** What may be under way at a time. */
  windowBytes: number;
  readonly packetBytes: number;
  readonly #roundTripMs: number;
  #slowStartEndsBytes = Number.POSITIVE_INFINITY;
  #stepDownNotBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(packetBytes: number, roundTripMs: number) {
    this.packetBytes = packetBytes;
    this.#roundTripMs = roundTripMs;
    this.windowBytes = INITIAL_PACKETS * packetBytes;
  }

  get timeoutMs(): number {
    return Math.max(RETRANSMIT_TIMEOUT_MIN_MS, 2 * this.#roundTripMs);
  }

  /** Whether so much under way makes use of the window: one that is not used does not grow (RFC 7661). */
  isUsed(underWayBytes: number): boolean {
    return 2 * underWayBytes >= this.windowBytes;
  }

  /** `bytes` have been read, while the window was in use. */
  onAck(bytes: number): void {
    if (this.windowBytes < this.#slowStartEndsBytes) this.windowBytes += bytes;
    else this.windowBytes += (this.packetBytes * bytes) / this.windowBytes;
    this.windowBytes = Math.min(this.windowBytes, WINDOW_BYTES_MAX);
  }

  /** A queue on the way is filling up. */
  onMark(nowMs: number): void {
    this.#stepDown(AFTER_MARK, nowMs);
  }

  /** The path is gone, or was. */
  onTimeout(): void {
    this.#slowStartEndsBytes = Math.max(this.windowBytes * AFTER_LOSS, LEAST_PACKETS * this.packetBytes);
    this.windowBytes = LEAST_PACKETS * this.packetBytes;
  }

  /**
   * Throws the dice for each packet of a segment. @returns how much later than it would the segment is there: a round
   * trip each time it is sent again, or a time-out when too little follows that would show the hole.
   */
  lossDelayMs(options: {
    readonly bytes: number;
    readonly underWayBytes: number;
    readonly nowMs: number;
    readonly lossRatio: number;
    readonly random: SeededRandom;
  }): number {
    const { lossRatio, random } = options;
    const packets = Math.ceil(options.bytes / this.packetBytes);
    if (!happens(random, 1 - (1 - lossRatio) ** packets)) return 0;
    const isNoticed = options.underWayBytes >= FAST_RETRANSMIT_PACKETS * this.packetBytes;
    if (isNoticed) this.#stepDown(AFTER_LOSS, options.nowMs);
    else this.onTimeout();
    let delayMs = 0;
    let waitMs = isNoticed ? Math.max(this.#roundTripMs, 1) : this.timeoutMs;
    do {
      delayMs += waitMs;
      if (!isNoticed) waitMs *= 2;
    } while (delayMs < DELAY_MS_MAX && happens(random, lossRatio));
    return delayMs;
  }

  #stepDown(factor: number, nowMs: number): void {
    if (nowMs < this.#stepDownNotBeforeMs) return;
    this.#stepDownNotBeforeMs = nowMs + this.#roundTripMs;
    this.windowBytes = Math.max(this.windowBytes * factor, LEAST_PACKETS * this.packetBytes);
    this.#slowStartEndsBytes = this.windowBytes;
  }
}
