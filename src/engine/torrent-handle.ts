/** A torrent as a program sees it: exported as `Torrent`. Promises begin here. */
import { type HostPort, parseHostPort } from '../base/address.js';
import { Emitter } from '../base/emitter.js';
import { DtorrentError } from '../base/errors.js';
import type { InfoHash } from '../format/infohash.js';
import type { Metainfo, MetainfoFile } from '../format/metainfo.js';
import { parseTrackerUrl } from '../protocol/tracker/tracker-url.js';
import type { TrackerScrape } from './announce/tracker-scrape.js';
import type { TrackerStatus } from './announce/tracker-status.js';
import { parseSelection } from './data/file-selection.js';
import type { TorrentEvent, TorrentPhase, TorrentStats } from './events.js';
import type { PeerInfo } from './peer/peer-info.js';
import { PriorityBatch } from './pieces/priority-batch.js';
import type { Session } from './session.js';
import type { Torrent } from './torrent.js';
import { checkPriority, TorrentFile } from './torrent-file.js';

/** A torrent of an engine: what it is, how far it is, and what becomes of it. */
export class TorrentHandle {
  readonly #torrent: Torrent;
  readonly #session: Session;
  readonly #priorities: PriorityBatch;
  readonly #emitter = new Emitter<TorrentEvent>();
  readonly #completion = new Settling();
  readonly #metadata = new Settling();
  #files: readonly TorrentFile[] | null = null;

  /** @internal made by Engine.add. */
  constructor(torrent: Torrent, session: Session) {
    this.#torrent = torrent;
    this.#session = session;
    this.#priorities = new PriorityBatch(session, torrent);
    if (torrent.metainfo !== null) this.#metadata.resolve();
    if (torrent.error !== null) this.#fail(torrent.error);
  }

  /**
   * Resolves once the metadata is there, so that `metainfo` and `files` are: at once for a .torrent, after some peer has
   * sent it for a magnet. Rejects like `completed`.
   */
  get ready(): Promise<void> {
    return this.#metadata.promise;
  }

  /**
   * Resolves once everything selected is verified and stored, for the first time; rejects with the DtorrentError that
   * says why it never will be (failed, removed, stopped). Nobody has to wait for it.
   */
  get completed(): Promise<void> {
    return this.#completion.promise;
  }

  /** v1, v2 or, for a hybrid torrent, both. */
  get infoHash(): InfoHash {
    return this.#torrent.infoHash;
  }

  /** The torrent's name; a magnet's display name, or the info-hash, until the metadata is there. */
  get name(): string {
    return this.#torrent.name;
  }

  /** What it is doing now; a 'phase' event tells of each change. */
  get phase(): TorrentPhase {
    this.#priorities.flush();
    return this.#torrent.phase;
  }

  /** Why it failed, or why the disk paused it; null unless `phase` is 'failed' or 'paused'. */
  get error(): DtorrentError | null {
    return this.#torrent.error;
  }

  /** Null while a magnet's metadata is being fetched. */
  get metainfo(): Metainfo | null {
    return this.#torrent.metainfo;
  }

