/** A WireHandler that encodes again what it hears, up to the first message that cannot be: one it does not know. */
import { concatBytes } from '../../../src/base/bytes.js';
import type { BlockTarget, WireDecoder, WireHandler } from '../../../src/protocol/wire/decoder.js';
import { WireEncoder } from '../../../src/protocol/wire/encoder.js';
import type { HashRange } from '../../../src/protocol/wire/hashes.js';

export class EncodingHandler implements WireHandler {
  decoder: WireDecoder | null = null;
  readonly #parts: Uint8Array[] = [];
  readonly #encoder = new WireEncoder();
  #hash: readonly [reserved: Uint8Array, infoHash: Uint8Array] | null = null;
  #block: Uint8Array | null = null;

  bytes(): Uint8Array {
    this.#flush();
    return concatBytes(this.#parts);
  }

  onHandshakeHash(reserved: Uint8Array, infoHash: Uint8Array): void {
    this.decoder!.isFastNegotiated = (reserved[7]! & 4) !== 0;
    this.#hash = [reserved, infoHash];
  }
  onPeerId(peerId: Uint8Array): void {
    this.#encoder.handshake(...this.#hash!, peerId);
  }
  onKeepAlive(): void {
    this.#encoder.keepAlive();
  }
  onChoke(): void {
    this.#encoder.choke();
  }
  onUnchoke(): void {
    this.#encoder.unchoke();
  }
  onInterested(): void {
    this.#encoder.interested();
  }
  onNotInterested(): void {
    this.#encoder.notInterested();
  }
  onHave(piece: number): void {
    this.#encoder.have(piece);
  }
  onBitfield(bytes: Uint8Array): void {
    this.#encoder.bitfield(bytes);
  }
  onRequest(piece: number, begin: number, length: number): void {
    this.#encoder.request(piece, begin, length);
  }
  onCancel(piece: number, begin: number, length: number): void {
    this.#encoder.cancel(piece, begin, length);
  }
  onPort(port: number): void {
    this.#encoder.port(port);
  }
  onSuggest(piece: number): void {
    this.#encoder.suggest(piece);
  }
  onHaveAll(): void {
    this.#encoder.haveAll();
  }
  onHaveNone(): void {
    this.#encoder.haveNone();
  }
  onReject(piece: number, begin: number, length: number): void {
    // BitComet's way: it was sent as a PIECE without a block, or as a REJECT of nothing.
    if (length === 0) this.decoder!.stop();
    else this.#encoder.reject(piece, begin, length);
  }
  onAllowedFast(piece: number): void {
    this.#encoder.allowedFast(piece);
  }
  onExtended(id: number, payload: Uint8Array): void {
    this.#encoder.extended(id, payload);
  }
  onHashRequest(range: HashRange): void {
    this.#encoder.hashRequest(range);
  }
  onHashes(range: HashRange, hashes: Uint8Array): void {
    this.#encoder.hashes(range, hashes);
  }
  onHashReject(range: HashRange): void {
    this.#encoder.hashReject(range);
  }
  onUnknown(): void {
    this.decoder!.stop();
  }
  onBlockStart(_piece: number, _begin: number, length: number, target: BlockTarget): void {
    this.#block = new Uint8Array(length);
    target.bytes = this.#block;
  }
  onBlockEnd(piece: number, begin: number, length: number): void {
    this.#encoder.pieceHeader(piece, begin, length);
    this.#flush();
    this.#parts.push(this.#block!);
  }
  onViolation(): void {}

  #flush(): void {
    const bytes = this.#encoder.take();
    if (bytes !== null) this.#parts.push(bytes);
  }
}
