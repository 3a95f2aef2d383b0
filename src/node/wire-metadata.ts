/**
 * ut_metadata (BEP 9) over a WireStream: serves the info dictionary of a torrent, or fetches the one that belongs to an
 * info-hash. Also the example of how an extension sits on a WireStream: an extension handshake, `extended` events and
 * `extended()`. One peer at a time; fetching from many at once is the engine's (engine/metadata/metadata-fetcher.ts).
 */
import { concatBytes } from '../base/bytes.js';
import { DtorrentError, toDtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { type InfoHash, matchesInfoHash } from '../format/infohash.js';
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  METADATA_BLOCK_BYTES,
  type MetadataMessage,
  metadataBlockBytes,
  metadataBlockCount,
} from '../protocol/wire/metadata.js';
import { wireError } from './wire-failure.js';
import type { WireStream } from './wire-stream.js';

const NAME = 'ut_metadata';

/**
 * Serves `infoBytes` (`infoBytes` of a Metainfo) to the remote. Call it once, after handshake(). Each block is served
 * 16 times a connection at most. Not for private torrents (BEP 27).
 */
export function serveMetadata(wire: WireStream, infoBytes: Uint8Array): void {
  let left = LIMITS.metadataServedPerBlockMax * metadataBlockCount(infoBytes.length);
  wire.on('extended', ({ name, payload }) => {
    const message = name === NAME ? decodeMetadataMessage(payload) : null;
    if (message?.type !== 'request') return;
    const { block } = message;
    const length = metadataBlockBytes(infoBytes.length, block);
    if (length === 0 || left === 0) {
      wire.extended(NAME, encodeMetadataReject(block));
      return;
    }
    left--;
    const begin = block * METADATA_BLOCK_BYTES;
    wire.extended(NAME, encodeMetadataData(block, infoBytes.length, infoBytes.subarray(begin, begin + length)));
  });
  wire.extensionHandshake({ extensions: [NAME], metadataBytes: infoBytes.length });
}

/**
 * Asks the remote for the info dictionary. Call it after handshake(); parseInfoDictionary of dtorrent/metainfo reads
 * the result. How long to wait is the caller's matter: destroy the stream to give up.
 * @returns bytes that match every hash of `infoHash`.
 * @throws {DtorrentError} `EFAILED` when the remote has no metadata or will not give it, `EPROTOCOL` when what it sends
 *   does not match, or the error that the stream ended with.
 */
export function fetchMetadata(wire: WireStream, infoHash: InfoHash): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const fetch = new MetadataFetch(wire, infoHash, (result) => {
      if (result instanceof DtorrentError) reject(result);
      else resolve(result);
    });
    fetch.start();
  });
}

class MetadataFetch {
  readonly #wire: WireStream;
  readonly #infoHash: InfoHash;
  readonly #settle: (result: Uint8Array | DtorrentError) => void;
  /** 0 until the remote has said how long the metadata is. */
  #totalBytes = 0;
  /** Grows with what comes, not with what was promised. */
  readonly #blocks = new Map<number, Uint8Array>();
  #requested = 0;
  #isOver = false;

  constructor(wire: WireStream, infoHash: InfoHash, settle: (result: Uint8Array | DtorrentError) => void) {
    this.#wire = wire;
    this.#infoHash = infoHash;
    this.#settle = settle;
  }

  start(): void {
    const wire = this.#wire;
    wire.on('extensionHandshake', ({ extensions, metadataBytes }) => this.#begin(extensions.get(NAME), metadataBytes));
    wire.on('extended', ({ name, payload }) => {
      const message = name === NAME ? decodeMetadataMessage(payload) : null;
      if (message !== null) this.#receive(message);
    });
    const onClose = (): void => this.#end(toDtorrentError(wire.errored ?? closedError(), 'ENETWORK'));
    if (wire.closed) onClose();
    else wire.on('close', onClose);
    wire.extensionHandshake({ extensions: [NAME] });
    const check = (): void => {
      if (!wire.hasExtensions) this.#end(refusedError());
    };
    if (wire.isOpen) check();
    else wire.once('handshake', check);
  }

  #begin(id: number | undefined, metadataBytes: number | null): void {
    if (this.#isOver || this.#totalBytes > 0) return;
    if (id === undefined || id === 0 || metadataBytes === null) {
      this.#end(refusedError());
      return;
    }
    this.#totalBytes = metadataBytes;
    for (let i = 0; i < LIMITS.metadataRequestsPerPeerMax; i++) this.#requestNext();
  }

  #requestNext(): void {
    if (this.#requested === metadataBlockCount(this.#totalBytes)) return;
    this.#wire.extended(NAME, encodeMetadataRequest(this.#requested++));
  }

  #receive(message: MetadataMessage): void {
    // The other side may ask for what we are asking for: it learns that we have nothing.
    if (message.type === 'request') this.#wire.extended(NAME, encodeMetadataReject(message.block));
    if (this.#isOver || message.type === 'request' || message.block >= this.#requested) return;
    if (message.type === 'reject') {
      this.#end(refusedError());
    } else if (message.bytes.length !== metadataBlockBytes(this.#totalBytes, message.block)) {
      this.#end(wireError('bad-metadata'));
    } else if (!this.#blocks.has(message.block)) {
      this.#blocks.set(message.block, message.bytes);
      this.#requestNext();
      if (this.#blocks.size === metadataBlockCount(this.#totalBytes)) this.#complete();
    }
  }

  #complete(): void {
    const infoBytes = concatBytes(Array.from({ length: this.#blocks.size }, (_, block) => this.#blocks.get(block)!));
    this.#end(matchesInfoHash(infoBytes, this.#infoHash) ? infoBytes : wireError('bad-metadata'));
  }

  #end(result: Uint8Array | DtorrentError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#blocks.clear();
    this.#settle(result);
  }
}

function refusedError(): DtorrentError {
  return new DtorrentError('EFAILED', 'the peer has no metadata to give: ask another one');
}

function closedError(): DtorrentError {
  return new DtorrentError('ENETWORK', 'the connection ended before the metadata was complete: ask another peer');
}
