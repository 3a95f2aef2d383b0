/**
 * What outlives a run of one torrent, so that the same command goes on where it stopped: the shape, and its bencoded
 * form. Nothing in it is taken for true without a look at the disk: `files` says what the data looked like when it was
 * saved, and what has changed since is checked again. A record may be damaged or planted, so decoding believes no
 * length and no range. Called by the engine's ResumeKeeper.
 */
import { type Address, addressFromIp, isDiallable, toCompact } from '../base/address.js';
import { EMPTY_BYTES, readUint16, toUtf8Strict } from '../base/bytes.js';
import { DtorrentError, toDtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { FileStamp } from '../host/storage.js';
import { BencodeDict, BencodeList, type BencodeValue, decodeBencode, encodeBencode } from './bencode.js';

export interface ResumeData {
  /** Hex: v1, or v2 for v2 alone. */
  readonly infoHash: string;
  /** Absolute path of the download directory. Another directory is another download. */
  readonly directory: string;
  /** Saved by an orderly stop: nothing was written after it. False = pieces that `have` lacks may be on disk too. */
  readonly isClean: boolean;
  /** The info dictionary, byte for byte: a magnet need not fetch it again. Null while it is not known. */
  readonly infoBytes: Uint8Array | null;
  /** One bit a piece, as in a bitfield message. Empty while the metadata is not known. */
  readonly have: Uint8Array;
  /** One a file of the layout, in its order, and one for the parts file (Storage.stampFiles). */
  readonly files: readonly FileStamp[];
  /** Unfinished pieces of which some blocks are on disk, unverified; one bit a block. */
  readonly partials: readonly PartialMemory[];
  /** One byte a file, 0 = not selected to 7; empty = all as they come. */
  readonly filePriorities: Uint8Array;
  readonly trackers: readonly TrackerMemory[];
  /** URLs that were added to those of the torrent. */
  readonly addedTrackers: readonly string[];
  /** Candidates worth dialling again, the best first. */
  readonly peers: readonly Address[];
  /** Of all runs together; bytes of payload, whole seconds. */
  readonly uploadedBytes: number;
  readonly downloadedBytes: number;
  readonly seedingSeconds: number;
  /** Unix seconds; `completedUnixTime` null = not yet. */
  readonly addedUnixTime: number;
  readonly completedUnixTime: number | null;
  /** Paused by a person. */
  readonly isPaused: boolean;
}

/** An unfinished piece of which some blocks are on disk. */
export interface PartialMemory {
  readonly piece: number;
  /** One bit a block, as in a bitfield. */
  readonly blocks: Uint8Array;
}

/** What a tracker asked of us, which holds across restarts. */
export interface TrackerMemory {
  /** Tracker.key: equal for two spellings of one URL. */
  readonly key: string;
  /** Unix seconds before which it is not to be asked; `completed` and `stopped` excepted. 0 = may be asked. */
  readonly notBeforeUnixTime: number;
  /** What was left of that wait when it was saved: no clock that was wrong then, or is now, makes it longer. */
  readonly waitSeconds: number;
  readonly trackerId: Uint8Array | null;
}

/** Raised when a record of this version would be misread by an older one, or the reverse. */
const VERSION = 1;
/** Two IEEE doubles a file, little-endian: they hold -1 and every length and time that a `number` has. */
const STAMP_BYTES = 16;
const PIECE_BITS_BYTES_MAX = Math.ceil(LIMITS.pieceCountMax / 8);
const BLOCK_BITS_BYTES_MAX = Math.ceil(LIMITS.pieceLengthBytesMax / LIMITS.blockBytes / 8);
/** A key spells out the port. */
const TRACKER_KEY_BYTES_MAX = LIMITS.trackerUrlBytesMax + 16;
/** Of a record that does not say how long it was to be waited. */
const WAIT_SECONDS_MAX = LIMITS.announceIntervalMaxMs / 1000;
const PRIORITY_MAX = 7;
const NOTHING: readonly never[] = [];
/** One dictionary; its lists; their entries. */
const DEPTH_MAX = 3;

/** @returns the record. Of lists longer than their limit, which only help, the first entries are kept. */
export function encodeResumeData(data: ResumeData): Uint8Array {
  return encodeBencode({
    version: VERSION,
    infoHash: data.infoHash,
    directory: data.directory,
    isClean: data.isClean ? 1 : 0,
    infoBytes: data.infoBytes ?? undefined,
    have: data.have,
    files: packStamps(data.files),
    partials: partialsKept(data.partials).map(({ piece, blocks }) => [piece, blocks]),
    filePriorities: data.filePriorities,
    trackers: data.trackers
      .slice(0, LIMITS.trackersPerTorrentMax)
      .map(({ key, notBeforeUnixTime, trackerId, waitSeconds }) => [
        key,
        notBeforeUnixTime,
        trackerId ?? EMPTY_BYTES,
        waitSeconds,
      ]),
    addedTrackers: data.addedTrackers.slice(0, LIMITS.trackersPerTorrentMax),
    peers: data.peers.slice(0, LIMITS.resumePeersMax).map(toCompact),
    uploadedBytes: data.uploadedBytes,
    downloadedBytes: data.downloadedBytes,
    seedingSeconds: data.seedingSeconds,
    addedUnixTime: data.addedUnixTime,
    completedUnixTime: data.completedUnixTime ?? undefined,
    isPaused: data.isPaused ? 1 : 0,
  });
}

/**
 * @returns what encodeResumeData was given, copied out of `bytes`. Whether it fits the torrent the caller has to see.
 * @throws {DtorrentError} `ESTATE`, and nothing else, for whatever is no record of this version.
 */
export function decodeResumeData(bytes: Uint8Array): ResumeData {
  const record = readRecord(bytes);
  const version = record.getInteger('version');
  if (version !== VERSION) {
    if (version !== null && version > VERSION) {
      throw new DtorrentError('ESTATE', `the resume data is of version ${version}, made by a newer dtorrent`);
    }
    throw damaged('version');
  }
  const files = bytesOf(record, 'files', (LIMITS.fileCountMax + 1) * STAMP_BYTES);
  return {
    infoHash: infoHashOf(record),
    directory: textOf(record.getBytes('directory'), 'directory', LIMITS.resumePathBytesMax),
    isClean: flagOf(record, 'isClean'),
    infoBytes: record.has('infoBytes') ? bytesOf(record, 'infoBytes', LIMITS.metadataBytesMax) : null,
    have: bytesOf(record, 'have', PIECE_BITS_BYTES_MAX),
    files: unpackStamps(files),
    partials: partialsOf(record),
    filePriorities: prioritiesOf(record),
    trackers: mapped(listOf(record, 'trackers', LIMITS.trackersPerTorrentMax), trackerOf),
    // Earlier records have none.
    addedTrackers: record.has('addedTrackers')
      ? mapped(listOf(record, 'addedTrackers', LIMITS.trackersPerTorrentMax), addedTrackerOf)
      : NOTHING,
    peers: mapped(listOf(record, 'peers', LIMITS.resumePeersMax), peerOf),
    uploadedBytes: countOf(record.get('uploadedBytes'), 'uploadedBytes'),
    downloadedBytes: countOf(record.get('downloadedBytes'), 'downloadedBytes'),
    seedingSeconds: countOf(record.get('seedingSeconds'), 'seedingSeconds'),
    addedUnixTime: countOf(record.get('addedUnixTime'), 'addedUnixTime'),
    completedUnixTime: record.has('completedUnixTime')
      ? countOf(record.get('completedUnixTime'), 'completedUnixTime')
      : null,
    isPaused: flagOf(record, 'isPaused'),
  };
}

function readRecord(bytes: Uint8Array): BencodeDict {
  let value: BencodeValue;
  try {
    const tokensMax = 100 + 6 * (LIMITS.resumePartialsMax + LIMITS.trackersPerTorrentMax + LIMITS.resumePeersMax);
    value = decodeBencode(bytes, { bytesMax: LIMITS.stateRecordBytesMax, depthMax: DEPTH_MAX, tokensMax }).value;
  } catch (thrown) {
    const { message } = toDtorrentError(thrown);
    throw new DtorrentError('ESTATE', `the resume data is damaged: ${message}`, { cause: thrown });
  }
  if (!(value instanceof BencodeDict)) throw damaged('outer dictionary');
  return value;
}

function damaged(what: string): DtorrentError {
  return new DtorrentError('ESTATE', `the resume data is damaged: its ${what} is missing or out of range`);
}

function infoHashOf(record: BencodeDict): string {
  const infoHash = textOf(record.getBytes('infoHash'), 'infoHash', 64);
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(infoHash)) throw damaged('infoHash');
  return infoHash;
}

