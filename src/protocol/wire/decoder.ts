/**
 * Reads the peer wire (BEP 3, 5, 6, 10, 52): bytes in any chunking in, numbers out to a WireHandler.
 * Invariant: a length is checked against its message type before anything is allocated or delivered, and no view of a
 * chunk is kept when push() returns. A block is copied once, to its place in the piece; every other payload is a view of
 * the chunk, or is collected in one small buffer when chunks cut it. No object per message but one view per copy.
 * Called by Peer inside turns.
 */
import { assert } from '../../base/assert.js';
import { readUint16, readUint32, viewOf } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { copyBytes } from '../../base/shared-copy.js';
import { HANDSHAKE_BYTES, HANDSHAKE_HASH_BYTES, PROTOCOL_HEAD, RESERVED_BYTES } from './handshake.js';
import {
  HASH_RANGE_BYTES,
  HASHES_PAYLOAD_BYTES_MAX,
  type HashRange,
  isHashesPayloadLength,
  isHashesPayloadOf,
  readHashRange,
} from './hashes.js';
import {
  ALLOWED_FAST,
  BITFIELD,
  CANCEL,
  CHOKE,
  EXTENDED,
  HASH_REJECT,
  HASH_REQUEST,
  HASHES,
  HAVE,
  HAVE_ALL,
  HAVE_NONE,
  INTERESTED,
  NOT_INTERESTED,
  PIECE,
  PIECE_HEADER_BYTES,
  PORT,
  REJECT,
  REQUEST,
  SUGGEST,
  UNCHOKE,
} from './message-id.js';

/** Why the remote has to be disconnected. */
export type WireViolation =
  /** It does not speak BitTorrent. */
  | 'bad-protocol-name'
  /** A message, or the block of a PIECE, is longer than we accept. */
  | 'message-too-long'
  /** A message has not the length that its type has. */
  | 'bad-length'
  /** Have-all or have-none after something else that tells of pieces, or a second time. */
  | 'bitfield-not-first'
  /** A message of BEP 6 although not both sides have the fast extension. */
  | 'fast-not-negotiated';

/** Pieces, offsets and lengths are unsigned 32-bit as the remote sent them: not checked against the torrent. */
export interface WireHandler {
  /** The first 48 bytes of the handshake: 8 reserved bytes and 20 of info-hash, both the handler's to keep. */
  onHandshakeHash(reserved: Uint8Array, infoHash: Uint8Array): void;
  /** The rest of the handshake: 20 bytes, the handler's to keep. */
  onPeerId(peerId: Uint8Array): void;
  /** The remote is still there. */
  onKeepAlive(): void;
  /** The remote serves us no longer. */
  onChoke(): void;
  /** The remote serves us. */
  onUnchoke(): void;
  /** The remote wants something of us. */
  onInterested(): void;
  /** The remote wants nothing of us. */
  onNotInterested(): void;
  /** The remote has one piece more. */
  onHave(piece: number): void;
  /** `bytes` in wire order, valid only during the call. */
  onBitfield(bytes: Uint8Array): void;
  /** The remote asks for a block; `length` may be anything, 0 too. */
  onRequest(piece: number, begin: number, length: number): void;
  /** The remote takes a request back. */
  onCancel(piece: number, begin: number, length: number): void;
  /** UDP port of the remote's DHT node. */
  onPort(port: number): void;
  /** BEP 6: the remote recommends to ask for this piece. */
  onSuggest(piece: number): void;
  /** BEP 6: the remote has every piece. */
  onHaveAll(): void;
  /** BEP 6: the remote has no piece. */
  onHaveNone(): void;
  /** `length` is 0 for BitComet's form of it, a PIECE without a block, which comes without BEP 6 too. */
  onReject(piece: number, begin: number, length: number): void;
  /** BEP 6: we may ask for this piece although we are choked. */
  onAllowedFast(piece: number): void;
  /** BEP 10. `payload` is what follows `id`, valid only during the call. */
  onExtended(id: number, payload: Uint8Array): void;
  /** BEP 52: the remote asks for hashes of a file. */
  onHashRequest(range: HashRange): void;
  /** BEP 52. `hashes`: 32 bytes each, the stretch and then its proof; valid only during the call, not verified. */
  onHashes(range: HashRange, hashes: Uint8Array): void;
  /** BEP 52: the remote will not serve that request of ours. */
  onHashReject(range: HashRange): void;
  /** A message with an id that we do not know; its payload is skipped. */
  onUnknown(id: number): void;
  /**
   * The block of a PIECE begins, `length` is 1 to LIMITS.requestBytesMax. It is skipped unless the handler says in
   * `target` where its bytes go.
   */
  onBlockStart(piece: number, begin: number, length: number, target: BlockTarget): void;
  /** The block is complete, or has been skipped. */
  onBlockEnd(piece: number, begin: number, length: number): void;
  /** The last call: the decoder has stopped. */
  onViolation(reason: WireViolation): void;
}

