/**
 * Listens in on one direction of a peer connection: bytes in, one message after the other out. There is one message
 * object for all of them, valid during the call. A block is collected whole, so that it can be compared.
 * Two to a Conversation, which calls push().
 */
import { type BlockTarget, WireDecoder, type WireHandler, type WireViolation } from '../protocol/wire/decoder.js';
import { decodeReserved } from '../protocol/wire/handshake.js';

export type WireMessageKind =
  | 'handshake'
  | 'keep-alive'
  | 'choke'
  | 'unchoke'
  | 'interested'
  | 'not-interested'
  | 'have'
  | 'bitfield'
  | 'have-all'
  | 'have-none'
  | 'request'
  | 'cancel'
  | 'reject'
  | 'block'
  | 'allowed-fast'
  | 'extended'
  | 'other';

/** What a message does not have is left as it was. */
export interface WireMessage {
  kind: WireMessageKind;
  piece: number;
  begin: number;
  length: number;
  /** Of an extended message. */
  id: number;
  /** The bitfield, the block, or the payload of an extended message. */
  bytes: Uint8Array;
}

export interface WireListener {
  onMessage(message: WireMessage): void;
  onFeatures(features: { readonly fast: boolean }): void;
  onViolation(reason: WireViolation): void;
}

export class WireTap implements WireHandler {
  readonly #listener: WireListener;
  readonly #decoder: WireDecoder = new WireDecoder(this);
  /** Grows to the longest block so far: most connections carry none. */
  #block: Uint8Array = NOTHING;
  readonly #message: WireMessage = { kind: 'other', piece: 0, begin: 0, length: 0, id: 0, bytes: NOTHING };

  constructor(listener: WireListener) {
    this.#listener = listener;
  }

  push(bytes: Uint8Array): void {
    this.#decoder.push(bytes);
  }

  onHandshakeHash(reserved: Uint8Array, _infoHash: Uint8Array): void {
    const { fast } = decodeReserved(reserved);
    // Whether the other side has it too is for the listener to know: here every message is to be read.
    this.#decoder.isFastNegotiated = true;
    this.#listener.onFeatures({ fast });
  }

  onPeerId(_peerId: Uint8Array): void {
    this.#tell('handshake');
  }
  onKeepAlive(): void {
    this.#tell('keep-alive');
  }
  onChoke(): void {
    this.#tell('choke');
  }
  onUnchoke(): void {
    this.#tell('unchoke');
  }
  onInterested(): void {
    this.#tell('interested');
  }
  onNotInterested(): void {
    this.#tell('not-interested');
  }
  onHave(piece: number): void {
    this.#tell('have', piece);
  }
  onBitfield(bytes: Uint8Array): void {
    this.#message.bytes = bytes;
    this.#tell('bitfield');
  }
  onRequest(piece: number, begin: number, length: number): void {
    this.#tell('request', piece, begin, length);
  }
  onCancel(piece: number, begin: number, length: number): void {
    this.#tell('cancel', piece, begin, length);
  }
  onPort(_port: number): void {
    this.#tell('other');
  }
  onSuggest(_piece: number): void {
    this.#tell('other');
  }
  onHaveAll(): void {
    this.#tell('have-all');
  }
  onHaveNone(): void {
    this.#tell('have-none');
  }
  onReject(piece: number, begin: number, length: number): void {
    this.#tell('reject', piece, begin, length);
  }
  onAllowedFast(piece: number): void {
    this.#tell('allowed-fast', piece);
  }
  onExtended(id: number, payload: Uint8Array): void {
    this.#message.id = id;
    this.#message.bytes = payload;
    this.#tell('extended');
  }
  onHashRequest(): void {
    this.#tell('other');
  }
  onHashes(): void {
    this.#tell('other');
  }
  onHashReject(): void {
    this.#tell('other');
  }
  onUnknown(_id: number): void {
    this.#tell('other');
  }
  onBlockStart(_piece: number, _begin: number, length: number, target: BlockTarget): void {
    if (this.#block.length < length) this.#block = new Uint8Array(length);
    target.bytes = this.#block;
    target.offset = 0;
  }
  onBlockEnd(piece: number, begin: number, length: number): void {
    this.#message.bytes = this.#block.subarray(0, length);
    this.#tell('block', piece, begin, length);
  }
  onViolation(reason: WireViolation): void {
    this.#listener.onViolation(reason);
  }

  #tell(kind: WireMessageKind, piece = 0, begin = 0, length = 0): void {
    const message = this.#message;
    message.kind = kind;
    message.piece = piece;
    message.begin = begin;
    message.length = length;
    this.#listener.onMessage(message);
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);
