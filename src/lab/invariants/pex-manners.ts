/**
 * Peer exchange as BEP 11 has it: never about a private torrent, once a minute at the most, of no more than 50 contacts
 * added and 50 dropped but for the first message, never about nothing. Told is whom the node has shaken hands with, at the
 * address where that one can be dialled, and only once: who is there, or a few who have been. Nobody is dropped who was not told.
 */
import { addressKey } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { decodePex } from '../../protocol/wire/pex.js';
import type { Conversation } from '../conversation.js';
import type { LabLife } from '../lab-life.js';
import type { LabTorrent } from '../lab-torrent.js';
import type { WireMessage } from '../wire-tap.js';
import type { Invariant } from './invariant.js';

const MINUTE_MS = 60_000;

export class PexManners implements Invariant {
  readonly name: string = 'peer exchange is lawful';
  readonly #isPrivate: boolean;
  readonly #told = new WeakMap<Conversation, Told>();

  constructor(torrent: LabTorrent) {
    this.#isPrivate = torrent.metainfo.isPrivate;
  }

  onSaid(talk: Conversation, { kind, id, bytes }: WireMessage): string | null {
    if (kind !== 'extended' || id === 0 || id !== talk.other.pexId) return null;
    const { life } = talk;
    const metainfo = life.torrent?.metainfo ?? null;
    if (this.#isPrivate && metainfo !== null) return 'it tells of the peers of a private torrent';
    const message = decodePex(bytes);
    if (message === null) return 'what it tells of peers cannot be read';
    const told = this.#told.get(talk);
    const added = message.added.map(({ address }) => addressKey(address));
    const dropped = message.dropped.map(addressKey);
    const nowMs = life.node.host.clock.now();
    if (told === undefined) {
      const first = new Told();
      this.#told.set(talk, first);
      return sizeOf(added, dropped, LIMITS.pexFirstContactsMax) ?? first.tell(added, dropped, life, nowMs);
    }
    const sinceMs = nowMs - told.atMs;
    if (sinceMs < MINUTE_MS) return `it tells of peers again after ${sinceMs} ms`;
    return sizeOf(added, dropped, LIMITS.pexContactsPerSendMax) ?? told.tell(added, dropped, life, nowMs);
  }
}

/** What one peer was told in one conversation. */
class Told {
  /** When the last message left. */
  atMs = 0;
  readonly #contacts = new Set<string>();

  tell(added: readonly string[], dropped: readonly string[], life: LabLife, nowMs: number): string | null {
    this.atMs = nowMs;
    for (const contact of dropped) {
      if (added.includes(contact)) return `it adds and drops ${contact}`;
      if (!this.#contacts.delete(contact)) return `it drops ${contact}, which it has not told of`;
    }
    const live = contactsOf(life);
    for (const contact of added) {
      if (this.#contacts.has(contact)) return `it tells of ${contact} twice`;
      if (!live.has(contact) && !life.pastContacts.has(contact))
        return `it tells of ${contact}, which it has never met`;
      this.#contacts.add(contact);
    }
    const goneCount = added.filter((contact) => !live.has(contact)).length;
    return goneCount <= LIMITS.pexRecentContactsMax ? null : `it tells of ${goneCount} peers that are gone`;
  }
}

function sizeOf(added: readonly string[], dropped: readonly string[], max: number): string | null {
  if (added.length + dropped.length === 0) return 'it tells of nobody';
  if (added.length <= max && dropped.length <= max) return null;
  return `it tells of ${added.length} peers, and of ${dropped.length} that are gone`;
}

function contactsOf(life: LabLife): ReadonlySet<string> {
  const contacts = new Set<string>();
  for (const { contact } of life.conversations.values()) if (contact !== null) contacts.add(contact);
  return contacts;
}
