/**
 * One direction of a simulated TCP connection: lossless, ordered, cut at odd places. Chunks are read when they are sent,
 * not when they are written, and what was delivered is overwritten afterwards: code that reuses a chunk too early, or
 * keeps a view too long, sees garbage here instead of once a month in the field.
 *
 * A segment is cut and put on the line, comes to the door (the receiver's access link, where it has one), is served, and
 * read. They stand in one row, and four counts say how far each stage is: readCount <= servedCount <= doorCount.
 * Where nothing can be lost and no line is shared, the window is fixed and the system takes that much ahead; else there is
 * a congestion window, and a turn's segments are cut only when the line is free for them. Used by SimStream.
 */
import { randomBelow, type SeededRandom } from '../../base/random.js';
import { SimTask } from '../event-queue.js';
import type { Simulator } from '../simulator.js';
import type { AccessLink } from './access-link.js';
import { ChunkQueue } from './chunk-queue.js';
import { Congestion } from './congestion.js';
import type { SimInternet } from './internet.js';
import { type Cutting, type Link, segmentBytesMax, travelMs } from './link.js';
import { SEGMENT_BYTES_MAX, type Segment } from './segment-pool.js';

const WINDOW_BYTES = 256 * 1024;
/** One byte a segment: a window of these is all that memory should bear. */
const WINDOW_OF_BYTES = 2048;
const TINY_SEGMENT_BYTES_MAX = 16;
/** One segment in this many is tiny: cuts inside headers and length prefixes. */
const TINY_SEGMENT_EVERY = 8;
/** A lossy path gets the window in this many segments at least, else one loss would hold up all of it. */
const SEGMENTS_PER_WINDOW = 4;
/** What is done with is dropped from the front of a list when it is so many. */
const DROP_EVERY = 64;
/** onWritten is told after this much, or when all is written. */
const REPORT_BYTES = 32 * 1024;
const RETRY_MS = 200;
const RETRY_MS_MAX = 120_000;
/** Linux's tcp_retries2 in time: a connection whose packets are not answered for so long is lost. */
const GIVE_UP_AFTER_MS = 924_000;

export interface PipeSender {
  /** A segment is put on its way. Valid during the call. */
  onCut(segment: Uint8Array): void;
  /** Bytes so far taken from the sender's chunks. */
  onSent(totalBytes: number): void;
  /** Bytes reached a receiver that has closed, or that has been restarted since. */
  onRefused(): void;
  /** Nothing has been answered for a quarter of an hour. */
  onUnanswered(): void;
}

export interface PipeReceiver {
  /** Valid during the call. */
  onArrived(segment: Uint8Array): void;
  /** The sender closed, and everything it had sent was delivered. */
  onEnd(isReset: boolean): void;
}

export interface PipeParts {
  readonly internet: SimInternet;
  readonly link: Link;
  readonly family: 4 | 6;
  /** IP text. */
  readonly fromHost: string;
  readonly toHost: string;
}

type Stage = 'pump' | 'door' | 'serve';

export class SimPipe {
  sender: PipeSender | null = null;
  /** null until a listener has accepted, and when it has lost power. */
  receiver: PipeReceiver | null = null;
  readonly #parts: PipeParts;
  readonly #internet: SimInternet;
  readonly #simulator: Simulator;
  readonly #random: SeededRandom;
  readonly #link: Link;
  readonly #cutting: Cutting;
  readonly #chunks = new ChunkQueue();
  readonly #pumpTask: PipeTask = new PipeTask(this, 'pump');
  readonly #doorTask: PipeTask = new PipeTask(this, 'door');
  readonly #serveTask: PipeTask = new PipeTask(this, 'serve');
  #up: AccessLink | null = null;
  #down: AccessLink | null = null;
  #congestion: Congestion | null = null;
  #turnBytes = SEGMENT_BYTES_MAX;
  #segmentBytesMax = SEGMENT_BYTES_MAX;
  #sentBytes = 0;
  #reportedBytes = 0;
  /** With a fixed window: sent and not read. */
  #underWayBytes = 0;
  /** What is on its way: not read yet, from `#readCount` on. */
  readonly #row: Segment[] = [];
  #readCount = 0;
  #servedCount = 0;
  #doorCount = 0;
  /** Acknowledgements that are on their way back: when, and of how much. */
  readonly #acks: number[] = [];
  #ackCount = 0;
  #doorBytes = 0;
  /** When the last byte that has come to the door will have come in. */
  #lastInMs = 0;
  /** When the line has put the last byte on its way. */
  #lineFreeMs = 0;
  #lastDueMs = 0;
  #unansweredSinceMs = Number.POSITIVE_INFINITY;
  #retryMs = RETRY_MS;
  #isOpen = false;
  #isPaused = false;
  #isReading = false;
  #isEnded = false;
  #isDiscarded = false;
  /** The receiver has no power: what arrives vanishes, and nobody answers. */
  #isSilent = false;

