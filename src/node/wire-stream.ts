/**
 * The peer wire (BEP 3, 5, 6, 10) as a Node Duplex, for programs that bring their own sockets: `dtorrent/wire`.
 * What is written to it is what the remote sent, what is read from it is what the remote shall get, and typed events and
 * methods are the messages in between. The protocol itself is in protocol/wire; here are the stream and its bounds.
 *
 * Invariants: a remote can end the stream, with an error that nobody has to listen for, but never make it throw; and
 * what it can make us hold is bounded, whether it asks or answers. Requests are told to the listener only while less than
 * LIMITS.outgoingMessageBytesMax is promised or unsent, and a remote that has us send other messages and does not read
 * them is given up at UNSENT_BYTES_MAX. Reading from the remote never waits for writing to it: two sides that did would
 * stop each other for good. A Node stream calls this; inside the engine there is Peer instead.
 */
import { Duplex, finished, type Readable } from 'node:stream';
import { bytesEqual, fromHex } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { WIRE_HASH_BYTES } from '../format/infohash.js';
import { WireEncoder } from '../protocol/wire/encoder.js';
import {
  EXTENSION_IDS,
  type ExtensionHandshake,
  encodeExtensionHandshake,
} from '../protocol/wire/extension-handshake.js';
import { encodeReserved, PEER_ID_BYTES, type WireFeatures } from '../protocol/wire/handshake.js';
import { makePeerId } from '../protocol/wire/peer-id.js';
import { NodeRandom } from './random.js';
import { type OpenRequest, RequestInbox } from './request-inbox.js';
import { networkError, systemErrorCode } from './system-error.js';
import type { WireBlock, WireEvents } from './wire-events.js';
import { type WireFailure, wireError } from './wire-failure.js';
import { type PieceLengths, WireReceiver } from './wire-receiver.js';

/** Blocks, and as much again of other messages. */
const UNSENT_BYTES_MAX = 2 * LIMITS.outgoingMessageBytesMax;
/** Ids from here on are for extensions that we do not know by name. */
const FIRST_FREE_EXTENSION_ID = 16;

export interface HandshakeOptions {
  /**
   * 20 bytes, or 40 hex digits: of v1, or of v2 cut to 20 bytes (`wireHashes` of dtorrent/metainfo has them). Whoever was
   * dialled answers with the hash that the remote came with.
   */
  readonly infoHash: Uint8Array | string;
  /** 20 bytes; default: a new one, of this client. */
  readonly peerId?: Uint8Array;
  /** Default: extensions (BEP 10) and the fast extension (BEP 6). */
  readonly features?: Partial<WireFeatures>;
  /**
   * With it everything the remote says is checked against the torrent, and requests that do not fit it are refused. A
   * FileLayout of dtorrent/metainfo is one; make it once a torrent.
   */
  readonly layout?: PieceLengths;
}

/** What is left out is not told. */
export interface ExtensionHandshakeOptions extends Partial<Omit<ExtensionHandshake, 'extensions'>> {
  /** Names of the extensions whose messages we want, such as `ut_metadata`; at most 240. */
  readonly extensions?: readonly string[];
}

/**
 * One connection to a peer: `socket.pipe(wire).pipe(socket)`.
 *
 *     const wire = new WireStream();
 *     wire.on('handshake', ({ infoHash }) => {
 *       wire.handshake({ infoHash, layout });
 *       wire.haveAll();
 *     });
 *     wire.on('interested', () => wire.unchoke());
 *     wire.on('request', ({ piece, begin, length, respond }) => respond(blockAt(piece, begin, length)));
 *     socket.pipe(wire).pipe(socket);
 *
 * Whoever dials calls handshake() at once; the other side answers in its `handshake` event. Everything else can be sent
 * from that event on. When the stream ends or is destroyed, methods and callbacks do nothing. A stream that was piped
 * into it goes with it: destroyed when the remote misbehaves, and its errors are ours, so that neither needs an `error`
 * listener. Time is the owner's matter: `socket.setTimeout` for a silent remote, keepAlive() every two minutes.
 */
