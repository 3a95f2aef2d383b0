/**
 * What finds peers for torrents beside their trackers: the DHT, local discovery. One for the whole engine each; torrents
 * join while they want peers. All of it inside turns.
 */
import type { Address, HostPort } from '../../base/address.js';
import type { InfoHash } from '../../format/infohash.js';
import type { CandidateSource } from '../swarm/candidates.js';

/** A torrent as those who look for its peers see it. */
export interface SearchingTorrent {
  readonly infoHash: InfoHash;
  /** What is wanted of it is there. */
  readonly isSeeding: boolean;
  /** DHT nodes that its file names (BEP 5). */
  readonly dhtNodes: readonly HostPort[];
  addPeers(addresses: readonly Address[], source: CandidateSource): void;
}

export interface PeerDiscovery {
  /** The engine listens. Called once, before anything else. */
  start(): void;
  /** It is to be found, and peers for it are looked for, until leave(). Never a torrent that is known to be private. */
  join(torrent: SearchingTorrent): void;
  /** A torrent that is not there is no error. */
  leave(torrent: SearchingTorrent): void;
  /** Nothing is sent after `done`, which is called in a turn, also inside this call. */
  stop(done: () => void): void;
}
