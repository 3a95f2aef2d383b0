/** A torrent as a program sees it: exported as `Torrent`. Promises begin here. */
import { Emitter } from '../base/emitter.js';
import { DtorrentError } from '../base/errors.js';
import type { InfoHash } from '../format/infohash.js';
import type { Metainfo } from '../format/metainfo.js';
import { parseTrackerUrl } from '../protocol/tracker/tracker-url.js';
import type { TorrentEvent, TorrentPhase, TorrentStats } from './events.js';
import type { Session } from './session.js';
import type { Torrent } from './torrent.js';
import type { TrackerScrape } from './tracker-scrape.js';
import type { TrackerStatus } from './tracker-status.js';

export class TorrentHandle {
  /** Resolves once everything is verified and stored; rejects with why it cannot be (failed, removed, stopped). */
  readonly completed: Promise<void>;
  readonly #torrent: Torrent;
  readonly #session: Session;
  readonly #emitter = new Emitter<TorrentEvent>();
  #resolve: () => void = () => {};
  #reject: (error: DtorrentError) => void = () => {};

  /** @internal made by Engine.add. */
  constructor(torrent: Torrent, session: Session) {
    this.#torrent = torrent;
    this.#session = session;
    this.completed = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Nobody has to wait for completion: not doing so is no unhandled rejection.
    this.completed.catch(() => {});
    if (torrent.error !== null) this.#reject(torrent.error);
  }

  get infoHash(): InfoHash {
    return this.#torrent.infoHash;
  }

  /** The torrent's name; a magnet's display name, or the info-hash, until the metadata is there. */
  get name(): string {
    return this.#torrent.name;
  }

  get phase(): TorrentPhase {
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

  /** A snapshot: cheap enough to take every second, not for every block. */
  stats(): TorrentStats {
    return this.#session.stats(this.#torrent);
  }

  /**
   * Asks the trackers how large the swarm is, without joining it: one entry a tracker, in the order of the tiers. Never
   * rejects: a tracker's failure is in its entry. What a tracker said less than a minute ago is told again.
   */
  scrape(): Promise<readonly TrackerScrape[]> {
    const { turn } = this.#session.context;
    return new Promise((resolve) => turn.run(() => this.#torrent.announcer.scrape(resolve)));
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
    this.#session.context.turn.run(() => this.#torrent.announcer.announceNow());
  }

  /**
   * Adds trackers for as long as the torrent is there, each as a tier of its own below the others. Those it has already
   * are left out, and what is beyond LIMITS.trackersPerTorrentMax.
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
    this.#session.context.turn.run(() => this.#torrent.addTrackers(urls));
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
  get on(): Emitter<TorrentEvent>['on'] {
    return this.#emitter.on.bind(this.#emitter) as Emitter<TorrentEvent>['on'];
  }

  /** @internal */
  onEvent(event: TorrentEvent): void {
    if (event.type === 'completed') this.#resolve();
    if (event.type === 'torrentFailed') this.#reject(event.error);
    this.#emitter.emit(event);
  }

  /** @internal */
  settleStopped(): void {
    this.#reject(new DtorrentError('ESTOPPED', `${this.name} was stopped before it was complete`));
  }
}
