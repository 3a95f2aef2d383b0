/** How findings name what they are about, and a torrent at work, as most audits look at it. */
import { addressKey } from '../../base/address.js';
import { toDtorrentError } from '../../base/errors.js';
import type { TorrentData } from '../data/torrent-data.js';
import type { Peer } from '../peer/peer.js';
import type { Torrent } from '../torrent.js';

/** Its data is open and checked, and its peers are asked for what is missing. */
export interface LiveTorrent {
  readonly torrent: Torrent;
  readonly data: TorrentData;
  /** Those that have said hello. */
  readonly peers: readonly Peer[];
}

/** @returns null for one that is paused, checking, without metadata, or ended. */
export function liveTorrentOf(torrent: Torrent): LiveTorrent | null {
  const { data, swarm, phase } = torrent;
  if (phase !== 'downloading' && phase !== 'seeding') return null;
  if (data === null || data.isClosed || swarm.data !== data) return null;
  return { torrent, data, peers: [...swarm.peers].filter((peer) => peer.isHandshakeDone) };
}

export function ofPeer({ name }: Torrent, peer: Peer, finding: string): string {
  return `${name}: peer ${peer.number} at ${addressKey(peer.remote)} ${finding}`;
}

export function ofPiece({ name }: Torrent, piece: number, finding: string): string {
  return `${name}: piece ${piece} ${finding}`;
}

/** For what a part asserts of itself. @returns what it found, null = nothing. */
export function findingOf(what: string, verify: () => void): string | null {
  try {
    verify();
    return null;
  } catch (error) {
    return `${what}: ${toDtorrentError(error).message}`;
  }
}
