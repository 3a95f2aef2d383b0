/**
 * What a command is given from outside: streams, clock, the wish to stop, and the engine. Commands use nothing else
 * of the process, so tests run them whole with a fake engine and strings for streams. Times are monotonic ms.
 */
import type {
  AddOptions,
  EngineEvent,
  InfoHash,
  Metainfo,
  MutableMagnet,
  Settings,
  TorrentSource,
  TorrentStats,
} from '../../index.js';
import type { OutputStream } from './display/view.js';

export interface CommandContext {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP; the second ends the process without asking. */
  readonly stop: AbortSignal;
  readonly now: () => number;
  /** @returns a function that ends the repetition. */
  readonly every: (intervalMs: number, run: () => void) => () => void;
  readonly startEngine: (settings: Partial<Settings>, options: { readonly verbose: boolean }) => Promise<CliEngine>;
}

/** The part of Engine that the commands use. */
export interface CliEngine {
  readonly listenPort: number;
  on(type: '*', listener: (event: EngineEvent) => void): () => void;
  add(source: TorrentSource, options: AddOptions): Promise<CliTorrent>;
  follow(magnet: MutableMagnet, options: AddOptions, onVersion: (torrent: CliTorrent) => void): unknown;
  stop(): Promise<void>;
}

/** The part of Torrent that the commands use. */
export interface CliTorrent {
  readonly infoHash: InfoHash;
  readonly name: string;
  readonly metainfo: Metainfo | null;
  /** Resolves when every piece is verified; rejects with a DtorrentError when the torrent fails. */
  readonly completed: Promise<void>;
  stats(): TorrentStats;
}
