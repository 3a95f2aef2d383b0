/**
 * What a v2 torrent can tell of its files' Merkle trees (BEP 52): the piece layer from the metadata, and the hashes of a
 * piece's blocks, computed from the piece when somebody asks. Asked by HashExchange and LeafFetcher, inside turns.
 * Invariant: nothing is told that does not lead to the piece's known hash, and no leaves are kept: those of a large
 * torrent would be hundreds of megabytes.
 */
import { bytesEqual, concatBytes, toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { HASH_BYTES, leafCountOf, merkleRoot } from '../../format/merkle.js';
import { hashesAt, siblingsOf } from '../../format/merkle-proof.js';
import type { PieceHashes, Storage } from '../../host/storage.js';
import type { HashRange } from '../../protocol/wire/hashes.js';
import type { Turn } from '../turn.js';
import { BlockDigests } from './block-digests.js';

/** A file as far as its tree goes. */
export interface TreeFile {
  readonly lengthBytes: number;
  readonly offsetBytes: number;
  /** Null for what has no tree. */
  readonly piecesRoot: Uint8Array | null;
}

interface Tree {
  /** One for each file with this root: copies share it. */
  readonly firstPieces: number[];
  /** 32 bytes a piece, `pieceHeight` rows above the leaves. */
  readonly layer: Uint8Array;
  readonly pieceHeight: number;
  readonly height: number;
}

/** A request that can be answered. `top`: the highest row of which a sibling is sent. */
interface Ask {
  readonly tree: Tree;
  readonly index: number;
  readonly length: number;
  readonly top: number;
}

export class FileTrees {
  readonly #hashes: PieceHashes;
  readonly #leaves: BlockDigests;
  /** Null until somebody asks: a torrent may have a million files. */
  #byRoot: Map<string, Tree> | null = null;
  readonly #files: readonly TreeFile[];
  readonly #pieceLength: number;

  /** `hashes.v2` is there. */
  constructor(options: {
    readonly files: readonly TreeFile[];
    readonly pieceLength: number;
    readonly hashes: PieceHashes;
    readonly storage: Storage;
    readonly turn: Turn;
  }) {
    this.#hashes = options.hashes;
    this.#leaves = new BlockDigests(options);
    this.#files = options.files;
    this.#pieceLength = options.pieceLength;
  }

  /**
   * Finds what `range` asks for. `isHad`: whether a piece is here and may be shown.
   * @param done called with the hashes and their proof, null = there is nothing to tell; perhaps inside the call.
   */
  find(range: HashRange, isHad: (piece: number) => boolean, done: (hashes: Uint8Array | null) => void): void {
    const ask = this.#read(range);
    if (ask === null) done(null);
    else if (range.baseLayer === ask.tree.pieceHeight) done(fromLayer(ask));
    else if (range.baseLayer === 0 && ask.length <= 2 ** ask.tree.pieceHeight) this.#findLeaves(ask, isHad, done);
    else done(null);
  }

  /** Bytes of the piece that belong to its file, and that its leaves are made of. */
  dataBytes(piece: number): number {
    return this.#hashes.v2PieceBytes(piece);
  }

  /** What to ask for to know the leaves of a piece; no proof, because the hash of the piece is known. */
  leafRangeOf(piece: number): HashRange {
    const begin = piece * this.#pieceLength;
    const file = this.#files.find((one) => {
      return one.piecesRoot !== null && one.offsetBytes <= begin && begin < one.offsetBytes + one.lengthBytes;
    })!;
    const length = this.#hashes.v2LeafCount(piece);
    const index = ((begin - file.offsetBytes) / this.#pieceLength) * length;
    return { piecesRoot: file.piecesRoot!, baseLayer: 0, index, length, proofLayers: 0 };
  }

  #treeOf(piecesRoot: Uint8Array): Tree | undefined {
    if (this.#byRoot === null) {
      this.#byRoot = new Map();
      for (const file of this.#files) this.#add(this.#byRoot, file);
    }
    return this.#byRoot.get(toHex(piecesRoot));
  }

  #add(trees: Map<string, Tree>, { piecesRoot, lengthBytes, offsetBytes }: TreeFile): void {
    if (piecesRoot === null) return;
    const pieceLength = this.#pieceLength;
    const key = toHex(piecesRoot);
    const first = offsetBytes / pieceLength;
    const known = trees.get(key);
    if (known !== undefined) {
      known.firstPieces.push(first);
      return;
    }
    const end = first + Math.ceil(lengthBytes / pieceLength);
    trees.set(key, {
      firstPieces: [first],
      layer: this.#hashes.v2!.subarray(first * HASH_BYTES, end * HASH_BYTES),
      pieceHeight: Math.log2(this.#hashes.v2LeafCount(first)),
      height: Math.log2(leafCountOf(lengthBytes)),
    });
  }

  /** @returns null for what is not in any tree, or is no request. */
  #read({ piecesRoot, baseLayer, index, length, proofLayers }: HashRange): Ask | null {
    const tree = this.#treeOf(piecesRoot);
    if (tree === undefined || baseLayer > tree.height) return null;
    const isPowerOfTwo = length > 0 && 2 ** Math.round(Math.log2(length)) === length;
    if (!isPowerOfTwo || length > LIMITS.hashesPerMessageMax || index % length !== 0) return null;
    if (index + length > 2 ** (tree.height - baseLayer)) return null;
    if (proofLayers > 0 && baseLayer + proofLayers >= tree.height) return null;
    return { tree, index, length, top: Math.min(baseLayer + proofLayers, tree.height - 1) };
  }

  #findLeaves(ask: Ask, isHad: (piece: number) => boolean, done: (hashes: Uint8Array | null) => void): void {
    const { tree } = ask;
    const index = Math.floor(ask.index / 2 ** tree.pieceHeight);
    if (index * HASH_BYTES >= tree.layer.length) {
      done(fromLeaves(ask, NO_LEAVES));
      return;
    }
    const first = tree.firstPieces.find((piece) => isHad(piece + index));
    if (first === undefined) {
      done(null);
      return;
    }
    const piece = first + index;
    this.#leaves.read(piece, this.#hashes.v2PieceBytes(piece), (leaves) => {
      done(leaves !== null && this.areLeavesOf(piece, leaves) ? fromLeaves(ask, leaves) : null);
    });
  }

  /** Whether they lead to the hash of the piece. `leaves`: 32 bytes a block, with or without padding behind them. */
  areLeavesOf(piece: number, leaves: Uint8Array): boolean {
    const root = merkleRoot(leaves, { width: this.#hashes.v2LeafCount(piece) });
    return bytesEqual(root, this.#hashes.v2!.subarray(piece * HASH_BYTES, (piece + 1) * HASH_BYTES));
  }
}

const NO_LEAVES = new Uint8Array(0);

function fromLayer({ tree: { layer, pieceHeight }, index, length, top }: Ask): Uint8Array {
  const range = { index, length };
  return concatBytes([hashesAt(layer, pieceHeight, range), ...siblingsOf(layer, pieceHeight, range, top)]);
}

/** `leaves`: those of the piece that the range lies in. */
function fromLeaves({ tree: { layer, pieceHeight }, index, length, top }: Ask, leaves: Uint8Array): Uint8Array {
  const pieceLeaves = 2 ** pieceHeight;
  const range = { index: index % pieceLeaves, length };
  const piece = { index: Math.floor(index / pieceLeaves), length: 1 };
  return concatBytes([
    hashesAt(leaves, 0, range),
    ...siblingsOf(leaves, 0, range, Math.min(top, pieceHeight - 1)),
    ...siblingsOf(layer, pieceHeight, piece, top),
  ]);
}
