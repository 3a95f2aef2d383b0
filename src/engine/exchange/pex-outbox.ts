/**
 * What one peer has been told by peer exchange (BEP 11), and what it is told next: at most one message a minute, 50
 * contacts added and 50 dropped but for the first one; dropped is only what was added.
 * Where we know few, contacts that we let go of lately are told too, once, and taken back in the next message.
 * The minute begins when a message has left: one that waits behind blocks comes late, and the next is not to be on its heels,
 * for which some clients let us go.
 * Used by PeerExchange. Times in monotonic ms.
 */
import { type Address, addressKey } from '../../base/address.js';
import { isWithinReach } from '../../base/address-reach.js';
import { LIMITS } from '../../base/limits.js';
import { encodePex } from '../../protocol/wire/pex.js';
import type { Contact, ContactLog } from './contact-log.js';

/** BEP 11: no more than one message a minute. Some more, for what else makes one late on its way. */
const INTERVAL_MS = 65_000;

/** Who is told. */
export interface PexReader {
  readonly remote: Address;
  /** Null = not known. */
  readonly listenAddress: Address | null;
  readonly connection: PexConnection;
}

/** Bytes of all messages to a peer since the start: said, and of those handed to the system. */
export interface PexConnection {
  readonly saidBytes: number;
  readonly writtenBytes: number;
}

export class PexOutbox {
  /** It has heard all events up to this one; 0 = none. */
  sequence = 0;
  #nextAtMs = Number.NEGATIVE_INFINITY;
  /** Where the last message ends in what the peer is told; null = it has left. */
  #endBytes: number | null = null;
  #isFirst = true;
  #recentSequence = 0;
  /** Told although they were gone. */
  #guests: readonly Contact[] = [];

  /** Whether there may be something to say. To be asked about once a second: it looks whether the last message has left. */
  isDue(log: ContactLog, { connection }: PexReader, now: number): boolean {
    if (this.#endBytes !== null) {
      if (connection.writtenBytes < this.#endBytes) return false;
      this.#endBytes = null;
      this.#nextAtMs = now + INTERVAL_MS;
    }
    return now >= this.#nextAtMs && (log.sequence > this.sequence || this.#guests.length > 0);
  }

  /** The message has been handed to the peer's connection, as the last one so far. */
  onSaid({ connection }: PexReader): void {
    this.#endBytes = connection.saidBytes;
  }

  /** @returns the payload of the message that is to be sent now, which onSaid() follows; null = nothing to say. */
  write(log: ContactLog, reader: PexReader): Uint8Array | null {
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
    this.#guests = guests;
    if (added.size + dropped.size + guests.length === 0) return null;
    this.#isFirst = false;
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