function prioritiesOf(record: BencodeDict): Uint8Array {
  const priorities = bytesOf(record, 'filePriorities', LIMITS.fileCountMax);
  if (priorities.some((priority) => priority > PRIORITY_MAX)) throw damaged('filePriorities');
  return priorities;
}

/** Ascending, each piece once. */
function partialsOf(record: BencodeDict): readonly PartialMemory[] {
  const partials = mapped(listOf(record, 'partials', LIMITS.resumePartialsMax), partialOf);
  for (let i = 1; i < partials.length; i++) if (partials[i]!.piece <= partials[i - 1]!.piece) throw damaged('partials');
  return partials;
}

/** What fits a record; block maps of the largest pieces are 4 KiB each. */
function partialsKept(partials: readonly PartialMemory[]): PartialMemory[] {
  let bytes = 0;
  const kept = partials.slice(0, LIMITS.resumePartialsMax).filter(({ blocks }) => {
    bytes += blocks.length;
    return bytes <= LIMITS.resumePartialsBytesMax;
  });
  return kept.sort((a, b) => a.piece - b.piece);
}

function partialOf(value: BencodeValue): PartialMemory {
  const [piece, blocks] = tupleOf(value, 2, 'partials');
  if (!(blocks instanceof Uint8Array) || blocks.length === 0 || blocks.length > BLOCK_BITS_BYTES_MAX) {
    throw damaged('partials');
  }
  const index = countOf(piece, 'partials');
  if (index >= LIMITS.pieceCountMax) throw damaged('partials');
  return { piece: index, blocks: blocks.slice() };
}

