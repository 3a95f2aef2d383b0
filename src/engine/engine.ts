/**
 * The public engine: promises and events over Session. Floor 3 like the rest, so it takes its Host as an argument;
 * src/index.ts supplies the real one.
 */
import { fromHex, toHex } from '../base/bytes.js';
import { Emitter } from '../base/emitter.js';
import { DtorrentError } from '../base/errors.js';
import { infoHashHex } from '../format/infohash.js';
import { type Magnet, type MutableMagnet, parseMutableMagnet } from '../format/magnet.js';
import type { Metainfo } from '../format/metainfo.js';
import type { Host } from '../host/host.js';
import type { DhtStats } from '../protocol/dht/operations.js';
import { parseSelection } from './data/file-selection.js';
import type { EngineEvent } from './events.js';
import { FollowedTorrent } from './followed-torrent.js';
import { SeedGoal } from './seed-goal.js';
import { Session } from './session.js';
import { type RateLimits, resolveSettings, type Settings } from './settings.js';
import type { Torrent } from './torrent.js';
import { parsePeers, TorrentHandle } from './torrent-handle.js';

/** How one torrent is added. */
export interface AddOptions {
  /** Default: the engine's `downloadDir`. */
  readonly downloadDir?: string;
  /** `host:port` of peers to dial at once, also while seeding. */
  readonly peers?: readonly string[];
  /** Fetch pieces in order instead of rarest first. Default false. */
  readonly sequential?: boolean;
  /** Take it that the data is complete and do not check it first. Default false. */
  readonly trust?: boolean;
  /** Verify all data on disk, also what has not changed since it was verified last. Default false. */
  readonly recheck?: boolean;
  /** Begin paused. Default: as it was left in an earlier run with the same `stateDir`. */
  readonly paused?: boolean;
  /**
   * Which files to download: numbers such as `1,3-5`, counting from 1 as `dtorrent show` lists them, or shell patterns
   * over their `/` paths: `*.iso`, `extras/**`, `disc [12]/*`. One without a `/` fits the name in any directory, one with
   * a `/` the whole path, with or without the torrent's own directory. Case counts. Default: what a magnet link says
   * (BEP 53), else everything.
   */
  readonly select?: readonly string[];
  /**
   * Pause, with reason `seedGoal`, once it has been uploaded this many times the size of what is selected, all its runs
   * together. 0 or more; resume() then seeds on without end. Default: never.
   */
  readonly seedRatio?: number;
  /** Pause, with reason `seedGoal`, once it has been seeded for so many milliseconds, all its runs together. */
  readonly seedTimeMs?: number;
  /**
   * Super-seed (BEP 16): show each peer one piece after the other, so that the first copy in the swarm costs little more
   * upload than its size. Only for a torrent that is complete when it is added and that nobody else seeds; ends by
   * itself when others have everything. Default false.
   */
  readonly superSeed?: boolean;
}

interface KnownTorrent {
  readonly torrent: Torrent;
  readonly handle: TorrentHandle;
}

export class EngineBase {
  /** What it was started with, defaults filled in. */
  readonly settings: Settings;
  readonly #session: Session;
  readonly #emitter = new Emitter<EngineEvent>();
  /** By info-hash, in hex, as events name them. */
  readonly #known = new Map<string, KnownTorrent>();
  readonly #followed = new Set<FollowedTorrent>();
  #stopping: Promise<void> | null = null;

  protected constructor(settings: Settings, host: Host) {
    this.settings = settings;
    this.#session = new Session(host, settings, (event) => this.#onEvent(event));
  }

  /**
   * Starts an engine on a host of the caller's choice: the simulator's, in tests.
   * @internal
   * @throws {DtorrentError} `EOPTION` for a bad setting, `ENETWORK` when no port can be bound.
   */
  static async startOn(host: Host, settings: Partial<Settings> = {}): Promise<EngineBase> {
    const engine = new EngineBase(resolveSettings(settings), host);
    await engine.listen();
    return engine;
  }

  /** The TCP port that peers reach us on. */
  get listenPort(): number {
    return this.#session.listenPort;
  }

  /** Our own addresses as trackers, peers, DHT nodes and the router see them: IP text, null = not known (yet). */
  get externalAddresses(): { readonly ipv4: string | null; readonly ipv6: string | null } {
    const { externalAddress } = this.#session.context;
    return { ipv4: externalAddress.of(4), ipv6: externalAddress.of(6) };
  }

