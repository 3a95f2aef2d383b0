/**
 * The picker against what it is told of: who has each piece, which state it is in, and that somebody is at work on each
 * piece in flight. Called by auditSession for torrents at work.
 */
import type { Peer } from '../peer/peer.js';
import { FREE, NOBODY, type PartialPiece, RECEIVING } from '../pieces/partial-piece.js';
import { findingOf, type LiveTorrent, ofPeer, ofPiece } from './live-torrent.js';

export function auditPieces(live: LiveTorrent): string | null {
  const { torrent, data, peers } = live;
  if (data.fetching === null) {
    if (!data.isComplete) return `${torrent.name}: lacks pieces, and nothing fetches them`;
    return peers.length === 0 ? null : `${torrent.name}: has peers that no picker knows of`;
  }
  const itself = findingOf(`${torrent.name}: picker`, () => data.picker.verify());
  if (itself !== null) return itself;
  return auditSources(live) ?? auditStates(live);
}

/** Every peer is counted once, for exactly what it has. */
function auditSources({ torrent, data, peers }: LiveTorrent): string | null {
  const { picker, have } = data;
  const holders = new Uint32Array(picker.pieceCount);
  for (const peer of peers) {
    if (!peer.pick.isAdded) return ofPeer(torrent, peer, 'is unknown to the picker');
    if (peer.pick.isSeed && !peer.hasAll) return ofPeer(torrent, peer, 'counts as a seed, and lacks pieces');
    let interesting = 0;
    peer.pieces.forEachPiece((piece) => {
      holders[piece]!++;
      if (!have.has(piece) && picker.priority(piece) > 0) interesting++;
    });
    if (peer.pick.interestingCount !== interesting) {
      return ofPeer(torrent, peer, `has ${interesting} pieces that we want, not ${peer.pick.interestingCount}`);
    }
    if (peer.isInterestingToUs !== interesting > 0) {
      return ofPeer(torrent, peer, `was told the wrong interest: it has ${interesting} pieces that we want`);
    }
  }
  for (let piece = 0; piece < holders.length; piece++) {
    const availability = picker.availability(piece);
    if (availability === holders[piece]) continue;
    return ofPiece(torrent, piece, `counts as had by ${availability} peers, and ${holders[piece]} have it`);
  }
  return null;
}

function auditStates({ torrent, data, peers }: LiveTorrent): string | null {
  const { picker, have } = data;
  const byNumber = new Map(peers.map((peer) => [peer.number, peer]));
  for (const partial of picker.inFlight) {
    const { piece } = partial;
    if (have.has(piece)) return ofPiece(torrent, piece, 'is had, and in flight');
    const isAtStorage = partial.isStoring || partial.writingCount > 0;
    if (partial.isComplete && !isAtStorage) return ofPiece(torrent, piece, 'is complete, and nobody stores it');
    if (partial.isIdle && picker.priority(piece) === 0) return ofPiece(torrent, piece, 'is kept, and nobody wants it');
    const finding = auditOwner(partial, byNumber) ?? auditArriving(partial, byNumber) ?? auditExtents(partial);
    if (finding !== null) return ofPiece(torrent, piece, finding);
  }
  for (const piece of picker.urgent.pieces) {
    if (have.has(piece)) return ofPiece(torrent, piece, 'is urgent, and had');
  }
  return null;
}

/** Nobody else may go on with it: its owner has to be there. */
function auditOwner({ owner, piece }: PartialPiece, byNumber: ReadonlyMap<number, Peer>): string | null {
  if (owner === NOBODY) return null;
  const peer = byNumber.get(owner);
  if (peer === undefined) return `is kept for peer ${owner}, which is gone`;
  return peer.pieces.has(piece) ? null : `is kept for peer ${owner}, which does not have it`;
}

/** A block whose sender is gone would never end. */
function auditArriving(partial: PartialPiece, byNumber: ReadonlyMap<number, Peer>): string | null {
  for (let block = 0; block < partial.blockCount; block++) {
    if (partial.blockState[block] !== RECEIVING) continue;
    const from = partial.contributor[block]!;
    if (byNumber.get(from)?.download.isReceiving(partial.piece, block) !== true) {
      return `block ${block} counts as arriving from peer ${from}, which is not sending it`;
    }
  }
  return null;
}

/** Of a spilled piece: what has come of an extent, and all of it, is on its way to the disk. */
function auditExtents(partial: PartialPiece): string | null {
  if (!partial.isSpilled) return null;
  for (let index = 0; index < partial.extentCount; index++) {
    const extent = partial.extents[index]!;
    if (extent.isOpen && extent.missingCount === 0) return `extent ${index} is complete, and nobody writes it`;
    const isFree = partial.blockState[partial.firstBlockOf(index)] === FREE;
    if (isFree && extent.freeCount === 0) return `extent ${index} hides its free blocks`;
  }
  return null;
}
