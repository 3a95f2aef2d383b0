/**
 * A peer that says what the fuzzer gave it, in chunks over virtual time, and that may answer what it is asked: rightly,
 * wrongly, twice, in part or never, as its own dice fall. It keeps nothing and never gives up by itself.
 */
import { type Random, randomBelow } from '../../../src/base/random.js';
import { contentOf } from '../../../src/engine/testing/raw-peer.js';
import type { SimTorrent } from '../../../src/engine/testing/sim-swarm.js';
import type { ByteStream, ByteStreamHandler } from '../../../src/host/network.js';
import { WireDecoder } from '../../../src/protocol/wire/decoder.js';
import { WireEncoder } from '../../../src/protocol/wire/encoder.js';
import type { HashRange } from '../../../src/protocol/wire/hashes.js';
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  METADATA_BLOCK_BYTES,
} from '../../../src/protocol/wire/metadata.js';
import { Recorder } from '../../../src/protocol/wire/testing/recorder.js';
import type { Simulator } from '../../../src/sim/simulator.js';

export interface MutatedPeerOptions {
  readonly simulator: Simulator;
  readonly torrent: SimTorrent;
  /** What it says by itself. */
  readonly script: Uint8Array;
  readonly chunkBytes: number;
  readonly delayMs: number;
  /** It answers requests, in the ways of a peer of this kind. */
  readonly answers: 'never' | 'mostly-right' | 'anyhow';
  readonly random: Random;
}

export class MutatedPeer extends Recorder implements ByteStreamHandler {
  stream: ByteStream | null = null;
  readonly #options: MutatedPeerOptions;
  readonly #decoder = new WireDecoder(this);
  #offset = 0;
  #isClosed = false;

  constructor(options: MutatedPeerOptions) {
    super();
    this.#options = options;
    this.decoder = this.#decoder;
    this.buffer = null;
  }

  /** Begins to talk. `stream` is open, or opens soon. */
  begin(stream: ByteStream): void {
    this.stream = stream;
    this.#say();
  }

  close(): void {
    this.stream?.close();
  }

  onOpen(): void {}
  onData(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
    this.lines.length = 0;
  }
  onWritten(): void {}
  onClose(): void {
    this.#isClosed = true;
    this.#decoder.stop();
  }

  override onRequest(piece: number, begin: number, length: number): void {
    const { answers, random, torrent } = this.#options;
    if (answers === 'never') return;
    const way = answers === 'mostly-right' ? Math.max(0, randomBelow(random, 12) - 4) : randomBelow(random, 9);
    const block = contentOf(torrent, piece, begin, length);
    const other = randomBelow(random, 2 ** 32);
    switch (way) {
      case 1:
        block[other % Math.max(1, block.length)]! ^= 1;
        this.#sendBlock(piece, begin, block);
        break;
      case 2:
        this.#sendBlock(piece, begin, block.subarray(0, other % (block.length + 1)));
        break;
      case 3:
        this.#sendBlock(piece, other, block);
        break;
      case 4:
        this.#send((encoder) => encoder.reject(piece, begin, length));
        break;
      case 5:
        this.#sendBlock(piece, begin, block);
        this.#sendBlock(piece, begin, block);
        break;
      case 6:
        this.#send((encoder) => encoder.choke());
        this.#send((encoder) => encoder.unchoke());
        break;
      case 7:
        break;
      default:
        this.#sendBlock(piece, begin, block);
    }
  }

  override onExtended(id: number, payload: Uint8Array): void {
    const { answers, random, torrent } = this.#options;
    const message = id === 0 ? null : decodeMetadataMessage(payload);
    if (answers === 'never' || message?.type !== 'request') return;
    const { infoBytes } = torrent.metainfo;
    const from = message.block * METADATA_BLOCK_BYTES;
    const bytes = infoBytes.slice(from, from + METADATA_BLOCK_BYTES);
    const way = randomBelow(random, 6);
    if (way === 1 && bytes.length > 0) bytes[randomBelow(random, bytes.length)]! ^= 1;
    const total = way === 2 ? randomBelow(random, 2 ** 24) : infoBytes.length;
    // The ids that our own engine assigns.
    if (way === 3) this.#send((encoder) => encoder.extended(2, encodeMetadataReject(message.block)));
    else if (way !== 4) this.#send((encoder) => encoder.extended(2, encodeMetadataData(message.block, total, bytes)));
  }

  override onHashRequest(range: HashRange): void {
    const { answers, random } = this.#options;
    if (answers === 'never') return;
    const hashes = new Uint8Array(32 * Math.min(64, range.length + randomBelow(random, 4)));
    random.fill(hashes);
    if (randomBelow(random, 2) === 0) this.#send((encoder) => encoder.hashReject(range));
    else this.#send((encoder) => encoder.hashes(range, hashes));
  }

  #sendBlock(piece: number, begin: number, block: Uint8Array): void {
    this.#send((encoder) => encoder.pieceHeader(piece, begin, block.length));
    this.#write(block);
  }

  #send(say: (encoder: WireEncoder) => void): void {
    const encoder = new WireEncoder();
    say(encoder);
    this.#write(encoder.take()!);
  }

  #write(bytes: Uint8Array): void {
    if (!this.#isClosed && bytes.length > 0) this.stream!.write(bytes.slice());
  }

  #say(): void {
    const { script, chunkBytes, delayMs, simulator } = this.#options;
    if (this.#isClosed || this.#offset >= script.length) return;
    this.#write(script.subarray(this.#offset, this.#offset + chunkBytes));
    this.#offset += chunkBytes;
    simulator.after(delayMs, () => this.#say());
  }
}
