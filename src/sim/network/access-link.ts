/**
 * The line between one simulated host and everything else: what all its streams and datagrams share. Upwards each stream
 * has at most one segment in the queue and asks again when that has left, so that they take turns; datagrams together are
 * one more of them, with a queue of their own. Downwards it is first in first out, and streams are told to slow down
 * before the queue is full; datagrams that do not fit are dropped. Rates in bytes per ms; who calls: SimPipe, SimUdp.
 */
import { SimTask } from '../event-queue.js';
import type { Simulator } from '../simulator.js';

/** The line of one host. */
export interface AccessOptions {
  /** Away from the host. */
  readonly upBytesPerMs: number;
  /** Towards it. */
  readonly downBytesPerMs: number;
  /** Of each direction. Left out = a fifth of a second's worth, and 64 KiB at least. */
  readonly queueBytesMax?: number;
  /** How long one stream has the line at a time. Longer means fewer, larger segments. Left out = 20 ms. */
  readonly turnMs?: number;
}

/** What takes its turn in the queue of datagrams. */
export interface QueuedDatagram {
  readonly lengthBytes: number;
  /** Its last byte leaves the line at this time. */
  depart(atMs: number): void;
}

const TURN_MS = 20;
const TURN_BYTES_MIN = 1448;
const TURN_BYTES_MAX = 64 * 1024;
const QUEUE_MS = 200;
const QUEUE_BYTES_MIN = 64 * 1024;

export class AccessLink {
  readonly downBytesPerMs: number;
  readonly upBytesPerMs: number;
  /** What one stream puts on the line at a time, so that the others do not wait long. */
  readonly upTurnBytes: number;
  readonly downTurnBytes: number;
  /** Streams that have something in the queue downwards. */
  downStreams = 0;
  readonly #simulator: Simulator;
  readonly #upQueueBytesMax: number;
  readonly #downQueueBytesMax: number;
  readonly #datagrams: QueuedDatagram[] = [];
  readonly #turn: DatagramTurn = new DatagramTurn(this);
  #datagramBytes = 0;
  #upFreeMs = 0;
  #downFreeMs = 0;

  constructor(simulator: Simulator, options: AccessOptions) {
    this.#simulator = simulator;
    this.upBytesPerMs = options.upBytesPerMs;
    this.downBytesPerMs = options.downBytesPerMs;
    this.upTurnBytes = turnBytes(options.upBytesPerMs, options.turnMs);
    this.downTurnBytes = turnBytes(options.downBytesPerMs, options.turnMs);
    this.#upQueueBytesMax = options.queueBytesMax ?? queueBytes(options.upBytesPerMs);
    this.#downQueueBytesMax = options.queueBytesMax ?? queueBytes(options.downBytesPerMs);
  }

  /** @returns when the last of `bytes` has left. */
  up(bytes: number): number {
    this.#upFreeMs = Math.max(this.#simulator.now, this.#upFreeMs) + bytes / this.upBytesPerMs;
    return this.#upFreeMs;
  }

  /** @returns when the last of `bytes`, which are at the far end of the line now, has come in. */
  down(bytes: number): number {
    this.#downFreeMs = Math.max(this.#simulator.now, this.#downFreeMs) + bytes / this.downBytesPerMs;
    return this.#downFreeMs;
  }

  /** Whether a stream with `ownBytes` in the queue downwards has more than its part of the half that is for streams. */
  isCrowded(ownBytes: number): boolean {
    return ownBytes * Math.max(1, this.downStreams) > this.#downQueueBytesMax / 2;
  }

  /** @returns false when the queue is full: it is dropped. */
  sendDatagram(datagram: QueuedDatagram): boolean {
    if (this.#datagramBytes + datagram.lengthBytes > this.#upQueueBytesMax) return false;
    this.#datagramBytes += datagram.lengthBytes;
    this.#datagrams.push(datagram);
    if (!this.#turn.isPending) this.#simulator.schedule(this.#turn, this.#simulator.now);
    return true;
  }

  /** @returns when it has come in, or -1: the queue is full, and it is dropped. */
  receiveDatagram(lengthBytes: number): number {
    const waitingBytes = Math.max(0, this.#downFreeMs - this.#simulator.now) * this.downBytesPerMs;
    return waitingBytes + lengthBytes > this.#downQueueBytesMax ? -1 : this.down(lengthBytes);
  }

  /** @internal The turn of the datagrams: as many as a stream's segment is long. */
  takeTurn(): void {
    let count = 0;
    let bytes = 0;
    let departsMs = this.#simulator.now;
    while (count < this.#datagrams.length && (count === 0 || bytes < this.upTurnBytes)) {
      const datagram = this.#datagrams[count++]!;
      bytes += datagram.lengthBytes;
      departsMs = this.up(datagram.lengthBytes);
      datagram.depart(departsMs);
    }
    this.#datagrams.splice(0, count);
    this.#datagramBytes -= bytes;
    if (count > 0) this.#simulator.schedule(this.#turn, departsMs);
  }
}

class DatagramTurn extends SimTask {
  readonly #link: AccessLink;

  constructor(link: AccessLink) {
    super();
    this.#link = link;
  }

  fire(): void {
    this.#link.takeTurn();
  }
}

function turnBytes(bytesPerMs: number, turnMs = TURN_MS): number {
  return Math.round(Math.min(TURN_BYTES_MAX, Math.max(TURN_BYTES_MIN, turnMs * bytesPerMs)));
}

function queueBytes(bytesPerMs: number): number {
  return Math.max(QUEUE_BYTES_MIN, QUEUE_MS * bytesPerMs);
}
