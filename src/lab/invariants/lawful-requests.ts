/**
 * A node asks for whole blocks that are there, of peers that have them and let it, never for what it has, nor twice, and
 * never for more than it may have outstanding: the peer's reqq and its own setting. A request is outstanding until it is
 * answered by a block or a reject, or is taken back; without the fast extension a choke ends it as well.
 */
import { LIMITS } from '../../base/limits.js';
import { type Conversation, requestKey } from '../conversation.js';
import type { LabTorrent } from '../lab-torrent.js';
import type { WireMessage } from '../wire-tap.js';
import type { Invariant } from './invariant.js';

export class LawfulRequests implements Invariant {
  readonly name: string = 'requests are lawful';
  readonly #torrent: LabTorrent;

  constructor(torrent: LabTorrent) {
    this.#torrent = torrent;
  }

  onSaid(talk: Conversation, { kind, piece, begin, length }: WireMessage): string | null {
    if (kind !== 'request') return null;
    const block = `block ${begin}+${length} of piece ${piece}`;
    const { own, other } = talk;
    if (piece >= own.pieces.length) return `it asks for ${block}: there is no such piece`;
    const pieceBytes = this.#torrent.pieceBytes(piece).length;
    if (begin % LIMITS.blockBytes !== 0 || begin >= pieceBytes) return `it asks for ${block}: there is none`;
    if (length !== Math.min(LIMITS.blockBytes, pieceBytes - begin)) return `it asks for ${block}: not a whole one`;
    if (own.pieces.has(piece)) return `it asks for ${block}, which it says to have`;
    // Liars take back what they have said.
    if (talk.isAmongFriends && !other.pieces.has(piece)) return `it asks for ${block} of a peer that has not got it`;
    if (other.isChoking && !other.allowedFast.has(piece) && !talk.isLate) return `it asks for ${block} while choked`;
    if (own.unanswered.has(requestKey(piece, begin))) return `it asks for ${block} twice`;
    const { maxRequestsPerPeer } = talk.life.node.session.context.settings;
    const allowed = Math.min(other.requestQueue ?? maxRequestsPerPeer, maxRequestsPerPeer);
    if (own.unanswered.count >= allowed)
      return `it has ${own.unanswered.count + 1} requests outstanding, of ${allowed}`;
    return null;
  }
}
