/**
 * BEP 9 across the peers of one torrent, sans-IO: MetadataFetcher decides whom to ask for which block of the info
 * dictionary, MetadataServer answers. Peers are small integers; times are monotonic ms.
 * What a peer says is true only once the whole matches the info-hash, so there is one attempt at a time, with one size
 * and one buffer, and peers that cannot contribute to it wait. It ends when it succeeds, does not match, has nobody left
 * to ask, or has held up others for its turn. After a mismatch with several contributors the next attempts are solo,
 * one peer each: then the culprit is certain, and an honest peer is never blamed.
 * Called by MetadataExchange inside turns.
 */

import { LIMITS } from '../../base/limits.js';
import { type Random, randomBelow } from '../../base/random.js';
import { RareMap } from '../../base/rarely-filled.js';
import { type InfoHash, matchesInfoHash } from '../../format/infohash.js';
import {
  encodeMetadataData,
  encodeMetadataReject,
  METADATA_BLOCK_BYTES,
  metadataBlockBytes,
  metadataBlockCount,
} from '../../protocol/wire/metadata.js';
import { MetadataAttempt, MetadataPeer } from './metadata-attempt.js';

/** Called from inside the methods of MetadataFetcher; only onMetadataPoisoned may call back, and only removePeer. */
export interface MetadataFetcherHandler {
  requestMetadataBlock(peer: number, block: number): void;
  /** The last call. `infoBytes` matches the info-hash, and is the handler's to keep. */
  onMetadata(infoBytes: Uint8Array): void;
  /** These peers are proven liars, and are not asked again. */
  onMetadataPoisoned(peers: readonly number[]): void;
}

export class MetadataFetcher {
  readonly #infoHash: InfoHash;
  readonly #random: Random;
  readonly #handler: MetadataFetcherHandler;
  readonly #peers = new Map<number, MetadataPeer>();
  /** What became of earlier attempts, for sizes that some peer still claims. */
  readonly #records = new Map<number, SizeRecord>();
  #attempt: MetadataAttempt | null = null;
  /** When a block that is under way may be asked of another peer, should one be idle. */
  #duplicateAtMs = Number.POSITIVE_INFINITY;
  #isDone = false;

  constructor(options: {
    readonly infoHash: InfoHash;
    readonly random: Random;
    readonly handler: MetadataFetcherHandler;
  }) {
    this.#infoHash = options.infoHash;
    this.#random = options.random;
    this.#handler = options.handler;
  }

