/**
 * The hearing half of a WireStream: decoder callbacks in, checked events out. Everything from the remote is hostile:
 * what breaks a rule ends the stream through `fail`, what merely makes no sense is dropped, and nothing is kept that
 * LIMITS does not bound. Called inside WireStream's _write only.
 */
import { Bitfield } from '../base/bitfield.js';
import { bytesEqual } from '../base/bytes.js';
import { LIMITS } from '../base/limits.js';
import { type BlockTarget, WireDecoder, type WireHandler } from '../protocol/wire/decoder.js';
import { decodeExtensionHandshake } from '../protocol/wire/extension-handshake.js';
import { decodeReserved } from '../protocol/wire/handshake.js';
import { AskedBlocks } from './asked-blocks.js';
import { ExtensionNames } from './extension-names.js';
import type { WireBlock, WireEvents, WireHandshake } from './wire-events.js';
import type { WireFailure } from './wire-failure.js';

/** What there is to ask for. A FileLayout is one. */
export interface PieceLengths {
  /** Pieces are 0 to `pieceCount` - 1. */
  readonly pieceCount: number;
  /**
   * Bytes of a piece, 0 to pieceCount - 1, that may be asked for. In a v2 torrent with the padding behind the end of a
   * file: BEP 52 has requests end with the file, but libtorrent 2.0.8 asks for whole blocks.
   */
  paddedPieceBytes(piece: number): number;
}

export interface WireReceiverOwner {
  tell<E extends keyof WireEvents>(event: E, ...args: WireEvents[E]): void;
  fail(reason: WireFailure): void;
  /** Tells of it, once what both sides can do is settled. */
  onHandshake(handshake: WireHandshake): void;
  /** The remote asks for what it may be given; the owner queues or refuses it. */
  onRequest(block: WireBlock): void;
  /** The remote asks for what it must not. */
  refuse(block: WireBlock): void;
  onCancel(block: WireBlock): void;
}

export class WireReceiver implements WireHandler {
  /** Null until it has come. */
  remote: WireHandshake | null = null;
  isChokingUs = true;
  isInterested = false;
  readonly asked: AskedBlocks = new AskedBlocks();
  readonly extensions: ExtensionNames = new ExtensionNames();
  readonly #owner: WireReceiverOwner;
  readonly #decoder: WireDecoder;
  #layout: PieceLengths | null = null;
  #infoHash: Uint8Array | null = null;
  #reserved: Uint8Array | null = null;
  #localInfoHash: Uint8Array | null = null;
  #hasLocalFast = false;
  #block: Uint8Array | null = null;
  #invalidRequests = 0;

  constructor(owner: WireReceiverOwner) {
    this.#owner = owner;
    this.#decoder = new WireDecoder(this);
  }

  get hasFast(): boolean {
    return this.#decoder.isFastNegotiated;
  }

  /** Our own handshake: only now it is known what both sides can do, and what pieces there are. */
  onLocalHandshake(
    infoHash: Uint8Array,
    options: { readonly hasFast: boolean; readonly layout: PieceLengths | null },
  ): void {
    this.#localInfoHash = infoHash;
    this.#layout = options.layout;
    if (options.layout !== null) this.#decoder.setPieceCount(options.layout.pieceCount);
    this.#hasLocalFast = options.hasFast;
    this.#negotiate();
  }

  push(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
  }

  /** Nothing is heard after this. */
  stop(): void {
    this.#decoder.stop();
    this.#block = null;
  }

  // ---- WireHandler ----

