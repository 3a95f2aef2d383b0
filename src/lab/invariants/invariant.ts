/**
 * Something that has to hold of every honest node, told from outside: from what it says and hears on the wire, from its
 * disk, and from what its engine says of itself. One file each; ALL_INVARIANTS is the list. Each answers in words what is
 * wrong, or null. Kept state is per world: an instance serves one.
 */
import type { Address } from '../../base/address.js';
import type { Conversation } from '../conversation.js';
import type { LabLife } from '../lab-life.js';
import type { WireMessage } from '../wire-tap.js';

export interface Invariant {
  /** A sentence that is true while it holds. */
  readonly name: string;
  /** The node asks for a connection. */
  onDialled?(life: LabLife, to: Address): string | null;
  /** The node puts a message on its way; the conversation has not taken note of it. */
  onSaid?(talk: Conversation, message: WireMessage): string | null;
  /** A message is about to be handed to the node. */
  onHeard?(talk: Conversation, message: WireMessage): string | null;
  /** About once a virtual second, between turns, of a node that is up. */
  onLook?(life: LabLife, nowMs: number): string | null;
  /** Everybody is complete; everything is still running. */
  onComplete?(life: LabLife): string | null;
  /** It has stopped in good order, and what was under way has arrived nowhere. */
  onStopped?(life: LabLife): string | null;
}
