/** How one torrent is added, and what it needs of the session that it is added to. */
import type { Address, HostPort } from '../base/address.js';
import type { TrackerClients } from './announce/tracker-clients.js';
import type { EngineContext } from './context.js';
import type { FileClaims } from './data/file-claims.js';
import type { FileSelection } from './data/file-selection.js';
import type { PeerDiscovery } from './discovery/peer-discovery.js';
import type { PeerRouter } from './peer/peer-owner.js';
import type { SeedGoal } from './seed-goal.js';
import type { Connector } from './swarm/connector.js';
import type { Torrent } from './torrent.js';

export interface TorrentOptions {
  readonly downloadDir: string;
  /** Dialled at once, and again with back-off, while downloading and while seeding. */
  readonly peers: readonly HostPort[];
  readonly isSequential: boolean;
  /** Do not check what is on disk: the caller says that it is complete. */
  readonly isTrusted: boolean;
  /** Check everything on disk, whatever is remembered of it. */
  readonly isRecheck: boolean;
  /** Begin paused; null = as a person left it in an earlier run. */
  readonly isPaused: boolean | null;
  /** Left out or null = what the magnet link says, else everything. */
  readonly selection?: FileSelection | null;
  /** It pauses itself when this is reached; left out or null = never. */
  readonly seedGoal?: SeedGoal | null;
  /** BEP 16, if everything is there from the start. Left out = no. */
  readonly isSuperSeed?: boolean;
}

/** What a torrent needs of its session. */
export interface TorrentSurroundings {
  readonly context: EngineContext;
  readonly connector: Connector;
  readonly trackers: TrackerClients;
  readonly discovery: PeerDiscovery;
  readonly claims: FileClaims<Torrent>;
  readonly router: PeerRouter;
  readonly nextPeerNumber: () => number;
  readonly listenPort: () => number;
  /** UDP port of our DHT node of that family, which peers are told (BEP 5); 0 = there is none. */
  readonly dhtPort: (family: 4 | 6) => number;
  /** A peer says that a DHT node is there: `address` is the peer's host and a port that is not 0. */
  readonly onDhtNode: (address: Address) => void;
}