/** Where a block is copied to. One for all blocks of a decoder, so that none costs an object. */
export interface BlockTarget {
  /** Null = skip the block. Otherwise it holds the block from `offset` on, and stays valid until onBlockEnd. */
  bytes: Uint8Array | null;
  /** 0 unless it is said otherwise. */
  offset: number;
}

/** What the next byte belongs to. handshake -> frame; frame -> block | skip -> frame. */
type State = 'handshake' | 'frame' | 'block' | 'skip';

/** Reads what one remote sends, handshake first: bytes in any chunking in, calls of a WireHandler out. No I/O. */
export class WireDecoder {
  /** Both sides have the fast extension (BEP 6). The owner sets it in onHandshakeHash. */
  isFastNegotiated = false;
  readonly #handler: WireHandler;
  #state: State = 'handshake';
  #isStopped = false;
  /** The remote has said, or by a block shown, that it has some pieces, all of them or none. */
  #hasToldPieces = false;
  /** 0 = not known yet. */
  #pieceCount = 0;

  /** The start of a handshake or frame that chunks have cut. */
  #partial: Uint8Array = new Uint8Array(PARTIAL_BYTES);
  #partialLength = 0;
  /** How many bytes of the handshake or frame it takes to get one step further. */
  #needed = HANDSHAKE_HASH_BYTES;

  #blockPiece = 0;
  #blockBegin = 0;
  #blockLength = 0;
  readonly #blockTarget: BlockTarget = { bytes: null, offset: 0 };
  /** What is left of the block, or of a payload to skip. */
  #leftBytes = 0;

  /** One decoder a connection. */
  constructor(handler: WireHandler) {
    this.#handler = handler;
  }

  /** The metadata is known: from now on a bitfield has to be for `count` pieces. */
  setPieceCount(count: number): void {
    this.#pieceCount = count;
  }

