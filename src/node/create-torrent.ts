/**
 * `createTorrent`: from a path to the bytes of a .torrent. Lists the files and hashes them on worker threads
 * (source-threads.ts), plans and assembles in between; never holds a file in memory. The same files and options give the same bytes, on any machine.
 * Part of the public API by src/tools.ts; the command line calls it for `create` and for `seed PATH`.
 */
import { DtorrentError } from '../base/errors.js';
import { CLIENT_NAME } from '../base/version.js';
import type { RawBencode } from '../format/bencode.js';
import {
  assembleTorrent,
  encodeFileList,
  type PieceDigests,
  type PlanOptions,
  planTorrent,
  type TorrentKind,
  type TorrentPlan,
} from '../format/create-torrent.js';
import type { InfoHash } from '../format/infohash.js';
import type { Magnet } from '../format/magnet.js';
import { type HashFile, type HashPlan, newHashPlan } from './hash-job.js';
import { type Rename, renamesOf } from './safe-names.js';
import { type ListedFile, listSourceFiles, type SourceListing } from './source-files.js';
import { SourceThreads } from './source-threads.js';

/** How a torrent is made; everything has a default. */
export interface CreateTorrentOptions {
  /** Default 'hybrid': v1 and v2 in one torrent. */
  readonly kind?: TorrentKind;
  /** A power of two from 16 KiB to 512 MiB; default: one that makes about 1500 pieces. */
  readonly pieceLength?: number | null;
  /** Tiers of tracker URLs, best first (BEP 12); empty tiers are left out. */
  readonly trackers?: readonly (readonly string[])[];
  /** BEP 19 URLs. */
  readonly webSeeds?: readonly string[];
  /** BEP 27: peers come from trackers only. */
  readonly isPrivate?: boolean;
  /** For people; default: none. */
  readonly comment?: string | null;
  /** A tag of private trackers; it changes the info-hash. */
  readonly source?: string | null;
  /** Default: this client and its version. */
  readonly createdBy?: string | null;
  /** Seconds since 1970; 'newestFile' = when the newest file was last changed; default null: left out. */
  readonly creationDate?: number | 'newestFile' | null;
  /** Default: the last element of the path. */
  readonly name?: string;
  /**
   * Refuses, before hashing, names that downloads would not keep (see CreatedTorrent.renames): such files could not be
   * seeded from where they are. Default false.
   */
  readonly onlySafeNames?: boolean;
  /** Rejects with `ESTOPPED` when aborted. */
  readonly signal?: AbortSignal;
  /** Called as pieces are hashed; `bytesHashed` only grows, up to `bytesTotal`, what there is to read. */
  readonly onProgress?: (progress: CreateProgress) => void;
  /**
   * Threads that list and hash; 0 = the calling one, between turns of its event loop. Default: one for each processor,
   * for little data none but the one that lists a directory.
   */
  readonly workers?: number;
}

/** How far hashing is. `bytesHashed` only grows, up to `bytesTotal`. */
export interface CreateProgress {
  readonly bytesHashed: number;
  readonly bytesTotal: number;
}

/** A torrent that was made, and what a person may want to know of it. */
export interface CreatedTorrent {
  /** The .torrent file. */
  readonly bytes: Uint8Array;
  /** Of the torrent. */
  readonly infoHash: InfoHash;
  /** What its magnet link says. */
  readonly magnet: Magnet;
  /** Bytes, of every piece but the last. */
  readonly pieceLength: number;
  /** From 1. */
  readonly pieceCount: number;
  /** Bytes of all files, padding left out. */
  readonly totalLength: number;
  /** Symbolic links, sockets, pipes and devices below the path, which are not in the torrent; absolute. */
  readonly skippedPaths: readonly string[];
  /** What downloads will save under another name, because some platform does not allow the one it has; mostly none. */
  readonly renames: readonly Rename[];
}

