/**
 * Who is connected: what the connector, the swarms, the candidates and the peers count of the same connections, that
 * each of them is within its limit, and that no deadline of theirs has been forgotten. Called by auditSession.
 */
import { addressKey } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import type { Peer } from '../peer/peer.js';
import type { Session } from '../session.js';
import type { Torrent } from '../torrent.js';
import { findingOf, ofPeer } from './live-torrent.js';

/** What is looked at once a second is done this long after it was due, at the latest. */
export const OVERDUE_MS = 3000;

export function auditConnections(session: Session): string | null {
  const { connector, context, unnamedPeers } = session;
  const { maxPeers, maxHalfOpen } = context.settings;
  let halfOpen = 0;
  let connected = 0;
  for (const { swarm } of session.torrents) {
    for (const peer of swarm.peers) {
      if (peer.isHandshakeDone) connected++;
      else halfOpen++;
    }
  }
  if (connector.halfOpen !== halfOpen) return `${connector.halfOpen} dials are counted, and ${halfOpen} peers dialled`;
  if (connector.connected !== connected) {
    return `${connector.connected} connections are counted, and ${connected} peers are connected`;
  }
  if (halfOpen > maxHalfOpen) return `${halfOpen} dials are under way, and ${maxHalfOpen} allowed`;
  if (connected > maxPeers) return `${connected} peers are connected, and ${maxPeers} allowed`;
  if (unnamedPeers.size > LIMITS.incomingHandshakesMax) return `${unnamedPeers.size} connections have not said hello`;
  return findingOf('timers', () => context.turn.verify());
}

export function auditSwarmConnections(session: Session, torrent: Torrent): string | null {
  const { swarm, phase, name } = torrent;
  const { maxPeersPerTorrent } = session.context.settings;
  const { now } = session.context.turn;
  if (swarm.peers.size > maxPeersPerTorrent) return `${name}: ${swarm.peers.size} peers, ${maxPeersPerTorrent} allowed`;
  const isAtWork = phase === 'downloading' || phase === 'seeding';
  if (isAtWork && !swarm.isRunning) return `${name}: is ${phase}, and its swarm does not run`;
  const isAtRest = phase === 'paused' || phase === 'failed' || phase === 'stopped';
  if (isAtRest && swarm.peers.size > 0) return `${name}: has ${swarm.peers.size} peers though it is ${phase}`;
  const ids = new Set<string>();
  for (const peer of swarm.peers) {
    const finding = auditPeer(session, torrent, peer);
    if (finding !== null) return finding;
    // From elsewhere anybody may say a peer id that he has heard.
    const id = `${peer.peerId} ${peer.remote.host}`;
    if (peer.isHandshakeDone && ids.has(id)) return ofPeer(torrent, peer, 'is connected twice');
    ids.add(id);
  }
  if (session.isTicking && session.connector.hasRoom && swarm.wantsToDial(now - OVERDUE_MS)) {
    return `${name}: there is room for a dial, somebody to be dialled, and nobody does`;
  }
  return auditCandidates(torrent);
}

function auditPeer(session: Session, torrent: Torrent, peer: Peer): string | null {
  if (peer.isClosed) return ofPeer(torrent, peer, 'is closed and still counted');
  if (!peer.isHandshakeDone && !peer.isOutgoing) return ofPeer(torrent, peer, 'is counted before its handshake');
  if (peer.connection.unflushedBytes > 0)
    return ofPeer(torrent, peer, `has ${peer.connection.unflushedBytes} bytes that were not flushed`);
  if (peer.connection.heldBytes > 0 && !torrent.swarm.willFlushHaves)
    return ofPeer(torrent, peer, `has ${peer.connection.heldBytes} bytes of haves that nobody will flush`);
  if (!session.isTicking) return null;
  const { now } = session.context.turn;
  const openingMs = now - peer.connectedAtMs;
  if (!peer.isHandshakeDone && openingMs > LIMITS.dialTimeoutMs + LIMITS.handshakeTimeoutMs + OVERDUE_MS) {
    return ofPeer(torrent, peer, `has been dialled for ${openingMs} ms`);
  }
  const lateMs = now - peer.download.pipeline.nextDeadline;
  if (lateMs > OVERDUE_MS) return ofPeer(torrent, peer, `should have been timed out ${lateMs} ms ago`);
  return null;
}

/** An address that is in use by nobody would never be dialled again. */
function auditCandidates({ swarm, name }: Torrent): string | null {
  const { candidates } = swarm;
  if (candidates.count > LIMITS.candidatesPerTorrentMax) return `${name}: knows ${candidates.count} candidates`;
  const dialled = new Set<string>();
  const connected = new Set<string>();
  for (const { isHandshakeDone, listenAddress } of swarm.peers) {
    if (listenAddress !== null) (isHandshakeDone ? connected : dialled).add(addressKey(listenAddress));
  }
  let finding: string | null = null;
  candidates.forEachInUse((address, state) => {
    const key = addressKey(address);
    if ((state === 'dialling' ? dialled : connected).has(key)) return;
    finding ??= `${name}: candidate ${key} counts as ${state}, and no peer is`;
  });
  return finding;
}
