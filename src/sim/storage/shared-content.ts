/**
 * The disk of a host in a very large swarm: what it should hold is known and kept once, shared by all hosts, and the
 * host keeps only which pieces of it are there: a byte a piece. Nothing is hashed, all is compared. What is wrong reads
 * as the inverse of what is right. It outlives storages and engines. Used by SharedContentStorageFactory.
 */
import { assert } from '../../base/assert.js';
import { LIMITS } from '../../base/limits.js';
import type { FileStamp, StorageLayout } from '../../host/storage.js';
import { DiskQueue } from './disk-model.js';

const BLOCK_BYTES = LIMITS.blockBytes;

const ABSENT = 0;
const GOOD = 1;
const WRONG = 2;
/** Its blocks differ, and are looked up one by one. */
const MIXED = 3;

interface PieceSpan {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

export class SharedContentDisk {
  readonly layout: StorageLayout;
  readonly queue: DiskQueue = new DiskQueue();
  readonly #content: Uint8Array;
  readonly #pieces: Uint8Array;
  /** Of MIXED pieces: ABSENT, GOOD or WRONG a block. */
  readonly #blocks = new Map<number, Uint8Array>();
  /** How far each file reaches; -1 = it is not there. */
  readonly #fileEnds: Float64Array;
  /** When each file was written to last: the number of that write, which serves as its time. */
  readonly #fileChanges: Float64Array;
  readonly #hasPadding: boolean;
  #writes = 0;

  /** `content`: the whole torrent's bytes, padding included. `isFull`: it begins as a seed, not empty. */
  constructor(options: { readonly layout: StorageLayout; readonly content: Uint8Array; readonly isFull: boolean }) {
    const { layout, content, isFull } = options;
    this.layout = layout;
    this.#content = content;
    this.#pieces = new Uint8Array(layout.pieceCount).fill(isFull ? GOOD : ABSENT);
    this.#fileEnds = Float64Array.from(layout.files, ({ lengthBytes }) =>
      isFull || lengthBytes === 0 ? lengthBytes : -1,
    );
    this.#fileChanges = new Float64Array(layout.files.length);
    this.#hasPadding = layout.files.some(({ padding }) => padding);
  }

  get isEmpty(): boolean {
    return this.#pieces.every((state) => state === ABSENT);
  }

  /** Whether all of the piece is there and right. */
  isIntact(piece: number): boolean {
    return this.#pieces[piece] === GOOD;
  }

