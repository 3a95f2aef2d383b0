/** The limits on bytes per second: whoever waits for his turn is in the queue, and no peer that is gone. */
import type { Session } from '../session.js';
import type { RateLimiter, RateUser } from '../swarm/rate-limiter.js';
import { findingOf, ofPeer } from './live-torrent.js';

export function auditRates({ context, torrents }: Session): string | null {
  const { download, upload } = context.rates;
  const itself =
    findingOf('download limit', () => download.verify()) ?? findingOf('upload limit', () => upload.verify());
  if (itself !== null) return itself;
  for (const torrent of torrents) {
    const { peers, downloadTurns, uploadTurns } = torrent.swarm;
    const users = new Set<RateUser>();
    for (const peer of peers) {
      users.add(peer.download.turns).add(peer.upload.turns);
      if (isLost(download, peer.download.turns)) return ofPeer(torrent, peer, 'waits to download in no queue');
      if (isLost(upload, peer.upload.turns)) return ofPeer(torrent, peer, 'waits to upload in no queue');
    }
    for (const { waiting } of [downloadTurns, uploadTurns]) {
      if (waiting.some((user) => !users.has(user))) return `${torrent.name}: a peer that is gone waits for its turn`;
    }
  }
  return null;
}

function isLost(limiter: RateLimiter, user: RateUser): boolean {
  return user.isWaiting && !limiter.isQueued(user);
}
