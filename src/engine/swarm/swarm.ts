/**
 * The peers of one torrent: who is known, dialled and connected, who is unchoked, and what all of them are told.
 * Invariant: at most `maxPeersPerTorrent` in all.
 * Called by Torrent and by its peers, inside turns.
 */
import { type Address, addressFromIp } from '../../base/address.js';
import type { Bitfield } from '../../base/bitfield.js';
import { LIMITS } from '../../base/limits.js';
import { RareSet } from '../../base/rarely-filled.js';
import { Timer } from '../../base/timer-queue.js';
import { type InfoHash, v2WireHash, wireHashes } from '../../format/infohash.js';
import type { ExtensionHandshake } from '../../protocol/wire/extension-handshake.js';
import type { EngineContext } from '../context.js';
import type { TorrentData } from '../data/torrent-data.js';
import { type ExchangeOwner, PeerExchange } from '../exchange/peer-exchange.js';
import type { CloseReason } from '../peer/close-reason.js';
import { Peer } from '../peer/peer.js';
import { type PeerInfo, peerInfoOf } from '../peer/peer-info.js';
import type { PeerOwner, PeerRouter } from '../peer/peer-owner.js';
import type { Deferred } from '../turn.js';
import { type CandidateSource, Candidates, isDiscovered } from './candidates.js';
import { Choker } from './choker.js';
import type { Connector, Dialler } from './connector.js';
import { RateGroup } from './rate-limiter.js';
import { SuperSeeding } from './super-seeding.js';
import { SwarmPlaces } from './swarm-places.js';

/** How much later than those whom we serve the others hear of a piece, at the most: of several in one write. */
const HELD_HAVES_MS = 200;

/** The torrent as its swarm sees it. */
export interface SwarmHandler {
  readonly isSeeding: boolean;
  readonly extensionHandshake: ExtensionHandshake;
  /** BEP 5, as of PeerOwner. */
  readonly usesDht: boolean;
  dhtPort(family: 4 | 6): number;
  onDhtNode(address: Address): void;
  /** BEP 11: the setting, and never of a torrent that is known to be private. */
  readonly usesPex: boolean;
  onPeerConnected(peer: Peer): void;
  onExtensionHandshake(peer: Peer, handshake: ExtensionHandshake): void;
  onMetadataMessage(peer: Peer, payload: Uint8Array): void;
  onPeerClosed(peer: Peer, reason: CloseReason): void;
}

export class Swarm implements PeerOwner, Dialler, ExchangeOwner {
  readonly wireHash: Uint8Array;
  readonly v2WireHash: Uint8Array | null;
  readonly localPeerId: Uint8Array;
  readonly candidates: Candidates;
  readonly downloadTurns: RateGroup = new RateGroup();
  readonly uploadTurns: RateGroup = new RateGroup();
  data: TorrentData | null = null;
  /** Payload of peers that are gone, so that totals survive them. */
  #pastUploadedBytes = 0;
  #pastDownloadedBytes = 0;
  #pastWastedBytes = 0;
  readonly #context: EngineContext;
  readonly #connector: Connector;
  readonly #router: PeerRouter;
  readonly #nextPeerNumber: () => number;
  readonly #handler: SwarmHandler;
  /** Null while there is nobody to choose among. */
  #choker: Choker<Peer> | null = null;
  readonly #peers = new RareSet<Peer>();
  readonly #places: SwarmPlaces;
  readonly #exchange = new PeerExchange(this);
  readonly #refillWork: Deferred;
  /** Once a turn: interest may change with every message of it. */
  readonly #slotWork: Deferred;
  /** Armed while peers have haves that wait. */
  readonly #haveTimer = new Timer(() => this.#flushHaves());
  /** Null unless it super-seeds. */
  #superSeeding: SuperSeeding<Peer> | null = null;
  #isRunning = false;
  #isStopped = false;
  #nextChokeRoundAtMs: number;

