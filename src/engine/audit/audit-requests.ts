/**
 * What is asked of whom: pipelines and pieces in flight keep the same requests, and no peer stands idle that could be
 * asked. A block that counts as requested and is asked of nobody would never come; a peer that nobody thinks of would
 * never send. Called by auditSession for torrents at work.
 */
import type { Peer } from '../peer/peer.js';
import type { Session } from '../session.js';
import { type LiveTorrent, ofPeer, ofPiece } from './live-torrent.js';

export function auditRequests(session: Session, live: LiveTorrent): string | null {
  const { torrent, peers, data } = live;
  if (data.fetching === null) return null;
  const finding = auditOutstanding(live, session.context.settings.maxRequestsPerPeer);
  if (finding !== null) return finding;
  for (const peer of peers) {
    if (!isForgotten(peer, live)) continue;
    const pieces = data.picker.inFlight.length;
    return ofPeer(torrent, peer, `could be asked for a block, and is not (${pieces} pieces in flight)`);
  }
  return null;
}

function auditOutstanding({ torrent, data, peers }: LiveTorrent, max: number): string | null {
  const { picker } = data;
  let finding: string | null = null;
  /** Per block of the pieces in flight, by index in the picker's list: how many peers have it outstanding. */
  const asked = picker.inFlight.map(({ blockCount }) => new Uint8Array(blockCount));
  for (const peer of peers) {
    const { pipeline } = peer.download;
    if (pipeline.count > max) return ofPeer(torrent, peer, `is asked for ${pipeline.count} blocks, ${max} allowed`);
    pipeline.forEach((piece, block) => {
      const partial = picker.partial(piece);
      if (partial !== null) asked[partial.index]![block]!++;
      else if (!data.have.has(piece) && picker.priority(piece) > 0) {
        finding ??= ofPeer(torrent, peer, `is asked for block ${block} of piece ${piece}, which is not in flight`);
      }
    });
    if (finding !== null) return finding;
  }
  for (const { piece, index, blockCount, requestCount } of picker.inFlight) {
    for (let block = 0; block < blockCount; block++) {
      const count = asked[index]![block]!;
      if (requestCount[block] === count) continue;
      const said = `block ${block} counts as asked of ${requestCount[block]} peers, and is of ${count}`;
      return ofPiece(torrent, piece, said);
    }
  }
  return null;
}

/** It would be asked if someone thought of it: it allows it, has what we want, is waiting for nothing. */
function isForgotten(peer: Peer, { data }: LiveTorrent): boolean {
  const { download } = peer;
  if (download.isAsked || download.turns.isWaiting || !peer.isInterestingToUs) return false;
  // Where memory is short a piece may have begun in the place of another: who chokes us hears of that with the next piece.
  const isMemoryShort = data.fetching?.slots.hasRoom === false;
  if (peer.isChokingUs) return !isMemoryShort && data.picker.canAskAllowedFast(peer, download.allowedFast);
  return data.picker.canAsk(peer);
}
