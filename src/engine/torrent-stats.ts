/** Takes the snapshot that Torrent.stats hands out: sums over peers and data, made on request. Called by Torrent. */
import type { Metainfo } from '../format/metainfo.js';
import type { FilePriorities } from './data/file-priorities.js';
import type { TorrentData } from './data/torrent-data.js';
import type { TorrentPhase, TorrentStats } from './events.js';
import { noneBySource } from './swarm/candidates.js';
import type { Swarm } from './swarm/swarm.js';

/** A torrent, as far as it is measured. */
export interface MeasuredTorrent {
  readonly phase: TorrentPhase;
  readonly metainfo: Metainfo | null;
  readonly files: FilePriorities | null;
  readonly data: TorrentData | null;
  readonly swarm: Swarm;
}

/** `now`: monotonic ms. */
export function measureTorrent({ phase, metainfo, files, data, swarm }: MeasuredTorrent, now: number): TorrentStats {
  let downloadRate = 0;
  let uploadRate = 0;
  let peers = 0;
  let seeds = 0;
  const peersBySource = noneBySource();
  for (const peer of swarm.peers) {
    if (!peer.isHandshakeDone) continue;
    peers++;
    peersBySource[peer.source]++;
    if (peer.hasAll) seeds++;
    downloadRate += peer.download.pipeline.bytesPerSecond(now);
    uploadRate += peer.uploadRate;
  }
  const bytesTotal = files?.wantedBytes ?? 0;
  const bytesDone = data?.progress.wantedDone ?? 0;
  const isMoving = phase === 'downloading' && downloadRate >= 1;
  return {
    phase,
    bytesDone,
    bytesTotal,
    piecesDone: data?.have.count ?? 0,
    pieceCount: metainfo?.pieceCount ?? 0,
    bytesChecked: data?.bytesChecked ?? 0,
    bytesToCheck: data?.bytesToCheck ?? 0,
    downloadRate,
    uploadRate,
    downloadedBytes: swarm.downloadedBytes,
    uploadedBytes: swarm.uploadedBytes,
    wastedBytes: swarm.wastedBytes + (data?.failedBytes ?? 0),
    hashFailures: data?.hashFailures ?? 0,
    peers,
    seeds,
    peersBySource,
    candidatesBySource: swarm.candidates.countBySource(),
    etaSeconds: isMoving ? Math.ceil((bytesTotal - bytesDone) / downloadRate) : null,
  };
}
