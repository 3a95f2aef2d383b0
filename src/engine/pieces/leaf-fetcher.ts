/**
 * Asks peers for the hashes of the blocks of a piece that failed (BEP 52), so that who spoiled it is known before the
 * piece has been fetched again. One peer at a time, and a second one when the first does not tell. Called by PieceStore
 * and by peers, inside turns.
 * Invariant: leaves are passed on only when they lead to the hash of the piece; at most LIMITS.leafFetchesMax pieces.
 */
import { LIMITS } from '../../base/limits.js';
import { Timer } from '../../base/timer-queue.js';
import { HASH_BYTES } from '../../format/merkle.js';
import type { HashRange } from '../../protocol/wire/hashes.js';
import type { Turn } from '../turn.js';
import type { FileTrees } from './file-trees.js';

/** A peer that may tell hashes. */
export interface HashSource {
  /** Its connection is one of the v2 swarm. */
  readonly speaksV2: boolean;
  readonly isSuspect: boolean;
  readonly pieces: { has(piece: number): boolean; readonly length: number };
  readonly hashes: { ask(range: HashRange): void };
}

interface LeafFetch {
  readonly piece: number;
  readonly range: HashRange;
  /** The last one is being waited for. */
  readonly asked: HashSource[];
  readonly timer: Timer;
}

export class LeafFetcher {
  readonly #turn: Turn;
  readonly #trees: FileTrees;
  readonly #sources: () => Iterable<HashSource>;
  readonly #onLeaves: (piece: number, leaves: Uint8Array) => void;
  readonly #fetches = new Map<number, LeafFetch>();

  /** `onLeaves`: 32 bytes for each block with data, verified. */
  constructor(options: {
    readonly turn: Turn;
    readonly trees: FileTrees;
    readonly sources: () => Iterable<HashSource>;
    readonly onLeaves: (piece: number, leaves: Uint8Array) => void;
  }) {
    this.#turn = options.turn;
    this.#trees = options.trees;
    this.#sources = options.sources;
    this.#onLeaves = options.onLeaves;
  }

  /** Pieces that are asked for. */
  get count(): number {
    return this.#fetches.size;
  }

  /** The piece failed. Nothing comes of it when nobody can tell. */
  fetch(piece: number): void {
    const range = this.#trees.leafRangeOf(piece);
    const isAskable = range.length >= 2 && range.length <= LIMITS.hashesPerMessageMax;
    if (!isAskable || this.#fetches.has(piece) || this.#fetches.size >= LIMITS.leafFetchesMax) return;
    const fetch = { piece, range, asked: [], timer: new Timer(() => this.#askNext(fetch)) };
    this.#fetches.set(piece, fetch);
    this.#askNext(fetch);
  }

  /**
   * A peer answers; `hashes` null = it will not tell. What nobody waits for is ignored.
   * @returns false when the hashes are not those of the piece, which is no accident.
   */
  onAnswer(source: HashSource, range: HashRange, hashes: Uint8Array | null): boolean {
    const fetch = [...this.#fetches.values()].find((one) => one.asked.at(-1) === source && isSame(one.range, range));
    if (fetch === undefined) return true;
    if (hashes === null) {
      this.#askNext(fetch);
      return true;
    }
    const leaves = hashes.slice(0, range.length * HASH_BYTES);
    if (!this.#trees.areLeavesOf(fetch.piece, leaves)) {
      this.#askNext(fetch);
      return false;
    }
    this.#end(fetch);
    this.#onLeaves(fetch.piece, leaves);
    return true;
  }

  /** Nobody is waited for any more. */
  stop(): void {
    for (const fetch of [...this.#fetches.values()]) this.#end(fetch);
  }

  #askNext(fetch: LeafFetch): void {
    const source = fetch.asked.length < LIMITS.leafFetchTriesMax ? this.#choose(fetch) : null;
    if (source === null) {
      this.#end(fetch);
      return;
    }
    fetch.asked.push(source);
    this.#turn.timers.set(fetch.timer, this.#turn.now + LIMITS.leafFetchTimeoutMs);
    source.hashes.ask(fetch.range);
  }

  /** Rather one that had no part in the piece: the liar would only keep us waiting. */
  #choose({ piece, asked }: LeafFetch): HashSource | null {
    let suspect: HashSource | null = null;
    for (const source of this.#sources()) {
      if (!source.speaksV2 || source.pieces.length === 0 || !source.pieces.has(piece)) continue;
      if (asked.includes(source)) continue;
      if (!source.isSuspect) return source;
      suspect ??= source;
    }
    return suspect;
  }

  #end(fetch: LeafFetch): void {
    this.#turn.timers.cancel(fetch.timer);
    this.#fetches.delete(fetch.piece);
  }
}

/** Both ask for leaves of a piece, without proof; the root names the file. */
function isSame(asked: HashRange, told: HashRange): boolean {
  if (told.baseLayer !== 0 || told.index !== asked.index || told.length !== asked.length) return false;
  return told.proofLayers === 0 && asked.piecesRoot.every((byte, i) => byte === told.piecesRoot[i]);
}
