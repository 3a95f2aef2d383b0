/**
 * One peer (BEP 3, 6, 10, 52): its connection and the wire on one side, its swarm on the other. Keeps the four choke and interest
 * flags, what the peer has, and the two halves PeerDownload and PeerUpload. Everything enters as a turn; what is to be
 * said is collected by the encoder and leaves in one flush at the end of the turn.
 * Invariant: a violation closes this peer with a reason; nothing is thrown out of a callback, and after close() the
 * owner hears nothing but the one onClosed.
 */
import { type Address, addressKey, parseIp } from '../../base/address.js';
import type { Bitfield } from '../../base/bitfield.js';
import { toDtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import type { ByteStream, DialOptions, Network } from '../../host/network.js';
import { type BlockTarget, WireDecoder, type WireHandler, type WireViolation } from '../../protocol/wire/decoder.js';
import type { WireEncoder } from '../../protocol/wire/encoder.js';
import { EXTENSION_IDS, encodeExtensionHandshake } from '../../protocol/wire/extension-handshake.js';
import { decodeDontHave, encodeUploadOnly } from '../../protocol/wire/extension-messages.js';
import { decodeReserved, encodeReserved } from '../../protocol/wire/handshake.js';
import type { HashRange } from '../../protocol/wire/hashes.js';
import type { EngineContext } from '../context.js';
import type { TorrentData } from '../data/torrent-data.js';
import { PeerPickState, type PickerPeer } from '../pieces/picker-peer.js';
import type { CandidateSource } from '../swarm/candidates.js';
import type { ChokerPeer } from '../swarm/choker.js';
import { PeerConduct } from '../swarm/peer-conduct.js';
import { unknownPriority } from '../swarm/peer-priorities.js';
import type { ValuedPeer } from '../swarm/peer-worth.js';
import type { Deferred } from '../turn.js';
import type { CloseReason } from './close-reason.js';
import { HashExchange } from './hash-exchange.js';
import { PeerConnection, type PeerConnectionHandler } from './peer-connection.js';
import { PeerDownload } from './peer-download.js';
import { PeerExtensions } from './peer-extensions.js';
import { type HoldingsChange, PeerHoldings } from './peer-holdings.js';
import type { PeerOwner, PeerRouter } from './peer-owner.js';
import { PeerUpload } from './peer-upload.js';
import { SwarmId } from './swarm-id.js';

/** What PeerUpload buffers, and as much again of messages. */
const UNSENT_BYTES_MAX = 2 * LIMITS.outgoingMessageBytesMax;

export class Peer implements PeerConnectionHandler, WireHandler, PickerPeer, ChokerPeer, ValuedPeer {
  /** Unique within the engine. */
  readonly number: number;
  readonly remote: Address;
  readonly isOutgoing: boolean;
  readonly connectedAtMs: number;
  readonly download: PeerDownload;
  readonly upload: PeerUpload;
  readonly connection: PeerConnection;
  readonly hashes: HashExchange;
  readonly pick: PeerPickState;
  readonly extensions: PeerExtensions = new PeerExtensions();
  /** How we know of it. */
  readonly source: CandidateSource;
  peerId: Uint8Array | null = null;
  isHandshakeDone = false;
  /** By us; and whether it wants something from us. */
  isUnchoked = false;
  isInterested = false;
  isChokingUs = true;
  isInterestingToUs = false;
  lastUnchokedAtMs: number = Number.NEGATIVE_INFINITY;
  readonly #context: EngineContext;
  readonly #router: PeerRouter;
  readonly #encoder: WireEncoder;
  readonly #decoder: WireDecoder;
  readonly #settleWork: Deferred;
  #owner: PeerOwner | null;
  #isClosed = false;
  readonly #swarmId: SwarmId;
  #hasFast = false;
  #hasExtensions = false;
  #hasDht = false;
  #hasToldDhtPort = false;
  #data: TorrentData | null = null;
  readonly #holdings = new PeerHoldings(this);
  /** It was interested at some time: it is no seed. */
  #hasWanted = false;
  readonly #conduct = new PeerConduct();
  readonly #priority = unknownPriority();

  /** `owner` null = incoming: `router` names it once the info-hash has arrived. */
  constructor(options: {
    readonly context: EngineContext;
    readonly number: number;
    readonly remote: Address;
    readonly owner: PeerOwner | null;
    readonly router: PeerRouter;
    readonly source: CandidateSource;
  }) {
    const { context } = options;
    this.#context = context;
    this.#router = options.router;
    this.#owner = options.owner;
    this.#swarmId = new SwarmId(options.owner);
    this.number = options.number;
    this.remote = options.remote;
    this.isOutgoing = options.owner !== null;
    this.source = options.source;
    this.connectedAtMs = context.turn.now;
    this.connection = new PeerConnection({ turn: context.turn, isDialled: this.isOutgoing, handler: this });
    this.#encoder = this.connection.encoder;
    this.#decoder = new WireDecoder(this);
    this.download = new PeerDownload(context.settings, context.rates.download, () => this.wantsSettle());
    this.pick = new PeerPickState(this.download.pipeline);
    this.upload = new PeerUpload(context.readCache, context.rates.upload, () => this.wantsFlush());
    this.hashes = new HashExchange(this.connection);
    this.#settleWork = {
      isQueued: false,
      run: (now) => this.#settle(now),
      onBug: (error) => this.onBug(error),
    };
  }

  /** Dials; the handshake leaves when the stream opens. */
  dial(network: Network, options: DialOptions): void {
    this.connection.attach(network.dial(this.remote, options, this.connection));
  }

  /** Takes over an incoming stream. */
  accept(stream: ByteStream): void {
    this.connection.attach(stream);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }
  /** What the peer has. Length 0 until the torrent's metadata is known. */
  get pieces(): Bitfield {
    return this.#holdings.pieces;
  }
  get hasAll(): boolean {
    return this.#holdings.hasAll;
  }
  /** The connection is one of the torrent's v2 swarm: hashes may be asked for (BEP 52). */
  get speaksV2(): boolean {
    return this.#owner !== null && this.#swarmId.isV2(this.#owner);
  }
  get isUploadOnly(): boolean {
    return this.extensions.isUploadOnly;
  }
  /** Where we dialled it, or where it says it listens; null when it has not said. */
  get listenAddress(): Address | null {
    if (this.isOutgoing) return this.remote;
    const { listenPort } = this.extensions;
    return listenPort === null ? null : { ...this.remote, port: listenPort };
  }
  /** It had a part in a bad piece, and has not been cleared. */
  get isSuspect(): boolean {
    return this.pick.isSuspect;
  }
  // ChokerPeer
  get isSnubbed(): boolean {
    return this.download.pipeline.isSnubbed;
  }
  get downloadRate(): number {
    return this.download.pipeline.bytesPerSecond(this.#context.turn.now);
  }
  get uploadRate(): number {
    return this.upload.rate.rateBytesPerSecond(this.#context.turn.now);
  }
  get uploadedBytes(): number {
    return this.upload.rate.totalBytes;
  }
  get isIdle(): boolean {
    return this.upload.isIdle(this.connection, this.#context.turn.now);
  }
  // ValuedPeer
  get priority(): number {
    return this.#context.priorities.of(this.#priority, this.remote);
  }
  get lastReceivedAtMs(): number {
    return this.#conduct.lastBlockAtMs;
  }
  get lastSentAtMs(): number {
    return this.upload.lastSentAtMs;
  }

  // ---- what the swarm tells its peer (inside a turn) ----

  /** The metadata is known: what the peer said before now gets its meaning. */
  attachData(data: TorrentData): void {
    this.#data = data;
    this.download.turns.group = this.#owner!.downloadTurns;
    this.upload.turns.group = this.#owner!.uploadTurns;
    this.#decoder.setPieceCount(data.layout.pieceCount);
    if (this.#holdings.attach(data.picker)) this.wantsSettle();
    else this.close('bad-bitfield');
  }

  unchoke(now: number): void {
    if (this.isUnchoked) return;
    this.isUnchoked = true;
    this.lastUnchokedAtMs = now;
    this.#encoder.unchoke();
    this.wantsFlush();
  }

  /** Choked peers' requests are dropped; with the fast extension each is rejected, allowed-fast ones kept. */
  choke(): void {
    if (!this.isUnchoked) return;
    this.isUnchoked = false;
    this.#encoder.choke();
    this.#dropQueuedRequests((piece) => this.#hasFast && this.upload.grants.has(piece));
    this.wantsFlush();
  }

  /** BEP 16: we have had the piece all along. */
  showPiece(piece: number): void {
    this.#encoder.have(piece);
    this.wantsFlush();
  }

  /**
   * Seeds are spared, and who has the piece, which halves what haves cost: but not a super-seed, which never wants
   * anything and waits to hear of what it has shown, nor who could not be told at the end that we want nothing more.
   */
  sendHave(piece: number): void {
    if (!this.isHandshakeDone || this.pieces.length === 0 || this.pieces.isFull) return;
    if (this.pieces.has(piece) && this.#hasWanted && this.extensions.idOf('upload_only') !== 0) return;
    const before = this.#encoder.pendingBytes;
    this.#encoder.have(piece);
    // Whom we serve may ask for it at once. For the others a write for each piece is more than it is worth.
    if (this.isUnchoked) this.wantsFlush();
    else this.connection.holdBack(this.#encoder.pendingBytes - before);
  }

  /** BEP 21: whether we download anything has changed. */
  sendUploadOnly(isUploadOnly: boolean): void {
    const id = this.extensions.idOf('upload_only');
    if (id === 0) this.sendExtensionHandshake();
    else this.sendExtended(id, encodeUploadOnly(isUploadOnly));
  }

  /** End game: the block has come from someone else. */
  cancelRequest(piece: number, block: number): void {
    const data = this.#data;
    if (data === null || !this.download.cancel(data.picker, piece, block, this.#context.turn.now)) return;
    this.#sendCancel(data, piece, block);
  }

  /** The selection has changed: withdraws what is asked for and no longer wanted. */
  cancelUnwanted(): void {
    const data = this.#data;
    if (data === null) return;
    this.download.cancelUnwanted(data.picker, this.#context.turn.now, (piece, block) =>
      this.#sendCancel(data, piece, block),
    );
  }

  sendExtended(id: number, payload: Uint8Array): void {
    this.#encoder.extended(id, payload);
    this.wantsFlush();
  }

  /** Whether more than a peer may make us hold for it is waiting to be sent: it asks, and does not read. */
  get isBackedUp(): boolean {
    return this.connection.unsentBytes > LIMITS.outgoingMessageBytesMax;
  }

  /** Sent first after the handshake, and again when what it says has changed. */
  sendExtensionHandshake(): void {
    if (!this.#hasExtensions || this.#owner === null) return;
    this.sendExtended(
      0,
      encodeExtensionHandshake({ ...this.#owner.extensionHandshake, yourIp: parseIp(this.remote.host) }),
    );
  }

  /** Refill requests and restate interest at the end of this turn. */
  wantsSettle(): void {
    if (!this.#isClosed) this.#context.turn.settle(this.#settleWork);
  }

  wantsFlush(): void {
    this.connection.wantsFlush();
  }

  /** Called about once a second: deadlines that need no timer of their own. */
  tick(now: number): void {
    if (!this.connection.isOpen) return;
    if (!this.#isFine(this.connection.tick(now, this)) || !this.isHandshakeDone) return;
    const isIndifferent = this.#data?.isChecked === true && !this.isInterested && !this.isInterestingToUs;
    const owesBlocks = this.download.isAsked;
    if (!this.#isFine(this.#conduct.tick(now, { owesBlocks, isIndifferent, isCrowded: this.#owner!.isCrowded })))
      return;
    this.download.retry();
    const data = this.#data;
    if (data === null) return;
    if (this.download.setAside(data.picker, this.#decoder, now)) data.onRequestsPossible();
    if (now >= this.download.pipeline.nextDeadline) {
      // Told, or it would send them after all, some of them twice: they may be asked of it again.
      this.download.timeOut(data.picker, now, (piece, block) => this.#sendCancel(data, piece, block));
      data.onRequestsPossible();
    }
    this.wantsSettle();
  }

  /** Ends the connection. Idempotent; the owner hears onClosed once. */
  close(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#decoder.stop();
    this.connection.close();
    this.upload.release();
    this.hashes.close();
    if (this.#data !== null) this.download.releaseAll(this.#data.picker, this.#context.turn.now);
    this.#holdings.detach();
    this.#owner?.onClosed(this, reason);
  }

  // ---- PeerConnectionHandler ----

  onOpen(): void {
    this.#sendHandshake();
  }

  onBytes(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
  }

  onWritten(totalBytes: number): void {
    this.upload.onWritten(totalBytes);
  }

  writeBlocks(now: number): void {
    if (this.#data !== null && this.upload.queuedRequests > 0) this.upload.pump(this.connection, this.#data, now);
  }

  onEnd(): void {
    this.close(this.connection.isOpen ? 'remote-closed' : 'dial-failed');
  }

  onBug(error: unknown): void {
    this.#context.host.log.write('error', `peer ${addressKey(this.remote)}: ${toDtorrentError(error).stack}`);
    this.close('internal');
  }

  // ---- WireHandler: inside the turn of onBytes ----

  onHandshakeHash(reserved: Uint8Array, infoHash: Uint8Array): void {
    const features = decodeReserved(reserved);
    this.#hasFast = features.fast;
    this.#hasExtensions = features.extensions;
    this.#hasDht = features.dht;
    this.#decoder.isFastNegotiated = features.fast;
    if (this.#owner === null) {
      this.#owner = this.#router(infoHash);
      this.#swarmId.onDialled(this.#owner, infoHash, { canUpgrade: features.v2Upgrade });
      if (this.#owner === null) this.close('unknown-info-hash');
      // Answered before the peer id has come: some clients and NAT checkers hold theirs back.
      else this.#sendHandshake();
    } else if (!this.#swarmId.onAnswer(this.#owner, infoHash)) {
      this.close('wrong-info-hash');
    }
  }

  onPeerId(peerId: Uint8Array): void {
    const owner = this.#owner!;
    this.peerId = peerId;
    this.isHandshakeDone = true;
    if (!this.#isFine(owner.onHandshake(this))) return;
    this.#sendOpening();
    if (owner.data !== null) this.attachData(owner.data);
  }

  onChoke(): void {
    const wasAsked = this.download.pipeline.count > 0;
    if (!this.#isFine(this.#conduct.onChokeMessage(this.#context.turn.now))) return;
    if (!this.isChokingUs && !this.#isFine(this.#conduct.onChoke({ wasAsked }))) return;
    this.isChokingUs = true;
    // With the fast extension each outstanding request is still answered, by a reject at least (BEP 6).
    if (!this.#hasFast && this.#data !== null) {
      this.download.releaseAll(this.#data.picker, this.#context.turn.now);
      this.#data.onRequestsPossible();
    }
  }

  onUnchoke(): void {
    if (!this.#isFine(this.#conduct.onChokeMessage(this.#context.turn.now))) return;
    if (this.isChokingUs) this.#conduct.onUnchoke();
    this.isChokingUs = false;
    this.download.retry();
    this.wantsSettle();
  }

  onInterested(): void {
    if (this.isInterested) return;
    this.isInterested = true;
    this.#hasWanted = true;
    this.#owner!.onInterestChanged(this);
  }

  onNotInterested(): void {
    if (!this.isInterested) return;
    this.isInterested = false;
    // An unchoked peer that loses interest frees its slot, and what it had asked for, at once.
    this.#dropQueuedRequests(() => false);
    this.#owner!.onInterestChanged(this);
  }

  onHave(piece: number): void {
    const change = this.#holdings.add(piece);
    if (change === 'changed' || change === 'complete') this.#owner!.onPeerHave(this, piece);
    this.#onHoldings(change);
  }

  onBitfield(bytes: Uint8Array): void {
    this.#onHoldings(this.#holdings.addBitfield(bytes));
    if (this.#data !== null && !this.#isClosed) this.#grantAllowedFast();
  }

  onHaveAll(): void {
    this.#onHoldings(this.#holdings.addAll());
  }

  onHaveNone(): void {
    if (this.#data !== null) this.#grantAllowedFast();
  }

  onRequest(piece: number, begin: number, length: number): void {
    // Every request may cost us a reject: a peer that goes on asking and does not read would make us hold them all.
    if (this.connection.unsentBytes > UNSENT_BYTES_MAX) {
      this.close('too-many-invalid-requests');
      return;
    }
    if (!this.#owner!.isShownTo(this, piece)) {
      this.#reject(piece, begin, length);
      return;
    }
    const verdict = this.upload.request(this.#data, { isChoked: !this.isUnchoked }, piece, begin, length);
    if (verdict === 'abuse') this.close('too-many-invalid-requests');
    else if (verdict === 'refused') this.#reject(piece, begin, length);
    else this.wantsFlush();
  }

  onCancel(piece: number, begin: number, length: number): void {
    // BEP 6: a cancelled request is still answered, by a reject when the block is not under way.
    if (this.upload.cancel(piece, begin, length)) this.#reject(piece, begin, length);
  }

  onReject(piece: number, begin: number, _length: number): void {
    const picker = this.#data?.picker;
    if (picker === undefined || begin % LIMITS.blockBytes !== 0) return;
    const block = begin / LIMITS.blockBytes;
    if (this.isChokingUs) this.download.allowedFast.delete(piece);
    if (this.download.reject(picker, piece, block)) this.#data?.onRequestsPossible();
    this.wantsSettle();
  }

  onSuggest(_piece: number): void {}
  onAllowedFast(piece: number): void {
    const count = this.#data?.layout.pieceCount ?? LIMITS.pieceCountMax;
    if (piece >= count || this.download.allowedFast.size >= LIMITS.allowedFastAcceptedMax) return;
    this.download.allowedFast.add(piece);
    this.wantsSettle();
  }
  onPort(port: number): void {
    // Once: each further port would be one more machine that we ask on a stranger's word.
    if (port === 0 || this.#hasToldDhtPort) return;
    this.#hasToldDhtPort = true;
    this.#owner!.onDhtNode({ ...this.remote, port });
  }

  onHashRequest(range: HashRange): void {
    const isServed = (piece: number): boolean => this.#data!.have.has(piece) && this.#owner!.isShownTo(this, piece);
    if (!this.hashes.serve(this.#data, range, isServed)) this.close('too-many-hash-requests');
  }

  onHashes(range: HashRange, hashes: Uint8Array): void {
    if (this.#data?.onHashes(this, range, hashes) === false) this.close('bad-hashes');
  }

  onHashReject(range: HashRange): void {
    this.#data?.onHashes(this, range, null);
  }

  onUnknown(_id: number): void {}
  onKeepAlive(): void {}

  onExtended(id: number, payload: Uint8Array): void {
    // Metadata requests are all answered, by a reject at least.
    if (this.connection.unsentBytes > UNSENT_BYTES_MAX) this.close('too-many-invalid-requests');
    else if (id === 0) this.#onExtensionHandshake(payload);
    else if (id === EXTENSION_IDS.ut_metadata) this.#owner!.onMetadataMessage(this, payload);
    else if (id === EXTENSION_IDS.ut_pex) this.#owner!.onPexMessage(this, payload);
    else if (id === EXTENSION_IDS.lt_donthave) this.#onDontHave(decodeDontHave(payload));
    else if (id === EXTENSION_IDS.upload_only && this.extensions.onUploadOnly(payload)) {
      this.#owner!.onUploadOnlyChanged(this);
    }
  }

  onBlockStart(piece: number, begin: number, length: number, target: BlockTarget): void {
    const data = this.#data;
    if (data === null) return;
    target.bytes = this.download.startBlock(this, data.picker, piece, begin, length, this.#context.turn.now);
    target.offset = data.picker.slotOffset(begin);
  }

  onBlockEnd(piece: number, begin: number, length: number): void {
    const data = this.#data;
    if (data === null) {
      this.#isFine(this.#conduct.onUnrequestedBlock());
      return;
    }
    const { now } = this.#context.turn;
    const outcome = this.download.finishBlock(this, data.picker, piece, begin, length, now);
    if (outcome === 'unrequested') {
      this.#isFine(this.#conduct.onUnrequestedBlock());
      return;
    }
    this.#conduct.onBlock(now);
    if (outcome === 'wasted') {
      data.onRequestsPossible(); // somebody else may be asked for it
    } else {
      const block = begin / LIMITS.blockBytes;
      if (data.picker.isAskedElsewhere(piece, block)) this.#owner!.onBlockStored(this, piece, block);
      if (outcome !== 'stored') this.#owner!.onBlocksComplete(piece, block);
    }
    this.wantsSettle();
  }

  onViolation(reason: WireViolation): void {
    this.close(reason);
  }

  // ---- inside ----

  #sendCancel(data: TorrentData, piece: number, block: number): void {
    const begin = block * LIMITS.blockBytes;
    this.#encoder.cancel(piece, begin, Math.min(LIMITS.blockBytes, data.pieceBytes(piece) - begin));
    this.wantsSettle();
    this.wantsFlush();
  }

  #sendHandshake(): void {
    const owner = this.#owner!;
    // Only with a v2 hash: libtorrent lets go of who sets the bit for a torrent of v1 alone.
    const v2Upgrade = owner.v2WireHash !== null;
    const reserved = encodeReserved({ fast: true, extensions: true, dht: owner.usesDht, v2Upgrade });
    this.#encoder.handshake(reserved, this.#swarmId.hash!, owner.localPeerId);
    this.wantsFlush();
  }

  /** The first messages: what we have, then the extension handshake and our DHT node, then allowed-fast. */
  #sendOpening(): void {
    const { isSuperSeeding, data } = this.#owner!;
    const have = isSuperSeeding ? undefined : data?.have;
    const hasNone = have === undefined || have.isEmpty;
    if (this.#hasFast && hasNone) this.#encoder.haveNone();
    else if (this.#hasFast && have?.isFull) this.#encoder.haveAll();
    else if (!hasNone) this.#encoder.bitfield(have.bytes);
    this.sendExtensionHandshake();
    const dhtPort = this.#hasDht ? this.#owner!.dhtPort(this.remote.family) : 0;
    if (dhtPort !== 0) this.#encoder.port(dhtPort);
    this.wantsFlush();
  }

  #onHoldings(change: HoldingsChange): void {
    if (change === 'none') return;
    if (change === 'bad-bitfield' || change === 'piece-out-of-range') {
      this.close(change);
      return;
    }
    if (change === 'complete') this.#owner!.onPeerComplete(this);
    this.wantsSettle();
  }

  #grantAllowedFast(): void {
    if (!this.#hasFast || this.#owner!.isSuperSeeding) return;
    for (const piece of this.upload.grants.grant(this.#data!, this, this.#swarmId.hash!))
      this.#encoder.allowedFast(piece);
    this.wantsFlush();
  }

  #dropQueuedRequests(keeps: (piece: number) => boolean): void {
    this.upload.retain(keeps, (piece, begin, length) => this.#reject(piece, begin, length));
  }

  #reject(piece: number, begin: number, length: number): void {
    if (!this.#hasFast) return;
    this.#encoder.reject(piece, begin, length);
    this.wantsFlush();
  }

  #onDontHave(piece: number | null): void {
    if (piece === null) return;
    const change = this.#holdings.remove(piece);
    // With the fast extension each outstanding request is still answered, by a reject at least.
    if (change === 'changed' && !this.#hasFast) {
      this.download.dropPiece(this.#data!.picker, piece, this.#context.turn.now);
      this.#data!.onRequestsPossible();
    }
    this.#onHoldings(change);
    // It may never have heard that we have it: it had it too.
    if (change !== 'changed' || !this.#data!.have.has(piece) || !this.#owner!.isShownTo(this, piece)) return;
    this.#encoder.have(piece);
    this.wantsFlush();
  }

  #onExtensionHandshake(payload: Uint8Array): void {
    const handshake = this.extensions.onHandshake(payload);
    if (handshake === null) return;
    if (handshake.requestQueue !== null) this.download.pipeline.setPeerLimit(handshake.requestQueue);
    this.#owner!.onExtensionHandshake(this, handshake);
  }

  /** @returns whether there is nothing to object to; if there is, the connection is closed. */
  #isFine(objection: CloseReason | null): boolean {
    if (objection !== null) this.close(objection);
    return objection === null;
  }

  /** Once a turn at most: state our interest and fill the pipeline. */
  #settle(now: number): void {
    const data = this.#data;
    if (this.#isClosed || data === null || !data.isChecked) return;
    const isInteresting = data.picker.isInteresting(this);
    if (isInteresting !== this.isInterestingToUs) {
      this.isInterestingToUs = isInteresting;
      if (isInteresting) this.#encoder.interested();
      else this.#encoder.notInterested();
      this.wantsFlush();
    }
    if (this.download.refill(this, data.picker, this.isChokingUs, this.#encoder, now) > 0) this.wantsFlush();
  }
}
