/**
 * One end of a peer wire without policy: a stream, an encoder to say anything with, right or wrong, and a decoder whose
 * calls go to whoever scripts the peer. Knows host ports and protocol/wire only. Base of hostile actors and of the
 * scripted peers of tests.
 */
import type { Address } from '../../base/address.js';
import { fromLatin1 } from '../../base/bytes.js';
import { randomBelow } from '../../base/random.js';
import type { ByteStream, ByteStreamHandler } from '../../host/network.js';
import { WireDecoder, type WireHandler } from '../../protocol/wire/decoder.js';
import { WireEncoder } from '../../protocol/wire/encoder.js';
import { type ExtensionHandshake, encodeExtensionHandshake } from '../../protocol/wire/extension-handshake.js';
import { encodeReserved } from '../../protocol/wire/handshake.js';
import type { SimHost } from '../sim-host.js';

const DIAL_TIMEOUT_MS = 60_000;

/** What the handshake says that the peer can do. */
export interface WirePeerFeatures {
  /** The fast extension (BEP 6). */
  readonly fast?: boolean;
  /** The extension protocol (BEP 10). */
  readonly extensions?: boolean;
  /** BEP 5: has a DHT node. */
  readonly dht?: boolean;
  /** BEP 52: can be moved to the v2 swarm. */
  readonly v2?: boolean;
}

export class WirePeer implements ByteStreamHandler {
  readonly host: SimHost;
  readonly peerId: Uint8Array;
  stream: ByteStream | null = null;
  /** Of the stream of now. What it hears goes to the script. */
  decoder: WireDecoder;
  /** Virtual ms; null = not yet. */
  openedAtMs: number | null = null;
  closedAtMs: number | null = null;
  /** A dialled stream is connected. */
  onOpened: () => void = () => {};
  onEnded: () => void = () => {};
  readonly #script: WireHandler;
  readonly #reserved: Uint8Array;
  readonly #encoder = new WireEncoder();

  constructor(host: SimHost, script: WireHandler, features: WirePeerFeatures) {
    const { fast = false, extensions = false, dht = false, v2 = false } = features;
    this.host = host;
    this.#script = script;
    this.#reserved = encodeReserved({ fast, extensions, dht, v2Upgrade: v2 });
    this.decoder = new WireDecoder(script);
    this.peerId = makePeerId(host);
  }

  get isClosed(): boolean {
    return this.closedAtMs !== null;
  }

  /** Dials. What is said before the stream is open waits in it. */
  connect(to: Address, timeoutMs: number = DIAL_TIMEOUT_MS): this {
    this.stream = this.host.network.dial(to, { bindHost: '', timeoutMs }, this);
    return this;
  }

  /** Takes over an incoming stream, also when an earlier one has ended. */
  adopt(stream: ByteStream): this {
    if (this.openedAtMs !== null) this.decoder = new WireDecoder(this.#script);
    this.stream = stream;
    stream.handler = this;
    this.openedAtMs = this.host.clock.now();
    return this;
  }

  /** Sends the 68 bytes. */
  handshake(infoHash: Uint8Array, peerId: Uint8Array = this.peerId): this {
    return this.send((encoder) => encoder.handshake(this.#reserved, infoHash, peerId));
  }

  /** Sends whatever `say` puts into the encoder. */
  send(say: (encoder: WireEncoder) => void): this {
    say(this.#encoder);
    const bytes = this.#encoder.take();
    if (bytes !== null) this.stream!.write(bytes);
    return this;
  }

  /** As they are. They are borrowed until they are written. */
  sendBytes(bytes: Uint8Array): this {
    this.stream!.write(bytes);
    return this;
  }

  bitfield(pieceCount: number, pieces: Iterable<number>): this {
    const bytes = new Uint8Array(Math.ceil(pieceCount / 8));
    for (const piece of pieces) bytes[piece >>> 3]! |= 0x80 >>> (piece & 7);
    return this.sendBitfield(bytes);
  }

  /** As it is, be it right or wrong. */
  sendBitfield(bytes: ArrayLike<number>): this {
    return this.send((encoder) => encoder.bitfield(Uint8Array.from(bytes)));
  }

  extensionHandshake(handshake: Partial<ExtensionHandshake>): this {
    const nothing = { metadataBytes: null, listenPort: null, clientName: null, yourIp: null };
    const rest = { requestQueue: null, isUploadOnly: null, extensions: new Map<string, number>() };
    return this.send((encoder) => encoder.extended(0, encodeExtensionHandshake({ ...nothing, ...rest, ...handshake })));
  }

  /** A block, right or wrong. */
  block(piece: number, begin: number, bytes: Uint8Array): this {
    return this.send((encoder) => encoder.pieceHeader(piece, begin, bytes.length)).sendBytes(bytes);
  }

  close(): void {
    this.stream?.close();
  }

  // ---- ByteStreamHandler ----

  onOpen(): void {
    this.openedAtMs = this.host.clock.now();
    this.onOpened();
  }

  onData(chunk: Uint8Array): void {
    this.decoder.push(chunk);
  }

  onWritten(): void {}
  onClose(): void {
    this.closedAtMs = this.host.clock.now();
    this.onEnded();
  }
}

/** A client that nobody knows, under a new id. */
function makePeerId(host: SimHost): Uint8Array {
  let text = '-RW0001-';
  for (let i = 0; i < 12; i++) text += randomBelow(host.random, 10);
  return fromLatin1(text);
}
