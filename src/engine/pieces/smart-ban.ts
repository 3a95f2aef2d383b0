/**
 * Who spoiled a piece: of each block of a piece that failed its hash, who sent it and a digest of what was sent. When
 * the piece is good, whoever had sent something else is guilty, and he alone; so is, at once, who sends two versions
 * of one block. Pure. Called by PieceBlame.
 * Invariant: at most `max` blocks are remembered, those of the pieces that failed last. Peers are numbers, which stay
 * theirs when they have gone. A number below 0 = nobody to blame: padding, or an earlier session.
 */
import { assert } from '../../base/assert.js';
import { LIMITS } from '../../base/limits.js';

/** SHA-256, as in the leaves of a v2 file (BEP 52): so that peers can tell us what the digests have to be. */
export const DIGEST_BYTES = 32;

/** What was sent, block by block, when a piece failed. */
interface Attempt {
  readonly senders: Int32Array;
  /** DIGEST_BYTES a block. */
  readonly digests: Uint8Array;
}

/** Peers by number, each once, in ascending order. */
export interface Verdict {
  readonly guilty: readonly number[];
  /** All that they sent of this piece was right, and no other piece that they had a part in is still in doubt. */
  readonly innocent: readonly number[];
}

export class SmartBan {
  readonly #max: number;
  /** By piece, in the order in which they failed first. */
  readonly #attempts = new Map<number, Attempt[]>();
  #blocks = 0;

  constructor(max: number = LIMITS.smartBanBlocksMax) {
    this.#max = max;
  }

  /** Blocks remembered, of all attempts. */
  get blockCount(): number {
    return this.#blocks;
  }

  /** Whether the piece has failed and not been judged. */
  has(piece: number): boolean {
    return this.#attempts.has(piece);
  }

  /**
   * The piece failed. Both arrays are kept.
   * @param senders per block the number of the peer that sent it.
   * @param digests DIGEST_BYTES a block.
   * @returns who is guilty already: who sent another version of a block before.
   */
  record(piece: number, senders: Int32Array, digests: Uint8Array): readonly number[] {
    assert(digests.length === senders.length * DIGEST_BYTES, 'every block has a sender and a digest');
    const earlier = this.#attempts.get(piece) ?? [];
    const guilty = new Set<number>();
    for (const attempt of earlier) {
      for (const [block, sender] of senders.entries()) {
        if (sender >= 0 && attempt.senders[block] === sender && !isSame(attempt.digests, digests, block)) {
          guilty.add(sender);
        }
      }
    }
    this.#attempts.set(piece, [...earlier, { senders, digests }]);
    this.#blocks += senders.length;
    this.#makeRoom();
    return sorted(guilty);
  }

  /** The piece is good, or it is known what it has to be: `digests` are those of its blocks. What was remembered of it is forgotten. */
  judge(piece: number, digests: Uint8Array): Verdict {
    const guilty = new Set<number>();
    const senders = new Set<number>();
    for (const attempt of this.#attempts.get(piece) ?? []) {
      for (const [block, sender] of attempt.senders.entries()) {
        if (sender < 0) continue;
        senders.add(sender);
        if (!isSame(attempt.digests, digests, block)) guilty.add(sender);
      }
    }
    this.forget(piece);
    const innocent = new Set([...senders].filter((sender) => !guilty.has(sender) && !this.#isInDoubt(sender)));
    return { guilty: sorted(guilty), innocent: sorted(innocent) };
  }

  /** Nothing will come of it. */
  forget(piece: number): void {
    for (const { senders } of this.#attempts.get(piece) ?? []) this.#blocks -= senders.length;
    this.#attempts.delete(piece);
  }

  #isInDoubt(sender: number): boolean {
    for (const attempts of this.#attempts.values()) {
      if (attempts.some(({ senders }) => senders.includes(sender))) return true;
    }
    return false;
  }

  #makeRoom(): void {
    for (const piece of this.#attempts.keys()) {
      if (this.#blocks <= this.#max) return;
      this.forget(piece);
    }
  }
}

function isSame(a: Uint8Array, b: Uint8Array, block: number): boolean {
  for (let i = block * DIGEST_BYTES; i < (block + 1) * DIGEST_BYTES; i++) if (a[i] !== b[i]) return false;
  return true;
}

function sorted(numbers: ReadonlySet<number>): number[] {
  return [...numbers].sort((a, b) => a - b);
}
