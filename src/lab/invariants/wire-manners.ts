/**
 * Messages come in the order and state that the specifications give them: handshake, then what it has, at once; nothing
 * is said that was said already (choke, unchoke, interest, a have); a reject answers a request (BEP 6).
 */
import { type Conversation, requestKey, type Side } from '../conversation.js';
import type { WireMessage } from '../wire-tap.js';
import type { Invariant } from './invariant.js';

export class WireManners implements Invariant {
  readonly name: string = 'messages are lawful';

  onSaid({ own, other, isFast, isAmongFriends }: Conversation, { kind, piece, begin }: WireMessage): string | null {
    if (kind === 'handshake') return own.hasShakenHands ? 'it shakes hands twice' : null;
    if (!own.hasShakenHands) return `it says ${kind} before its handshake`;
    switch (kind) {
      case 'choke':
        return own.isChoking ? 'it chokes a peer that is choked' : null;
      case 'unchoke':
        return own.isChoking ? null : 'it unchokes a peer that is unchoked';
      case 'interested':
        return own.isInterested ? 'it says twice that it is interested' : null;
      case 'not-interested':
        return own.isInterested ? null : 'it says twice that it is not interested';
      case 'have':
        if (piece >= own.pieces.length) return `it has piece ${piece}, which does not exist`;
        // A piece that was lost and came back is said again; who is not told of losses, or mixes up the ids, hears it twice.
        return own.pieces.has(piece) && isAmongFriends ? `it says twice that it has piece ${piece}` : null;
      case 'bitfield':
      case 'have-all':
      case 'have-none':
        if (kind !== 'bitfield' && !isFast) return `it says ${kind} without the fast extension`;
        return own.messageCount > 1 ? `it says ${kind} as message number ${own.messageCount + 1}` : null;
      case 'reject':
        if (!isFast) return 'it rejects without the fast extension';
        return isAsked(other, requestKey(piece, begin)) ? null : `it rejects ${begin} of ${piece}: not asked for`;
      default:
        return null;
    }
  }
}

function isAsked({ unanswered, cancelled }: Side, key: number): boolean {
  return unanswered.has(key) || cancelled.has(key);
}
