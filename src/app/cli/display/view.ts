/**
 * What get and seed show, apart from how. One interface with an implementation per kind of reader: a terminal
 * (live-view), a log file or pipe (plain-view), a program (json-view), nobody (quiet-view). The session feeds a
 * snapshot of every torrent each tick; views keep no reference to the engine. Strings in snapshots are not sanitised
 * yet: views that print for people do it. Sizes in bytes, rates in bytes per second.
 */
import type { TorrentStats } from '../../../index.js';

/** Both forms of the info-hash, lower-case hex: 40 digits and 64 digits. */
export interface InfoHashHex {
  readonly v1: string | null;
  readonly v2: string | null;
}

export interface TorrentSnapshot {
  /** Same torrent, same key. */
  readonly key: string;
  readonly infoHash: InfoHashHex;
  readonly name: string;
  readonly stats: TorrentStats;
}

/** The info dictionary is there. */
export interface MetadataNotice {
  readonly infoHash: InfoHashHex;
  readonly name: string;
  readonly totalLength: number;
  readonly magnet: string;
}

/** Every piece is verified and on disk. */
export interface CompletionNotice {
  readonly infoHash: InfoHashHex;
  readonly name: string;
  /** Where the data is: the file, or the torrent's directory. */
  readonly path: string;
  readonly bytes: number;
  /** Since the torrent was added. */
  readonly seconds: number;
  readonly downloadedBytes: number;
  readonly wastedBytes: number;
  readonly hashFailures: number;
}

export interface ErrorNotice {
  /** A stable ErrorCode. */
  readonly code: string;
  readonly message: string;
}

export interface Ending {
  /** The last state of every torrent. */
  readonly torrents: readonly TorrentSnapshot[];
  /** Whether the user stopped the command before everything was there. */
  readonly interrupted: boolean;
}

export interface View {
  /** How often the session sends snapshots. */
  readonly tickMs: number;
  listening(port: number): void;
  metadata(notice: MetadataNotice): void;
  /** Each tick, with every torrent in the order it was asked for. `now` is monotonic milliseconds. */
  progress(torrents: readonly TorrentSnapshot[], now: number): void;
  completed(notice: CompletionNotice): void;
  /** A torrent failed, or the whole command did. */
  failed(notice: ErrorNotice): void;
  /** The link that a seed exists to hand out. */
  magnet(link: string): void;
  /** A remark for people; `important` ones are shown without --verbose too. */
  note(message: string, importance: 'important' | 'verbose'): void;
  /** The last call: leaves the terminal as it was found, with the cursor below everything printed. */
  end(ending: Ending): void;
}

/** Where a view writes. `columns` and `rows` may change between writes. */
export interface OutputStream {
  /** Bytes are for commands that print what others may have put into files. */
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** The phases in the words that people see. */
export const PHASE_WORDS: Readonly<Record<TorrentStats['phase'], string>> = {
  metadata: 'fetching metadata',
  checking: 'checking',
  downloading: 'downloading',
  seeding: 'seeding',
  paused: 'paused',
  failed: 'failed',
  stopped: 'stopped',
};
