/**
 * The id that one connection has of its torrent. A hybrid torrent has two (BEP 52): the dialling side chooses, and when
 * it says that it can, the answer may move the connection to the v2 swarm. Used by Peer.
 */
import { bytesEqual } from '../../base/bytes.js';

/** What the torrent is known by. */
export interface SwarmIds {
  /** 20 bytes: what we dial with. */
  readonly wireHash: Uint8Array;
  /** 20 bytes; null = none, or none that is known. */
  readonly v2WireHash: Uint8Array | null;
}

export class SwarmId {
  /** 20 bytes; null until an incoming handshake has come. */
  hash: Uint8Array | null;

  /** `ids` null = incoming. */
  constructor(ids: SwarmIds | null) {
    this.hash = ids?.wireHash ?? null;
  }

  /** Whether the connection is one of the v2 swarm: hashes may be asked for. */
  isV2({ v2WireHash }: SwarmIds): boolean {
    return this.hash !== null && v2WireHash !== null && bytesEqual(this.hash, v2WireHash);
  }

  /** The remote dialled with `infoHash`, of the torrent of `ids`. We answer with `hash`. */
  onDialled(ids: SwarmIds | null, infoHash: Uint8Array, { canUpgrade }: { readonly canUpgrade: boolean }): void {
    this.hash = (canUpgrade ? ids?.v2WireHash : null) ?? infoHash;
  }

  /** The remote answered with `infoHash`. @returns whether it is one of the torrent's that it may answer with. */
  onAnswer({ v2WireHash }: SwarmIds, infoHash: Uint8Array): boolean {
    if (bytesEqual(infoHash, this.hash!)) return true;
    if (v2WireHash === null || !bytesEqual(infoHash, v2WireHash)) return false;
    this.hash = infoHash;
    return true;
  }
}
