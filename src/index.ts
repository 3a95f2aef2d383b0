/**
 * `dtorrent`: the client as a library. This is also the composition root: the one place where the engine meets the real
 * host.
 *
 *     const engine = await Engine.start({ downloadDir: './downloads' });
 *     const torrent = await engine.add('magnet:?xt=urn:btih:…');
 *     await torrent.completed;
 *     await engine.stop();
 */
import { resolve } from 'node:path';
import type { ScrapeOptions } from './engine/announce/scrape-trackers.js';
import type { TrackerScrape } from './engine/announce/tracker-scrape.js';
import { type AddOptions, EngineBase } from './engine/engine.js';
import { resolveSettings, type Settings } from './engine/settings.js';
import type { TorrentHandle } from './engine/torrent-handle.js';
import type { Magnet } from './format/magnet.js';
import type { Metainfo } from './format/metainfo.js';
import type { LogLevel } from './host/log.js';
import { parseMetainfoInTurns } from './node/metainfo-in-turns.js';
import { type NodeHost, nodeHost } from './node/node-host.js';
import { loadSource, type TorrentSource } from './node/torrent-source.js';

export type { Address, HostPort } from './base/address.js';
export { DtorrentError, ERROR_CODES, type ErrorCode, exitCodeOf } from './base/errors.js';
export { CLIENT_NAME, VERSION } from './base/version.js';
export type { ScrapeOptions } from './engine/announce/scrape-trackers.js';
export type { TrackerScrape } from './engine/announce/tracker-scrape.js';
export type { TrackerState, TrackerStatus } from './engine/announce/tracker-status.js';
export type { StreamOptions } from './engine/data/file-stream.js';
export type { AddOptions } from './engine/engine.js';
export type { EngineEvent, PauseReason, TorrentEvent, TorrentPhase, TorrentStats } from './engine/events.js';
export { FollowedTorrent } from './engine/followed-torrent.js';
export type { PeerInfo } from './engine/peer/peer-info.js';
export {
  type BooleanSetting,
  type ChoiceSetting,
  type NumberSetting,
  type RateLimits,
  SETTINGS_TABLE,
  type Settings,
  type StringSetting,
} from './engine/settings.js';
export type { CandidateSource as PeerSource, SourceCounts } from './engine/swarm/candidates.js';
export { TorrentFile } from './engine/torrent-file.js';
export { TorrentHandle as Torrent } from './engine/torrent-handle.js';
export type { TorrentKind } from './format/create-torrent.js';
export { type InfoHash, infoHashHex } from './format/infohash.js';
export {
  formatMagnet,
  formatMutableMagnet,
  type Magnet,
  type MutableMagnet,
  magnetOf,
  parseMagnet,
  parseMutableMagnet,
} from './format/magnet.js';
export { type Metainfo, type MetainfoFile, parseMetainfo, parseMetainfo as parseTorrent } from './format/metainfo.js';
export type { LogLevel } from './host/log.js';
export type { CreatedTorrent, CreateProgress, CreateTorrentOptions } from './node/create-torrent.js';
export { parseMetainfoInTurns } from './node/metainfo-in-turns.js';
export type { Rename } from './node/safe-names.js';
export type { LoadSourceOptions, TorrentSource } from './node/torrent-source.js';
export type { TrackerHandle } from './node/tracker-listener.js';
export type { VerifiedFile, VerifyOptions, VerifyReport } from './node/verify-data.js';
export type { DhtStats } from './protocol/dht/operations.js';
export { createTorrent, findUnsafeName, loadSource, startTracker, verifyData } from './tools.js';

/** Any: it only has to exist. */
const KEEP_ALIVE_INTERVAL_MS = 60_000;

/** What an engine is started with, beside its settings. */
export interface EngineOptions {
  /** Remarks of at least this level go to stderr. Default 'error'. */
  readonly logLevel?: LogLevel;
}

