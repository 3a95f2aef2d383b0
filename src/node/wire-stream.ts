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
import { Duplex, type Readable } from 'node:stream';
import { Bitfield } from '../base/bitfield.js';
import { bytesEqual, fromHex } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { WIRE_HASH_BYTES } from '../format/infohash.js';
import { WireEncoder } from '../protocol/wire/encoder.js';
import { type ExtensionHandshake, encodeExtensionHandshake } from '../protocol/wire/extension-handshake.js';
import { encodeReserved, HANDSHAKE_BYTES, PEER_ID_BYTES, type WireFeatures } from '../protocol/wire/handshake.js';
import { makePeerId } from '../protocol/wire/peer-id.js';
import { followSource } from './follow-source.js';
import { NodeRandom } from './random.js';
import { type OpenRequest, RequestInbox } from './request-inbox.js';
import type { WireBlock, WireEvents, WireHandshake } from './wire-events.js';
import { type WireFailure, wireError } from './wire-failure.js';
import { type PieceLengths, WireReceiver } from './wire-receiver.js';

/** Blocks, and as much again of other messages. */
const UNSENT_BYTES_MAX = 2 * LIMITS.outgoingMessageBytesMax;

/** Who we are, and for which torrent. */
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

/** What is left out is not told, but for `requestQueue`: as many requests as the stream keeps open. */
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
 * Whoever dials calls handshake() at once; whoever was dialled does so in its `handshake` event, or later: until then
 * nothing more is told. Before handshake(), and once the stream has ended or is destroyed, methods and callbacks do
 * nothing. Nothing that a remote sends makes them throw: what they throw is a mistake of the program. A stream that was
 * piped into this one goes with it: destroyed when the remote misbehaves, and its errors are ours, so that neither needs
 * an `error` listener. Time is the owner's matter: `socket.setTimeout` for a silent remote, keepAlive() every two minutes.
 */
export class WireStream extends Duplex {
  readonly #encoder = new WireEncoder();
  readonly #receiver: WireReceiver;
  readonly #inbox: RequestInbox;
  readonly #grants = new Set<number>();
  #local: { readonly infoHash: Uint8Array; readonly features: Partial<WireFeatures> } | null = null;
  /** Null = not told. */
  #pieceCount: number | null = null;
  #isUnchoked = false;
  #isInterestingToUs = false;
  #isFlushQueued = false;
  #isPumping = false;
  /** Until both sides know what both can do, the last word about our extensions waits here. */
  #extensionsToTell: ExtensionHandshakeOptions | null = null;
  /** How much of the remote's handshake has come. */
  #handshakeBytes = 0;
  /** Hears what came behind the remote's handshake, once ours is sent. */
  #heldWrite: (() => void) | null = null;

  /** Nothing is sent before handshake(). */
  constructor() {
    super({ readableHighWaterMark: LIMITS.outgoingMessageBytesMax });
    this.#receiver = new WireReceiver({
      tell: (event, ...args) => this.#tell(event, ...args),
      onHandshake: (handshake) => this.#onHandshake(handshake),
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
    super.on('pipe', (source: Readable) => followSource(this, source));
  }