/** See src/tools.ts. */
export async function createTorrent(path: string, options: CreateTorrentOptions = {}): Promise<CreatedTorrent> {
  const threads = new SourceThreads({ workers: options.workers ?? null, signal: options.signal ?? null });
  let sources: Sources;
  try {
    sources = await readSources(threads, path, options);
  } catch (error) {
    await threads.close();
    throw error;
  }
  // They end while the rest is done here.
  const closing = threads.close();
  const { plan, digests, fileList, skippedPaths, renames } = sources;
  const { pieceLength, pieceCount, totalLength } = plan;
  const assembled = assembleTorrent(plan, digests, fileList);
  await closing;
  return { ...assembled, pieceLength, pieceCount, totalLength, skippedPaths, renames };
}

/** What has to be known of the files. */
interface Sources {
  readonly plan: TorrentPlan<ListedFile>;
  readonly digests: PieceDigests;
  readonly fileList: RawBencode | null;
  readonly skippedPaths: readonly string[];
  readonly renames: readonly Rename[];
}

async function readSources(threads: SourceThreads, path: string, options: CreateTorrentOptions): Promise<Sources> {
  const listing = await listSourceFiles(path, threads);
  const plan = planTorrent(listing.files, planOptionsOf(options, listing));
  const findRenames = (): Rename[] => renamesOf(plan.fields.name, listedFilesOf(plan));
  if (options.onlySafeNames) {
    const [first] = findRenames();
    if (first !== undefined) throw unsafeName(first);
  }
  const hashing = threads.hash(hashPlanOf(plan), (piecesDone) =>
    options.onProgress?.({
      bytesHashed: Math.floor(plan.totalLength * (piecesDone / plan.pieceCount)),
      bytesTotal: plan.totalLength,
    }),
  );
  // While the threads have their work.
  const meanwhile = Promise.resolve().then(() => ({ fileList: encodeFileList(plan), renames: findRenames() }));
  const [digests, { fileList, renames }] = await Promise.all([hashing, meanwhile]);
  return { plan, digests, fileList, renames, skippedPaths: listing.skippedPaths };
}

function planOptionsOf(options: CreateTorrentOptions, { name, files }: SourceListing): PlanOptions {
  const { creationDate = null, createdBy = CLIENT_NAME } = options;
  return {
    kind: options.kind ?? 'hybrid',
    pieceLength: options.pieceLength ?? null,
    fields: {
      name: options.name ?? name,
      trackers: options.trackers ?? [],
      webSeeds: options.webSeeds ?? [],
      isPrivate: options.isPrivate ?? false,
      comment: options.comment ?? null,
      source: options.source ?? null,
      createdBy,
      creationDate: creationDate === 'newestFile' ? dateOfNewest(files) : creationDate,
    },
  };
}

/** null when there is none with a date after 1970. */
function dateOfNewest(files: readonly ListedFile[]): number | null {
  let newestMs = 0;
  for (const { modifiedMs } of files) newestMs = Math.max(newestMs, modifiedMs);
  return newestMs > 0 ? Math.floor(newestMs / 1000) : null;
}

function listedFilesOf(plan: TorrentPlan<ListedFile>): ListedFile[] {
  const files: ListedFile[] = [];
  for (const { source } of plan.files) if (source !== null) files.push(source);
  return files;
}

function unsafeName({ diskPath, safeName }: Rename): DtorrentError {
  const advice = `rename it, to "${safeName}" for example`;
  return new DtorrentError('ETORRENT', `${diskPath} has a name that downloads would not keep: ${advice}`);
}

function hashPlanOf(plan: TorrentPlan<ListedFile>): HashPlan {
  const { kind, pieceLength, pieceCount, endBytes } = plan;
  const files: HashFile[] = [];
  for (const { source, lengthBytes, offsetBytes } of plan.files) {
    if (source === null || lengthBytes === 0) continue;
    files.push({ path: source.diskPath, modifiedMs: source.modifiedMs, lengthBytes, offsetBytes });
  }
  return newHashPlan({ pieceLength, pieceCount, endBytes, hasV1: kind !== 'v2', hasV2: kind !== 'v1' }, files);
}
