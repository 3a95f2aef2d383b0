/**
 * Joins a torrent to its Announcer: what trackers are told of it, and what becomes of their answers. Called by Torrent.
 */
import type { Address } from '../../base/address.js';
import type { DtorrentError } from '../../base/errors.js';
import { type InfoHash, wireHashes } from '../../format/infohash.js';
import type { Metainfo } from '../../format/metainfo.js';
import type { EngineContext } from '../context.js';
import type { ResumeKeeper } from '../data/resume-keeper.js';
import type { TorrentData } from '../data/torrent-data.js';
import type { CandidateSource } from '../swarm/candidates.js';
import type { Swarm } from '../swarm/swarm.js';
import { Announcer, type AnnouncerHandler } from './announcer.js';
import type { TrackerClients } from './tracker-clients.js';

/** A torrent, as its trackers see it. */
export interface AnnouncedTorrent {
  readonly infoHash: InfoHash;
  readonly infoHashHex: string;
  readonly metainfo: Metainfo | null;
  readonly data: TorrentData | null;
  readonly swarm: Swarm;
  addPeers(addresses: readonly Address[], source: CandidateSource): void;
}

export interface TorrentAnnouncerOptions {
  readonly context: EngineContext;
  readonly trackers: TrackerClients;
  readonly listenPort: () => number;
  readonly peerId: Uint8Array;
  readonly tiers: readonly (readonly string[])[];
  readonly keeper: () => ResumeKeeper;
}

export function announcerOf(torrent: AnnouncedTorrent, options: TorrentAnnouncerOptions): Announcer {
  const { context, trackers, listenPort, peerId, tiers, keeper } = options;
  return new Announcer({
    clients: trackers,
    turn: context.turn,
    network: context.host.network,
    random: context.host.random,
    settings: context.settings,
    tiers,
    infoHashes: wireHashes(torrent.infoHash),
    identity: { peerId, key: context.host.random.uint32() },
    listenPort,
    unixTime: () => context.host.clock.unixTime(),
    totals: () => {
      const { data, metainfo, swarm } = torrent;
      const isChecked = data?.isChecked === true;
      return {
        uploadedBytes: swarm.uploadedBytes,
        downloadedBytes: swarm.downloadedBytes,
        leftBytes: isChecked ? metainfo!.totalLength - data.bytesDone : null,
        isPartialSeed: isChecked && data.isFinished && !data.isComplete,
      };
    },
    isPrivate: torrent.metainfo?.isPrivate ?? false,
    handler: new TrackerNews(torrent, context, keeper),
  });
}

/** What becomes of the answers of one torrent's trackers. */
class TrackerNews implements AnnouncerHandler {
  readonly #torrent: AnnouncedTorrent;
  readonly #context: EngineContext;
  readonly #keeper: () => ResumeKeeper;

  constructor(torrent: AnnouncedTorrent, context: EngineContext, keeper: () => ResumeKeeper) {
    this.#torrent = torrent;
    this.#context = context;
    this.#keeper = keeper;
  }

  onPeers(addresses: readonly Address[]): void {
    this.#torrent.addPeers(addresses, 'tracker');
  }

  onTrackerSwitched(): void {
    this.#torrent.swarm.onTrackerSwitched();
  }

  onAnnounced({ url, peers, seeds, leechers }: Parameters<AnnouncerHandler['onAnnounced']>[0]): void {
    const { infoHashHex: infoHash } = this.#torrent;
    this.#keeper().touch();
    this.#context.emit({ type: 'trackerAnnounced', infoHash, url, peers, seeds, leechers });
  }

  onExternalIp(ip: string, host: string): void {
    const { externalAddress, turn } = this.#context;
    externalAddress.vote(ip, { host }, 'tracker', turn.now);
  }

  /** A program that crashes again and again must not ask again and again. */
  onFirstAnswer(): void {
    if (this.#context.host.state.isKept) this.#keeper().save();
  }

  onWaiting(url: string, seconds: number): void {
    this.#context.emit({ type: 'trackerWaiting', infoHash: this.#torrent.infoHashHex, url, seconds });
  }

  onWarning(url: string, message: string): void {
    this.#context.emit({ type: 'trackerWarning', infoHash: this.#torrent.infoHashHex, url, message });
  }

  onFailure(url: string, error: DtorrentError): void {
    this.#keeper().touch();
    this.#context.emit({ type: 'trackerFailed', infoHash: this.#torrent.infoHashHex, url, error });
  }
}
