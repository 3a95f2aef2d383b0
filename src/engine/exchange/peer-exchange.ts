/**
 * Peer exchange of one torrent (BEP 11): tells each peer that wants to know whom we have met and lost, and makes
 * candidates of whom they tell us. Only contacts that we shook hands with are told, at the address where they listen.
 * Invariant: nothing is said or heard while the torrent does not allow it; a private one never does (BEP 27).
 * Owned by Swarm, called inside turns. Times in monotonic ms.
 */
import type { Address } from '../../base/address.js';
import { RareMap } from '../../base/rarely-filled.js';
import { decodePex } from '../../protocol/wire/pex.js';
import type { CloseReason } from '../peer/close-reason.js';
import { ContactLog, type ContactPeer } from './contact-log.js';
import { PexInbox } from './pex-inbox.js';
import { PexOutbox, type PexReader } from './pex-outbox.js';

/** A peer as peer exchange sees it. */
export interface ExchangePeer extends ContactPeer, PexReader {
  /** Unique within the engine. */
  readonly number: number;
  readonly extensions: { idOf(name: 'ut_pex'): number };
  sendExtended(id: number, payload: Uint8Array): void;
}

/** The swarm as peer exchange sees it. */
export interface ExchangeOwner {
  /** The setting, and what the torrent allows. */
  readonly usesPex: boolean;
  isOwnAddress(address: Address): boolean;
  /** May be dialled. */
  onContactsTold(addresses: readonly Address[]): void;
  /** Nobody who is there vouches for it any more. */
  onContactDropped(address: Address): void;
}

interface Correspondent {
  readonly peer: ExchangePeer;
  /** Null until it wants to be told. */
  outbox: PexOutbox | null;
  /** Null until it says something. */
  inbox: PexInbox | null;
}

export class PeerExchange {
  readonly #owner: ExchangeOwner;
  readonly #correspondents = new RareMap<number, Correspondent>();
  #log: ContactLog | null = null;

  constructor(owner: ExchangeOwner) {
    this.#owner = owner;
  }

  /** Its extension handshake has come, perhaps once more: now it is known where it listens, and what it wants. */
  onExtensionHandshake(peer: ExchangePeer): void {
    const correspondent = this.#correspondentOf(peer);
    if (peer.extensions.idOf('ut_pex') !== 0) correspondent.outbox ??= new PexOutbox();
    this.onMet(peer);
  }

  /** The handshake is complete. */
  onMet(peer: ExchangePeer): void {
    if (peer.listenAddress === null) return;
    this.#log ??= new ContactLog();
    this.#log.meet(peer.listenAddress, peer);
  }

  onClosed(peer: ExchangePeer, reason: CloseReason): void {
    this.#correspondents.delete(peer.number);
    if (this.#log === null) return;
    if (peer.listenAddress !== null) this.#log.lose(peer.listenAddress, peer, { isGood: GOOD_TO_KNOW.has(reason) });
    if (this.#correspondents.size === 0 && this.#log.length === 0) this.#log = null;
  }

  /** @returns why the peer is to be closed, or null. */
  onMessage(peer: ExchangePeer, payload: Uint8Array, now: number): CloseReason | null {
    // Also from those who heard too late that it is not wanted.
    if (!this.#owner.usesPex) return null;
    const correspondent = this.#correspondentOf(peer);
    correspondent.inbox ??= new PexInbox();
    const { inbox } = correspondent;
    if (inbox.isTooMuch(now)) return 'too-many-pex-messages';
    const message = decodePex(payload);
    if (message === null) return null;
    for (const address of inbox.drop(message)) if (!this.#isNamed(address)) this.#owner.onContactDropped(address);
    const accepted = inbox.add(message, peer.remote, (address) => this.#owner.isOwnAddress(address));
    if (accepted.length > 0) this.#owner.onContactsTold(accepted);
    return null;
  }

  /** About once a second. */
  tick(now: number): void {
    const log = this.#log;
    if (log === null || !this.#owner.usesPex) return;
    let hasTold = false;
    for (const { peer, outbox } of this.#correspondents.values()) {
      const id = peer.extensions.idOf('ut_pex');
      if (id === 0 || outbox === null || !outbox.isDue(log, peer, now)) continue;
      const payload = outbox.write(log, peer);
      hasTold = true;
      if (payload === null) continue;
      peer.sendExtended(id, payload);
      outbox.onSaid(peer);
    }
    if (hasTold) this.#forgetOld(log);
  }

  #correspondentOf(peer: ExchangePeer): Correspondent {
    let correspondent = this.#correspondents.get(peer.number);
    if (correspondent === undefined) {
      correspondent = { peer, outbox: null, inbox: null };
      this.#correspondents.set(peer.number, correspondent);
    }
    return correspondent;
  }

  #isNamed(address: Address): boolean {
    for (const { inbox } of this.#correspondents.values()) if (inbox?.names(address) === true) return true;
    return false;
  }

  /** Who has heard nothing yet misses nothing. */
  #forgetOld(log: ContactLog): void {
    let oldest = log.sequence;
    for (const { outbox } of this.#correspondents.values()) {
      if (outbox !== null && outbox.sequence > 0) oldest = Math.min(oldest, outbox.sequence);
    }
    log.forgetBefore(oldest);
  }
}

/** BEP 11: we let go of it because it is connected already, has nothing for us, or there was no place. */
const GOOD_TO_KNOW: ReadonlySet<CloseReason> = new Set<CloseReason>([
  'duplicate-connection',
  'both-complete',
  'mutual-disinterest',
  'too-many-peers',
  'replaced',
  'turned-over',
]);
