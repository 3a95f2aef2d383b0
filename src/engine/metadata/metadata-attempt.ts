/**
 * The bookkeeping of MetadataFetcher (BEP 9): what one peer has been asked for, and what one attempt has collected.
 * No policy across peers, and no callbacks. Times are monotonic ms.
 */
import { LIMITS } from '../../base/limits.js';
import { METADATA_BLOCK_BYTES, metadataBlockCount } from '../../protocol/wire/metadata.js';

/** A request that waits for its answer. */
export interface OpenRequest {
  readonly block: number;
  readonly deadlineMs: number;
}

/** A peer that claims to have the metadata. */
export class MetadataPeer {
  readonly number: number;
  sizeBytes: number;
  readonly requested: OpenRequest[] = [];
  /** Blocks of requests that timed out, the latest few: the answer may still come. */
  readonly overdue: number[] = [];
  /** 0 = not paused. */
  pausedUntilMs = 0;
  wrongAnswers = 0;
  soloTurns = 0;
  /** Proven to lie: never asked again. */
  isExcluded = false;

  constructor(number: number, sizeBytes: number) {
    this.number = number;
    this.sizeBytes = sizeBytes;
  }

  get isUsable(): boolean {
    return !this.isExcluded && this.pausedUntilMs === 0;
  }

  isAskedFor(block: number): boolean {
    for (const request of this.requested) if (request.block === block) return true;
    return false;
  }

  /** An answer has come. @returns whether the block had been asked for. */
  settleRequest(block: number): boolean {
    const open = this.requested.findIndex((request) => request.block === block);
    if (open >= 0) this.requested.splice(open, 1);
    const late = this.overdue.indexOf(block);
    if (late >= 0) this.overdue.splice(late, 1);
    return open >= 0 || late >= 0;
  }

  advance(now: number): void {
    if (this.pausedUntilMs <= now) this.pausedUntilMs = 0;
    while (this.requested.length > 0 && this.requested[0]!.deadlineMs <= now) {
      this.overdue.push(this.requested.shift()!.block);
      if (this.overdue.length > LIMITS.metadataRequestsPerPeerMax) this.overdue.shift();
      this.pausedUntilMs = now + LIMITS.metadataRejectPauseMs;
    }
  }

  nextDeadline(): number {
    const request = this.requested[0]?.deadlineMs ?? Number.POSITIVE_INFINITY;
    return this.pausedUntilMs > 0 && !this.isExcluded ? Math.min(request, this.pausedUntilMs) : request;
  }
}

/** One try to get all blocks of one size. */
export class MetadataAttempt {
  readonly sizeBytes: number;
  /** The only peer that may contribute; null = all that claim the size. */
  readonly solo: number | null;
  readonly earlierTurns: number;
  turnEndsAtMs: number = Number.POSITIVE_INFINITY;
  /** Allocated with the first block, because a claim alone should cost us nothing. */
  bytes: Uint8Array | null = null;
  storedBlocks = 0;
  /** After a pick that found nothing: when there will be something, should nothing else happen. */
  duplicateAtMs: number = Number.POSITIVE_INFINITY;
  readonly #blockCount: number;
  /** By block: the peer that it came from. */
  readonly #senders: (number | undefined)[] = [];
  /** By block: how often it was asked for, and when last. */
  readonly #requestCounts: number[] = [];
  readonly #requestedAtMs: number[] = [];

  constructor(sizeBytes: number, solo: number | null, earlierTurns: number) {
    this.sizeBytes = sizeBytes;
    this.solo = solo;
    this.earlierTurns = earlierTurns;
    this.#blockCount = metadataBlockCount(sizeBytes);
  }

  accepts(peer: MetadataPeer): boolean {
    return peer.sizeBytes === this.sizeBytes && (this.solo === null || this.solo === peer.number);
  }

  /** `bytes` has the length of block `block`. @returns whether all blocks are there now. */
  store(sender: number, block: number, bytes: Uint8Array): boolean {
    if (this.#senders[block] !== undefined) return false;
    this.bytes ??= new Uint8Array(this.sizeBytes);
    this.bytes.set(bytes, block * METADATA_BLOCK_BYTES);
    this.#senders[block] = sender;
    this.storedBlocks++;
    return this.storedBlocks === this.#blockCount;
  }

  contributors(): Set<number> {
    return new Set(this.#senders.filter((sender) => sender !== undefined));
  }

  /** @returns the missing block that was asked for least often, none of the last few seconds; -1 = none. */
  pick(peer: MetadataPeer, now: number): number {
    let best = -1;
    let bestCount = 0;
    this.duplicateAtMs = Number.POSITIVE_INFINITY;
    for (let block = 0; block < this.#blockCount; block++) {
      if (this.#senders[block] !== undefined || peer.isAskedFor(block)) continue;
      const count = this.#requestCounts[block] ?? 0;
      if (count === 0) return block;
      const repeatAtMs = this.#requestedAtMs[block]! + LIMITS.metadataDuplicateAfterMs;
      if (repeatAtMs > now) this.duplicateAtMs = Math.min(this.duplicateAtMs, repeatAtMs);
      else if (best < 0 || count < bestCount) {
        best = block;
        bestCount = count;
      }
    }
    return best;
  }

  noteRequest(block: number, now: number): void {
    this.#requestCounts[block] = (this.#requestCounts[block] ?? 0) + 1;
    this.#requestedAtMs[block] = now;
  }

  /** The block will not come from the peer that was asked last: another may be asked at once. */
  release(block: number): void {
    this.#requestedAtMs[block] = Number.NEGATIVE_INFINITY;
  }
}
