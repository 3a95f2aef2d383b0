/**
 * Whom one torrent has met and lost, in this order: a log of two kinds of events, each with a number. Whoever has heard
 * everything up to a number hears next what has changed since, without what came and went meanwhile (BEP 11).
 * Invariant: an endpoint is met at most once without being lost; events are in the order of their numbers.
 * Used by PeerExchange.
 */
import { type Address, addressKey } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { PEX_FLAGS } from '../../protocol/wire/pex.js';

/** A peer as far as others are told of it. */
export interface ContactPeer {
  readonly isOutgoing: boolean;
  readonly hasAll: boolean;
  readonly isUploadOnly: boolean;
}

/** Somebody we shook hands with. */
export class Contact {
  readonly key: string;
  readonly address: Address;
  #peer: ContactPeer | null;
  #flags = 0;

  constructor(address: Address, peer: ContactPeer) {
    this.key = addressKey(address);
    this.address = address;
    this.#peer = peer;
  }

  /** Of PEX_FLAGS: what is known of it now, or was when it went. */
  get flags(): number {
    if (this.#peer === null) return this.#flags;
    const isSeed = this.#peer.hasAll || this.#peer.isUploadOnly;
    return (isSeed ? PEX_FLAGS.isSeed : 0) | (this.#peer.isOutgoing ? PEX_FLAGS.isReachable : 0);
  }

  isOf(peer: ContactPeer): boolean {
    return this.#peer === peer;
  }

  /** The peer is gone. */
  close(): void {
    this.#flags = this.flags;
    this.#peer = null;
  }
}

interface ContactEvent {
  readonly sequence: number;
  readonly contact: Contact;
  readonly isMet: boolean;
}

/** What one who has heard of an earlier state is told next. */
export interface ContactChanges {
  readonly added: readonly Contact[];
  readonly dropped: readonly Contact[];
  /** All of it told, this much has been heard. */
  readonly sequence: number;
}

/** A contact that is gone although it could be reached, and when it went. */
export interface RecentContact {
  readonly contact: Contact;
  readonly sequence: number;
}

export class ContactLog {
  /** Number of the last event; 0 = none yet. */
  sequence = 0;
  readonly #live = new Map<string, Contact>();
  readonly #recent: RecentContact[] = [];
  #events: ContactEvent[] = [];

  /** Events that are kept. */
  get length(): number {
    return this.#events.length;
  }

  /** The latest last; at most LIMITS.pexRecentContactsMax. */
  get recent(): readonly RecentContact[] {
    return this.#recent;
  }

  isLive(key: string): boolean {
    return this.#live.has(key);
  }

  liveCount(family: 4 | 6): number {
    let count = 0;
    for (const { address } of this.#live.values()) if (address.family === family) count++;
    return count;
  }

  /** Handshake complete, and it is known where the peer listens. No-op for an endpoint that is there. */
  meet(address: Address, peer: ContactPeer): void {
    const contact = new Contact(address, peer);
    if (this.#live.has(contact.key)) return;
    this.#live.set(contact.key, contact);
    this.#append(contact, { isMet: true });
  }

  /** `isGood`: it was let go for reasons of ours, and others may find it useful. */
  lose(address: Address, peer: ContactPeer, { isGood }: { readonly isGood: boolean }): void {
    const contact = this.#live.get(addressKey(address));
    if (contact === undefined || !contact.isOf(peer)) return;
    contact.close();
    this.#live.delete(contact.key);
    this.#append(contact, { isMet: false });
    const known = this.#recent.findIndex((recent) => recent.contact.key === contact.key);
    if (known >= 0) this.#recent.splice(known, 1);
    if (isGood) this.#recent.push({ contact, sequence: this.sequence });
    if (this.#recent.length > LIMITS.pexRecentContactsMax) this.#recent.shift();
  }

  /** @param max of those added, and of those dropped: then the rest waits for another time */
  changesSince(sequence: number, max: number, isTold: (contact: Contact) => boolean): ContactChanges {
    const added = new Map<string, Contact>();
    const dropped = new Map<string, Contact>();
    let heard = sequence;
    for (let i = this.#firstAfter(sequence); i < this.#events.length; i++) {
      const event = this.#events[i]!;
      const { contact } = event;
      if (isTold(contact)) {
        const [to, from] = event.isMet ? [added, dropped] : [dropped, added];
        if (!from.delete(contact.key)) {
          if (to.size === max) break;
          to.set(contact.key, contact);
        }
      }
      heard = event.sequence;
    }
    return { added: [...added.values()], dropped: [...dropped.values()], sequence: heard };
  }

  /** Forgets what came and went before `sequence`, which everyone has heard who has heard anything. */
  forgetBefore(sequence: number): void {
    const gone = new Set<Contact>();
    for (const event of this.#events) if (!event.isMet && event.sequence <= sequence) gone.add(event.contact);
    if (gone.size > 0) this.#events = this.#events.filter(({ contact }) => !gone.has(contact));
  }

  #append(contact: Contact, { isMet }: { readonly isMet: boolean }): void {
    this.#events.push({ sequence: ++this.sequence, contact, isMet });
    // Some will not hear that somebody is gone: better than to hold what a crowd does that comes and goes.
    if (this.#events.length > LIMITS.pexLogEventsMax) this.forgetBefore(this.sequence);
  }

  /** @returns the index of the first event with a greater number. */
  #firstAfter(sequence: number): number {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.sequence <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