  /** The peer claims that the metadata has `sizeBytes`; again, when it claims something else. Bad sizes are ignored. */
  addPeer(peer: number, sizeBytes: number, now: number): void {
    if (this.#isDone || !Number.isInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > LIMITS.metadataBytesMax) return;
    const known = this.#peers.get(peer);
    if (known === undefined) {
      this.#peers.set(peer, new MetadataPeer(peer, sizeBytes));
    } else if (known.sizeBytes !== sizeBytes) {
      // The metadata of an info-hash has one size: one of the two claims was a lie.
      this.#forgetRequests(known);
      known.sizeBytes = sizeBytes;
      this.#forgetUnclaimedSizes();
      this.#onWrongAnswer(known);
    }
    this.#proceed(now);
  }

  removePeer(peer: number, now: number): void {
    const known = this.#peers.get(peer);
    if (known === undefined) return;
    this.#peers.delete(peer);
    this.#forgetRequests(known);
    this.#forgetUnclaimedSizes();
    this.#proceed(now);
  }

  /** A block has come; `bytes` is copied. `totalBytes` is the size that the message names, null when it names none. */
  onData(peer: number, block: number, totalBytes: number | null, bytes: Uint8Array, now: number): void {
    const sender = this.#peers.get(peer);
    // What was not asked for is ignored: it may answer a request that we gave up.
    if (this.#isDone || sender === undefined || !sender.settleRequest(block)) return;
    // It answers, if late: no reason to wait for the end of its pause.
    sender.pausedUntilMs = 0;
    if (!isPlausible(sender, block, totalBytes, bytes)) {
      this.#attempt?.release(block);
      this.#onWrongAnswer(sender);
    } else if (this.#attempt?.accepts(sender) === true && this.#attempt.store(sender.number, block, bytes)) {
      this.#complete(this.#attempt);
    }
    this.#proceed(now);
  }

  onReject(peer: number, block: number, now: number): void {
    const sender = this.#peers.get(peer);
    if (this.#isDone || sender === undefined || !sender.settleRequest(block)) return;
    sender.pausedUntilMs = now + LIMITS.metadataRejectPauseMs;
    this.#attempt?.release(block);
    this.#proceed(now);
  }

  /** Gives up requests and ends pauses that are due. */
  advance(now: number): void {
    if (this.#isDone) return;
    for (const peer of this.#peers.values()) peer.advance(now);
    this.#proceed(now);
  }

  /** @returns when advance() has something to do; Infinity = only after another call. */
  nextDeadline(): number {
    if (this.#isDone) return Number.POSITIVE_INFINITY;
    let deadline = Math.min(this.#duplicateAtMs, this.#attempt?.turnEndsAtMs ?? Number.POSITIVE_INFINITY);
    for (const peer of this.#peers.values()) deadline = Math.min(deadline, peer.nextDeadline());
    return deadline;
  }

  /** After each change: ends an attempt that has to make way, begins another, asks whoever has a request to spare. */
  #proceed(now: number): void {
    if (this.#isDone) return;
    if (this.#attempt !== null && this.#isOver(this.#attempt, now)) this.#endAttempt(this.#attempt);
    else if (this.#attempt !== null && this.#isOutvoted(this.#attempt)) this.#attempt = null;
    this.#attempt ??= this.#chooseAttempt();
    this.#duplicateAtMs = Number.POSITIVE_INFINITY;
    if (this.#attempt === null) return;
    this.#setTurnEnd(this.#attempt, now);
    this.#fill(this.#attempt, now);
  }

  /** Whether it has nobody left to ask, or has had its turn, while somebody waits. */
  #isOver(attempt: MetadataAttempt, now: number): boolean {
    let hasContributor = false;
    let hasWaiting = false;
    for (const peer of this.#peers.values()) {
      if (!peer.isUsable) continue;
      if (attempt.accepts(peer)) hasContributor = true;
      else hasWaiting = true;
    }
    return hasWaiting && (!hasContributor || now >= attempt.turnEndsAtMs);
  }

  /** Whether most peers agree on another size, and nothing is lost by believing them. */
  #isOutvoted(attempt: MetadataAttempt): boolean {
    if (attempt.storedBlocks > 0 || attempt.solo !== null) return false;
    const sizeBytes = this.#chooseSize();
    return sizeBytes !== 0 && sizeBytes !== attempt.sizeBytes;
  }

  #endAttempt(attempt: MetadataAttempt): void {
    this.#recordOf(attempt.sizeBytes).turns++;
    this.#attempt = null;
  }

  /** The clock of a turn runs only while somebody waits: a slow peer that is all we have gets all the time it needs. */
  #setTurnEnd(attempt: MetadataAttempt, now: number): void {
    let hasWaiting = false;
    for (const peer of this.#peers.values()) hasWaiting ||= peer.isUsable && !attempt.accepts(peer);
    if (!hasWaiting) attempt.turnEndsAtMs = Number.POSITIVE_INFINITY;
    else if (attempt.turnEndsAtMs === Number.POSITIVE_INFINITY) {
      // Each turn is twice as long as the last one, so that a slow honest peer succeeds in the end.
      attempt.turnEndsAtMs = now + LIMITS.metadataTurnMs * 2 ** Math.min(attempt.earlierTurns, TURN_DOUBLINGS_MAX);
    }
  }

  #chooseAttempt(): MetadataAttempt | null {
    const sizeBytes = this.#chooseSize();
    if (sizeBytes === 0) return null;
    const record = this.#records.get(sizeBytes);
    const solo = record?.isSolo === true ? this.#chooseSolo(sizeBytes) : null;
    if (solo === null) return new MetadataAttempt(sizeBytes, null, record?.turns ?? 0);
    return new MetadataAttempt(sizeBytes, solo.number, solo.soloTurns++);
  }

  /** @returns the size with the fewest turns so far; of these the one that most peers claim; 0 = nobody to ask. */
  #chooseSize(): number {
    const claims = new Map<number, number>();
    for (const peer of this.#peers.values()) {
      if (peer.isUsable) claims.set(peer.sizeBytes, (claims.get(peer.sizeBytes) ?? 0) + 1);
    }
    let best = 0;
    let bestTurns = 0;
    let bestClaims = 0;
    for (const [sizeBytes, count] of claims) {
      const turns = this.#records.get(sizeBytes)?.turns ?? 0;
      if (best === 0 || turns < bestTurns || (turns === bestTurns && count > bestClaims)) {
        best = sizeBytes;
        bestTurns = turns;
        bestClaims = count;
      }
    }
    return best;
  }

  /** @returns a usable peer of that size with the fewest solo turns; a random one, so that nobody can be always first. */
  #chooseSolo(sizeBytes: number): MetadataPeer | null {
    let best: MetadataPeer[] = [];
    for (const peer of this.#peers.values()) {
      if (!peer.isUsable || peer.sizeBytes !== sizeBytes) continue;
      if (best.length === 0 || peer.soloTurns < best[0]!.soloTurns) best = [peer];
      else if (peer.soloTurns === best[0]!.soloTurns) best.push(peer);
    }
    return best.length === 0 ? null : best[randomBelow(this.#random, best.length)]!;
  }

  #fill(attempt: MetadataAttempt, now: number): void {
    for (const peer of this.#peers.values()) {
      if (!peer.isUsable || !attempt.accepts(peer)) continue;
      while (peer.requested.length < LIMITS.metadataRequestsPerPeerMax) {
        const block = attempt.pick(peer, now);
        if (block < 0) {
          this.#duplicateAtMs = Math.min(this.#duplicateAtMs, attempt.duplicateAtMs);
          // Nothing for anyone; what one peer is asked for already may still do for another.
          if (peer.requested.length === 0) return;
          break;
        }
        attempt.noteRequest(block, now);
        peer.requested.push({ block, deadlineMs: now + LIMITS.metadataRequestTimeoutMs });
        this.#handler.requestMetadataBlock(peer.number, block);
      }
    }
  }

  #complete(attempt: MetadataAttempt): void {
    const infoBytes = attempt.bytes!;
    if (matchesInfoHash(infoBytes, this.#infoHash)) {
      this.#isDone = true;
      this.#attempt = null;
      this.#handler.onMetadata(infoBytes);
      return;
    }
    const contributors = attempt.contributors();
    this.#recordOf(attempt.sizeBytes).isSolo = true;
    this.#endAttempt(attempt);
    if (contributors.size === 1) this.#exclude([...contributors]);
  }

  /** Its requests will not be answered: others may be asked at once. */
  #forgetRequests(peer: MetadataPeer): void {
    for (const request of peer.requested) this.#attempt?.release(request.block);
    peer.requested.length = 0;
    peer.overdue.length = 0;
  }

  #onWrongAnswer(peer: MetadataPeer): void {
    peer.wrongAnswers++;
    if (peer.wrongAnswers === LIMITS.metadataFailuresMax) this.#exclude([peer.number]);
  }

  #exclude(numbers: readonly number[]): void {
    // Kept, but unusable: a repeated extension handshake must not bring it back.
    for (const number of numbers) {
      const peer = this.#peers.get(number);
      if (peer === undefined) continue;
      peer.isExcluded = true;
      this.#forgetRequests(peer);
    }
    this.#handler.onMetadataPoisoned(numbers);
  }

  #recordOf(sizeBytes: number): SizeRecord {
    let record = this.#records.get(sizeBytes);
    if (record === undefined) {
      record = { turns: 0, isSolo: false };
      this.#records.set(sizeBytes, record);
    }
    return record;
  }

  /** One record a peer at most, whatever sizes it makes up. */
  #forgetUnclaimedSizes(): void {
    if (this.#records.size === 0) return;
    const claimed = new Set<number>();
    for (const peer of this.#peers.values()) claimed.add(peer.sizeBytes);
    for (const sizeBytes of this.#records.keys()) if (!claimed.has(sizeBytes)) this.#records.delete(sizeBytes);
  }
}

/** Serves metadata that is known to be good. A peer that asks for the same again and again is rejected. */
export class MetadataServer {
  readonly #infoBytes: Uint8Array;
  readonly #requestsMax: number;
  /** Blocks sent to each connected peer. */
  readonly #served = new RareMap<number, number>();

  constructor(infoBytes: Uint8Array) {
    this.#infoBytes = infoBytes;
    this.#requestsMax = LIMITS.metadataServedPerBlockMax * metadataBlockCount(infoBytes.length);
  }

  /** @returns the answer to a request for a block that is not served: `block` is any that a peer may name. */
  static reject(block: number): Uint8Array {
    return encodeMetadataReject(block);
  }

  /** @returns the ut_metadata message that answers `peer`; null = the block is to be rejected. */
  answer(peer: number, block: number): Uint8Array | null {
    const served = this.#served.get(peer) ?? 0;
    const length = metadataBlockBytes(this.#infoBytes.length, block);
    if (length === 0 || served >= this.#requestsMax) return null;
    this.#served.set(peer, served + 1);
    const begin = block * METADATA_BLOCK_BYTES;
    return encodeMetadataData(block, this.#infoBytes.length, this.#infoBytes.subarray(begin, begin + length));
  }

  /** The peer is gone. */
  removePeer(peer: number): void {
    this.#served.delete(peer);
  }
}

const TURN_DOUBLINGS_MAX = 10;

interface SizeRecord {
  /** Attempts with this size that have ended. */
  turns: number;
  /** Several peers contributed to one that did not match: from now on one peer an attempt. */
  isSolo: boolean;
}

/** Some clients name the length of the block instead of the whole; the length of what came settles it either way. */
function isPlausible(sender: MetadataPeer, block: number, totalBytes: number | null, bytes: Uint8Array): boolean {
  if (bytes.length !== metadataBlockBytes(sender.sizeBytes, block)) return false;
  return totalBytes === null || totalBytes === sender.sizeBytes || totalBytes === bytes.length;
}