  /** Bit rot: every byte of the piece turns over, which changes no stamp. */
  corrupt(piece: number): void {
    assert(this.#pieces[piece] === GOOD, 'only a piece that is there can rot');
    this.#pieces[piece] = WRONG;
  }

  /** Takes all away, as a disk that was formatted. */
  clear(): void {
    this.#pieces.fill(ABSENT);
    this.#blocks.clear();
    this.layout.files.forEach(({ lengthBytes }, index) => {
      this.#fileEnds[index] = lengthBytes === 0 ? 0 : -1;
    });
  }

  /** @internal The whole piece. @returns false, with nothing changed, when it is not right. Clears its padding. */
  writePiece(piece: number, bytes: Uint8Array): boolean {
    const length = this.layout.pieceBytes(piece);
    if (this.#hasPadding) this.#clearPadding({ piece, begin: 0, length }, bytes);
    if (!this.#isRight(piece, 0, bytes.subarray(0, length))) return false;
    this.#pieces[piece] = GOOD;
    this.#blocks.delete(piece);
    this.#touch(piece, 0, length);
    return true;
  }

  /** @internal Whole blocks, right or not. */
  writeBlocks(
    span: { readonly piece: number; readonly begin: number; readonly length: number },
    bytes: Uint8Array,
  ): void {
    const { piece, begin, length } = span;
    const pieceBytes = this.layout.pieceBytes(piece);
    const isWhole = begin % BLOCK_BYTES === 0 && (length % BLOCK_BYTES === 0 || begin + length === pieceBytes);
    assert(isWhole, 'shared content is written by the block');
    if (this.#hasPadding) this.#clearPadding(span, bytes);
    const blocks = this.#blocksOf(piece);
    for (let at = 0; at < length; at += BLOCK_BYTES) {
      const isRight = this.#isRight(piece, begin + at, bytes.subarray(at, Math.min(at + BLOCK_BYTES, length)));
      blocks[(begin + at) / BLOCK_BYTES] = isRight ? GOOD : WRONG;
    }
    const first = blocks[0]!;
    if (first !== ABSENT && blocks.every((state) => state === first)) {
      this.#pieces[piece] = first;
      this.#blocks.delete(piece);
    }
    this.#touch(piece, begin, length);
  }

  /** @internal @returns false when some of it is not there. */
  read(piece: number, begin: number, into: Uint8Array): boolean {
    const offset = piece * this.layout.pieceLength + begin;
    const state = this.#pieces[piece]!;
    into.set(this.#content.subarray(offset, offset + into.length));
    if (state === WRONG) invert(into);
    if (state !== MIXED) return state !== ABSENT;
    const blocks = this.#blocks.get(piece)!;
    for (let at = 0; at < into.length; ) {
      const block = Math.floor((begin + at) / BLOCK_BYTES);
      const end = Math.min((block + 1) * BLOCK_BYTES - begin, into.length);
      if (blocks[block] === ABSENT) return false;
      if (blocks[block] === WRONG) invert(into.subarray(at, end));
      at = end;
    }
    return true;
  }

  /** @internal */
  verify(piece: number): 'ok' | 'missing' | 'bad-hash' {
    const state = this.#pieces[piece];
    if (state === GOOD) return 'ok';
    return state === ABSENT ? 'missing' : 'bad-hash';
  }

  /** @internal One a file, and one for the parts file, which there never is. */
  stamps(): FileStamp[] {
    const stamps = this.layout.files.map(({ padding }, index): FileStamp => {
      if (padding) return { lengthBytes: 0, modifiedUs: 0 };
      return { lengthBytes: this.#fileEnds[index]!, modifiedUs: this.#fileChanges[index]! };
    });
    stamps.push({ lengthBytes: -1, modifiedUs: 0 });
    return stamps;
  }

  #isRight(piece: number, begin: number, bytes: Uint8Array): boolean {
    const offset = piece * this.layout.pieceLength + begin;
    return areSame(this.#content.subarray(offset, offset + bytes.length), bytes);
  }

  #blocksOf(piece: number): Uint8Array {
    const known = this.#blocks.get(piece);
    if (known !== undefined) return known;
    const pieceBytes = this.layout.pieceBytes(piece);
    const blocks = new Uint8Array(Math.ceil(pieceBytes / BLOCK_BYTES)).fill(this.#pieces[piece]!);
    // Nobody writes what is padding and nothing else.
    for (let block = 0; this.#hasPadding && block < blocks.length; block++) {
      const begin = block * BLOCK_BYTES;
      if (this.#isPadding({ piece, begin, length: Math.min(BLOCK_BYTES, pieceBytes - begin) })) blocks[block] = GOOD;
    }
    this.#blocks.set(piece, blocks);
    this.#pieces[piece] = MIXED;
    return blocks;
  }

  #isPadding({ piece, begin, length }: PieceSpan): boolean {
    let isPadding = true;
    this.layout.forEachSpan(piece, begin, length, (index) => {
      if (!this.layout.files[index]!.padding) isPadding = false;
    });
    return isPadding;
  }

  /** Padding is zeros, whatever a peer sent there. */
  #clearPadding({ piece, begin, length }: PieceSpan, bytes: Uint8Array): void {
    let position = 0;
    this.layout.forEachSpan(piece, begin, length, (index, _, spanBytes) => {
      if (this.layout.files[index]!.padding) bytes.fill(0, position, position + spanBytes);
      position += spanBytes;
    });
  }

  #touch(piece: number, begin: number, length: number): void {
    this.#writes++;
    this.layout.forEachSpan(piece, begin, length, (index, offset, spanBytes) => {
      this.#fileChanges[index] = this.#writes;
      this.#fileEnds[index] = Math.max(this.#fileEnds[index]!, offset + spanBytes);
    });
  }
}

/** Sixteen bytes a step where they can be had as words: six times as fast as one by one. */
function areSame(a: Uint8Array, b: Uint8Array): boolean {
  const wordCount = ((a.byteOffset | b.byteOffset) & 3) === 0 ? (a.length >>> 4) * 4 : 0;
  const aWords = new Int32Array(a.buffer, wordCount === 0 ? 0 : a.byteOffset, wordCount);
  const bWords = new Int32Array(b.buffer, wordCount === 0 ? 0 : b.byteOffset, wordCount);
  for (let i = 0; i < wordCount; i += 4) {
    const upper = (aWords[i]! ^ bWords[i]!) | (aWords[i + 1]! ^ bWords[i + 1]!);
    const lower = (aWords[i + 2]! ^ bWords[i + 2]!) | (aWords[i + 3]! ^ bWords[i + 3]!);
    if ((upper | lower) !== 0) return false;
  }
  for (let i = wordCount * 4; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function invert(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = ~bytes[i]!;
}