  /** The block that is arriving goes to `bytes` from now on, which begins with it. What has come of it is not moved. */
  redirectBlock(bytes: Uint8Array): void {
    assert(this.#state === 'block' && bytes.length >= this.#blockLength, 'a block is redirected that there is not');
    this.#blockTarget.bytes = bytes;
    this.#blockTarget.offset = 0;
  }

  /** Nothing is delivered after this, also when called from inside a callback. */
  stop(): void {
    this.#isStopped = true;
  }

  /** `chunk` is only read, and not kept. Not to be called from inside a callback. */
  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length && !this.#isStopped) {
      switch (this.#state) {
        case 'handshake':
          offset = this.#pushHandshake(chunk, offset);
          break;
        case 'frame':
          offset = this.#pushFrame(chunk, offset);
          break;
        case 'block':
          offset = this.#pushBlock(chunk, offset);
          break;
        case 'skip':
          offset = this.#pushSkipped(chunk, offset);
          break;
      }
    }
  }

  // Each of the next four takes bytes of `chunk` from `offset` and returns the offset behind them.

  #pushHandshake(chunk: Uint8Array, offset: number): number {
    const checkedFrom = this.#partialLength;
    const end = this.#collect(chunk, offset);
    const checkedTo = Math.min(this.#partialLength, PROTOCOL_HEAD.length);
    for (let i = checkedFrom; i < checkedTo; i++) {
      // At the first wrong byte, not at the 48th: an HTTP client may never send that many.
      if (this.#partial[i] !== PROTOCOL_HEAD[i]) {
        this.#violation('bad-protocol-name');
        return end;
      }
    }
    if (this.#partialLength < this.#needed) return end;
    if (this.#needed === HANDSHAKE_HASH_BYTES) {
      this.#needed = HANDSHAKE_BYTES;
      const hashStart = PROTOCOL_HEAD.length + RESERVED_BYTES;
      const reserved = this.#partial.slice(PROTOCOL_HEAD.length, hashStart);
      this.#handler.onHandshakeHash(reserved, this.#partial.slice(hashStart, HANDSHAKE_HASH_BYTES));
    } else {
      this.#partialLength = 0;
      this.#state = 'frame';
      this.#handler.onPeerId(this.#partial.slice(HANDSHAKE_HASH_BYTES, HANDSHAKE_BYTES));
    }
    return end;
  }

  #pushFrame(chunk: Uint8Array, offset: number): number {
    if (this.#partialLength === 0) {
      const consumed = this.#readFrame(chunk, offset, chunk.length - offset);
      return consumed > 0 || this.#isStopped ? offset + consumed : this.#collect(chunk, offset);
    }
    const end = this.#collect(chunk, offset);
    if (this.#partialLength < this.#needed) return end;
    // #needed is exact, so a frame that can be read is all that #partial holds.
    if (this.#readFrame(this.#partial, 0, this.#partialLength) > 0) {
      this.#partialLength = 0;
      if (this.#partial.length > PARTIAL_BYTES_KEPT) this.#partial = new Uint8Array(PARTIAL_BYTES);
    }
    return end;
  }

  #pushBlock(chunk: Uint8Array, offset: number): number {
    const count = Math.min(this.#leftBytes, chunk.length - offset);
    const target = this.#blockTarget;
    if (target.bytes !== null) {
      copyBytes(chunk, offset, count, target.bytes, target.offset + this.#blockLength - this.#leftBytes);
    }
    this.#leftBytes -= count;
    if (this.#leftBytes === 0) {
      this.#state = 'frame';
      target.bytes = null;
      this.#handler.onBlockEnd(this.#blockPiece, this.#blockBegin, this.#blockLength);
    }
    return offset + count;
  }

  #pushSkipped(chunk: Uint8Array, offset: number): number {
    const count = Math.min(this.#leftBytes, chunk.length - offset);
    this.#leftBytes -= count;
    if (this.#leftBytes === 0) this.#state = 'frame';
    return offset + count;
  }

  /** Moves bytes into #partial until it has #needed. It grows with what has come, not with what a length promises. */
  #collect(chunk: Uint8Array, offset: number): number {
    const count = Math.min(this.#needed - this.#partialLength, chunk.length - offset);
    const length = this.#partialLength + count;
    if (length > this.#partial.length) {
      const larger = new Uint8Array(Math.min(this.#needed, Math.max(length, 2 * this.#partial.length)));
      larger.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = larger;
    }
    this.#partial.set(viewOf(chunk, offset, count), this.#partialLength);
    this.#partialLength = length;
    return offset + count;
  }

  /**
   * Reads one frame, or of a PIECE and of an unknown message the part before the payload.
   * @returns the bytes consumed; 0 = more are needed (#needed says how many from `start`), or the decoder has stopped.
   */
  #readFrame(bytes: Uint8Array, start: number, available: number): number {
    if (available < 4) return this.#await(4);
    const length = readUint32(bytes, start);
    if (length === 0) {
      this.#handler.onKeepAlive();
      return 4;
    }
    if (length > LIMITS.messageBytesMax) return this.#violation('message-too-long');
    if (available < 5) return this.#await(5);
    const id = bytes[start + 4]!;
    if (!isKnown(id)) return this.#skipUnknown(id, length);
    const violation = this.#check(id, length);
    if (violation !== null) return this.#violation(violation);
    if (id === PIECE) {
      if (available < PIECE_HEADER_BYTES) return this.#await(PIECE_HEADER_BYTES);
      this.#startBlock(readUint32(bytes, start + 5), readUint32(bytes, start + 9), length - 9);
      return PIECE_HEADER_BYTES;
    }
    if (available < 4 + length) return this.#await(4 + length);
    if (tellsPieces(id)) this.#hasToldPieces = true;
    this.#deliver(id, bytes, start + 5, length - 1);
    return 4 + length;
  }

  /** Everything that id and length alone tell. `length` counts the id. */
  #check(id: number, length: number): WireViolation | null {
    const isFast = id >= SUGGEST && id <= ALLOWED_FAST;
    if (isFast && !this.isFastNegotiated) return 'fast-not-negotiated';
    // They are to come first (BEP 6), but WebTorrent on a magnet link can say it only when it has the metadata, and is
    // interested by then. A bitfield may come at any time: aria2 sends one later, instead of many haves.
    if ((id === HAVE_ALL || id === HAVE_NONE) && this.#hasToldPieces) return 'bitfield-not-first';
    switch (id) {
      case BITFIELD:
        if (this.#pieceCount > 0) return length === 1 + Math.ceil(this.#pieceCount / 8) ? null : 'bad-length';
        return length <= 1 + Math.ceil(LIMITS.pieceCountMax / 8) ? null : 'message-too-long';
      case PIECE:
        if (length < 9) return 'bad-length';
        return length - 9 <= LIMITS.requestBytesMax ? null : 'message-too-long';
      case EXTENDED:
        if (length < 2) return 'bad-length';
        return length - 2 <= LIMITS.extendedMessageBytesMax ? null : 'message-too-long';
      case HASHES:
        if (!isHashesPayloadLength(length - 1)) return 'bad-length';
        return length - 1 <= HASHES_PAYLOAD_BYTES_MAX ? null : 'message-too-long';
      default:
        return length === EXACT_LENGTHS[id] ? null : 'bad-length';
    }
  }

  /** A whole message. Those of fixed length have up to three numbers. */
  #deliver(id: number, bytes: Uint8Array, at: number, payloadBytes: number): void {
    const handler = this.#handler;
    if (id === BITFIELD) handler.onBitfield(viewOf(bytes, at, payloadBytes));
    else if (id === EXTENDED) handler.onExtended(bytes[at]!, viewOf(bytes, at + 1, payloadBytes - 1));
    else if (id >= HASH_REQUEST) this.#deliverHashes(id, readHashRange(bytes, at), viewOf(bytes, at, payloadBytes));
    else if (id === PORT) handler.onPort(readUint16(bytes, at));
    else if (payloadBytes === 0) this.#deliverState(id);
    else if (payloadBytes === 4) this.#deliverPiece(id, readUint32(bytes, at));
    else this.#deliverBlock(id, readUint32(bytes, at), readUint32(bytes, at + 4), readUint32(bytes, at + 8));
  }

  #deliverState(id: number): void {
    const handler = this.#handler;
    if (id === CHOKE) handler.onChoke();
    else if (id === UNCHOKE) handler.onUnchoke();
    else if (id === INTERESTED) handler.onInterested();
    else if (id === NOT_INTERESTED) handler.onNotInterested();
    else if (id === HAVE_ALL) handler.onHaveAll();
    else handler.onHaveNone();
  }

  #deliverPiece(id: number, piece: number): void {
    if (id === HAVE) this.#handler.onHave(piece);
    else if (id === SUGGEST) this.#handler.onSuggest(piece);
    else this.#handler.onAllowedFast(piece);
  }

  #deliverBlock(id: number, piece: number, begin: number, length: number): void {
    if (id === REQUEST) this.#handler.onRequest(piece, begin, length);
    else if (id === CANCEL) this.#handler.onCancel(piece, begin, length);
    else this.#handler.onReject(piece, begin, length);
  }

  #deliverHashes(id: number, range: HashRange, payload: Uint8Array): void {
    if (id === HASH_REQUEST) this.#handler.onHashRequest(range);
    else if (id === HASH_REJECT) this.#handler.onHashReject(range);
    else if (!isHashesPayloadOf(range, payload.length)) this.#violation('bad-length');
    else this.#handler.onHashes(range, payload.subarray(HASH_RANGE_BYTES));
  }

  #startBlock(piece: number, begin: number, length: number): void {
    this.#hasToldPieces = true;
    if (length === 0) {
      // BitComet answers a request that it will not serve with an empty block.
      this.#handler.onReject(piece, begin, 0);
      return;
    }
    this.#state = 'block';
    this.#blockPiece = piece;
    this.#blockBegin = begin;
    this.#blockLength = length;
    this.#leftBytes = length;
    const target = this.#blockTarget;
    target.offset = 0;
    this.#handler.onBlockStart(piece, begin, length, target);
    assert(target.bytes === null || target.offset + length <= target.bytes.length, 'a block has to fit its target');
  }

  #skipUnknown(id: number, length: number): number {
    this.#leftBytes = length - 1;
    this.#state = 'skip';
    this.#handler.onUnknown(id);
    return 5;
  }

  /** @returns 0, as #readFrame does for an incomplete frame. */
  #await(bytes: number): 0 {
    this.#needed = bytes;
    return 0;
  }

  /** @returns 0, as #readFrame does for a stopped decoder. */
  #violation(reason: WireViolation): 0 {
    this.stop();
    this.#handler.onViolation(reason);
    return 0;
  }
}

