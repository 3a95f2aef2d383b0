/**
 * A scripted peer for tests of the engine: it has a simulated host and a wire, but no policy. It says what the test
 * tells it to, byte for byte, and writes down what it hears, in the words of the wire's Recorder.
 */
import assert from 'node:assert/strict';
import { makeAddress } from '../../base/address.js';
import { fromHex } from '../../base/bytes.js';
import type { HashRange } from '../../protocol/wire/hashes.js';
import { Recorder } from '../../protocol/wire/testing/recorder.js';
import { WirePeer, type WirePeerFeatures } from '../../sim/actors/wire-peer.js';
import type { SimHost } from '../../sim/sim-host.js';
import type { Simulator } from '../../sim/simulator.js';
import type { CloseReason } from '../peer/close-reason.js';
import type { Peer } from '../peer/peer.js';
import type { Torrent } from '../torrent.js';
import type { SimEngine, SimTorrent } from './sim-swarm.js';

export interface RawPeerOptions extends WirePeerFeatures {
  /** Left out = one of its own. */
  readonly host?: SimHost;
}

export class RawPeer extends WirePeer {
  readonly recorder: Recorder;
  /** Every line it has heard. */
  readonly lines: readonly string[];
  /** Called with each request that it hears. */
  onRequest: (piece: number, begin: number, length: number) => void = () => {};
  /** Called with each request for hashes that it hears. */
  onHashRequest: (range: HashRange) => void = () => {};

  constructor(simulator: Simulator, { host, ...features }: RawPeerOptions = {}) {
    const recorder = new Recorder();
    super(host ?? simulator.createHost(), recorder, features);
    this.recorder = recorder;
    this.lines = recorder.lines;
    // Else what belongs to the fast extension is a violation, as it would be to a peer that does not know it.
    if (features.fast === true) this.recorder.decoder = this.decoder;
    this.recorder.onLine = (line) => {
      const [word, piece, begin, length] = line.split(' ');
      if (word === 'request') this.onRequest(Number(piece), Number(begin), Number(length));
      if (word === 'hash-request') this.onHashRequest(hashRangeOf(line));
    };
  }

  /** Dials; opens within the next virtual milliseconds. */
  dial(engine: SimEngine, { family = 4 }: { readonly family?: 4 | 6 } = {}): this {
    const ip = family === 4 ? engine.host.ipv4! : engine.host.ipv6!;
    return this.connect(makeAddress(ip, engine.session.listenPort)!);
  }

  /** Accepts the next connection, also after one that has ended. */
  listen(port: number, onConnection: () => void = () => {}): this {
    this.host.network.listen(
      { host: '', port },
      {
        onListening: () => {},
        onConnection: (stream) => {
          this.adopt(stream);
          if (this.recorder.decoder !== null) this.recorder.decoder = this.decoder;
          onConnection();
        },
        onError: (error) => assert.fail(error),
      },
    );
    return this;
  }

  /** Sends a block of a torrent's content, right or wrong in no way. */
  sendBlock(torrent: SimTorrent, piece: number, begin: number, length: number): this {
    return this.block(piece, begin, contentOf(torrent, piece, begin, length));
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

  #hasIp(ip: string): boolean {
    return ip === this.host.ipv4 || ip.replace(/^\[|\]$/g, '') === this.host.ipv6;
  }
}

function hashRangeOf(line: string): HashRange {
  const [, root, ...numbers] = line.split(' ');
  const [baseLayer = 0, index = 0, length = 0, proofLayers = 0] = numbers.map(Number);
  return { piecesRoot: fromHex(root!)!, baseLayer, index, length, proofLayers };
}

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
