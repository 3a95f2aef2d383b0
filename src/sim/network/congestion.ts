/**
 * The congestion window of one direction of a simulated TCP connection: slow start from ten packets, then one packet more
 * a round trip (RFC 5681), halved by a loss, and made a fifth smaller by a queue that is getting full, as ECN does it (RFC 8511).
 * All in bytes; at most one step down a round trip. Used by SimPipe, where something can be lost or shared.
 */

import type { SeededRandom } from '../../base/random.js';
import type { Simulator } from '../simulator.js';
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

export interface CongestionParts {
  readonly simulator: Simulator;
  readonly random: SeededRandom;
  /** Data in a full packet. */
  readonly packetBytes: number;
  readonly roundTripMs: number;
  /** Of packets. */
  readonly lossRatio: number;
}

export class Congestion {
  /** What may be under way at a time. */
  windowBytes: number;
  underWayBytes = 0;
  readonly packetBytes: number;
  readonly #parts: CongestionParts;
  /** By packets in a segment: how likely it is that one of them is lost. */
  readonly #lossRatios: number[] = [0];
  #slowStartEndsBytes = Number.POSITIVE_INFINITY;
  #stepDownNotBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(parts: CongestionParts) {
    this.#parts = parts;
    this.packetBytes = parts.packetBytes;
    this.windowBytes = INITIAL_PACKETS * parts.packetBytes;
  }

  get roomBytes(): number {
    return Math.floor(this.windowBytes) - this.underWayBytes;
  }

  /** Whether so much is under way that the window is made use of: one that is not does not grow (RFC 7661). */
  get isUsed(): boolean {
    return 2 * this.underWayBytes >= this.windowBytes;
  }

  /** So many have been read. @param isUsed as it was before this and others that come with it. */
  onAck(bytes: number, isUsed: boolean): void {
    this.underWayBytes -= bytes;
    if (!isUsed) return;
    if (this.windowBytes < this.#slowStartEndsBytes) this.windowBytes += bytes;
    else this.windowBytes += (this.packetBytes * bytes) / this.windowBytes;
    this.windowBytes = Math.min(this.windowBytes, WINDOW_BYTES_MAX);
  }

  /** A queue on the way is filling up. */
  onMark(): void {
    this.#stepDown(AFTER_MARK);
  }

  /** The path is gone, or was. */
  onTimeout(): void {
    this.#slowStartEndsBytes = Math.max(this.windowBytes * AFTER_LOSS, LEAST_PACKETS * this.packetBytes);
    this.windowBytes = LEAST_PACKETS * this.packetBytes;
  }

  /**
   * Throws the dice for a segment that is under way now. @returns how much later than it would it is there: a round trip
   * each time it is sent again, or a time-out when too little is under way to show the hole.
   */
  lossDelayMs(segmentBytes: number): number {
    const { random, lossRatio, roundTripMs } = this.#parts;
    if (!happens(random, this.#lossRatioOf(Math.ceil(segmentBytes / this.packetBytes)))) return 0;
    const isNoticed = this.underWayBytes >= FAST_RETRANSMIT_PACKETS * this.packetBytes;
    if (isNoticed) this.#stepDown(AFTER_LOSS);
    else this.onTimeout();
    let delayMs = 0;
    let waitMs = isNoticed ? Math.max(roundTripMs, 1) : Math.max(RETRANSMIT_TIMEOUT_MIN_MS, 2 * roundTripMs);
    do {
      delayMs += waitMs;
      if (!isNoticed) waitMs *= 2;
    } while (delayMs < DELAY_MS_MAX && happens(random, lossRatio));
    return delayMs;
  }

  #lossRatioOf(packets: number): number {
    this.#lossRatios[packets] ??= 1 - (1 - this.#parts.lossRatio) ** packets;
    return this.#lossRatios[packets]!;
  }

  #stepDown(factor: number): void {
    const { now } = this.#parts.simulator;
    if (now < this.#stepDownNotBeforeMs) return;
    this.#stepDownNotBeforeMs = now + this.#parts.roundTripMs;
    this.windowBytes = Math.max(this.windowBytes * factor, LEAST_PACKETS * this.packetBytes);
    this.#slowStartEndsBytes = this.windowBytes;
  }
}
