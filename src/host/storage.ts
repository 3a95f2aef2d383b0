/**
 * The storage port: one torrent's data on disk (node/), in memory (sim/). The layout arrives as plain data, so that
 * implementers need no knowledge of torrent files. `format/file-layout.ts` builds it.
 * Rules: operations on one storage take effect in the order they were asked for where they touch the same bytes; no
 * done callback runs inside the call; `setWantedFiles` and `close` are fences: they come after everything asked before.
 * Where a file's bytes lie: in the file if it is wanted or on disk; else, for the pieces that it shares with other
 * files, in the parts file (format/file-placement.ts). So an unwanted file never appears, and none is ever touched that
 * was not there before.
 */
import type { DtorrentError } from '../base/errors.js';
import type { Slot } from '../base/slot-pool.js';

export interface StorageFactory {
  /**
   * Nothing is created on disk yet: files appear with their first byte (empty ones that are wanted at completion of
   * `open`; one that cannot be created fails the first write instead, because a seed in a read-only directory does not
   * need it); the directory itself is made when it is first needed, and never again. Only a wanted file of which the parts file has something is made at once, out of it; an error in that is
   * the result. With no file wanted, `open` changes nothing on disk.
   */
  open(spec: StorageSpec, done: (result: Storage | DtorrentError) => void): void;
}

export interface StorageSpec {
  /** The download directory. No path outside it is ever touched, whatever `files` say. */
  readonly directory: string;
  readonly layout: StorageLayout;
  readonly hashes: PieceHashes;
  /** One byte a file of the layout, 0 = not wanted; null = all are. What it says of padding does not matter. Copied. */
  readonly wantedFiles: Uint8Array | null;
  /** Of the parts file, in the download directory; no file of any torrent there has this name. */
  readonly partsName: string;
  readonly preallocation: Preallocation;
  /**
   * What Storage.directoryIdentity was when the torrent was open last, in the same run. When the directory is not there
   * any more, or is another one that has nothing of the torrent, `open` fails (`EFILEIO`) rather than begin again in the
   * place of a disk that is not mounted. Left out or null = whatever is there will do.
   */
  readonly directoryIdentity?: string | null;
}

/**
 * How files that are wanted get their length before their data comes. none: they grow · sparse: full length with the
 * first write, blocks on demand where the file system can · full: blocks too.
 */
export type Preallocation = 'none' | 'sparse' | 'full';

/** Where each byte of the torrent lives. Offsets count from the torrent's first byte, padding included. */
export interface StorageLayout {
  /** In offset order, padding files included. */
  readonly files: readonly StorageFile[];
  /** Nominal piece length in bytes; the offset of piece i is i × pieceLength. */
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Bytes of a piece on the wire: shorter for the torrent's (v2: each file's) last piece. */
  pieceBytes(piece: number): number;
  /** Calls `visit` for each file, padding included, that `length` bytes of `piece` from `begin` lie in, in order. */
  forEachSpan(piece: number, begin: number, length: number, visit: SpanVisitor): void;
}

/** One stretch of bytes inside one file; `fileOffsetBytes` counts from the file's first byte. */
export type SpanVisitor = (fileIndex: number, fileOffsetBytes: number, lengthBytes: number) => void;

/** A file of a layout, or padding between two. Lengths and offsets are bytes. */
export interface StorageFile {
  /** Safe path elements below the download directory (format/safe-path). */
  readonly path: readonly string[];
  /** 0 for an empty file. */
  readonly lengthBytes: number;
  /** From the torrent's first byte, padding included. */
  readonly offsetBytes: number;
  /** BEP 47: zeros that are hashed but never stored. */
  readonly padding: boolean;
  /** To be made executable. */
  readonly executable: boolean;
}

/** What a piece is checked against; every kind that is present has to match. */
export interface PieceHashes {
  /** v1: 20 bytes of SHA-1 per piece, concatenated; null when the torrent has none. */
  readonly v1: Uint8Array | null;
  /** v2: 32 bytes per piece, the root of the piece's subtree; null when absent or not known yet. */
  readonly v2: Uint8Array | null;
  /** v2: bytes of the piece that belong to its file (without the hybrid's padding). */
  v2PieceBytes(piece: number): number;
  /** v2: how many 16 KiB leaves the piece's subtree has once padded, a power of two. */
  v2LeafCount(piece: number): number;
}

export interface Storage {
  /** No file with data existed when it was opened, nor a parts file: there is nothing to verify. */
  readonly isEmpty: boolean;
  /** Tells the download directory from any that takes its place later; null = it was not there and is not made yet. */
  readonly directoryIdentity: string | null;
  /**
   * Hashes the slot's first pieceBytes(piece) bytes and, if they match, writes them. The slot belongs to the storage
   * until `done`, and what lies in padding is overwritten with zeros. A piece that fails its hash is not written. An
   * `ETORRENT` error = its v1 hash matches and its v2 hash does not, or the reverse: no peer is to blame (BEP 52).
   */
  writePiece(piece: number, slot: Slot, done: (result: WriteResult) => void): void;
  /**
   * Writes the first `length` bytes of the slot to `piece` from `begin`, without looking at them: a part of a piece too
   * large to be held whole, or the blocks of an unfinished one when the torrent stops. The slot belongs to the storage
   * until `done`. What it wrote is worth nothing until verifyPiece says 'ok'.
   */
  writeUnverified(
    span: { readonly piece: number; readonly begin: number; readonly length: number },
    slot: Slot,
    done: (error: DtorrentError | null) => void,
  ): void;
  /** Reads into.length bytes of `piece` from `begin`; padding reads as zeros. `into` is borrowed until `done`. */
  read(piece: number, begin: number, into: Uint8Array, done: (error: DtorrentError | null) => void): void;
  /**
   * Hashes what is on disk. `missing` = a file of this piece is absent or too short. An error for one that is gone: that
   * this storage has written, verified or stamped before. Of more than this piece it is not known what is left.
   */
  verifyPiece(piece: number, done: (result: VerifyResult) => void): void;
  /**
   * Changes which files are wanted, as in StorageSpec: what the parts file has of those that become so moves to them,
   * and is dropped there only once it is safe on disk; empty ones are made. A fence: it waits for every operation asked
   * for before, and later ones see its result. After an error nothing is lost: reads find all that was stored, and the
   * next write, selection or `open` that needs a file tries again.
   */
  setWantedFiles(wanted: Uint8Array | null, done: (error: DtorrentError | null) => void): void;
  /**
   * Looks at every file, wanted or not: one stamp a file of the layout, in its order (padding is { 0, 0 }), and at the
   * end one more for the parts file. When that one changed, every piece with bytes of several files, one of them not on
   * disk, is in doubt. Ordered after earlier writes. `EFILEIO` when one of them is gone
   * (see verifyPiece), or the whole directory.
   */
  stampFiles(done: (result: readonly FileStamp[] | DtorrentError) => void): void;
  /**
   * fsyncs what was written, and what was verified: a process that was killed before it synced may have written that,
   * and then only the system's memory has it. `EFILEIO` when any of it is gone.
   */
  flush(done: (error: DtorrentError | null) => void): void;
  close(done: () => void): void;
}

/** What tells whether a file is still the one that was looked at. */
export interface FileStamp {
  /** -1 = there is no such file. */
  readonly lengthBytes: number;
  /** Last change of the content, microseconds since 1970; 0 for a file that is not there. */
  readonly modifiedUs: number;
}

export type WriteResult = 'ok' | 'bad-hash' | DtorrentError;
export type VerifyResult = 'ok' | 'missing' | 'bad-hash' | DtorrentError;