/** Room for a handshake and for every message of fixed size. */
const PARTIAL_BYTES = 128;
/** A larger buffer, grown for one message, is given back after it. */
const PARTIAL_BYTES_KEPT = 4096;

/** Marks the types whose length varies. */
const VARIABLE = 255;
/** By id: the length that a message of this type has, id included; 0 = not known. */
const EXACT_LENGTHS = new Uint8Array(256);
for (const id of [CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE_ALL, HAVE_NONE]) EXACT_LENGTHS[id] = 1;
for (const id of [HAVE, SUGGEST, ALLOWED_FAST]) EXACT_LENGTHS[id] = 5;
for (const id of [REQUEST, CANCEL, REJECT]) EXACT_LENGTHS[id] = 13;
EXACT_LENGTHS[PORT] = 3;
for (const id of [HASH_REQUEST, HASH_REJECT]) EXACT_LENGTHS[id] = 1 + HASH_RANGE_BYTES;
for (const id of [BITFIELD, PIECE, EXTENDED, HASHES]) EXACT_LENGTHS[id] = VARIABLE;

function tellsPieces(id: number): boolean {
  return id === HAVE || id === BITFIELD || id === HAVE_ALL || id === HAVE_NONE;
}

function isKnown(id: number): boolean {
  return EXACT_LENGTHS[id] !== 0;
}
