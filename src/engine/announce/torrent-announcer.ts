/**
 * Joins a torrent to its Announcer: what trackers are told of it, and what becomes of their answers. Called by Torrent.
 */
import type { Address } from '../../base/address.js';
import { type InfoHash, wireHashes } from '../../format/infohash.js';
import type { Metainfo } from '../../format/metainfo.js';
import type { EngineContext } from '../context.js';
import type { ResumeKeeper } from '../data/resume-keeper.js';
import type { TorrentData } from '../data/torrent-data.js';
import type { CandidateSource } from '../swarm/candidates.js';
import type { Swarm } from '../swarm/swarm.js';
import { Announcer } from './announcer.js';
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
  const infoHash = torrent.infoHashHex;
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
    handler: {
      onPeers: (addresses) => torrent.addPeers(addresses, 'tracker'),
      onTrackerSwitched: () => torrent.swarm.onTrackerSwitched(),
      onAnnounced: ({ url, peers, seeds, leechers }) => {
        keeper().touch();
        context.emit({ type: 'trackerAnnounced', infoHash, url, peers, seeds, leechers });
      },
      // A program that crashes again and again must not ask again and again.
      onFirstAnswer: () => {
        if (context.host.state.isKept) keeper().save();
      },
      onWaiting: (url, seconds) => context.emit({ type: 'trackerWaiting', infoHash, url, seconds }),
      onWarning: (url, message) => context.emit({ type: 'trackerWarning', infoHash, url, message }),
      onFailure: (url, error) => {
        keeper().touch();
        context.emit({ type: 'trackerFailed', infoHash, url, error });
      },
    },
  });
}
