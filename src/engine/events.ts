/** The one union of everything an engine tells. Events are plain data; `infoHash` is hex (v1, or v2 for v2-only). */
import type { DtorrentError } from '../base/errors.js';
import type { SourceCounts } from './swarm/candidates.js';

/** Everything that an engine tells. Told apart by `type`; `infoHash` is hex as infoHashHex gives it. */
export type EngineEvent =
  /** The listening socket is bound. */
  | { readonly type: 'listening'; readonly port: number }
  | TorrentEvent
  /** A torrent that is followed (BEP 46) has a version, or a newer one. Keys and hashes are hex. */
  | {
      readonly type: 'versionFound';
      readonly publicKey: string;
      /** '' = none. */
      readonly salt: string;
      /** Of the torrent that it is now. */
      readonly targetInfoHash: string;
      readonly sequence: bigint;
    }
  /** The address that others see us at, of one family, is known now or has changed. `ip` is IP text. */
  | { readonly type: 'externalAddress'; readonly family: 4 | 6; readonly ip: string }
  /** A router lets peers in on one of its ports: told of each protocol, and again when the port is another one. */
  | {
      readonly type: 'portMapped';
      /** IP text. */
      readonly gateway: string;
      readonly protocol: 'tcp' | 'udp';
      readonly externalPort: number;
      readonly method: 'PCP' | 'NAT-PMP' | 'UPnP';
    }
  /** A router does not let peers in, or not any more, or that may be in vain; it is tried again later. */
  | { readonly type: 'portMappingWarning'; readonly message: string }
  /** The engine itself met a problem that it goes on without. */
  | { readonly type: 'warning'; readonly error: DtorrentError };

/** What is told of one torrent: by the torrent, and by its engine. */
export type TorrentEvent =
  | { readonly type: 'torrentAdded'; readonly infoHash: string }
  /** The info dictionary is there: from the file, or fetched from peers and verified. */
  | { readonly type: 'metadata'; readonly infoHash: string; readonly name: string; readonly totalLength: number }
  | { readonly type: 'phase'; readonly infoHash: string; readonly phase: TorrentPhase }
  | { readonly type: 'pieceVerified'; readonly infoHash: string; readonly piece: number }
  | { readonly type: 'pieceFailed'; readonly infoHash: string; readonly piece: number }
  /** Every piece of what is selected is verified and on disk. Told again when a wider selection is complete. */
  | { readonly type: 'completed'; readonly infoHash: string; readonly seconds: number }
  | { readonly type: 'peerConnected'; readonly infoHash: string; readonly address: string }
  | {
      readonly type: 'peerDisconnected';
      readonly infoHash: string;
      readonly address: string;
      /** A CloseReason (engine/peer/close-reason.ts). */
      readonly reason: string;
    }
  | {
      readonly type: 'trackerAnnounced';
      readonly infoHash: string;
      readonly url: string;
      readonly peers: number;
      readonly seeds: number | null;
      readonly leechers: number | null;
    }
  /** It begins without this tracker, which an earlier run was told to leave alone: for so many seconds more. */
  | { readonly type: 'trackerWaiting'; readonly infoHash: string; readonly url: string; readonly seconds: number }
  | { readonly type: 'trackerWarning'; readonly infoHash: string; readonly url: string; readonly message: string }
  | { readonly type: 'trackerFailed'; readonly infoHash: string; readonly url: string; readonly error: DtorrentError }
  /** Peers are let go and files closed until it is resumed. `error`: why, when it is by itself. */
  | {
      readonly type: 'torrentPaused';
      readonly infoHash: string;
      readonly reason: PauseReason;
      readonly error: DtorrentError | null;
    }
  | { readonly type: 'torrentResumed'; readonly infoHash: string }
  /** The torrent stopped because of this error. */
  | { readonly type: 'torrentFailed'; readonly infoHash: string; readonly error: DtorrentError }
  | { readonly type: 'torrentRemoved'; readonly infoHash: string };

/**
 * metadata: a magnet without its info dictionary yet · checking: hashing what is on disk · downloading · seeding:
 * everything selected is there · paused: until resume(), or until what it paused for is over · failed: see
 * torrentFailed · stopped: removed or the engine stopped.
 */
export type TorrentPhase = 'metadata' | 'checking' | 'downloading' | 'seeding' | 'paused' | 'failed' | 'stopped';

/**
 * user: pause() · error: the disk failed, which is tried again by itself · seedGoal: it has been seeded as much or as
 * long as was asked for.
 */
export type PauseReason = 'user' | 'error' | 'seedGoal';

/** A snapshot of one torrent, made on request. Rates in bytes per second; `etaSeconds` null when unknown. */
export interface TorrentStats {
  /** What it is doing. */
  readonly phase: TorrentPhase;
  /** Verified bytes, padding left out. */
  readonly bytesDone: number;
  /** 0 until the metadata is there. */
  readonly bytesTotal: number;
  /** Pieces that are verified. */
  readonly piecesDone: number;
  /** 0 until the metadata is there. */
  readonly pieceCount: number;
  /** While checking: bytes hashed so far. */
  readonly bytesChecked: number;
  /** While checking: what is to be hashed, which is what nothing vouches for; 0 until that is known. */
  readonly bytesToCheck: number;
  /** Payload, averaged over a few seconds; like `uploadRate`. */
  readonly downloadRate: number;
  /** Payload. */
  readonly uploadRate: number;
  /** Payload received this session, wasted bytes included. */
  readonly downloadedBytes: number;
  /** Payload sent this session. */
  readonly uploadedBytes: number;
  /** Duplicates, unasked blocks and failed pieces. */
  readonly wastedBytes: number;
  /** Pieces that came and did not match. */
  readonly hashFailures: number;
  /** Connected peers that have shaken hands. */
  readonly peers: number;
  /** Connected peers that have everything. */
  readonly seeds: number;
  /** How we know of `peers`: a peer counts once, for the source it was dialled for, or as incoming. */
  readonly peersBySource: SourceCounts;
  /** How we know of all addresses that are known, connected or not: the best source of each. Banned ones are left out. */
  readonly candidatesBySource: SourceCounts;
  /** At the current rate, until what is selected is complete. */
  readonly etaSeconds: number | null;
}
