/** A piece that a node says it has is on its disk, and right; so is nothing said of pieces that the torrent has not. */
import type { Conversation } from '../conversation.js';
import type { WireMessage } from '../wire-tap.js';
import type { Invariant } from './invariant.js';

export class AnnouncedPieces implements Invariant {
  readonly name: string = 'what is announced is on disk';

  onSaid({ life, own }: Conversation, { kind, piece, bytes }: WireMessage): string | null {
    if (kind === 'have' && !life.truth.hasPiece(piece)) return `it says to have piece ${piece}, which it has not`;
    if (kind !== 'bitfield' && kind !== 'have-all') return null;
    for (let i = 0; i < own.pieces.length; i++) {
      const isSaid = kind === 'have-all' || ((bytes[i >>> 3] ?? 0) & (0x80 >>> (i & 7))) !== 0;
      if (isSaid && !life.truth.hasPiece(i)) return `its ${kind} has piece ${i}, which it has not`;
    }
    return null;
  }
}