  constructor(parts: PipeParts) {
    this.#parts = parts;
    this.#internet = parts.internet;
    this.#simulator = parts.internet.simulator;
    this.#random = this.#simulator.random.split();
    this.#link = parts.link;
    this.#cutting = parts.link.cutting ?? parts.internet.cutting;
  }

  get queuedBytes(): number {
    return this.#chunks.bytes;
  }

  /** The connection exists; until then chunks wait. `up` and `down` are the lines of the sender and of the receiver. */
  open(up: AccessLink | null, down: AccessLink | null): void {
    this.#isOpen = true;
    this.#up = up;
    this.#down = down;
    const { latencyMs, lossRatio, jitterMs = 0 } = this.#link;
    if (up !== null || down !== null || lossRatio > 0) {
      this.#congestion = new Congestion({
        simulator: this.#simulator,
        random: this.#random,
        packetBytes: segmentBytesMax(this.#link, this.#parts.family),
        roundTripMs: 2 * latencyMs + jitterMs,
        lossRatio,
      });
      this.#turnBytes = up?.upTurnBytes ?? SEGMENT_BYTES_MAX;
      this.#segmentBytesMax = Math.min(this.#turnBytes, down?.downTurnBytes ?? SEGMENT_BYTES_MAX);
    }
    this.send();
  }

  write(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
  }

  /** Sends what was written, as far as the window allows, once the current callback is over. */
  send(): void {
    if (this.#pumpTask.isPending || this.#chunks.bytes === 0 || !this.#isOpen) return;
    this.#simulator.schedule(this.#pumpTask, this.#simulator.now);
  }

  /** Drops what was not sent and tells the receiver, after what was. */
  end(isReset: boolean): void {
    this.#chunks.clear();
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (!this.#isOpen) return;
    const segment = this.#internet.segments.take(0);
    segment.ending = isReset ? 'reset' : 'end';
    this.#depart(segment, 0);
  }

  /** The receiver has closed. */
  discard(): void {
    this.#isDiscarded = true;
    this.#isPaused = false;
    if (!this.#isReading) this.#read(); // what was not read is refused
  }

  /** The sender has lost power: what is under way still arrives. */
  stop(): void {
    this.#chunks.clear();
    this.#isEnded = true;
    this.sender = null;
  }

  /** The receiver has lost power: nothing answers, and the window stays as full as it gets. */
  silence(): void {
    this.#isSilent = true;
    this.#isPaused = true;
    this.receiver = null;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused || this.#isSilent) return;
    this.#isPaused = false;
    this.#simulator.defer(() => this.#read());
  }

  /** @internal */
  onTask(stage: Stage): void {
    if (stage === 'serve') this.#serve();
    else if (stage === 'door') this.#enterDoor();
    else if (this.#congestion === null) this.#pumpAhead();
    else this.#pumpWhenFree(this.#congestion);
  }

  /** As much as a fixed window has room for. */
  #pumpAhead(): void {
    const windowBytes = this.#cutting === 'bytes' ? WINDOW_OF_BYTES : WINDOW_BYTES;
    // A small gap in the window is left to grow: filling it at once would cut ever smaller segments (RFC 1122 4.2.3.4).
    if (windowBytes - this.#underWayBytes < Math.min(this.#chunks.bytes, windowBytes / 2)) return;
    while (this.#chunks.bytes > 0 && this.#underWayBytes < windowBytes) {
      const segment = this.#cut(windowBytes - this.#underWayBytes, SEGMENT_BYTES_MAX);
      this.#underWayBytes += segment.bytes.length;
      this.#depart(segment, 0);
    }
    this.#report();
  }

  /** One turn, when the line is free and the congestion window has room. */
  #pumpWhenFree(congestion: Congestion): void {
    const { now } = this.#simulator;
    this.#hearAcks(congestion);
    if (this.#chunks.bytes === 0) return;
    if (this.#lineFreeMs > now) this.#simulator.schedule(this.#pumpTask, this.#lineFreeMs);
    else if (this.#takeTurn(congestion)) {
      if (this.#chunks.bytes > 0) this.#simulator.schedule(this.#pumpTask, this.#lineFreeMs);
    } else if (this.#ackCount < this.#acks.length) {
      this.#simulator.schedule(this.#pumpTask, this.#acks[this.#ackCount]!);
    }
  }

  /** As much as others have to wait for. @returns false when the congestion window has no room. */
  #takeTurn(congestion: Congestion): boolean {
    const startBytes = this.#sentBytes;
    let leftBytes = this.#turnBytes;
    while (leftBytes > 0 && this.#chunks.bytes > 0) {
      const { roomBytes } = congestion;
      if (roomBytes < Math.min(this.#chunks.bytes, congestion.packetBytes)) break;
      leftBytes -= this.#sendOne(congestion, Math.min(roomBytes, leftBytes));
    }
    if (this.#chunks.bytes === 0 || this.#sentBytes - this.#reportedBytes >= REPORT_BYTES) this.#report();
    return this.#sentBytes > startBytes;
  }

  /** @returns its length. */
  #sendOne(congestion: Congestion, roomBytes: number): number {
    const { lossRatio } = this.#link;
    const partBytes = lossRatio > 0 ? congestion.windowBytes / SEGMENTS_PER_WINDOW : Number.POSITIVE_INFINITY;
    const segment = this.#cut(roomBytes, Math.min(this.#segmentBytesMax, Math.max(congestion.packetBytes, partBytes)));
    const { length } = segment.bytes;
    congestion.underWayBytes += length;
    this.#depart(segment, lossRatio > 0 ? congestion.lossDelayMs(length) : 0);
    return length;
  }

  #report(): void {
    if (this.#sentBytes === this.#reportedBytes) return;
    this.#reportedBytes = this.#sentBytes;
    this.sender?.onSent(this.#sentBytes);
  }

  /** Copies some bytes, at most `roomBytes`, off the chunks: a segment may span several. */
  #cut(roomBytes: number, bytesMax: number): Segment {
    const most = Math.min(this.#chunks.bytes, roomBytes);
    const segment = this.#internet.segments.take(Math.min(this.#cutLength(Math.floor(bytesMax)), most));
    this.#chunks.take(segment.bytes);
    this.#sentBytes += segment.bytes.length;
    this.sender?.onCut(segment.bytes);
    return segment;
  }

  #cutLength(bytesMax: number): number {
    if (this.#cutting === 'bytes') return 1;
    if (this.#cutting === 'whole') return bytesMax;
    const isTiny = randomBelow(this.#random, TINY_SEGMENT_EVERY) === 0;
    return 1 + randomBelow(this.#random, isTiny ? TINY_SEGMENT_BYTES_MAX : bytesMax);
  }

  /** Puts a segment at the end of the row. */
  #depart(segment: Segment, delayMs: number): void {
    const { length } = segment.bytes;
    const { now } = this.#simulator;
    const lineFreeMs = Math.max(this.#lineFreeMs, now) + length / this.#link.bytesPerMs;
    this.#lineFreeMs = this.#up === null || length === 0 ? lineFreeMs : Math.max(lineFreeMs, this.#up.up(length));
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#lineFreeMs + travelMs(this.#link, this.#random) + delayMs);
    segment.dueMs = this.#lastDueMs;
    this.#row.push(segment);
    if (this.#down === null) this.#doorCount = this.#row.length;
    else if (!this.#doorTask.isPending) this.#simulator.schedule(this.#doorTask, this.#row[this.#doorCount]!.dueMs);
    this.#awaitService();
  }

  #awaitService(): void {
    if (this.#servedCount === this.#doorCount || this.#serveTask.isPending) return;
    this.#simulator.schedule(this.#serveTask, this.#row[this.#servedCount]!.dueMs);
  }

  /** The next segment is at the receiver's access link. */
  #enterDoor(): void {
    if (this.#isUnanswered(this.#doorTask)) return;
    const down = this.#down!;
    const segment = this.#row[this.#doorCount++]!;
    const { length } = segment.bytes;
    if (length > 0) {
      if (this.#doorBytes === 0) down.downStreams++;
      this.#doorBytes += length;
      this.#lastInMs = down.down(length);
      if (down.isCrowded(this.#doorBytes)) this.#congestion!.onMark();
    }
    segment.dueMs = Math.max(segment.dueMs, this.#lastInMs);
    if (this.#doorCount < this.#row.length) this.#simulator.schedule(this.#doorTask, this.#row[this.#doorCount]!.dueMs);
    this.#awaitService();
  }

  /** The next segment has come in. */
  #serve(): void {
    if (this.#down === null && this.#isUnanswered(this.#serveTask)) return;
    const { length } = this.#row[this.#servedCount++]!.bytes;
    if (this.#down !== null && length > 0) {
      this.#doorBytes -= length;
      if (this.#doorBytes === 0) this.#down.downStreams--;
    }
    if (!this.#isReading) this.#read();
    this.#awaitService();
  }

  #read(): void {
    this.#isReading = true;
    while (!this.#isPaused && this.#readCount < this.#servedCount) {
      const segment = this.#row[this.#readCount++]!;
      this.#hand(segment);
      this.#internet.segments.give(segment);
    }
    this.#isReading = false;
    this.#shortenRow();
  }

  #hand(segment: Segment): void {
    const { length } = segment.bytes;
    if (this.#isDiscarded) {
      if (segment.ending === 'none') this.#refuse();
    } else if (segment.ending !== 'none') this.receiver?.onEnd(segment.ending === 'reset');
    else if (this.#congestion === null) {
      this.#underWayBytes -= length;
      this.receiver?.onArrived(segment.bytes);
      this.send();
    } else {
      this.receiver?.onArrived(segment.bytes);
      const ackMs = this.#simulator.now + this.#link.latencyMs;
      this.#acks.push(ackMs, length);
      if (this.#chunks.bytes > 0 && !this.#pumpTask.isPending) this.#simulator.schedule(this.#pumpTask, ackMs);
    }
  }

  #hearAcks(congestion: Congestion): void {
    const { now } = this.#simulator;
    const { isUsed } = congestion;
    while (this.#ackCount < this.#acks.length && this.#acks[this.#ackCount]! <= now) {
      congestion.onAck(this.#acks[this.#ackCount + 1]!, isUsed);
      this.#ackCount += 2;
    }
    if (this.#ackCount < DROP_EVERY) return;
    this.#acks.splice(0, this.#ackCount);
    this.#ackCount = 0;
  }

  /** Whether the way is cut, or nobody is there: then `task` comes again, each time after twice as long. */
  #isUnanswered(task: SimTask): boolean {
    const { fromHost, toHost } = this.#parts;
    if (!this.#isSilent && !this.#internet.isCutOff(fromHost, toHost)) {
      this.#unansweredSinceMs = Number.POSITIVE_INFINITY;
      this.#retryMs = RETRY_MS;
      return false;
    }
    if (this.sender === null) return true; // nobody sends it again
    const { now } = this.#simulator;
    this.#unansweredSinceMs = Math.min(this.#unansweredSinceMs, now);
    this.#congestion?.onTimeout();
    if (this.#isSilent && this.#internet.isReachable(fromHost, toHost)) this.#refuse();
    else if (now - this.#unansweredSinceMs >= GIVE_UP_AFTER_MS) this.sender?.onUnanswered();
    else {
      this.#simulator.schedule(task, now + this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX);
    }
    return true;
  }

  #refuse(): void {
    const { sender } = this;
    if (sender !== null) this.#simulator.after(this.#link.latencyMs, () => sender.onRefused());
  }

  #shortenRow(): void {
    if (this.#readCount < DROP_EVERY) return;
    this.#row.splice(0, this.#readCount);
    this.#servedCount -= this.#readCount;
    this.#doorCount -= this.#readCount;
    this.#readCount = 0;
  }
}

class PipeTask extends SimTask {
  readonly #pipe: SimPipe;
  readonly #stage: Stage;

  constructor(pipe: SimPipe, stage: Stage) {
    super();
    this.#pipe = pipe;
    this.#stage = stage;
  }

  fire(): void {
    this.#pipe.onTask(this.#stage);
  }
}