  constructor(options: {
    readonly context: EngineContext;
    readonly connector: Connector;
    readonly router: PeerRouter;
    readonly nextPeerNumber: () => number;
    readonly infoHash: InfoHash;
    readonly localPeerId: Uint8Array;
    readonly handler: SwarmHandler;
  }) {
    const { context } = options;
    this.#context = context;
    this.#connector = options.connector;
    this.#router = options.router;
    this.#nextPeerNumber = options.nextPeerNumber;
    this.#handler = options.handler;
    this.wireHash = wireHashes(options.infoHash)[0]!;
    this.v2WireHash = v2WireHash(options.infoHash);
    this.localPeerId = options.localPeerId;
    this.candidates = new Candidates({ priorities: context.priorities });
    this.#places = new SwarmPlaces(context, options.connector, this);
    this.#nextChokeRoundAtMs = context.turn.now + context.settings.chokeRoundMs;
    const onBug = (error: unknown): void => context.host.log.write('error', `swarm: ${String(error)}`);
    const refill = (): void => {
      for (const peer of this.#peers) if (peer.isHandshakeDone) peer.wantsSettle();
    };
    this.#refillWork = { isQueued: false, run: refill, onBug };
    this.#slotWork = { isQueued: false, run: () => this.#fillFreeSlots(), onBug };
  }

  get peers(): ReadonlySet<Peer> {
    return this.#peers;
  }
  /** Snapshots of those that have said hello, in no particular order. */
  peerInfos(now: number): PeerInfo[] {
    return this.#connectedPeers().map((peer) => peerInfoOf(peer, now));
  }
  get isSeeding(): boolean {
    return this.#handler.isSeeding;
  }
  get extensionHandshake(): ExtensionHandshake {
    return this.#handler.extensionHandshake;
  }
  get usesDht(): boolean {
    return this.#handler.usesDht;
  }
  get uploadedBytes(): number {
    let sum = this.#pastUploadedBytes;
    for (const peer of this.#peers) sum += peer.uploadedBytes;
    return sum;
  }
  get downloadedBytes(): number {
    let sum = this.#pastDownloadedBytes;
    for (const peer of this.#peers) sum += peer.download.receivedBytes;
    return sum;
  }
  /** Asked for and not come yet. */
  get requestedBytes(): number {
    let requests = 0;
    for (const peer of this.#peers) requests += peer.download.pipeline.count;
    return requests * LIMITS.blockBytes;
  }
  get wastedBytes(): number {
    let sum = this.#pastWastedBytes;
    for (const peer of this.#peers) sum += peer.download.wastedBytes;
    return sum;
  }

  /** Between start() and stop(). */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Begins to dial. Incoming peers are taken from the start. Idempotent; after a stop() it begins again. */
  start(): void {
    this.#isStopped = false;
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#connector.add(this);
  }

  stop(): void {
    this.#isRunning = false;
    this.#isStopped = true;
    this.#connector.remove(this);
    this.#context.turn.timers.cancel(this.#haveTimer);
    for (const peer of [...this.#peers]) peer.close('torrent-stopped');
    this.data = null;
    this.#superSeeding = null;
  }

  /** The metadata is known; peers that were only good for it become peers for the data. */
  attachData(data: TorrentData, { isSuperSeed }: { readonly isSuperSeed: boolean }): void {
    this.data = data;
    if (isSuperSeed) this.#superSeeding = this.#makeSuperSeeding(data);
    for (const peer of [...this.#peers]) {
      if (!peer.isHandshakeDone) continue;
      peer.attachData(data);
      if (peer.isClosed) continue;
      // We said that we had nothing, and no metadata to serve.
      peer.sendExtensionHandshake();
      if (!isSuperSeed) sendHaves(peer, data.have);
    }
  }

  get isSuperSeeding(): boolean {
    return this.#superSeeding !== null;
  }

  addCandidates(addresses: readonly Address[], source: CandidateSource): void {
    if (addresses.length === 0) return;
    for (const address of addresses) this.candidates.add(address, source);
    this.#connector.wantsDial();
  }

  /** BEP 27: from now on dials only whom a tracker names; of those that we dialled for another reason it lets go. */
  restrictToTrackers(): void {
    this.candidates.restrictToTrackers();
    for (const peer of [...this.#peers]) {
      if (peer.isOutgoing && !this.candidates.isKnown(peer.remote)) peer.close('not-from-tracker');
    }
  }

  /** BEP 27: lets go of whom the DHT, peer exchange or local discovery named, and hears of no more of them. */
  forgetDiscovered(): void {
    this.candidates.forgetDiscovered();
    for (const peer of [...this.#peers]) {
      if (peer.isOutgoing && isDiscovered(peer.source) && !this.candidates.isKnown(peer.remote)) {
        peer.close('not-from-tracker');
      }
    }
  }

  /** BEP 27: lets go of everyone; the new tracker names others. */
  onTrackerSwitched(): void {
    for (const peer of [...this.#peers]) peer.close('tracker-switched');
    this.candidates.clear();
  }

  /** It sent wrong bytes, beyond doubt: it is let go and does not come back, also when it has gone by itself. */
  ban(peerNumber: number): void {
    this.#places.ban(peerNumber);
  }

  /** About once a second. */
  tick(now: number): void {
    for (const peer of [...this.#peers]) peer.tick(now);
    this.#exchange.tick(now);
    if (now >= this.#nextChokeRoundAtMs) {
      this.#nextChokeRoundAtMs = now + this.#context.settings.chokeRoundMs;
      this.#chokeRound(now);
    }
    this.#tickSuperSeeding(now);
    if (!this.#isRunning || this.candidates.nextRetryAt() > now) return;
    this.#connector.wantsDial();
    if (this.#places.isCrowded) this.#places.turnOver(now);
  }

  /** Tells everyone; peers that have the piece already are spared. */
  broadcastHave(piece: number): void {
    let isHeld = false;
    for (const peer of this.#peers) {
      peer.sendHave(piece);
      if (peer.connection.heldBytes > 0) isHeld = true;
    }
    const { timers, now } = this.#context.turn;
    if (isHeld && !this.#haveTimer.isArmed) timers.set(this.#haveTimer, now + HELD_HAVES_MS);
  }

  /** Haves that wait will be sent. */
  get willFlushHaves(): boolean {
    return this.#haveTimer.isArmed;
  }

  /** Peers may find something to request now (a slot or blocks came free): once per turn. */
  wantsRefill(): void {
    this.#context.turn.settle(this.#refillWork);
  }

  /** Everything wanted is there: tell (BEP 21), and part with those who want nothing either. */
  onFinished(): void {
    if (this.isSuperSeeding) return;
    for (const peer of this.#connectedPeers()) {
      peer.sendUploadOnly(true);
      this.#closeIfUseless(peer);
    }
  }

  /** More is wanted again: tell, and find those whom there was no use for. */
  onUnfinished(): void {
    for (const peer of this.#connectedPeers()) peer.sendUploadOnly(false);
    this.candidates.reconsiderUseless();
    this.#connector.wantsDial();
    this.wantsRefill();
  }

  /** Less is wanted: what peers were asked of it is withdrawn, interest restated. */
  cancelUnwanted(): void {
    for (const peer of this.#peers) peer.cancelUnwanted();
    this.wantsRefill();
  }

  // ---- Dialler ----

  get peerCount(): number {
    return this.#peers.size;
  }
  /** Whether those who only fill a place may have to go. */
  get isCrowded(): boolean {
    return this.#places.isCrowded;
  }

  wantsToDial(now: number): boolean {
    return this.#isRunning && this.#places.hasRoom && this.candidates.nextRetryAt() <= now;
  }

  leastWorth(now: number): number | null {
    return this.#places.leastWorth(now);
  }

  makeRoom(now: number): void {
    this.#places.makeRoom(now);
  }

  turnOver(now: number): void {
    this.#places.turnOver(now);
  }

  dialNext(now: number): boolean {
    if (!this.#isRunning || !this.#places.hasRoom) return false;
    const candidate = this.#places.nextCandidate(now);
    if (candidate === null) return false;
    const { address, source } = candidate;
    this.candidates.onDialled(address, now);
    const peer = new Peer({
      context: this.#context,
      number: this.#nextPeerNumber(),
      remote: address,
      owner: this,
      router: this.#router,
      source,
    });
    this.#peers.add(peer);
    this.#connector.onDialStarted();
    peer.dial(this.#context.host.network, { bindHost: '', timeoutMs: LIMITS.dialTimeoutMs });
    return true;
  }

  // ---- PeerOwner ----

  onHandshake(peer: Peer): CloseReason | null {
    const refusal = this.#isStopped ? 'torrent-stopped' : this.#places.admit(peer);
    if (peer.isOutgoing) this.#connector.onDialEnded();
    if (refusal === null || peer.isOutgoing) this.#connector.onConnected();
    if (refusal !== null) return refusal;
    if (peer.isOutgoing) this.candidates.onConnected(peer.remote);
    this.#peers.add(peer);
    this.#exchange.onMet(peer);
    this.#handler.onPeerConnected(peer);
    return null;
  }

  onExtensionHandshake(peer: Peer, handshake: ExtensionHandshake): void {
    // An incoming peer's listening address: known, and in use, so it is not dialled as well.
    if (!peer.isOutgoing && peer.listenAddress !== null) {
      this.candidates.add(peer.listenAddress, 'incoming');
      this.candidates.onConnected(peer.listenAddress);
    }
    this.#exchange.onExtensionHandshake(peer);
    const told = handshake.yourIp === null ? null : addressFromIp(handshake.yourIp, 0);
    if (told !== null) this.#context.externalAddress.vote(told.host, peer.remote, 'peer', this.#context.turn.now);
    this.#handler.onExtensionHandshake(peer, handshake);
    this.#closeIfUseless(peer);
  }

  onUploadOnlyChanged(peer: Peer): void {
    this.#closeIfUseless(peer);
  }

  onMetadataMessage(peer: Peer, payload: Uint8Array): void {
    this.#handler.onMetadataMessage(peer, payload);
  }

  onPexMessage(peer: Peer, payload: Uint8Array): void {
    const objection = this.#exchange.onMessage(peer, payload, this.#context.turn.now);
    if (objection !== null) peer.close(objection);
  }

  dhtPort(family: 4 | 6): number {
    return this.#handler.dhtPort(family);
  }

  onDhtNode(address: Address): void {
    this.#handler.onDhtNode(address);
  }

  onInterestChanged(_peer: Peer): void {
    this.#context.turn.settle(this.#slotWork);
  }

  isShownTo(peer: Peer, piece: number): boolean {
    return this.#superSeeding === null || this.#superSeeding.wasShown(peer, piece);
  }

  onPeerHave(peer: Peer, piece: number): void {
    this.#superSeeding?.onHave(peer, piece, this.#context.turn.now);
  }

  onPeerComplete(peer: Peer): void {
    this.#superSeeding?.onCopy();
    this.#closeIfUseless(peer);
  }

  onBlockStored(from: Peer, piece: number, block: number): void {
    for (const peer of this.#peers) if (peer !== from) peer.cancelRequest(piece, block);
  }

  onBlocksComplete(piece: number, block: number): void {
    this.data?.storeBlocks(piece, block);
  }

  onClosed(peer: Peer, reason: CloseReason): void {
    const now = this.#context.turn.now;
    if (!this.#peers.delete(peer)) return; // refused before it was one of ours
    this.#superSeeding?.remove(peer);
    this.#exchange.onClosed(peer, reason);
    this.#pastUploadedBytes += peer.uploadedBytes;
    this.#pastDownloadedBytes += peer.download.receivedBytes;
    this.#pastWastedBytes += peer.download.wastedBytes;
    if (peer.isHandshakeDone) this.#connector.onDisconnected();
    else this.#connector.onDialEnded();
    this.#places.onClosed(peer, reason, now);
    this.#handler.onPeerClosed(peer, reason);
    if (peer.isUnchoked) this.#fillFreeSlots();
    this.wantsRefill();
  }

  // ---- ExchangeOwner ----

  get usesPex(): boolean {
    return this.#handler.usesPex;
  }

  isOwnAddress({ family, host, port }: Address): boolean {
    if (this.#context.externalAddress.of(family) !== host) return false;
    return port === this.extensionHandshake.listenPort;
  }

  onContactsTold(addresses: readonly Address[]): void {
    this.addCandidates(addresses, 'pex');
  }

  onContactDropped(address: Address): void {
    this.candidates.forgetHearsay(address);
  }

  // ---- inside ----

  /** Two complete sides have nothing for each other (BEP 21); known only once the metadata is. */
  #closeIfUseless(peer: Peer): void {
    if (this.isSeeding && this.data?.isChecked === true && (peer.hasAll || peer.isUploadOnly)) {
      peer.close('both-complete');
    }
  }

  #tickSuperSeeding(now: number): void {
    const superSeeding = this.#superSeeding;
    if (superSeeding === null) return;
    if (!superSeeding.isOver) {
      for (const peer of this.#connectedPeers()) if (peer.pieces.length > 0) superSeeding.add(peer);
      superSeeding.tick(now);
      return;
    }
    this.#superSeeding = null;
    for (const peer of this.#connectedPeers()) sendHaves(peer, this.data!.have);
    this.onFinished();
  }

  /** BEP 16: everything is there from the start, and shown piece by piece, until others have it too. */
  #makeSuperSeeding(data: TorrentData): SuperSeeding<Peer> {
    return new SuperSeeding<Peer>({
      pieceCount: data.layout.pieceCount,
      random: this.#context.host.random,
      availability: (piece) => data.picker.availability(piece),
    });
  }

  get #chokerInUse(): Choker<Peer> {
    this.#choker ??= new Choker(this.#context.settings, this.#context.host.random);
    return this.#choker;
  }

  #flushHaves(): void {
    for (const peer of this.#peers) if (peer.connection.heldBytes > 0) peer.wantsFlush();
  }

  #chokeRound(now: number): void {
    const connected = this.#connectedPeers();
    if (connected.length === 0) {
      this.#choker = null;
      return;
    }
    const unchoked = new Set(this.#chokerInUse.round(connected, now, { isSeeding: this.isSeeding }));
    for (const peer of connected) {
      if (unchoked.has(peer)) peer.unchoke(now);
      else peer.choke();
    }
  }

  /** Between rounds nobody is choked; a free slot goes to whoever is interested (no fibrillation, BEP 3). */
  #fillFreeSlots(): void {
    const now = this.#context.turn.now;
    for (const peer of this.#chokerInUse.fillFreeSlots(this.#connectedPeers())) peer.unchoke(now);
  }

  #connectedPeers(): Peer[] {
    const connected: Peer[] = [];
    for (const peer of this.#peers) if (peer.isHandshakeDone && !peer.isClosed) connected.push(peer);
    return connected;
  }
}

/** Instead of a bitfield, for which it is too late. */
function sendHaves(peer: Peer, have: Bitfield): void {
  for (let piece = 0; piece < have.length; piece++) {
    if (have.has(piece) && peer.pieces.length > 0 && !peer.pieces.has(piece)) peer.sendHave(piece);
  }
}