function trackerOf(value: BencodeValue): TrackerMemory {
  // Earlier records do not say how long the wait was.
  const isLong = value instanceof BencodeList && value.items.length === 4;
  const [key, notBefore, trackerId, wait] = tupleOf(value, isLong ? 4 : 3, 'trackers');
  if (!(trackerId instanceof Uint8Array) || trackerId.length > LIMITS.trackerIdBytesMax) throw damaged('trackers');
  return {
    key: textOf(key, 'trackers', TRACKER_KEY_BYTES_MAX),
    notBeforeUnixTime: countOf(notBefore, 'trackers'),
    waitSeconds: isLong ? countOf(wait, 'trackers') : WAIT_SECONDS_MAX,
    trackerId: trackerId.length === 0 ? null : trackerId.slice(),
  };
}

function addedTrackerOf(value: BencodeValue): string {
  return textOf(value, 'addedTrackers', LIMITS.trackerUrlBytesMax);
}

function peerOf(value: BencodeValue): Address {
  if (!(value instanceof Uint8Array) || value.length < 3) throw damaged('peers');
  const address = addressFromIp(value.subarray(0, -2), readUint16(value, value.length - 2));
  if (address === null || !isDiallable(address)) throw damaged('peers');
  return address;
}

function packStamps(stamps: readonly FileStamp[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(stamps.length * STAMP_BYTES));
  stamps.forEach(({ lengthBytes, modifiedUs }, i) => {
    view.setFloat64(i * STAMP_BYTES, lengthBytes, true);
    view.setFloat64(i * STAMP_BYTES + 8, modifiedUs, true);
  });
  return new Uint8Array(view.buffer);
}

function unpackStamps(packed: Uint8Array): FileStamp[] {
  if (packed.length % STAMP_BYTES !== 0) throw damaged('files');
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  return Array.from({ length: packed.length / STAMP_BYTES }, (_, i) => {
    const lengthBytes = view.getFloat64(i * STAMP_BYTES, true);
    const modifiedUs = view.getFloat64(i * STAMP_BYTES + 8, true);
    if (!(Number.isSafeInteger(lengthBytes) && lengthBytes >= -1 && Number.isSafeInteger(modifiedUs))) {
      throw damaged('files');
    }
    return { lengthBytes, modifiedUs };
  });
}

function bytesOf(record: BencodeDict, key: string, lengthMax: number): Uint8Array {
  const bytes = record.getBytes(key);
  if (bytes === null || bytes.length > lengthMax) throw damaged(key);
  return bytes.length === 0 ? EMPTY_BYTES : bytes.slice();
}

function textOf(value: BencodeValue | null | undefined, what: string, bytesMax: number): string {
  if (!(value instanceof Uint8Array) || value.length === 0 || value.length > bytesMax) throw damaged(what);
  const text = toUtf8Strict(value);
  if (text === null) throw damaged(what);
  return text;
}

function flagOf(record: BencodeDict, key: string): boolean {
  const flag = record.getInteger(key);
  if (flag !== 0 && flag !== 1) throw damaged(key);
  return flag === 1;
}

/** A non-negative safe integer. */
function countOf(value: BencodeValue | undefined, what: string): number {
  if (typeof value !== 'number' || value < 0) throw damaged(what);
  return value;
}

function listOf(record: BencodeDict, key: string, countMax: number): readonly BencodeValue[] {
  const list = record.getList(key);
  if (list === null || list.items.length > countMax) throw damaged(key);
  return list.items;
}

/** Most lists of most records are empty, and records are kept as long as their torrents are. */
function mapped<T>(items: readonly BencodeValue[], read: (item: BencodeValue) => T): readonly T[] {
  return items.length === 0 ? NOTHING : items.map(read);
}

function tupleOf(value: BencodeValue, count: number, what: string): readonly BencodeValue[] {
  if (!(value instanceof BencodeList) || value.items.length !== count) throw damaged(what);
  return value.items;
}
