/**
 * Hashes between us and one peer (BEP 52). Answers what it asks for, one request after the other: with the hashes, or
 * with a reject. Asks on behalf of LeafFetcher.
 * Invariant: each request is answered once, and no more wait than LIMITS.hashRequestsQueuedMax. Called by Peer inside
 * turns.
 */
import { LIMITS } from '../../base/limits.js';
import type { HashRange } from '../../protocol/wire/hashes.js';
import type { TorrentData } from '../data/torrent-data.js';
import type { FileTrees } from '../pieces/file-trees.js';
import type { PeerConnection } from './peer-connection.js';

interface Waiting {
  readonly range: HashRange;
  /** Null for a torrent without v2 hashes, or while they are not known. */
  readonly trees: FileTrees | null;
  readonly isServed: (piece: number) => boolean;
}

export class HashExchange {
  readonly #connection: PeerConnection;
  /** The first is being answered. */
  #queue: Waiting[] = [];
  #isClosed = false;

  constructor(connection: PeerConnection) {
    this.#connection = connection;
  }

  /** `isServed`: whether we have a piece and show it to this peer. @returns false for a flood. */
  serve(data: Pick<TorrentData, 'trees'> | null, range: HashRange, isServed: (piece: number) => boolean): boolean {
    // It asks and does not read.
    if (this.#connection.unsentBytes > 2 * LIMITS.outgoingMessageBytesMax) return false;
    if (this.#queue.length === LIMITS.hashRequestsQueuedMax) return false;
    this.#queue.push({ range, trees: data?.trees ?? null, isServed });
    if (this.#queue.length === 1) this.#answerNext();
    return true;
  }

  /** The answer comes to TorrentData.onHashes. */
  ask(range: HashRange): void {
    this.#connection.encoder.hashRequest(range);
    this.#connection.wantsFlush();
  }

  /** Nothing is answered any more. */
  close(): void {
    this.#isClosed = true;
    this.#queue = [];
  }

  #answerNext(): void {
    const { range, trees, isServed } = this.#queue[0]!;
    const isBackedUp = this.#connection.unsentBytes > LIMITS.outgoingMessageBytesMax;
    if (trees === null || isBackedUp) this.#answer(range, null);
    else trees.find(range, isServed, (hashes) => this.#answer(range, hashes));
  }

  #answer(range: HashRange, hashes: Uint8Array | null): void {
    if (this.#isClosed) return;
    if (hashes === null) this.#connection.encoder.hashReject(range);
    else this.#connection.encoder.hashes(range, hashes);
    this.#connection.wantsFlush();
    this.#queue.shift();
    if (this.#queue.length > 0) this.#answerNext();
  }
}