  onHandshakeHash(reserved: Uint8Array, infoHash: Uint8Array): void {
    this.#reserved = reserved;
    this.#infoHash = infoHash;
    if (this.#localInfoHash !== null && !bytesEqual(infoHash, this.#localInfoHash)) this.#owner.fail('wrong-info-hash');
  }

  onPeerId(peerId: Uint8Array): void {
    this.remote = { infoHash: this.#infoHash!, peerId, features: decodeReserved(this.#reserved!) };
    this.#negotiate();
    this.#owner.onHandshake(this.remote);
  }

  onKeepAlive(): void {
    this.#owner.tell('keepAlive');
  }

  onChoke(): void {
    this.isChokingUs = true;
    // With the fast extension each request is still answered, by a reject at least (BEP 6).
    if (!this.hasFast) this.asked.clear();
    this.#owner.tell('choke');
  }

  onUnchoke(): void {
    this.isChokingUs = false;
    this.#owner.tell('unchoke');
  }

  onInterested(): void {
    this.isInterested = true;
    this.#owner.tell('interested');
  }

  onNotInterested(): void {
    this.isInterested = false;
    this.#owner.tell('notInterested');
  }

  onHave(piece: number): void {
    if (this.#isPiece(piece)) this.#owner.tell('have', piece);
  }

  onBitfield(bytes: Uint8Array): void {
    const layout = this.#layout;
    // The decoder knows the length; spare bits are checked here.
    if (layout !== null && Bitfield.fromWire(bytes, layout.pieceCount) === null) this.#owner.fail('bad-bitfield');
    else this.#owner.tell('bitfield', bytes.slice());
  }

  onHaveAll(): void {
    this.#owner.tell('haveAll');
  }

  onHaveNone(): void {
    this.#owner.tell('haveNone');
  }

  onRequest(piece: number, begin: number, length: number): void {
    const block = { piece, begin, length };
    if (this.#isServable(block)) this.#owner.onRequest(block);
    else if (++this.#invalidRequests > LIMITS.invalidRequestsMax) this.#owner.fail('too-many-invalid-requests');
    else this.#owner.refuse(block);
  }

  onCancel(piece: number, begin: number, length: number): void {
    this.#owner.onCancel({ piece, begin, length });
  }

  onReject(piece: number, begin: number, _length: number): void {
    // The length is that of our request: BitComet sends none.
    const length = this.asked.lengthAt(piece, begin);
    if (this.asked.settle(piece, begin)) this.#owner.tell('reject', { piece, begin, length });
  }

  onSuggest(piece: number): void {
    if (this.#isPiece(piece)) this.#owner.tell('suggest', piece);
  }

  onAllowedFast(piece: number): void {
    if (this.#isPiece(piece)) this.#owner.tell('allowedFast', piece);
  }

  onPort(port: number): void {
    this.#owner.tell('port', port);
  }

  onUnknown(_id: number): void {}

  // BEP 52: a stream offers no hashes, and is asked for none by those who know that it does not speak v2.
  onHashRequest(): void {}
  onHashes(): void {}
  onHashReject(): void {}

  onExtended(id: number, payload: Uint8Array): void {
    if (id === 0) {
      this.#onExtensionHandshake(payload);
      return;
    }
    const name = this.extensions.nameOf(id);
    if (name !== null) this.#owner.tell('extended', { name, payload: payload.slice() });
  }

  onBlockStart(piece: number, begin: number, length: number, target: BlockTarget): void {
    // Of the length that was asked for, or it is not what was asked for.
    this.#block = this.asked.lengthAt(piece, begin) === length ? new Uint8Array(length) : null;
    target.bytes = this.#block;
  }

  onBlockEnd(piece: number, begin: number, _length: number): void {
    const block = this.#block;
    this.#block = null;
    if (block !== null && this.asked.settle(piece, begin)) this.#owner.tell('piece', { piece, begin, block });
    else if (!this.asked.countUnasked()) this.#owner.fail('too-many-unrequested-blocks');
  }

  onViolation(reason: WireFailure): void {
    this.#owner.fail(reason);
  }

  // ---- inside ----

  #negotiate(): void {
    this.#decoder.isFastNegotiated = this.#hasLocalFast && this.remote?.features.fast === true;
  }

  /** In range, as far as that is known. */
  #isPiece(piece: number): boolean {
    if (piece < (this.#layout?.pieceCount ?? LIMITS.pieceCountMax)) return true;
    this.#owner.fail('piece-out-of-range');
    return false;
  }

  #isServable({ piece, begin, length }: WireBlock): boolean {
    if (length === 0 || length > LIMITS.requestBytesMax) return false;
    if (this.#layout === null) return piece < LIMITS.pieceCountMax;
    return piece < this.#layout.pieceCount && begin + length <= this.#layout.paddedPieceBytes(piece);
  }

  #onExtensionHandshake(payload: Uint8Array): void {
    const handshake = decodeExtensionHandshake(payload);
    if (handshake === null) return;
    this.extensions.learn(handshake);
    this.#owner.tell('extensionHandshake', handshake);
  }
}
