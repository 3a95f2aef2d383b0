/**
 * What peers asked us for: only what they may have is queued, no queue stands still that could move, and no slot stays
 * free while somebody waits for it. Called by auditSession.
 */
import { LIMITS } from '../../base/limits.js';
import type { ChunkWaiter } from '../data/read-cache.js';
import type { Peer } from '../peer/peer.js';
import type { Session } from '../session.js';
import type { Torrent } from '../torrent.js';
import { ofPeer } from './live-torrent.js';

export function auditUploads(session: Session, torrent: Torrent): string | null {
  const waiters = new Set<ChunkWaiter>();
  for (const chunk of torrent.data?.chunks.values() ?? []) for (const waiter of chunk.waiters) waiters.add(waiter);
  for (const peer of torrent.swarm.peers) {
    const finding = auditQueue(torrent, peer);
    if (finding !== null) return ofPeer(torrent, peer, finding);
    const { upload } = peer;
    if (upload.queuedRequests === 0 || peer.connection.unwrittenBytes > 0 || upload.turns.isWaiting) continue;
    // What the stream has not written yet, the limit, and a read each call it back.
    if (waiters.has(upload) || session.context.readCache.isStarved(upload)) continue;
    return ofPeer(torrent, peer, `waits for ${upload.queuedRequests} blocks, and nobody sends them`);
  }
  return auditSlots(session, torrent);
}

function auditQueue({ data, swarm }: Torrent, peer: Peer): string | null {
  const { upload } = peer;
  if (upload.queuedRequests > LIMITS.peerRequestsQueuedMax) return `has ${upload.queuedRequests} requests queued`;
  let finding: string | null = null;
  upload.forEachQueued((piece) => {
    if (data?.have.has(piece) !== true) finding ??= `is to be sent piece ${piece}, which we do not have`;
    else if (!swarm.isShownTo(peer, piece)) finding ??= `is to be sent piece ${piece}, which it was not shown`;
    else if (!peer.isUnchoked && !upload.grants.has(piece)) finding ??= `is choked, and to be sent piece ${piece}`;
  });
  return finding;
}

/** Whoever was snubbed waits for the next round, also once it sends again; so only those count that were never asked. */
function auditSlots({ context }: Session, torrent: Torrent): string | null {
  const slots = context.settings.uploadSlots + context.settings.optimisticSlots;
  let used = 0;
  let waiting: Peer | null = null;
  for (const peer of torrent.swarm.peers) {
    if (!peer.isHandshakeDone || !peer.isInterested) continue;
    if (peer.isUnchoked) used++;
    else if (!peer.isSnubbed && peer.download.pipeline.totalBytes === 0) waiting ??= peer;
  }
  if (waiting === null || used >= slots) return null;
  return ofPeer(torrent, waiting, `is interested and choked, and only ${used} of ${slots} slots are taken`);
}
