/** Snapshots and notices for view tests: a download half done unless told otherwise. */
import type { SourceCounts, TorrentStats } from '../../../index.js';
import type { CompletionNotice, TorrentSnapshot } from '../display/view.js';

export const INFO_HASH: TorrentSnapshot['infoHash'] = { v1: 'aa'.repeat(20), v2: null };

/** From no source. */
export const NOBODY: SourceCounts = { user: 0, magnet: 0, incoming: 0, resume: 0, tracker: 0, dht: 0, lsd: 0, pex: 0 };

export function makeStats(given: Partial<TorrentStats> = {}): TorrentStats {
  return {
    phase: 'downloading',
    bytesDone: 512 * 1024,
    bytesTotal: 1024 * 1024,
    piecesDone: 32,
    pieceCount: 64,
    bytesChecked: 0,
    bytesToCheck: 1024 * 1024,
    downloadRate: 100 * 1024,
    uploadRate: 10 * 1024,
    downloadedBytes: 512 * 1024,
    uploadedBytes: 0,
    wastedBytes: 0,
    hashFailures: 0,
    peers: 3,
    seeds: 1,
    peersBySource: { ...NOBODY, tracker: 2, dht: 1 },
    candidatesBySource: { ...NOBODY, tracker: 40, dht: 12, pex: 7 },
    etaSeconds: 65,
    ...given,
  };
}

export function makeSnapshot(given: Partial<TorrentStats> = {}, name = 'film.mkv'): TorrentSnapshot {
  return { key: name, infoHash: INFO_HASH, name, stats: makeStats(given) };
}

export const COMPLETION: CompletionNotice = {
  infoHash: INFO_HASH,
  name: 'film.mkv',
  path: 'downloads/film.mkv',
  bytes: 1024 * 1024,
  seconds: 8,
  downloadedBytes: 1024 * 1024,
  wastedBytes: 0,
  hashFailures: 0,
};
