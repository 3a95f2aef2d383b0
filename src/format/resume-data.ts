/**
 * What outlives a run of one torrent, so that the same command goes on where it stopped. The shape; the codec joins it.
 * Nothing in it is taken for true without a look at the disk: `files` says what the data looked like when it was saved,
 * and what has changed since is checked again.
 */
import type { Address } from '../base/address.js';
import type { FileStamp } from '../host/storage.js';

export interface ResumeData {
  /** Hex: v1, or v2 for v2 alone. */
  readonly infoHash: string;
  /** Absolute path of the download directory. Another directory is another download. */
  readonly directory: string;
  /** Saved by an orderly stop: nothing was written after it. False = pieces that `have` lacks may be on disk all the same. */
  readonly isClean: boolean;
  /** The info dictionary, byte for byte: a magnet need not fetch it again. Null while it is not known. */
  readonly infoBytes: Uint8Array | null;
  /** One bit a piece, as in a bitfield message. Empty while the metadata is not known. */
  readonly have: Uint8Array;
  /** One a file of the layout, in its order. */
  readonly files: readonly FileStamp[];
  /** Unfinished pieces of which some blocks are on disk, unverified; one bit a block. */
  readonly partials: readonly { readonly piece: number; readonly blocks: Uint8Array }[];
  /** One byte a file, 0 = not selected to 7; empty = all as they come. */
  readonly filePriorities: Uint8Array;
  readonly trackers: readonly TrackerMemory[];
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

/** What a tracker asked of us, which holds across restarts. */
export interface TrackerMemory {
  /** Tracker.key: equal for two spellings of one URL. */
  readonly key: string;
  /** Unix seconds before which it is not to be asked; `completed` and `stopped` excepted. */
  readonly notBeforeUnixTime: number;
  readonly trackerId: Uint8Array | null;
}