/** A BitTorrent client: one listening socket, any number of torrents. Several engines in one process do not meet. */
export class Engine extends EngineBase {
  readonly #host: NodeHost;
  /** Absolute. */
  readonly #downloadDir: string;

  private constructor(settings: Settings, host: NodeHost) {
    super(settings, host);
    this.#host = host;
    this.#downloadDir = resolve(settings.downloadDir);
  }

  /**
   * Listens, and is ready for torrents.
   * @throws {DtorrentError} `EOPTION` for a bad setting, `ENETWORK` when no port can be bound.
   */
  static async start(settings: Partial<Settings> = {}, options: EngineOptions = {}): Promise<Engine> {
    const resolved = resolveSettings(settings);
    const host = nodeHost({
      diskWorkers: resolved.diskWorkers,
      maxOpenFiles: resolved.maxOpenFiles,
      stateDir: resolved.stateDir,
      logLevel: options.logLevel ?? 'error',
    });
    const engine = new Engine(resolved, host);
    try {
      await engine.listen();
    } catch (error) {
      await host.close();
      throw error;
    }
    return engine;
  }

  /**
   * Adds a torrent and begins at once. Takes the path or URL of a .torrent, a magnet link, an info-hash, the bytes of
   * a .torrent, or what loadSource returned.
   * @throws {DtorrentError} `ENOTFOUND`, `EBENCODE`, `ETORRENT`, `EMAGNET`, `EDUPLICATE`, `EOPTION`, `ENETWORK`.
   */
  async add(source: string | Uint8Array | TorrentSource, options: AddOptions = {}): Promise<TorrentHandle> {
    return this.addParsed(await parseSource(source), options);
  }

  /** The directory of the data is part of what a download is: it must not depend on where the process is run. */
  override addParsed(source: Metainfo | Magnet, options: AddOptions = {}): TorrentHandle {
    const downloadDir = options.downloadDir === undefined ? this.#downloadDir : resolve(options.downloadDir);
    return super.addParsed(source, { ...options, downloadDir });
  }

  /** Tells trackers and peers, closes files and sockets; nothing is left running. Idempotent. */
  override async stop(): Promise<void> {
    await super.stop();
    await this.#host.close();
  }
}

/**
 * Asks a torrent's trackers how large its swarm is (BEP 48, BEP 15) without joining it and without an engine: one entry
 * a tracker, in the order of its tiers. Takes what Engine.add takes; a bare info-hash has no trackers, and so no entries.
 * A tracker that fails, or cannot be scraped, has an entry with its `error`. A private torrent's trackers are asked one
 * after the other until one answers (BEP 27).
 * @throws {DtorrentError} when the source cannot be had, as Engine.add does; never because of a tracker.
 */
export async function scrapeTrackers(
  source: string | Uint8Array | TorrentSource,
  options: ScrapeOptions = {},
): Promise<readonly TrackerScrape[]> {
  const parsed = await parseSource(source);
  const { scrapeTrackersOn } = await import('./engine/announce/scrape-trackers.js');
  const host = nodeHost({ diskWorkers: 0, maxOpenFiles: 1 });
  // A host's timers do not keep the process alive: an engine's sockets do that, and here no socket is open until the
  // first question is sent.
  const alive = setInterval(() => {}, KEEP_ALIVE_INTERVAL_MS);
  try {
    return await scrapeTrackersOn(host, parsed, options);
  } finally {
    clearInterval(alive);
    await host.close();
  }
}

async function parseSource(source: string | Uint8Array | TorrentSource): Promise<Metainfo | Magnet> {
  if (source instanceof Uint8Array) return parseMetainfoInTurns(source);
  const loaded = typeof source === 'string' ? await loadSource(source) : source;
  if (loaded.kind === 'magnet') return loaded.magnet;
  return loaded.metainfo ?? parseMetainfoInTurns(loaded.bytes);
}
