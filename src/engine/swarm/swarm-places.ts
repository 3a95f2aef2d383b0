/**
 * The places of one torrent's swarm: who gets one, who has to give one up, and what is remembered of those who left.
 * Invariant: at most one connection per peer id and machine (which may have an address of each family), none to
 * ourselves, none with a banned host. Used by Swarm.
 */
import { type Address, addressKey, isLoopback } from '../../base/address.js';
import { bytesEqual } from '../../base/bytes.js';
import { isPublicIp } from '../../base/ip-ranges.js';
import type { EngineContext } from '../context.js';
import type { TorrentData } from '../data/torrent-data.js';
import { type CloseReason, isMisconduct } from '../peer/close-reason.js';
import type { Peer } from '../peer/peer.js';
import { DepartedSenders } from '../pieces/departed-senders.js';
import { BannedHosts } from './banned-hosts.js';
import type { CandidateSource, Candidates } from './candidates.js';
import type { Connector } from './connector.js';
import { CROSSING_MS, CrossingDials, keepsOutgoing, redialDelayMs } from './crossing-dials.js';
import { FULL_SHARE, PeerTurnover, type TurnoverState } from './peer-turnover.js';

/** The swarm as its places see it. */
export interface PlacesOwner {
  readonly isSeeding: boolean;
  readonly data: TorrentData | null;
  readonly candidates: Candidates;
  readonly localPeerId: Uint8Array;
  /** Everyone, those being dialled too. */
  readonly peers: ReadonlySet<Peer>;
}

export class SwarmPlaces {
  readonly #context: EngineContext;
  readonly #connector: Connector;
  readonly #owner: PlacesOwner;
  readonly #bannedHosts = new BannedHosts();
  readonly #departed = new DepartedSenders();
  readonly #turnover: PeerTurnover<Peer>;
  readonly #crossings = new CrossingDials<Peer>();

  constructor(context: EngineContext, connector: Connector, owner: PlacesOwner) {
    this.#context = context;
    this.#connector = connector;
    this.#owner = owner;
    this.#turnover = new PeerTurnover(context.turn.now);
  }

  /** Whether one more may be dialled. */
  get hasRoom(): boolean {
    return this.#owner.peers.size < this.#context.settings.maxPeersPerTorrent;
  }

  /** Whether those who only fill a place may have to go. */
  get isCrowded(): boolean {
    const isFull = this.#owner.peers.size >= FULL_SHARE * this.#context.settings.maxPeersPerTorrent;
    return isFull || this.#connector.isCrowded;
  }

