/**
 * Writes peer wire messages (BEP 3, 5, 6, 10, 52) one behind the other, for the one write of a turn.
 * Invariant: bytes that take() has handed out are never rewritten, because a stream borrows them until they are
 * written. New messages go behind them in the same allocation until it is full, then into a fresh one.
 * Pieces, offsets and lengths are unsigned 32-bit; called by Peer inside turns, without an object per message.
 */
import { writeUint16, writeUint32 } from '../../base/bytes.js';
import { encodeHandshake } from './handshake.js';
import { HASH_RANGE_BYTES, type HashRange, writeHashRange } from './hashes.js';
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

/** Some 480 requests, or 600 block headers: a few turns of a busy peer. */
const AREA_BYTES = 8 * 1024;

/** Writes messages one behind the other; take() hands them out. No I/O. Pieces, offsets and lengths are uint32. */
export class WireEncoder {
  #area: Uint8Array = NO_AREA;
  /** Where the bytes start that take() has not handed out. */
  #taken = 0;
  #end = 0;

  /** Bytes written since the last take(). */
  get pendingBytes(): number {
    return this.#end - this.#taken;
  }

  /** @returns everything since the last take() as one view, never rewritten; null when there is nothing. */
  take(): Uint8Array | null {
    if (this.#end === this.#taken) return null;
    const bytes = this.#area.subarray(this.#taken, this.#end);
    this.#taken = this.#end;
    return bytes;
  }

  /** BEP 3. `reserved` has 8 bytes, the other two 20 each. */
  handshake(reserved: Uint8Array, infoHash: Uint8Array, peerId: Uint8Array): void {
    this.#append(encodeHandshake(reserved, infoHash, peerId));
  }

  /** Nothing new, but we are still here. */
  keepAlive(): void {
    const at = this.#reserve(4);
    writeUint32(this.#area, at, 0);
  }

  /** We serve the remote no longer. */
  choke(): void {
    this.#frame(CHOKE, 0);
  }

  /** We serve the remote. */
  unchoke(): void {
    this.#frame(UNCHOKE, 0);
  }

  /** We want something of the remote. */
  interested(): void {
    this.#frame(INTERESTED, 0);
  }

  /** We want nothing of the remote. */
  notInterested(): void {
    this.#frame(NOT_INTERESTED, 0);
  }

  /** We have one piece more. */
  have(piece: number): void {
    this.#numbers1(HAVE, piece);
  }

  /** `bytes` in wire order, spare bits zero (Bitfield.bytes). */
  bitfield(bytes: Uint8Array): void {
    const at = this.#frame(BITFIELD, bytes.length);
    this.#area.set(bytes, at);
  }

  /** Asks for a block. */
  request(piece: number, begin: number, length: number): void {
    this.#numbers3(REQUEST, piece, begin, length);
  }

  /** Takes a request back. */
  cancel(piece: number, begin: number, length: number): void {
    this.#numbers3(CANCEL, piece, begin, length);
  }

  /** The 13 bytes before a block of `length` bytes; the caller sends the block itself right behind them. */
  pieceHeader(piece: number, begin: number, length: number): void {
    const at = this.#reserve(PIECE_HEADER_BYTES);
    writeUint32(this.#area, at, 9 + length);
    this.#area[at + 4] = PIECE;
    writeUint32(this.#area, at + 5, piece);
    writeUint32(this.#area, at + 9, begin);
  }

  /** BEP 5: the UDP port of our DHT node. */
  port(port: number): void {
    const at = this.#frame(PORT, 2);
    writeUint16(this.#area, at, port);
  }

  /** BEP 6, like the five below: only when both sides have the fast extension. */
  suggest(piece: number): void {
    this.#numbers1(SUGGEST, piece);
  }

  /** BEP 6: we have every piece. */
  haveAll(): void {
    this.#frame(HAVE_ALL, 0);
  }

  /** BEP 6: we have no piece. */
  haveNone(): void {
    this.#frame(HAVE_NONE, 0);
  }

  /** BEP 6: a request will not be served. */
  reject(piece: number, begin: number, length: number): void {
    this.#numbers3(REJECT, piece, begin, length);
  }

  /** BEP 6: the remote may ask for this piece although we choke it. */
  allowedFast(piece: number): void {
    this.#numbers1(ALLOWED_FAST, piece);
  }

  /** BEP 10. `id` is the one that the receiver assigned, 0 = the extension handshake. */
  extended(id: number, payload: Uint8Array): void {
    const at = this.#frame(EXTENDED, 1 + payload.length);
    this.#area[at] = id;
    this.#area.set(payload, at + 1);
  }

  /** BEP 52: asks for hashes of a file. */
  hashRequest(range: HashRange): void {
    const at = this.#frame(HASH_REQUEST, HASH_RANGE_BYTES);
    writeHashRange(this.#area, at, range);
  }

  /** BEP 52: answers a request. `hashes`: 32 bytes each, the stretch and then its proof. */
  hashes(range: HashRange, hashes: Uint8Array): void {
    const at = this.#frame(HASHES, HASH_RANGE_BYTES + hashes.length);
    writeHashRange(this.#area, at, range);
    this.#area.set(hashes, at + HASH_RANGE_BYTES);
  }

  /** BEP 52: a request for hashes will not be served. */
  hashReject(range: HashRange): void {
    const at = this.#frame(HASH_REJECT, HASH_RANGE_BYTES);
    writeHashRange(this.#area, at, range);
  }

  #numbers1(id: number, piece: number): void {
    const at = this.#frame(id, 4);
    writeUint32(this.#area, at, piece);
  }

  #numbers3(id: number, piece: number, begin: number, length: number): void {
    const at = this.#frame(id, 12);
    writeUint32(this.#area, at, piece);
    writeUint32(this.#area, at + 4, begin);
    writeUint32(this.#area, at + 8, length);
  }

  /** Writes length and id. @returns where the payload goes. */
  #frame(id: number, payloadBytes: number): number {
    const at = this.#reserve(5 + payloadBytes);
    writeUint32(this.#area, at, 1 + payloadBytes);
    this.#area[at + 4] = id;
    return at + 5;
  }

  #append(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#area.set(bytes, at);
  }

  /** @returns the offset in #area of `count` bytes that are the caller's to write. */
  #reserve(count: number): number {
    if (this.#end + count > this.#area.length) this.#renew(count);
    const at = this.#end;
    this.#end += count;
    return at;
  }

  /** A fresh allocation. Pending bytes move along, so that take() stays one view; it doubles, so they move seldom. */
  #renew(count: number): void {
    const pending = this.pendingBytes;
    const area = new Uint8Array(Math.max(AREA_BYTES, pending + count, 2 * pending));
    area.set(this.#area.subarray(this.#taken, this.#end));
    this.#area = area;
    this.#taken = 0;
    this.#end = pending;
  }
}

/** Until the first message: most candidates never get that far. */
const NO_AREA = new Uint8Array(0);
