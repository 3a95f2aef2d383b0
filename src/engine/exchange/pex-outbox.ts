/**
 * What one peer has been told by peer exchange (BEP 11), and what it is told next: at most one message a minute, 50
 * contacts added and 50 dropped but for the first one; dropped is only what was added.
 * Where we know few, contacts that we let go of lately are told too, once, and taken back in the next message.
 * Used by PeerExchange. Times in monotonic ms.
 */
import { type Address, addressKey } from '../../base/address.js';
import { isWithinReach } from '../../base/address-reach.js';
import { LIMITS } from '../../base/limits.js';
import { encodePex } from '../../protocol/wire/pex.js';
import type { Contact, ContactLog } from './contact-log.js';

/** BEP 11: no more than one message a minute. Some more, so that what is late on the way does not come too soon. */
const INTERVAL_MS = 65_000;

/** Who is told. */
export interface PexReader {
  readonly remote: Address;
  /** Null = not known. */
  readonly listenAddress: Address | null;
}

export class PexOutbox {
  /** It has heard all events up to this one; 0 = none. */
  sequence = 0;
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #isFirst = true;
  #recentSequence = 0;
  /** Told although they were gone. */
  #guests: readonly Contact[] = [];

  /** Whether there may be something to say. */
  isDue(log: ContactLog, now: number): boolean {
    return now >= this.#nextAtMs && (log.sequence > this.sequence || this.#guests.length > 0);
  }

  /** @returns the payload of the message that is to be sent now; null = nothing to say. */
  write(log: ContactLog, reader: PexReader, now: number): Uint8Array | null {
    const own = reader.listenAddress === null ? null : addressKey(reader.listenAddress);
    const isTold = ({ key, address }: Contact): boolean => key !== own && isWithinReach(address, reader.remote);
    const max = this.#isFirst ? LIMITS.pexFirstContactsMax : LIMITS.pexContactsPerSendMax;
    const changes = log.changesSince(this.sequence, max - this.#guests.length, isTold);
    this.sequence = changes.sequence;
    const added = new Map(changes.added.map((contact) => [contact.key, contact]));
    const dropped = new Map(changes.dropped.map((contact) => [contact.key, contact]));
    // A guest that has come back is one of those that the peer knows: nothing to say.
    for (const guest of this.#guests) if (!added.delete(guest.key)) dropped.set(guest.key, guest);
    const guests = this.#inviteGuests(log, { added, dropped, max, isTold });
    if (added.size + dropped.size + guests.length === 0) return null;
    this.#guests = guests;
    this.#isFirst = false;
    this.#nextAtMs = now + INTERVAL_MS;
    return encodePex({
      added: [...added.values(), ...guests],
      dropped: [...dropped.values()].map(({ address }) => address),
    });
  }

  #inviteGuests(
    log: ContactLog,
    message: {
      readonly added: ReadonlyMap<string, Contact>;
      readonly dropped: ReadonlyMap<string, Contact>;
      readonly max: number;
      readonly isTold: (contact: Contact) => boolean;
    },
  ): Contact[] {
    const room = {
      4: LIMITS.pexRecentContactsMax - log.liveCount(4),
      6: LIMITS.pexRecentContactsMax - log.liveCount(6),
    };
    const guests: Contact[] = [];
    for (const { contact, sequence } of log.recent) {
      const { family } = contact.address;
      if (sequence <= this.#recentSequence || message.added.size + guests.length >= message.max) continue;
      if (room[family] <= 0 || log.isLive(contact.key) || message.dropped.has(contact.key)) continue;
      if (sequence > this.sequence || !message.isTold(contact)) continue;
      room[family]--;
      guests.push(contact);
    }
    this.#recentSequence = this.sequence;
    return guests;
  }
}