  /** Every file, padding left out, in the order of the torrent. Empty while a magnet's metadata is being fetched. */
  get files(): readonly TorrentFile[] {
    const { metainfo, files } = this.#torrent;
    if (metainfo === null || files === null) return [];
    this.#files ??= storedFiles(metainfo).map(
      ({ file, layoutIndex }, index) =>
        new TorrentFile({
          session: this.#session,
          torrent: this.#torrent,
          priorities: this.#priorities,
          index,
          layoutIndex,
          file,
        }),
    );
    return this.#files;
  }

  /** Connected peers, each as it is now. Cheap enough to ask for every second. */
  get peers(): readonly PeerInfo[] {
    return this.#session.peers(this.#torrent);
  }

  /**
   * Downloads these files and no others: `1,3-5` and shell patterns, as in `AddOptions.select`; none = everything. Files
   * selected keep their priority. Before the metadata is there, it replaces what was asked for when it was added.
   * @throws {DtorrentError} `EOPTION` for a malformed pattern, or one that fits no file; nothing has changed then.
   */
  select(patterns: readonly string[]): void {
    const selection = parseSelection(patterns);
    this.#priorities.flush();
    const { metainfo, files } = this.#torrent;
    if (metainfo === null || files === null) {
      this.#session.inTurn(() => this.#torrent.setSelection(selection));
      return;
    }
    const chosen = selection?.choose(metainfo) ?? new Uint8Array(metainfo.files.length).fill(1);
    this.#session.inTurn(() => this.#torrent.setFilePriorities(files.selected(chosen)));
  }

  /**
   * Sets the priorities of all files in one step, however many there are.
   * @param priorities one for each of `files`: 0 = skip, 1 (last) to 7 (first).
   * @throws {DtorrentError} `EOPTION` for a wrong number of them, or anything but integers from 0 to 7.
   */
  setPriorities(priorities: readonly number[]): void {
    const { metainfo } = this.#torrent;
    const count = this.files.length;
    if (metainfo === null || priorities.length !== count) {
      throw new DtorrentError(
        'EOPTION',
        `${this.name} has ${count} files now, and ${priorities.length} priorities were given`,
      );
    }
    for (const priority of priorities) checkPriority(priority);
    this.#priorities.flush();
    const next = new Uint8Array(metainfo.files.length);
    for (const [index, { layoutIndex }] of storedFiles(metainfo).entries()) next[layoutIndex] = priorities[index]!;
    this.#session.inTurn(() => this.#torrent.setFilePriorities(next));
  }

  /**
   * Dials peers at once, and again with back-off when that fails.
   * @param peers `host:port` each; hosts may be names.
   * @throws {DtorrentError} `EOPTION` for what is no such address; none is dialled then.
   */
  addPeers(peers: readonly string[]): void {
    const parsed = parsePeers(peers);
    this.#session.inTurn(() => this.#torrent.addNamedPeers(parsed, 'user'));
  }

  /** A snapshot: cheap enough to take every second, not for every block. */
  stats(): TorrentStats {
    this.#priorities.flush();
    return this.#session.stats(this.#torrent);
  }

  /**
   * Asks the trackers how large the swarm is, without joining it: one entry a tracker, in the order of the tiers. Never
   * rejects: a tracker's failure is in its entry. What a tracker said less than a minute ago is told again.
   */
  scrape(): Promise<readonly TrackerScrape[]> {
    return new Promise((resolve) => this.#session.inTurn(() => this.#torrent.announcer.scrape(resolve)));
  }

  /** The torrent's trackers and how they are doing: a snapshot. */
  get trackers(): readonly TrackerStatus[] {
    return this.#torrent.announcer.trackers(this.#session.context.host.clock.now());
  }

  /**
   * Announces to the trackers now, or as soon as each allows it: none is asked within its min interval or retry-in, but
   * our own back-off after failures is cut short. Nothing happens while the torrent announces to nobody.
   */
  announce(): void {
    this.#session.inTurn(() => this.#torrent.announcer.announceNow());
  }

  /**
   * Adds trackers, each as a tier of its own below the others. Those it has already are left out, and what is beyond
   * LIMITS.trackersPerTorrentMax. They stay across a restart with a `stateDir`, until the torrent is removed.
   * @throws {DtorrentError} `EOPTION` for a URL that is no http, https or udp tracker's; then none is added.
   */
  addTrackers(urls: readonly string[]): void {
    const bad = urls.find((url) => parseTrackerUrl(url.trim()) === null);
    if (bad !== undefined) {
      throw new DtorrentError(
        'EOPTION',
        `"${bad}" is not a tracker: give an http, https or udp URL, udp with its port`,
      );
    }
    this.#session.inTurn(() => this.#torrent.addTrackers(urls));
  }

  /**
   * Lets peers, trackers and files go until resume(). Resolves once files are closed. It stays paused across a restart
   * with a `stateDir`, unless it is added with `paused: false`. No-op when it failed or was removed.
   */
  pause(): Promise<void> {
    return new Promise((resolve) => this.#session.pause(this.#torrent, resolve));
  }

  /** Goes on after a pause, also one that a failing disk caused. No-op unless paused. */
  resume(): void {
    this.#session.resume(this.#torrent);
  }

  /** Verifies all data on disk anew (phase 'checking'), then goes on. No-op while a magnet's metadata is unknown. */
  recheck(): void {
    this.#session.recheck(this.#torrent);
  }

  /** Hears one type of event, or all with '*'. @returns a function that stops listening. */
  on<T extends TorrentEvent['type']>(
    type: T,
    listener: (event: Extract<TorrentEvent, { readonly type: T }>) => void,
  ): () => void;
  on(type: '*', listener: (event: TorrentEvent) => void): () => void;
  on(type: TorrentEvent['type'] | '*', listener: (event: never) => void): () => void {
    return this.#emitter.on(type as '*', listener as (event: TorrentEvent) => void);
  }

  /** @internal */
  onEvent(event: TorrentEvent): void {
    if (event.type === 'metadata') this.#metadata.resolve();
    if (event.type === 'completed') this.#completion.resolve();
    if (event.type === 'torrentFailed') this.#fail(event.error);
    this.#emitter.emit(event);
  }

  /** @internal */
  settleStopped(): void {
    this.#fail(new DtorrentError('ESTOPPED', `${this.name} was stopped before it was complete`));
  }

  #fail(error: DtorrentError): void {
    this.#metadata.reject(error);
    this.#completion.reject(error);
  }
}

/**
 * A promise that is settled from outside, once; made for the first who asks for it, as most never do. That nobody waits
 * for it is no unhandled rejection.
 */
class Settling {
  #promise: Promise<void> | null = null;
  #outcome: 'resolved' | DtorrentError | null = null;
  #settle: (() => void) | null = null;

  get promise(): Promise<void> {
    if (this.#promise !== null) return this.#promise;
    this.#promise = new Promise((resolve, reject) => {
      this.#settle = () => (this.#outcome === 'resolved' ? resolve() : reject(this.#outcome));
    });
    this.#promise.catch(() => {});
    if (this.#outcome !== null) this.#settle!();
    return this.#promise;
  }

  resolve(): void {
    this.#end('resolved');
  }

  reject(error: DtorrentError): void {
    this.#end(error);
  }

  #end(outcome: 'resolved' | DtorrentError): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    this.#settle?.();
  }
}

/**
 * Reads `host:port`s.
 * @throws {DtorrentError} `EOPTION` for what is none.
 */
export function parsePeers(texts: readonly string[]): HostPort[] {
  return texts.map((text) => {
    const peer = parseHostPort(text);
    if (peer === null) throw new DtorrentError('EOPTION', `"${text}" is not a peer address: give HOST:PORT`);
    return peer;
  });
}

function storedFiles({ files }: Metainfo): { readonly file: MetainfoFile; readonly layoutIndex: number }[] {
  return files.flatMap((file, layoutIndex) => (file.padding ? [] : [{ file, layoutIndex }]));
}
