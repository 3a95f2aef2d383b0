/** The torrents that live sessions are fuzzed with: small, one of each format, the same in every run. */
import { makeSimTorrent, type SimTorrent } from '../../../src/engine/testing/sim-swarm.js';
import { makeV2Torrent } from '../../../src/engine/testing/v2-torrent.js';

export const LIVE_KINDS = ['single', 'files', 'hybrid', 'v2'] as const;
export type LiveKind = (typeof LIVE_KINDS)[number];

/** v2 alone needs its piece layers, which no magnet link has: refused as EUNSUPPORTED. */
export function canBeMagnet(kind: LiveKind): boolean {
  return kind !== 'v2';
}

const KIB = 1024;

export const LIVE_TORRENTS: Readonly<Record<LiveKind, SimTorrent>> = {
  single: makeSimTorrent({ lengths: { 'a.bin': 100_000 }, pieceLength: 16 * KIB }),
  files: makeSimTorrent({ lengths: { a: 40_000, b: 1, c: 0, 'd/e': 70_000, f: 30_000 }, pieceLength: 32 * KIB }),
  hybrid: makeV2Torrent({ kind: 'hybrid', lengthBytes: 150_000, pieceLength: 64 * KIB }),
  v2: makeV2Torrent({ kind: 'v2', lengthBytes: 120_001, pieceLength: 32 * KIB }),
};
