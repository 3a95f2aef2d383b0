/** A WireHandler for tests: writes down what it hears, one line a call, and gives every piece a buffer. */
import { toHex } from '../../../base/bytes.js';
import type { BlockTarget, WireDecoder, WireHandler, WireViolation } from '../decoder.js';
import type { HashRange } from '../hashes.js';

export class Recorder implements WireHandler {
  readonly lines: string[] = [];
  /** Called with each line, also from inside the callback. */
  onLine: (line: string) => void = () => {};
  /** Where blocks go, each to its `begin`; null = skip. */
  buffer: Uint8Array | null = new Uint8Array(512 * 1024);
  /** Told to the decoder during onHandshakeHash, as a Peer does. */
  decoder: WireDecoder | null = null;

  onHandshakeHash(reserved: Uint8Array, infoHash: Uint8Array): void {
    if (this.decoder !== null) this.decoder.isFastNegotiated = (reserved[7]! & 4) !== 0;
    this.#line(`handshake ${toHex(reserved)} ${toHex(infoHash)}`);
  }
  onPeerId(peerId: Uint8Array): void {
    this.#line(`peer-id ${toHex(peerId)}`);
  }
  onKeepAlive(): void {
    this.#line('keep-alive');
  }
  onChoke(): void {
    this.#line('choke');
  }
  onUnchoke(): void {
    this.#line('unchoke');
  }
  onInterested(): void {
    this.#line('interested');
  }
  onNotInterested(): void {
    this.#line('not-interested');
  }
  onHave(piece: number): void {
    this.#line(`have ${piece}`);
  }
  onBitfield(bytes: Uint8Array): void {
    this.#line(`bitfield ${toHex(bytes)}`);
  }
  onRequest(piece: number, begin: number, length: number): void {
    this.#line(`request ${piece} ${begin} ${length}`);
  }
  onCancel(piece: number, begin: number, length: number): void {
    this.#line(`cancel ${piece} ${begin} ${length}`);
  }
  onPort(port: number): void {
    this.#line(`port ${port}`);
  }
  onSuggest(piece: number): void {
    this.#line(`suggest ${piece}`);
  }
  onHaveAll(): void {
    this.#line('have-all');
  }
  onHaveNone(): void {
    this.#line('have-none');
  }
  onReject(piece: number, begin: number, length: number): void {
    this.#line(`reject ${piece} ${begin} ${length}`);
  }
  onAllowedFast(piece: number): void {
    this.#line(`allowed-fast ${piece}`);
  }
  onExtended(id: number, payload: Uint8Array): void {
    this.#line(`extended ${id} ${toHex(payload)}`);
  }
  onHashRequest(range: HashRange): void {
    this.#line(`hash-request ${inWords(range)}`);
  }
  onHashes(range: HashRange, hashes: Uint8Array): void {
    this.#line(`hashes ${inWords(range)} ${toHex(hashes)}`);
  }
  onHashReject(range: HashRange): void {
    this.#line(`hash-reject ${inWords(range)}`);
  }
  onUnknown(id: number): void {
    this.#line(`unknown ${id}`);
  }
  onBlockStart(piece: number, begin: number, length: number, target: BlockTarget): void {
    this.#line(`block-start ${piece} ${begin} ${length}`);
    if (this.buffer === null || begin + length > this.buffer.length) return;
    target.bytes = this.buffer;
    target.offset = begin;
  }
  onBlockEnd(piece: number, begin: number, length: number): void {
    const bytes = this.buffer?.subarray(begin, begin + length);
    this.#line(`block-end ${piece} ${begin} ${length} ${bytes === undefined ? 'skipped' : toHex(bytes)}`);
  }
  onViolation(reason: WireViolation): void {
    this.#line(`violation ${reason}`);
  }

  #line(line: string): void {
    this.lines.push(line);
    this.onLine(line);
  }
}

function inWords({ piecesRoot, baseLayer, index, length, proofLayers }: HashRange): string {
  return `${toHex(piecesRoot)} ${baseLayer} ${index} ${length} ${proofLayers}`;
}
