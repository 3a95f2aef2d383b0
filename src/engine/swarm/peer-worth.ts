/**
 * What a connected peer is worth to its torrent, for the day when there is no place for all of them: who gives, who may
 * yet give, who only takes, who does neither. Pure; rates in bytes per second, times in monotonic ms. Used by
 * PeerTurnover.
 */
import { type Address, isLoopback } from '../../base/address.js';
import type { CandidateSource } from './candidates.js';

/** A peer as it is valued. */
export interface ValuedPeer {
  readonly remote: Address;
  readonly source: CandidateSource;
  /** BEP 40, or UNKNOWN_PRIORITY. */
  readonly priority: number;
  readonly connectedAtMs: number;
  /** In us; and it has what we want. */
  readonly isInterested: boolean;
  readonly isInterestingToUs: boolean;
  /** Pieces that it had a part in were bad. */
  readonly isSuspect: boolean;
  /** From the peer to us. */
  readonly downloadRate: number;
  readonly uploadRate: number;
  /** When a block came from it, or went to it; -Infinity = never. */
  readonly lastReceivedAtMs: number;
  readonly lastSentAtMs: number;
}

/** From the first to go to the last. */
export const WORTH = {
  /** It had a part in bad pieces. */
  suspect: 0,
  /** It wants nothing and has nothing that we want. */
  useless: 1,
  /** It wants something of us and has nothing for us. */
  taker: 2,
  /** It has something for us, and has not sent any of it for a while: it chokes us. */
  mute: 3,
  /** It sends, much more slowly than the others. */
  slow: 4,
  /** It sends; or we seed, and it wants what we have; or it is too new to be judged. */
  good: 5,
  /** A person named it. */
  named: 6,
} as const;

export interface Valued<P> {
  readonly peer: P;
  /** One of WORTH. */
  readonly worth: number;
}

/** Everyone gets so much time to show what it is good for. */
export const GRACE_MS = 60_000;
/** An exchange of choke and interest takes its time: whoever has something gets this long to be asked for it. */
export const PATIENCE_MS = 120_000;
/** Blocks that are older than this are no sign of life. */
const RECENT_MS = 60_000;
/** Among those of equal worth older ones are no merit. */
const EXCHANGE_MEMORY_MS = 300_000;
/** Of the mean rate of those that send: below it a peer is slow. */
const SLOW_SHARE = 0.25;

/** @returns all of `peers`, the least worth first. */
export function valuePeers<P extends ValuedPeer>(
  peers: readonly P[],
  now: number,
  { isSeeding }: { readonly isSeeding: boolean },
): Valued<P>[] {
  const slowRate = isSeeding ? 0 : SLOW_SHARE * meanRate(peers, now);
  const crowds = countByHost(peers);
  const valued = peers.map((peer) => ({ peer, worth: worthOf(peer, now, isSeeding, slowRate) }));
  return valued.sort(
    (a, b) =>
      a.worth - b.worth ||
      a.peer.downloadRate + a.peer.uploadRate - (b.peer.downloadRate + b.peer.uploadRate) ||
      // One machine with many connections is likelier to be up to something than many machines.
      crowdOf(crowds, b.peer) - crowdOf(crowds, a.peer) ||
      countedExchangeOf(a.peer, now) - countedExchangeOf(b.peer, now) ||
      // Where nothing comes it is nobody's choice who stays, and both ends of each connection choose alike (BEP 40).
      a.peer.priority - b.peer.priority ||
      lastUseOf(a.peer) - lastUseOf(b.peer),
  );
}

function worthOf(peer: ValuedPeer, now: number, isSeeding: boolean, slowRate: number): number {
  if (peer.source === 'user') return WORTH.named;
  const ageMs = now - peer.connectedAtMs;
  if (ageMs < GRACE_MS) return WORTH.good;
  if (peer.isSuspect) return WORTH.suspect;
  if (isSeeding) return peer.isInterested || now - peer.lastSentAtMs < RECENT_MS ? WORTH.good : WORTH.useless;
  if (isSending(peer, now)) return peer.downloadRate < slowRate ? WORTH.slow : WORTH.good;
  if (peer.isInterestingToUs) return ageMs < PATIENCE_MS ? WORTH.good : WORTH.mute;
  return peer.isInterested ? WORTH.taker : WORTH.useless;
}

function isSending(peer: ValuedPeer, now: number): boolean {
  return now - peer.lastReceivedAtMs < RECENT_MS;
}

function meanRate(peers: readonly ValuedPeer[], now: number): number {
  const senders = peers.filter((peer) => isSending(peer, now) && !peer.isSuspect);
  const total = senders.reduce((sum, peer) => sum + peer.downloadRate, 0);
  return senders.length === 0 ? 0 : total / senders.length;
}

/** On this machine each port is a client of its own. */
function countByHost(peers: readonly ValuedPeer[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { remote } of peers) {
    if (!isLoopback(remote)) counts.set(remote.host, (counts.get(remote.host) ?? 0) + 1);
  }
  return counts;
}

function crowdOf(crowds: ReadonlyMap<string, number>, peer: ValuedPeer): number {
  return crowds.get(peer.remote.host) ?? 1;
}

/** When a block last came or went; all that is too long ago is alike, or one block would be a merit for ever. */
function countedExchangeOf(peer: ValuedPeer, now: number): number {
  return Math.max(lastExchangeOf(peer), now - EXCHANGE_MEMORY_MS);
}

/** When a block last came or went; -Infinity = never. */
export function lastExchangeOf(peer: ValuedPeer): number {
  return Math.max(peer.lastReceivedAtMs, peer.lastSentAtMs);
}

/** When anything last came of the connection, or it began. */
export function lastUseOf(peer: ValuedPeer): number {
  return Math.max(peer.connectedAtMs, peer.lastReceivedAtMs, peer.lastSentAtMs);
}
