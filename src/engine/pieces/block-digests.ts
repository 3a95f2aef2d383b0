/**
 * Digests of a piece's blocks: of one in memory at once, of one on disk by reading it back, a chunk a turn, one piece
 * at a time, so that neither memory nor a turn grows with the length of a piece. Called by PieceBlame and FileTrees.
 */
import { sha256 } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import type { Storage } from '../../host/storage.js';
import type { Turn } from '../turn.js';
import { DIGEST_BYTES } from './smart-ban.js';

const BLOCK_BYTES = LIMITS.blockBytes;
const CHUNK_BYTES = 16 * BLOCK_BYTES;

/** @returns DIGEST_BYTES a block, the last of which may be short. */
export function digestsOf(bytes: Uint8Array): Uint8Array {
  const digests = new Uint8Array(Math.ceil(bytes.length / BLOCK_BYTES) * DIGEST_BYTES);
  for (let begin = 0; begin < bytes.length; begin += BLOCK_BYTES) {
    digests.set(sha256(bytes.subarray(begin, begin + BLOCK_BYTES)), (begin / BLOCK_BYTES) * DIGEST_BYTES);
  }
  return digests;
}

interface Reading {
  readonly piece: number;
  readonly pieceBytes: number;
  readonly digests: Uint8Array;
  readonly done: (digests: Uint8Array | null) => void;
}

export class BlockDigests {
  readonly #storage: Storage;
  readonly #turn: Turn;
  /** The first is being read. */
  readonly #queue: Reading[] = [];
  #buffer: Uint8Array | null = null;

  constructor({ storage, turn }: { readonly storage: Storage; readonly turn: Turn }) {
    this.#storage = storage;
    this.#turn = turn;
  }

  /** Reads the piece back. `done` is called in a later turn; null = it could not be read. */
  read(piece: number, pieceBytes: number, done: (digests: Uint8Array | null) => void): void {
    const digests = new Uint8Array(Math.ceil(pieceBytes / BLOCK_BYTES) * DIGEST_BYTES);
    this.#queue.push({ piece, pieceBytes, digests, done });
    if (this.#queue.length === 1) this.#readChunk(0);
  }

  #readChunk(begin: number): void {
    const { piece, pieceBytes, digests } = this.#queue[0]!;
    this.#buffer ??= new Uint8Array(CHUNK_BYTES);
    const chunk = this.#buffer.subarray(0, Math.min(CHUNK_BYTES, pieceBytes - begin));
    this.#storage.read(piece, begin, chunk, (error) => {
      this.#turn.run(() => {
        if (error !== null) {
          this.#end(null);
          return;
        }
        digests.set(digestsOf(chunk), (begin / BLOCK_BYTES) * DIGEST_BYTES);
        const next = begin + CHUNK_BYTES;
        if (next < pieceBytes) this.#readChunk(next);
        else this.#end(digests);
      });
    });
  }

  #end(digests: Uint8Array | null): void {
    const { done } = this.#queue.shift()!;
    if (this.#queue.length > 0) this.#readChunk(0);
    else this.#buffer = null;
    done(digests);
  }
}
