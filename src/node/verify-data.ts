/**
 * `verifyData`: hashes what is on disk of a torrent, without an engine and without the network; nothing is written.
 * Part of the public API by src/tools.ts; the command line calls it for `verify`.
 */
import { availableParallelism } from 'node:os';
import { DtorrentError } from '../base/errors.js';
import { FileLayout, pieceHashesOf } from '../format/file-layout.js';
import { partsNameOf } from '../format/file-placement.js';
import { infoHashHex } from '../format/infohash.js';
import type { Metainfo } from '../format/metainfo.js';
import type { Storage, StorageSpec } from '../host/storage.js';
import { FileStorageFactory } from './file-storage.js';

/** How data is checked; everything has a default. */
export interface VerifyOptions {
  /** Hashing threads; 0 = the calling one. Default: one for each processor, 8 at most. */
  readonly workers?: number;
  /** Rejects with `ESTOPPED` when aborted. */
  readonly signal?: AbortSignal;
  /** Called as pieces are hashed. Bytes, padding left out; `bytesHashed` only grows, up to `bytesTotal`. */
  readonly onProgress?: (progress: { readonly bytesHashed: number; readonly bytesTotal: number }) => void;
}

/** What a check of a torrent's data found. */
export interface VerifyReport {
  /** Pieces of the torrent. */
  readonly pieces: number;
  /** Pieces that are there and match their hashes. */
  readonly good: number;
  /** Payload bytes of the good pieces, padding left out. */
  readonly bytes: number;
  /** Every piece is good. */
  readonly isComplete: boolean;
  /** In the torrent's order, padding left out. */
  readonly files: readonly VerifiedFile[];
}

/** One file of a torrent whose data was checked. */
export interface VerifiedFile {
  /** Below the download directory, with `/`. */
  readonly path: string;
  /** It is there, not too short, and every piece that it touches is good. */
  readonly isComplete: boolean;
}

/** See src/tools.ts. */
export async function verifyData(
  metainfo: Metainfo,
  directory: string,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const hashes = pieceHashesOf(metainfo);
  if (hashes === null) {
    throw new DtorrentError('EUNSUPPORTED', `${metainfo.name} has no piece layers to be checked against`);
  }
  const workers = options.workers ?? Math.min(availableParallelism(), WORKERS_MAX);
  const factory = new FileStorageFactory({ diskWorkers: workers, maxOpenFiles: OPEN_FILES_MAX });
  try {
    const layout = new FileLayout(metainfo);
    // Where nothing is wanted, nothing is made.
    const wantedFiles = new Uint8Array(layout.files.length);
    const partsName = partsNameOf(infoHashHex(metainfo.infoHash));
    const spec: StorageSpec = { directory, layout, hashes, wantedFiles, partsName, preallocation: 'none' };
    const storage = await openStorage(factory, spec);
    try {
      const good = await new PieceChecks(storage, layout, metainfo.totalLength, options).run(2 * Math.max(workers, 1));
      return await reportOf({ metainfo, layout, storage, good });
    } finally {
      await new Promise<void>((resolve) => storage.close(resolve));
    }
  } finally {
    await new Promise<void>((resolve) => factory.close(resolve));
  }
}

const WORKERS_MAX = 8;
const OPEN_FILES_MAX = 100;

function openStorage(factory: FileStorageFactory, spec: StorageSpec): Promise<Storage> {
  return new Promise((resolve, reject) => {
    factory.open(spec, (result) => {
      if (result instanceof DtorrentError) reject(result);
      else resolve(result);
    });
  });
}

/** All pieces, in order, several at a time. */
class PieceChecks {
  readonly #storage: Storage;
  readonly #layout: FileLayout;
  readonly #bytesTotal: number;
  readonly #options: VerifyOptions;
  /** 1 = the piece is good. */
  readonly #good: Uint8Array;
  #next = 0;
  #bytesHashed = 0;

  constructor(storage: Storage, layout: FileLayout, bytesTotal: number, options: VerifyOptions) {
    this.#storage = storage;
    this.#layout = layout;
    this.#bytesTotal = bytesTotal;
    this.#options = options;
    this.#good = new Uint8Array(layout.pieceCount);
  }

  /** @returns one byte a piece, 1 = good. */
  async run(atOnce: number): Promise<Uint8Array> {
    await Promise.all(Array.from({ length: atOnce }, () => this.#checkInTurn()));
    return this.#good;
  }

  async #checkInTurn(): Promise<void> {
    const { signal, onProgress } = this.#options;
    while (this.#next < this.#layout.pieceCount) {
      if (signal?.aborted) throw new DtorrentError('ESTOPPED', 'the check was stopped');
      const piece = this.#next++;
      if (await this.#isGood(piece)) this.#good[piece] = 1;
      this.#bytesHashed += this.#layout.dataBytes(piece);
      onProgress?.({ bytesHashed: Math.min(this.#bytesHashed, this.#bytesTotal), bytesTotal: this.#bytesTotal });
    }
  }

  #isGood(piece: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#storage.verifyPiece(piece, (result) => {
        if (result instanceof DtorrentError) reject(result);
        else resolve(result === 'ok');
      });
    });
  }
}

async function reportOf(checked: {
  readonly metainfo: Metainfo;
  readonly layout: FileLayout;
  readonly storage: Storage;
  readonly good: Uint8Array;
}): Promise<VerifyReport> {
  const { metainfo, layout, good } = checked;
  const lengths = await fileLengths(checked.storage);
  const files: VerifiedFile[] = [];
  for (const [index, { path, padding, lengthBytes }] of layout.files.entries()) {
    if (padding) continue;
    let isComplete = lengths[index]! >= lengthBytes;
    for (let piece = layout.firstPieceOf(index); piece <= layout.lastPieceOf(index); piece++) {
      if (good[piece] === 0) isComplete = false;
    }
    files.push({ path: path.join('/'), isComplete });
  }
  const pieces = [...good.keys()].filter((piece) => good[piece] === 1);
  return {
    pieces: metainfo.pieceCount,
    good: pieces.length,
    bytes: pieces.reduce((sum, piece) => sum + payloadBytes(layout, piece), 0),
    isComplete: pieces.length === metainfo.pieceCount && files.every((file) => file.isComplete),
    files,
  };
}

/** Padding can lie between two files of one piece. */
function payloadBytes(layout: FileLayout, piece: number): number {
  let bytes = 0;
  layout.forEachSpan(piece, 0, layout.pieceBytes(piece), (index, _offset, length) => {
    if (!layout.files[index]!.padding) bytes += length;
  });
  return bytes;
}

function fileLengths(storage: Storage): Promise<number[]> {
  return new Promise((resolve, reject) => {
    storage.stampFiles((result) => {
      if (result instanceof DtorrentError) reject(result);
      else resolve(result.map((stamp) => stamp.lengthBytes));
    });
  });
}
