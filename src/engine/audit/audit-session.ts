/**
 * Whether what the parts of a session keep of each other still agrees: the invariants that no part can see alone. Read
 * only, and called between turns: by tests, by simulated swarms, by whoever wants to assert more than production does.
 * Nothing is kept for it and nothing pays for it that does not call it. O(peers × pieces).
 * What is checked are promises (nothing is counted twice, nothing is lost, nobody waits who need not), not policy.
 */
import type { Session } from '../session.js';
import { auditConnections, auditSwarmConnections } from './audit-connections.js';
import { auditMemory } from './audit-memory.js';
import { auditPieces } from './audit-pieces.js';
import { auditProgress } from './audit-progress.js';
import { auditRates } from './audit-rates.js';
import { auditRequests } from './audit-requests.js';
import { auditUploads } from './audit-uploads.js';
import { liveTorrentOf } from './live-torrent.js';

/** @returns the first broken invariant in words that name the torrent, the peer and the piece; null = all hold. */
export function auditSession(session: Session): string | null {
  const shared = auditConnections(session) ?? auditMemory(session) ?? auditRates(session);
  if (shared !== null) return shared;
  for (const torrent of session.torrents) {
    const finding = auditSwarmConnections(session, torrent) ?? auditUploads(session, torrent);
    if (finding !== null) return finding;
    const live = liveTorrentOf(torrent);
    if (live === null) continue;
    const liveFinding = auditPieces(live) ?? auditProgress(live) ?? auditRequests(session, live);
    if (liveFinding !== null) return liveFinding;
  }
  return null;
}