export class WireStream extends Duplex {
  readonly #encoder = new WireEncoder();
  readonly #receiver: WireReceiver;
  readonly #inbox: RequestInbox;
  readonly #grants = new Set<number>();
  #local: { readonly infoHash: Uint8Array; readonly features: Partial<WireFeatures> } | null = null;
  #pieceCount: number = LIMITS.pieceCountMax;
  #isUnchoked = false;
  #isInterestingToUs = false;
  #isFlushQueued = false;
  #isPumping = false;

  constructor() {
    super({ readableHighWaterMark: LIMITS.outgoingMessageBytesMax });
    this.#receiver = new WireReceiver({
      tell: (event, ...args) => this.#tell(event, ...args),
      fail: (reason) => this.#fail(reason),
      onRequest: (block) => this.#onRequest(block),
      refuse: (block) => this.#refuse(block),
      onCancel: (block) => this.#onCancel(block),
    });
    this.#inbox = new RequestInbox({
      onRespond: (request, block) => this.#respond(request, block),
      onReject: (request) => this.#closeRequest(request),
    });
    // A remote must not be able to end a program that forgot a listener.
    super.on('error', () => {});
    super.on('pipe', (source: Readable) => this.#follow(source));
  }

  /** Both handshakes are done: everything can be sent. */
  get isOpen(): boolean {
    return this.#local !== null && this.#receiver.remote !== null && !this.#isOver;
  }
  /** We serve the remote. */
  get isUnchoked(): boolean {
    return this.#isUnchoked;
  }
  /** The remote wants something from us. */
  get isInterested(): boolean {
    return this.#receiver.isInterested;
  }
  /** The remote does not serve us. True at first. */
  get isChokingUs(): boolean {
    return this.#receiver.isChokingUs;
  }
  /** We have told the remote that we want something. */
  get isInterestingToUs(): boolean {
    return this.#isInterestingToUs;
  }
  /** Both sides have the fast extension (BEP 6). */
  get hasFast(): boolean {
    return this.#receiver.hasFast;
  }
  /** Both sides have the extension protocol (BEP 10). */
  get hasExtensions(): boolean {
    return this.#local?.features.extensions === true && this.#receiver.remote?.features.extensions === true;
  }

  // ---- what we say ----

  /**
   * BEP 3: says who we are. Once.
   * @throws {DtorrentError} `EOPTION` when a hash or id has a wrong length, when it was called before, or when
   *   `infoHash` is not the one that the remote came with.
   */
  handshake(options: HandshakeOptions): void {
    const infoHash = typeof options.infoHash === 'string' ? fromHex(options.infoHash) : options.infoHash;
    const peerId = options.peerId ?? makePeerId(new NodeRandom());
    if (infoHash?.length !== WIRE_HASH_BYTES) throw misuse('an info-hash on the wire has 20 bytes, or 40 hex digits');
    if (peerId.length !== PEER_ID_BYTES) throw misuse('a peer id has 20 bytes');
    if (this.#local !== null) throw misuse('there is one handshake a connection');
    const { remote } = this.#receiver;
    if (remote !== null && !bytesEqual(infoHash, remote.infoHash)) {
      throw misuse('the peer came with another info-hash: answer with that one, or destroy the stream');
    }
    if (this.#isOver) return;
    const features = { extensions: true, fast: true, ...options.features };
    this.#local = { infoHash, features };
    this.#pieceCount = options.layout?.pieceCount ?? LIMITS.pieceCountMax;
    this.#receiver.onLocalHandshake(infoHash, { hasFast: features.fast, layout: options.layout ?? null });
    this.#encoder.handshake(encodeReserved(features), infoHash, peerId);
    this.#sent();
  }

  /** Nothing new, but we are still here: peers are dropped after two minutes of silence. */
  keepAlive(): void {
    if (!this.#canSend()) return;
    this.#encoder.keepAlive();
    this.#sent();
  }

  /** Serves the remote no longer: its open requests are over, but those for allowed-fast pieces (BEP 6). */
  choke(): void {
    if (!this.#canSend() || !this.#isUnchoked) return;
    this.#isUnchoked = false;
    this.#encoder.choke();
    for (const { piece, begin, length } of this.#inbox.drop((piece) => this.hasFast && this.#grants.has(piece))) {
      this.#refuse({ piece, begin, length });
    }
    this.#sent();
  }

  /** Serves the remote: `request` events come. */
  unchoke(): void {
    if (!this.#canSend() || this.#isUnchoked) return;
    this.#isUnchoked = true;
    this.#encoder.unchoke();
    this.#sent();
  }

  /** Tells the remote that it has something we want: only then will it unchoke us. */
  interested(): void {
    if (!this.#canSend() || this.#isInterestingToUs) return;
    this.#isInterestingToUs = true;
    this.#encoder.interested();
    this.#sent();
  }

  /** Tells the remote that we want nothing. */
  notInterested(): void {
    if (!this.#canSend() || !this.#isInterestingToUs) return;
    this.#isInterestingToUs = false;
    this.#encoder.notInterested();
    this.#sent();
  }

  /** We have one piece more. @throws {DtorrentError} `EOPTION` for one that the torrent has not. */
  have(piece: number): void {
    this.#checkPiece(piece);
    if (!this.#canSend()) return;
    this.#encoder.have(piece);
    this.#sent();
  }

  /**
   * What we have, right after the handshake; nothing means no piece.
   * @param bytes bit 7 of byte 0 is piece 0, spare bits zero: `bytes` of a Bitfield. Copied.
   * @throws {DtorrentError} `EOPTION` when it has not the length that the torrent asks for.
   */
  bitfield(bytes: Uint8Array): void {
    const expected = Math.ceil(this.#pieceCount / 8);
    const isOfThisTorrent = this.#pieceCount === LIMITS.pieceCountMax || bytes.length === expected;
    if (!isOfThisTorrent || bytes.length > expected) throw misuse(`a bitfield has ${expected} bytes in this torrent`);
    if (!this.#canSend()) return;
    this.#encoder.bitfield(bytes);
    this.#sent();
  }

  /**
   * Asks for a block, to come as a `piece` event, or not, as a `reject`.
   * Blocks are 16 KiB by custom.
   * @throws {DtorrentError} `EOPTION` for a piece that the torrent has not, or more than 128 KiB.
   */
  request(piece: number, begin: number, length: number): void {
    this.#checkBlock(piece, begin, length);
    if (!this.#canSend()) return;
    this.#receiver.asked.add({ piece, begin, length });
    this.#encoder.request(piece, begin, length);
    this.#sent();
  }

  /** Takes a request back; there is no `piece` event for it any more. Does nothing when it was answered. */
  cancel(piece: number, begin: number, length: number): void {
    this.#checkBlock(piece, begin, length);
    if (!this.#canSend() || !this.#receiver.asked.cancel(piece, begin)) return;
    this.#encoder.cancel(piece, begin, length);
    this.#sent();
  }

  /** BEP 5: the UDP port, 1 to 65535, of our DHT node. */
  port(port: number): void {
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw misuse('a port is 1 to 65535');
    if (!this.#canSend()) return;
    this.#encoder.port(port);
    this.#sent();
  }

  /** BEP 6: we have every piece. @throws {DtorrentError} `EOPTION` without hasFast, like the three below. */
  haveAll(): void {
    if (!this.#canSendFast()) return;
    this.#encoder.haveAll();
    this.#sent();
  }

  /** BEP 6: we have no piece. */
  haveNone(): void {
    if (!this.#canSendFast()) return;
    this.#encoder.haveNone();
    this.#sent();
  }

  /** BEP 6: recommends a piece, which is cheap for us to read for example. */
  suggest(piece: number): void {
    this.#checkPiece(piece);
    if (!this.#canSendFast()) return;
    this.#encoder.suggest(piece);
    this.#sent();
  }

  /** BEP 6: the remote may ask for this piece also while it is choked, as often as the `request` listener answers. */
  allowedFast(piece: number): void {
    this.#checkPiece(piece);
    if (!this.#canSendFast()) return;
    this.#grants.add(piece);
    this.#encoder.allowedFast(piece);
    this.#sent();
  }

  /**
   * BEP 10: which extensions we speak, and what else we tell. Does nothing without hasExtensions. May be repeated.
   * @throws {DtorrentError} `EOPTION` for more names than there are ids.
   */
  extensionHandshake(options: ExtensionHandshakeOptions = {}): void {
    if (!this.#canSend() || !this.hasExtensions) return;
    const { extensions = [], ...rest } = options;
    const ids = new Map(extensions.map((name) => [name, this.#extensionIdOf(name)]));
    this.#encoder.extended(
      0,
      encodeExtensionHandshake({
        metadataBytes: null,
        listenPort: null,
        clientName: null,
        yourIp: null,
        requestQueue: null,
        isUploadOnly: null,
        ...rest,
        extensions: ids,
      }),
    );
    this.#sent();
  }

  /**
   * BEP 10: a message of the extension `name`.
   * @returns false, having sent nothing, when the remote has not announced that extension (yet).
   */
  extended(name: string, payload: Uint8Array): boolean {
    const id = this.#receiver.remoteExtensions.get(name);
    if (!this.#canSend() || id === undefined) return false;
    this.#encoder.extended(id, payload);
    this.#sent();
    return true;
  }

  // ---- typed listeners; the names that a Duplex has of its own remain ----

  /** Hears an event of WireEvents, or one of a Duplex. */
  override on<E extends keyof WireEvents>(event: E, listener: (...args: WireEvents[E]) => void): this;
  override on(event: string | symbol, listener: (...args: never[]) => void): this;
  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.on(event, listener as () => void);
  }

  /** Hears an event once. */
  override once<E extends keyof WireEvents>(event: E, listener: (...args: WireEvents[E]) => void): this;
  override once(event: string | symbol, listener: (...args: never[]) => void): this;
  override once(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.once(event, listener as () => void);
  }

  /** Takes a listener away. */
  override off<E extends keyof WireEvents>(event: E, listener: (...args: WireEvents[E]) => void): this;
  override off(event: string | symbol, listener: (...args: never[]) => void): this;
  override off(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.off(event, listener as () => void);
  }

  // ---- Duplex ----

  /** @internal */
  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      this.#receiver.push(chunk);
      this.#pump();
    } catch (error) {
      // A listener threw. That is its owner's bug and stays one; but the decoder is in the middle of a message.
      this.destroy();
      throw error;
    }
    this.#flush();
    done();
  }

  /** @internal */
  override _read(): void {
    // Not at once: Node would take a throwing listener for an error of the stream.
    if (this.#inbox.hasWaiting) process.nextTick(() => this.#pump());
  }

  /** @internal The remote has ended its side, or end() was called: nobody reads answers any more. */
  override _final(done: (error?: Error | null) => void): void {
    this.#receiver.stop();
    this.#inbox.drop(() => false);
    this.#flush();
    this.push(null);
    done();
  }

  /** @internal */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#receiver.stop();
    this.#inbox.drop(() => false);
    done(error);
  }

  // ---- inside ----

  get #isOver(): boolean {
    return this.destroyed || this.writableEnded;
  }

  get #unsentBytes(): number {
    return this.readableLength + this.#encoder.pendingBytes;
  }

  #tell<E extends keyof WireEvents>(event: E, ...args: WireEvents[E]): void {
    if (!this.#isOver) this.emit(event, ...args);
  }

  #fail(reason: WireFailure): void {
    this.destroy(wireError(reason));
  }

  /** @returns false when the stream is over. @throws when it is too early. */
  #canSend(): boolean {
    if (this.#isOver) return false;
    if (this.#local === null || this.#receiver.remote === null) {
      throw misuse('nothing can be sent before both handshakes: wait for the "handshake" event, and answer it');
    }
    return true;
  }

  #canSendFast(): boolean {
    if (!this.#canSend()) return false;
    if (!this.hasFast) throw misuse('the peer has no fast extension (BEP 6): see hasFast');
    return true;
  }

  /** After each message that the encoder got: it leaves with the others of this turn of the event loop. */
  #sent(): void {
    if (this.#unsentBytes > UNSENT_BYTES_MAX) {
      this.#fail('not-reading');
    } else if (!this.#isFlushQueued) {
      this.#isFlushQueued = true;
      process.nextTick(() => this.#flush());
    }
  }

  #flush(): void {
    this.#isFlushQueued = false;
    const bytes = this.destroyed ? null : this.#encoder.take();
    if (bytes !== null) this.push(bytes);
  }

  /** Tells the listener of as many requests as there is room for. A listener that answers at once re-enters here. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (!this.#isOver && this.#inbox.toldBytes + this.#unsentBytes < LIMITS.outgoingMessageBytesMax) {
        const request = this.#inbox.next();
        if (request === null) break;
        this.emit('request', request);
      }
    } finally {
      this.#isPumping = false;
    }
  }

  #onRequest(block: WireBlock): void {
    const isAllowed = this.#isUnchoked || (this.hasFast && this.#grants.has(block.piece));
    if (!isAllowed || !this.#inbox.add(block)) this.#refuse(block);
  }

  #onCancel(block: WireBlock): void {
    const request = this.#inbox.find(block);
    // BEP 6: a cancelled request is still answered.
    if (request !== null) this.#closeRequest(request);
    this.#tell('cancel', block);
  }

  #closeRequest(request: OpenRequest): void {
    this.#inbox.close(request);
    this.#refuse(request);
    this.#pump();
  }

  #refuse({ piece, begin, length }: WireBlock): void {
    if (!this.hasFast || this.#isOver) return;
    this.#encoder.reject(piece, begin, length);
    this.#sent();
  }

  #respond(request: OpenRequest, block: Uint8Array): void {
    const { piece, begin, length } = request;
    if (block.length !== length) throw misuse(`the block has ${block.length} bytes, ${length} were asked for`);
    this.#inbox.close(request);
    this.#encoder.pieceHeader(piece, begin, length);
    this.#flush();
    this.push(block);
    this.#pump();
  }

  #checkPiece(piece: number): void {
    if (!Number.isInteger(piece) || piece < 0 || piece >= this.#pieceCount) {
      throw misuse(`piece ${piece} is not one of 0 to ${this.#pieceCount - 1}`);
    }
  }

  #checkBlock(piece: number, begin: number, length: number): void {
    this.#checkPiece(piece);
    if (!Number.isInteger(begin) || begin < 0 || begin >= LIMITS.pieceLengthBytesMax) {
      throw misuse(`a block begins at 0 to ${LIMITS.pieceLengthBytesMax - 1}`);
    }
    if (!Number.isInteger(length) || length < 1 || length > LIMITS.requestBytesMax) {
      throw misuse(`a block has 1 to ${LIMITS.requestBytesMax} bytes`);
    }
  }

  #extensionIdOf(name: string): number {
    const { localExtensions } = this.#receiver;
    for (const [id, known] of localExtensions) if (known === name) return id;
    const wellKnown: Readonly<Record<string, number>> = EXTENSION_IDS;
    let id = Object.hasOwn(wellKnown, name) ? wellKnown[name]! : FIRST_FREE_EXTENSION_ID;
    while (localExtensions.has(id)) id++;
    if (id > 255) throw misuse('there are no more extension ids');
    localExtensions.set(id, name);
    return id;
  }

  /** pipe() hands on neither errors nor destruction; with them, one line of pipes is all that an owner needs. */
  #follow(source: Readable): void {
    const unfollow = finished(source, { writable: false }, (error) => {
      if (error === undefined || error === null || this.destroyed) return;
      // Destroyed by its owner: no fault of anybody.
      const isDeliberate = systemErrorCode(error) === 'ERR_STREAM_PREMATURE_CLOSE';
      this.destroy(isDeliberate ? undefined : networkError('the connection to the peer broke', error));
    });
    const onClose = (): void => {
      if (!this.readableEnded) source.destroy();
    };
    super.once('close', onClose);
    super.on('unpipe', (unpiped: Readable) => {
      // Also emitted by pipe() itself while it cleans up after us; then the source still goes with us.
      if (unpiped !== source || this.destroyed || this.writableEnded) return;
      unfollow();
      super.off('close', onClose);
    });
  }
}

function misuse(message: string): DtorrentError {
  return new DtorrentError('EOPTION', message);
}
