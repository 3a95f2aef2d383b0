/**
 * One direction of a simulated TCP connection: lossless, ordered, cut at random places. Chunks are read when they are
 * sent, not when they are written, and what was delivered is overwritten afterwards: code that reuses a chunk too
 * early, or keeps a view too long, sees garbage here instead of once a month in the field.
 * Invariant: at most `windowBytes` are under way or waiting at a paused receiver. Used by SimStream.
 */
import { randomBelow, type SeededRandom } from '../../base/random.js';
import type { Simulator } from '../simulator.js';
import type { Link } from './internet.js';

const WINDOW_BYTES = 256 * 1024;
const SEGMENT_BYTES_MAX = 64 * 1024;
const TINY_SEGMENT_BYTES_MAX = 16;
/** One segment in this many is tiny: cuts inside headers and length prefixes. */
const TINY_SEGMENT_EVERY = 8;

export interface PipeSender {
  /** A segment is put on its way. Valid during the call. */
  onCut(segment: Uint8Array): void;
  /** Bytes so far taken from the sender's chunks. */
  onSent(totalBytes: number): void;
  /** Bytes reached a receiver that has closed. */
  onRefused(): void;
}

export interface PipeReceiver {
  /** Valid during the call. */
  onArrived(segment: Uint8Array): void;
  /** The sender closed, and everything it had sent was delivered. */
  onEnd(isReset: boolean): void;
}

/** In the place of a segment: the last word of the sender. */
type Ending = 'end' | 'reset';

export class SimPipe {
  sender: PipeSender | null = null;
  /** null until a listener has accepted. */
  receiver: PipeReceiver | null = null;
  readonly #simulator: Simulator;
  readonly #random: SeededRandom;
  readonly #link: Link;
  readonly #chunks: Uint8Array[] = [];
  #chunkOffset = 0;
  #queuedBytes = 0;
  #sentBytes = 0;
  #underWayBytes = 0;
  /** When the link has put the last byte on its way. */
  #linkFreeMs = 0;
  #arrivals: (Uint8Array | Ending)[] = [];
  #isPumpDue = false;
  #isOpen = false;
  #isPaused = false;
  #isDelivering = false;
  #isEnded = false;
  #isDiscarded = false;
  /** The receiver has no power: what arrives vanishes, and nobody answers. */
  #isSilent = false;

  constructor(simulator: Simulator, random: SeededRandom, link: Link) {
    this.#simulator = simulator;
    this.#random = random;
    this.#link = link;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** The connection exists; until then chunks wait. */
  open(): void {
    this.#isOpen = true;
    this.send();
  }

  write(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#queuedBytes += chunk.length;
  }

  /** Sends what was written, as far as the window allows, once the current callback is over. */
  send(): void {
    if (this.#isPumpDue || this.#queuedBytes === 0 || !this.#isOpen) return;
    this.#isPumpDue = true;
    this.#simulator.defer(() => this.#pump());
  }

  /** Drops what was not sent and tells the receiver, after what was. */
  end(isReset: boolean): void {
    this.#chunks.length = 0;
    this.#queuedBytes = 0;
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#isOpen) this.#simulator.at(this.#departure(0), () => this.#arrive(isReset ? 'reset' : 'end'));
  }

  /** The receiver has closed. */
  discard(): void {
    if (this.#arrivals.some((segment) => typeof segment !== 'string')) this.#refuse();
    this.#arrivals = [];
    this.#isDiscarded = true;
  }

  /** The sender has lost power: what is under way still arrives. */
  stop(): void {
    this.#chunks.length = 0;
    this.#queuedBytes = 0;
    this.#isEnded = true;
    this.sender = null;
  }

  /** The receiver has lost power: nothing answers, and the window stays as full as it gets. */
  silence(): void {
    this.#arrivals = [];
    this.#isSilent = true;
    this.receiver = null;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#simulator.defer(() => this.#deliver());
  }

  #pump(): void {
    this.#isPumpDue = false;
    // A small gap in the window is left to grow: filling it at once would cut ever smaller segments (RFC 1122 4.2.3.4).
    if (WINDOW_BYTES - this.#underWayBytes < Math.min(this.#queuedBytes, WINDOW_BYTES / 2)) return;
    const sentBefore = this.#sentBytes;
    while (this.#queuedBytes > 0 && this.#underWayBytes < WINDOW_BYTES) {
      const segment = this.#cut(Math.min(this.#queuedBytes, WINDOW_BYTES - this.#underWayBytes));
      this.#underWayBytes += segment.length;
      this.#sentBytes += segment.length;
      this.#simulator.at(this.#departure(segment.length), () => this.#arrive(segment));
    }
    if (this.#sentBytes > sentBefore) this.sender?.onSent(this.#sentBytes);
  }

  /** Copies a random number of bytes, at most `availableBytes`, off the chunks: a segment may span several. */
  #cut(availableBytes: number): Uint8Array {
    const isTiny = randomBelow(this.#random, TINY_SEGMENT_EVERY) === 0;
    const length = 1 + randomBelow(this.#random, isTiny ? TINY_SEGMENT_BYTES_MAX : SEGMENT_BYTES_MAX);
    const segment = new Uint8Array(Math.min(length, availableBytes));
    let filled = 0;
    while (filled < segment.length) {
      const chunk = this.#chunks[0]!;
      const part = chunk.subarray(this.#chunkOffset, this.#chunkOffset + segment.length - filled);
      segment.set(part, filled);
      filled += part.length;
      this.#chunkOffset += part.length;
      if (this.#chunkOffset === chunk.length) {
        this.#chunks.shift();
        this.#chunkOffset = 0;
      }
    }
    this.#queuedBytes -= segment.length;
    this.sender?.onCut(segment);
    return segment;
  }

  /** @returns when `length` more bytes have reached the other side. */
  #departure(length: number): number {
    this.#linkFreeMs = Math.max(this.#linkFreeMs, this.#simulator.now) + length / this.#link.bytesPerMs;
    return this.#linkFreeMs + this.#link.latencyMs;
  }

  #arrive(segment: Uint8Array | Ending): void {
    if (this.#isSilent) return;
    if (this.#isDiscarded) {
      if (typeof segment !== 'string') this.#refuse();
      return;
    }
    this.#arrivals.push(segment);
    this.#deliver();
  }

  #refuse(): void {
    this.#simulator.after(this.#link.latencyMs, () => this.sender?.onRefused());
  }

  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    while (!this.#isPaused && this.#arrivals.length > 0) {
      const segment = this.#arrivals.shift()!;
      if (typeof segment === 'string') {
        this.receiver?.onEnd(segment === 'reset');
        continue;
      }
      this.#underWayBytes -= segment.length;
      this.receiver?.onArrived(segment);
      segment.fill(0xdb);
      this.send();
    }
    this.#isDelivering = false;
  }
}
