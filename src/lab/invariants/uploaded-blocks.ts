/**
 * Every block that leaves a node is what the content is there, answers a request that was made, and goes to a peer that
 * is unchoked, or was granted the piece (BEP 6). Blocks written before a choke may leave after it.
 */
import { type Conversation, requestKey } from '../conversation.js';
import type { LabTorrent } from '../lab-torrent.js';
import type { WireMessage } from '../wire-tap.js';
import type { Invariant } from './invariant.js';

export class UploadedBlocks implements Invariant {
  readonly name: string = 'what is uploaded is right and was asked for';
  readonly #torrent: LabTorrent;

  constructor(torrent: LabTorrent) {
    this.#torrent = torrent;
  }

  onSaid(talk: Conversation, { kind, piece, begin, length, bytes }: WireMessage): string | null {
    if (kind !== 'block') return null;
    const block = `block ${begin}+${length} of piece ${piece}`;
    const content = this.#torrent.pieceBytes(piece);
    if (begin + length > content.length) return `${block} is beyond the end of the piece`;
    for (let i = 0; i < length; i++) {
      if (bytes[i] === content[begin + i] || talk.life.truth.isRotten(piece)) continue;
      return `${block} is wrong at byte ${i}`;
    }
    const key = requestKey(piece, begin);
    if (!talk.other.unanswered.has(key) && !talk.other.cancelled.has(key)) return `${block} answers no request`;
    if (talk.own.isChoking && !talk.own.allowedFast.has(piece)) return `${block} goes to a peer that is choked`;
    return null;
  }
}