  /** The handshake is complete. @returns why the peer may not stay, or null; another may have had to go for it. */
  admit(peer: Peer): CloseReason | null {
    const { now } = this.#context.turn;
    if (bytesEqual(peer.peerId!, this.#owner.localPeerId)) return 'self-connection';
    if (!peer.isOutgoing && this.#bannedHosts.has(peer.remote)) return 'banned';
    const twin = this.#twinOf(peer);
    if (twin === null) return this.#findPlace(peer, now);
    const dialled = peer.isOutgoing ? peer : twin;
    const isCrossing = peer.isOutgoing !== twin.isOutgoing;
    if (!isCrossing || !this.#takesPlaceOf(twin, peer, now)) {
      if (isCrossing) this.#crossings.onTwinClosed(twin, dialled.remote, now);
      return 'duplicate-connection';
    }
    twin.close('duplicate-connection');
    const refusal = this.#findPlace(peer, now);
    if (refusal === null) this.#crossings.onTwinClosed(peer, dialled.remote, now);
    return refusal;
  }

  /** Of two connections with one peer, one of which we dialled. @returns whether the newer one stays. */
  #takesPlaceOf(twin: Peer, peer: Peer, now: number): boolean {
    // A peer id is anybody's to say: who comes from elsewhere takes nobody's place that he has had for a while.
    if (!isOfOneHost(twin, peer) && now - twin.connectedAtMs >= CROSSING_MS) return false;
    const [dialled, incoming] = peer.isOutgoing ? [peer, twin] : [twin, peer];
    const isOutgoingKept = keepsOutgoing({
      localPort: this.#portDialledBy(incoming),
      remotePort: dialled.remote.port,
      localPeerId: this.#owner.localPeerId,
      remotePeerId: peer.peerId!,
    });
    return peer.isOutgoing === isOutgoingKept;
  }

  /** From outside it is a router's, where one maps ours to another. */
  #portDialledBy({ remote }: Peer): number {
    const isOutside = remote.family === 4 && isPublicIp(remote.host);
    return isOutside ? this.#context.reachablePort() : this.#context.listenPort();
  }

  /** @returns null when there is a place, for which another peer may have had to go. */
  #findPlace(peer: Peer, now: number): CloseReason | null {
    // While we dialled it others may have taken the last place of the client; of this torrent it has had one since.
    if (peer.isOutgoing) return this.#connector.takesIn(now) ? null : 'too-many-peers';
    if (!this.hasRoom) this.makeRoom(now);
    if (this.hasRoom && this.#connector.takesIn(now)) return null;
    this.#giveWayTo(peer, now);
    return this.hasRoom && this.#connector.takesIn(now) ? null : 'too-many-peers';
  }

  /** Whom to dial now, or null. Whoever was banned is so at every port. */
  nextCandidate(now: number): { readonly address: Address; readonly source: CandidateSource } | null {
    const { candidates } = this.#owner;
    for (;;) {
      const candidate = candidates.next(now);
      if (candidate === null || !this.#bannedHosts.has(candidate.address)) return candidate;
      candidates.ban(candidate.address);
    }
  }

  /** What the peer that would go for a newcomer is worth; null = none would. */
  leastWorth(now: number): number | null {
    return this.#turnover.replaceable(this.#connected(), this.#state(now))?.worth ?? null;
  }

  makeRoom(now: number): void {
    const valued = this.#turnover.replaceable(this.#connected(), this.#state(now));
    if (valued === null) return;
    this.#turnover.onReplaced(now);
    valued.peer.close('replaced');
  }

  /** BEP 40: one of a lesser priority goes for it, if there is one of no proven worth. Compares within this torrent only. */
  #giveWayTo(newcomer: Peer, now: number): void {
    const outranked = this.#turnover.outranked(newcomer, this.#connected(), this.#state(now));
    if (outranked === null) return;
    this.#turnover.onReplaced(now);
    outranked.close('replaced');
  }

  /** Places are short and others wait; call it about once a second. */
  turnOver(now: number): void {
    const { maxPeers, maxPeersPerTorrent } = this.#context.settings;
    const limit = Math.min(maxPeers, maxPeersPerTorrent);
    for (const peer of this.#turnover.due(this.#connected(), limit, this.#state(now))) peer.close('turned-over');
  }

  /** It lied, beyond doubt. It may have gone already, or be back from there under another number. */
  ban(peerNumber: number): void {
    for (const peer of this.#owner.peers) {
      if (peer.number !== peerNumber) continue;
      peer.close('banned');
      return;
    }
    const departed = this.#departed.find(peerNumber);
    if (departed === null) return;
    this.#bannedHosts.add(departed.remote);
    if (departed.listenAddress === null) return;
    this.#owner.candidates.ban(departed.listenAddress);
    const key = addressKey(departed.listenAddress);
    for (const peer of this.#connected()) {
      if (peer.listenAddress !== null && addressKey(peer.listenAddress) === key) peer.close('banned');
    }
  }

  /** One of the peers is gone: what its address is good for now. */
  onClosed(peer: Peer, reason: CloseReason, now: number): void {
    if (peer.download.receivedBytes > 0 && !isBan(reason)) this.#departed.note(peer.number, peer);
    if (isBan(reason)) this.#bannedHosts.add(peer.remote);
    else if (isMisconduct(reason)) this.#bannedHosts.onMisconduct(peer.remote);
    this.#judgeAddress(peer, reason, now);
    // We closed one of two connections, and they the other one: nobody failed.
    const crossed = this.#crossings.onClosed(peer, now);
    if (crossed === null || reason !== 'remote-closed' || this.#twinOf(peer) !== null) return;
    const delayMs = redialDelayMs(this.#owner.localPeerId, peer.peerId!);
    this.#owner.candidates.onCrossed(crossed, now + delayMs);
  }

  #judgeAddress(peer: Peer, reason: CloseReason, now: number): void {
    const address = peer.listenAddress;
    if (address === null) return;
    const { candidates } = this.#owner;
    if (reason === 'self-connection') candidates.markSelf(address);
    else if (isBan(reason) || this.#bannedHosts.has(peer.remote)) candidates.ban(address);
    else if (reason === 'torrent-stopped') candidates.onReleased(address);
    else if (reason === 'both-complete' || reason === 'mutual-disinterest') candidates.onUseless(address, now);
    else if (peer.isHandshakeDone && !isOfNoUse(reason)) {
      candidates.onClosed(address, now, { hasGiven: peer.download.receivedBytes > 0 });
    } else candidates.onFailed(address, now);
  }

  #twinOf(peer: Peer): Peer | null {
    for (const other of this.#owner.peers) {
      if (other === peer || other.peerId === null || !bytesEqual(other.peerId, peer.peerId!)) continue;
      // Two addresses of one family are two machines, of which one has heard the other's peer id.
      if (isOfOneHost(other, peer) || other.remote.family !== peer.remote.family) return other;
    }
    return null;
  }

  #connected(): Peer[] {
    return [...this.#owner.peers].filter((peer) => peer.isHandshakeDone && !peer.isClosed);
  }

  #state(now: number): TurnoverState<Peer> {
    const { data, isSeeding } = this.#owner;
    return { now, isSeeding, isOnlySource: (peer) => data?.picker.isOnlySource(peer) === true };
  }
}

function isOfOneHost(a: Peer, b: Peer): boolean {
  return a.remote.host === b.remote.host || (isLoopback(a.remote) && isLoopback(b.remote));
}

function isBan(reason: CloseReason): boolean {
  return reason === 'banned' || reason === 'bad-metadata';
}

/** It was there and did nothing for us: as good as one that does not answer. */
function isOfNoUse(reason: CloseReason): boolean {
  return isMisconduct(reason) || reason === 'no-blocks' || reason === 'replaced' || reason === 'turned-over';
}