  /** Both handshakes are done: it is known what both sides can do. */
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
   * BEP 3: says who we are. Once. With another info-hash than the one the remote came with the stream is destroyed
   * instead.
   * @throws {DtorrentError} `EOPTION` when a hash or id has a wrong length, or when it was called before.
   */
  handshake(options: HandshakeOptions): void {
    const infoHash = typeof options.infoHash === 'string' ? fromHex(options.infoHash) : options.infoHash;
    const peerId = options.peerId ?? makePeerId(new NodeRandom());
    if (infoHash?.length !== WIRE_HASH_BYTES) throw misuse('an info-hash on the wire has 20 bytes, or 40 hex digits');
    if (peerId.length !== PEER_ID_BYTES) throw misuse('a peer id has 20 bytes');
    if (this.#local !== null) throw misuse('there is one handshake a connection');
    if (this.#isOver) return;
    const { remote } = this.#receiver;
    if (remote !== null && !bytesEqual(infoHash, remote.infoHash)) {
      this.#fail('wrong-info-hash');
      return;
    }
    const features = { extensions: true, fast: true, ...options.features };
    this.#local = { infoHash, features };
    this.#pieceCount = options.layout?.pieceCount ?? null;
    this.#receiver.onLocalHandshake(infoHash, { hasFast: features.fast, layout: options.layout ?? null });
    this.#encoder.handshake(encodeReserved(features), infoHash, peerId);
    this.#sent();
    this.#tellExtensions();
    // Not at once: what the caller sends next shall go first.
    if (this.#heldWrite !== null) process.nextTick(() => this.#releaseWrite());
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
    const bytesMax = Math.ceil((this.#pieceCount ?? LIMITS.pieceCountMax) / 8);
    if (bytes.length > bytesMax || (this.#pieceCount !== null && bytes.length < bytesMax)) {
      throw misuse(`a bitfield of ${bytes.length} bytes does not fit a torrent that takes ${bytesMax}`);
    }
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

  /**
   * We have every piece: as one message (BEP 6), or as a bitfield without hasFast.
   * @returns false, having sent nothing, when neither can be: without hasFast the handshake needs a layout.
   */
  haveAll(): boolean {
    if (!this.#canSend()) return false;
    if (this.hasFast) {
      this.#encoder.haveAll();
    } else {
      if (this.#pieceCount === null) return false;
      const everything = new Bitfield(this.#pieceCount);
      everything.fill();
      this.#encoder.bitfield(everything.bytes);
    }
    this.#sent();
    return true;
  }

  /** BEP 6: we have no piece. Does nothing without hasFast, where saying nothing says the same. */
  haveNone(): void {
    if (!this.#canSend() || !this.hasFast) return;
    this.#encoder.haveNone();
    this.#sent();
  }

  /** BEP 6: recommends a piece, which is cheap for us to read for example. Does nothing without hasFast. */
  suggest(piece: number): void {
    this.#checkPiece(piece);
    if (!this.#canSend() || !this.hasFast) return;
    this.#encoder.suggest(piece);
    this.#sent();
  }

  /**
   * BEP 6: the remote may ask for this piece also while it is choked, as often as the `request` listener answers. Does
   * nothing without hasFast.
   */
  allowedFast(piece: number): void {
    this.#checkPiece(piece);
    if (!this.#canSend() || !this.hasFast) return;
    this.#grants.add(piece);
    this.#encoder.allowedFast(piece);
    this.#sent();
  }

  /**
   * BEP 10: which extensions we speak, and what else we tell. Sent once both handshakes are done, if both sides have
   * extensions. May be repeated.
   * @throws {DtorrentError} `EOPTION` for more names than there are ids.
   */
  extensionHandshake(options: ExtensionHandshakeOptions = {}): void {
    if (!this.isOpen) {
      this.#extensionsToTell = options;
      return;
    }
    if (!this.hasExtensions) return;
    const { extensions = [], ...rest } = options;
    const ids = new Map<string, number>();
    for (const name of extensions) {
      const id = this.#receiver.extensions.assign(name);
      if (id === null) throw misuse('there are no more extension ids');
      ids.set(name, id);
    }
    this.#encoder.extended(
      0,
      encodeExtensionHandshake({
        metadataBytes: null,
        listenPort: null,
        clientName: null,
        yourIp: null,
        requestQueue: LIMITS.peerRequestsQueuedMax,
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
    const id = this.#receiver.extensions.remoteIdOf(name);
    if (!this.#canSend() || id === null) return false;
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
    const missing = HANDSHAKE_BYTES - this.#handshakeBytes;
    const head = missing === 0 ? chunk : chunk.subarray(0, missing);
    if (missing > 0) this.#handshakeBytes += head.length;
    this.#hear(head);
    if (missing === 0) {
      done();
      return;
    }
    const proceed = (): void => {
      if (head.length < chunk.length) this.#hear(chunk.subarray(head.length));
      done();
    };
    // A listener that answers later must not meet messages that it cannot answer yet.
    const isHeld = head.length === missing && this.#local === null && !this.#isOver;
    if (isHeld) this.#heldWrite = proceed;
    else proceed();
  }

  /** @internal */
  override _read(): void {
    // Not at once: Node would take a throwing listener for an error of the stream.
    if (this.#inbox.hasWaiting) process.nextTick(() => this.#pump());
  }

  /** @internal A write that is held would hold the end up, too. */
  override end(...args: never[]): this {
    const ended = super.end(...(args as []));
    this.#releaseWrite();
    return ended;
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
    this.#heldWrite = null;
    done(error);
  }

  // ---- inside ----

  /** Nothing of this may be left to Node's own error handling: see #pump. */
  #hear(bytes: Uint8Array): void {
    try {
      this.#receiver.push(bytes);
      this.#pump();
    } catch (error) {
      // A listener threw. That is its owner's bug and stays one; but the decoder is in the middle of a message.
      this.destroy();
      throw error;
    }
    this.#flush();
  }

  #releaseWrite(): void {
    const proceed = this.#heldWrite;
    this.#heldWrite = null;
    proceed?.();
  }

  #onHandshake(handshake: WireHandshake): void {
    this.#tellExtensions();
    this.#tell('handshake', handshake);
  }

  #tellExtensions(): void {
    const options = this.#extensionsToTell;
    if (options === null || !this.isOpen) return;
    this.#extensionsToTell = null;
    this.extensionHandshake(options);
  }

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

  #canSend(): boolean {
    return this.#local !== null && !this.#isOver;
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
    if (block.length > length) throw misuse(`the block has ${block.length} bytes, only ${length} were asked for`);
    if (block.length < length) {
      this.#closeRequest(request);
      return;
    }
    this.#inbox.close(request);
    this.#encoder.pieceHeader(piece, begin, length);
    this.#flush();
    this.push(block);
    this.#pump();
  }

  #checkPiece(piece: number): void {
    const count = this.#pieceCount ?? LIMITS.pieceCountMax;
    if (!Number.isInteger(piece) || piece < 0 || piece >= count) {
      throw misuse(`a piece is 0 to ${count - 1}, not ${piece}`);
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
}

function misuse(message: string): DtorrentError {
  return new DtorrentError('EOPTION', message);
}
