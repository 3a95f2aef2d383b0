/**
 * A scripted peer for tests of the engine: it has a simulated host and a wire, but no policy. It says what the test
 * tells it to, byte for byte, and writes down what it hears, in the words of the wire's Recorder.
 * Peer ids are made from a counter, so that no two peers of a test are taken for one.
 */
import assert from 'node:assert/strict';
import { makeAddress } from '../../base/address.js';
import { fromHex, fromLatin1 } from '../../base/bytes.js';
import type { ByteStream, ByteStreamHandler } from '../../host/network.js';
import { WireDecoder } from '../../protocol/wire/decoder.js';
import { WireEncoder } from '../../protocol/wire/encoder.js';
import { type ExtensionHandshake, encodeExtensionHandshake } from '../../protocol/wire/extension-handshake.js';
import { encodeReserved } from '../../protocol/wire/handshake.js';
import type { HashRange } from '../../protocol/wire/hashes.js';
import { Recorder } from '../../protocol/wire/testing/recorder.js';
import type { SimHost } from '../../sim/sim-host.js';
import type { Simulator } from '../../sim/simulator.js';
import type { CloseReason } from '../peer/close-reason.js';
import type { Peer } from '../peer/peer.js';
import type { Torrent } from '../torrent.js';
import type { SimEngine, SimTorrent } from './sim-swarm.js';

export interface RawPeerOptions {
  /** Left out = one of its own. */
  readonly host?: SimHost;
  /** The fast extension (BEP 6). */
  readonly fast?: boolean;
  /** The extension protocol (BEP 10). */
  readonly extensions?: boolean;
  /** BEP 52: can be moved to the v2 swarm. */
  readonly v2?: boolean;
}

export class RawPeer implements ByteStreamHandler {
  readonly host: SimHost;
  readonly recorder: Recorder = new Recorder();
  /** Every line it has heard. */
  readonly lines: readonly string[] = this.recorder.lines;
  /** Called with each request that it hears. */
  onRequest: (piece: number, begin: number, length: number) => void = () => {};
  /** Called with each request for hashes that it hears. */
  onHashRequest: (range: HashRange) => void = () => {};
  stream: ByteStream | null = null;
  /** Virtual ms; null = not yet. */
  openedAtMs: number | null = null;
  closedAtMs: number | null = null;
  readonly #simulator: Simulator;
  readonly #reserved: Uint8Array;
  readonly #decoder = new WireDecoder(this.recorder);
  readonly #peerId: Uint8Array;

  constructor(simulator: Simulator, { host, fast = false, extensions = false, v2 = false }: RawPeerOptions = {}) {
    this.#simulator = simulator;
    this.host = host ?? simulator.createHost();
    this.#reserved = encodeReserved({ fast, extensions, v2Upgrade: v2 });
    // Else what belongs to the fast extension is a violation, as it would be to a peer that does not know it.
    if (fast) this.recorder.decoder = this.#decoder;
    this.recorder.onLine = (line) => {
      const [word, piece, begin, length] = line.split(' ');
      if (word === 'request') this.onRequest(Number(piece), Number(begin), Number(length));
      if (word === 'hash-request') this.onHashRequest(hashRangeOf(line));
    };
    this.#peerId = fromLatin1(`-RW0001-${String(peersMade++).padStart(12, '0')}`);
  }

  /** Dials; opens within the next virtual milliseconds. */
  dial(engine: SimEngine, { family = 4 }: { readonly family?: 4 | 6 } = {}): this {
    const ip = family === 4 ? engine.host.ipv4! : engine.host.ipv6!;
    const address = makeAddress(ip, engine.session.listenPort)!;
    this.stream = this.host.network.dial(address, { bindHost: '', timeoutMs: 60_000 }, this);
    return this;
  }

  /** Accepts the next connection, also after one that has ended. */
  listen(port: number, onConnection: () => void = () => {}): this {
    this.host.network.listen(
      { host: '', port },
      {
        onListening: () => {},
        onConnection: (stream) => {
          this.stream = stream;
          stream.handler = this;
          this.openedAtMs = this.#simulator.now;
          onConnection();
        },
        onError: (error) => assert.fail(error),
      },
    );
    return this;
  }

  /** Sends the 68 bytes. Waits for nothing: a dialled stream keeps them until it is open. */
  handshake(infoHash: Uint8Array, peerId: Uint8Array = this.#peerId): this {
    return this.send((encoder) => encoder.handshake(this.#reserved, infoHash, peerId));
  }

  /** Sends whatever `say` puts into the encoder. */
  send(say: (encoder: WireEncoder) => void): this {
    const encoder = new WireEncoder();
    say(encoder);
    const bytes = encoder.take();
    if (bytes !== null) this.stream!.write(bytes);
    return this;
  }

  sendBytes(bytes: Uint8Array): this {
    this.stream!.write(bytes);
    return this;
  }

  bitfield(pieceCount: number, pieces: readonly number[]): this {
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

  /** Sends a block of a torrent's content, right or wrong in no way. */
  sendBlock(torrent: SimTorrent, piece: number, begin: number, length: number): this {
    this.send((encoder) => encoder.pieceHeader(piece, begin, length));
    return this.sendBytes(contentOf(torrent, piece, begin, length));
  }

  /** Answers every request from now on. */
  serve(torrent: SimTorrent): this {
    this.onRequest = (piece, begin, length) => this.sendBlock(torrent, piece, begin, length);
    return this;
  }

  /** What it has heard that begins with `word`, in order. */
  heard(word: string): string[] {
    return this.lines.filter((line) => line === word || line.startsWith(`${word} `));
  }

  get isClosed(): boolean {
    return this.closedAtMs !== null;
  }

  /** The engine's own view of this connection; throws when it has none. */
  peerIn(torrent: Torrent): Peer {
    for (const peer of torrent.swarm.peers) if (this.#hasIp(peer.remote.host)) return peer;
    throw new Error('the engine has no such peer');
  }

  /** Why the engine says that it closed connections with this host. */
  reasonsIn(engine: SimEngine): CloseReason[] {
    return engine.events.flatMap((event) => {
      if (event.type !== 'peerDisconnected' || !this.#hasIp(event.address.replace(/:\d+$/, ''))) return [];
      return [event.reason as CloseReason];
    });
  }

  close(): void {
    this.stream?.close();
  }

  // ---- ByteStreamHandler ----
  onOpen(): void {
    this.openedAtMs = this.#simulator.now;
  }

  onData(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
  }

  onWritten(): void {}
  onClose(): void {
    this.closedAtMs = this.#simulator.now;
  }

  #hasIp(ip: string): boolean {
    return ip === this.host.ipv4 || ip.replace(/^\[|\]$/g, '') === this.host.ipv6;
  }
}

function hashRangeOf(line: string): HashRange {
  const [, root, ...numbers] = line.split(' ');
  const [baseLayer = 0, index = 0, length = 0, proofLayers = 0] = numbers.map(Number);
  return { piecesRoot: fromHex(root!)!, baseLayer, index, length, proofLayers };
}

let peersMade = 0;

/** The bytes at `begin` of a piece. */
export function contentOf(torrent: SimTorrent, piece: number, begin: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const from = piece * torrent.metainfo.pieceLength + begin;
  let offset = 0;
  for (const content of torrent.files.values()) {
    const start = Math.max(from, offset);
    const end = Math.min(from + length, offset + content.length);
    if (start < end) bytes.set(content.subarray(start - offset, end - offset), start - from);
    offset += content.length;
  }

  return bytes;
}
