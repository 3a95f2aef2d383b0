/**
 * BEP 9 for one torrent: fetches the info dictionary from peers while it is unknown, serves it afterwards. The policy
 * is MetadataFetcher's and MetadataServer's; this joins them to peer connections.
 */

import { LIMITS } from '../../base/limits.js';
import { RareMap } from '../../base/rarely-filled.js';
import type { InfoHash } from '../../format/infohash.js';
import { decodeMetadataMessage, encodeMetadataRequest } from '../../protocol/wire/metadata.js';
import type { EngineContext } from '../context.js';
import type { Peer } from '../peer/peer.js';
import { MetadataFetcher, MetadataServer } from './metadata-fetcher.js';

export interface MetadataExchangeHandler {
  /** Complete, and matching the info-hash. */
  onMetadata(infoBytes: Uint8Array): void;
  /** These peers sent what did not match. */
  onMetadataPoisoned(peers: readonly Peer[]): void;
}

export class MetadataExchange {
  readonly #context: EngineContext;
  readonly #peers = new RareMap<number, Peer>();
  #fetcher: MetadataFetcher | null;
  #server: MetadataServer | null = null;
  /** How many requests of each connected peer were refused. */
  readonly #refusals = new RareMap<number, number>();

  constructor(context: EngineContext, infoHash: InfoHash, handler: MetadataExchangeHandler) {
    this.#context = context;
    this.#fetcher = new MetadataFetcher({
      infoHash,
      random: context.host.random,
      handler: {
        requestMetadataBlock: (number, block) => {
          const peer = this.#peers.get(number);
          peer?.sendExtended(peer.extensions.idOf('ut_metadata'), encodeMetadataRequest(block));
        },
        onMetadata: (infoBytes) => handler.onMetadata(infoBytes),
        onMetadataPoisoned: (numbers) => {
          handler.onMetadataPoisoned(numbers.flatMap((number) => this.#peers.get(number) ?? []));
        },
      },
    });
  }

  /** From now on: serve. `isPrivate`: everyone in a private swarm came with the torrent file, so nobody is served. */
  onMetadataKnown(infoBytes: Uint8Array, options: { readonly isPrivate: boolean }): void {
    this.#fetcher = null;
    this.#server = options.isPrivate ? null : new MetadataServer(infoBytes);
  }

  onExtensionHandshake(peer: Peer, metadataBytes: number | null): void {
    this.#peers.set(peer.number, peer);
    if (peer.extensions.idOf('ut_metadata') === 0) this.#fetcher?.removePeer(peer.number, this.#context.turn.now);
    else if (metadataBytes !== null) this.#fetcher?.addPeer(peer.number, metadataBytes, this.#context.turn.now);
  }

  onPeerClosed(peer: Peer): void {
    this.#peers.delete(peer.number);
    this.#refusals.delete(peer.number);
    this.#fetcher?.removePeer(peer.number, this.#context.turn.now);
    this.#server?.removePeer(peer.number);
  }

  onMessage(peer: Peer, payload: Uint8Array): void {
    const message = decodeMetadataMessage(payload);
    if (message === null) return;
    const { now } = this.#context.turn;
    switch (message.type) {
      case 'request': {
        // Before the peer's extension handshake its id for our answer is unknown.
        const id = peer.extensions.idOf('ut_metadata');
        if (id === 0) return;
        const server = peer.isBackedUp ? null : this.#server;
        const answer = server?.answer(peer.number, message.block) ?? null;
        if (answer === null && this.#isRefusedTooOften(peer)) peer.close('too-many-invalid-requests');
        else peer.sendExtended(id, answer ?? MetadataServer.reject(message.block));
        return;
      }
      case 'data':
        this.#fetcher?.onData(peer.number, message.block, message.totalBytes, message.bytes, now);
        return;
      case 'reject':
        this.#fetcher?.onReject(peer.number, message.block, now);
        return;
    }
  }

  /** Counts one refusal. */
  #isRefusedTooOften({ number }: Peer): boolean {
    const refusals = (this.#refusals.get(number) ?? 0) + 1;
    this.#refusals.set(number, refusals);
    return refusals > LIMITS.invalidRequestsMax;
  }

  tick(now: number): void {
    if (this.#fetcher !== null && now >= this.#fetcher.nextDeadline()) this.#fetcher.advance(now);
  }
}