  /** Those that were added and not removed. */
  get torrents(): readonly TorrentHandle[] {
    return Array.from(this.#known.values(), ({ handle }) => handle);
  }

  /** Hears one type of event, or all with '*'. @returns a function that stops listening. */
  on<T extends EngineEvent['type']>(
    type: T,
    listener: (event: Extract<EngineEvent, { readonly type: T }>) => void,
  ): () => void;
  on(type: '*', listener: (event: EngineEvent) => void): () => void;
  on(type: EngineEvent['type'] | '*', listener: (event: never) => void): () => void {
    return this.#emitter.on(type as '*', listener as (event: EngineEvent) => void);
  }

  /**
   * Adds a parsed torrent or magnet and begins at once. What a magnet's `select` fits is known only with its metadata:
   * when that is nothing, the torrent fails with `EOPTION`.
   * @throws {DtorrentError} `EDUPLICATE`, or `EOPTION` for a malformed peer, a selection that fits no file, or a seed goal
   * that is no number.
   */
  addParsed(source: Metainfo | Magnet, options: AddOptions = {}): TorrentHandle {
    const peers = parsePeers(options.peers ?? []);
    const selection = parseSelection(options.select ?? []);
    if ('files' in source) selection?.choose(source);
    const torrent = this.#session.add(source, {
      downloadDir: options.downloadDir ?? this.settings.downloadDir,
      peers,
      isSequential: options.sequential ?? false,
      isTrusted: options.trust ?? false,
      isRecheck: options.recheck ?? false,
      isPaused: options.paused ?? null,
      selection,
      isSuperSeed: options.superSeed ?? false,
      seedGoal: seedGoalOf(options),
    });
    const handle = new TorrentHandle(torrent, this.#session);
    this.#known.set(torrent.infoHashHex, { torrent, handle });
    this.#session.begin(torrent);
    return handle;
  }

  /**
   * Adds the torrent that a link's public key points at (BEP 46), as soon as it is found in the DHT or at once when the
   * link has an info-hash too, and replaces it when the key points at a newer one. `onVersion` hears of each that is added; those before are gone
   * from the engine then.
   * @throws {DtorrentError} `EMAGNET` for a link without a public key, `EOPTION` for what addParsed refuses of `options`
   * or while the DHT is off.
   */
  follow(
    link: string | MutableMagnet,
    options: AddOptions = {},
    onVersion: (torrent: TorrentHandle) => void = () => {},
  ): FollowedTorrent {
    const magnet = typeof link === 'string' ? parseMutableMagnet(link) : link;
    parsePeers(options.peers ?? []);
    parseSelection(options.select ?? []);
    const unfollow = this.#session.follow(magnet);
    const followed = new FollowedTorrent(
      magnet,
      {
        add: (version) => this.addParsed(version, options),
        remove: (torrent) => this.remove(torrent),
        onVersion,
        warn: (error) => this.#emitter.emit({ type: 'warning', error }),
      },
      {
        unfollow: () => {
          this.#followed.delete(followed);
          unfollow();
        },
        stoppedError: () => new DtorrentError('ESTOPPED', 'it is followed no more, and no version was found'),
      },
    );
    this.#followed.add(followed);
    return followed;
  }

  /** How the DHT is doing: a snapshot. Null while it is off. */
  get dht(): DhtStats | null {
    return this.#session.dhtStats();
  }

  /**
   * Changes the limits of the settings while running; what is left out stays as it is. Payload bytes per second of all
   * torrents together, 0 = no limit.
   * @throws {DtorrentError} `EOPTION` for a limit that is out of range.
   */
  setRateLimits(limits: RateLimits): void {
    resolveSettings(limits);
    this.#session.setRateLimits(limits);
  }

  /** Stops one torrent and forgets it, its resume data too; its files stay. */
  async remove(handle: TorrentHandle): Promise<void> {
    const key = infoHashHex(handle.infoHash);
    const known = this.#known.get(key);
    if (known?.handle !== handle) return;
    this.#known.delete(key);
    await new Promise<void>((resolve) => this.#session.remove(known.torrent, resolve));
    handle.settleStopped();
  }

  /** Tells trackers and peers, closes files and sockets; nothing is left running. Idempotent. */
  stop(): Promise<void> {
    for (const followed of this.#followed) followed.stop();
    this.#stopping ??= new Promise<void>((resolve) => this.#session.stop(resolve)).then(() => {
      for (const { handle } of this.#known.values()) handle.settleStopped();
    });
    return this.#stopping;
  }

  /** @internal */
  protected listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#session.start((error) => (error === null ? resolve() : reject(error)));
    });
  }

  #onEvent(event: EngineEvent): void {
    if (event.type === 'versionFound') this.#onVersion(event);
    if ('infoHash' in event) this.#known.get(event.infoHash)?.handle.onEvent(event);
    this.#emitter.emit(event);
  }

  #onVersion(event: Extract<EngineEvent, { readonly type: 'versionFound' }>): void {
    const infoHash = fromHex(event.targetInfoHash)!;
    for (const followed of this.#followed) {
      const { publicKey, salt } = followed.magnet;
      if (toHex(publicKey) === event.publicKey && toHex(salt) === event.salt) {
        followed.update(infoHash, event.sequence);
      }
    }
  }
}

/** @returns null for none. */
function seedGoalOf({ seedRatio: ratio, seedTimeMs: timeMs }: AddOptions): SeedGoal | null {
  return ratio === undefined && timeMs === undefined ? null : new SeedGoal({ ratio, timeMs });
}
