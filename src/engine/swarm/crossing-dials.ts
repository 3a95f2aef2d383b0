/**
 * Two sides that dial each other at the same time have two connections, and each closes one of them. Both go by one rule
 * here, which is that of libtorrent and all that are built on it; with two rules each may close the one that the other
 * keeps. Nothing of this is in a specification. Used by SwarmPlaces; times in monotonic ms.
 */
import type { Address } from '../../base/address.js';
import { compareBytes } from '../../base/bytes.js';
import { RareMap } from '../../base/rarely-filled.js';

/** Two sides that dial each other over both families at the same time find out so soon. */
export const CROSSING_MS = 10_000;
/** When both connections are gone: so long until the greater peer id dials again, and the lesser if that did not help. */
const GREATER_REDIAL_MS = 500;
const LESSER_REDIAL_MS = 2500;

export interface BothSides {
  /** Where the other side dialled us, as far as we know; 0 = not known. */
  readonly localPort: number;
  /** Where we dialled it. */
  readonly remotePort: number;
  readonly localPeerId: Uint8Array;
  readonly remotePeerId: Uint8Array;
}

/**
 * The side that listens on the lower port keeps the connection that it dialled. Of equal ports libtorrent closes either;
 * there, and where we do not know ours, it is the side of the greater peer id.
 * @returns whether that is our side
 */
export function keepsOutgoing({ localPort, remotePort, localPeerId, remotePeerId }: BothSides): boolean {
  if (localPort !== 0 && localPort !== remotePort) return localPort < remotePort;
  return compareBytes(localPeerId, remotePeerId) > 0;
}

/** @returns how long to wait with another dial, so that the two sides do not cross again. */
export function redialDelayMs(localPeerId: Uint8Array, remotePeerId: Uint8Array): number {
  return compareBytes(localPeerId, remotePeerId) > 0 ? GREATER_REDIAL_MS : LESSER_REDIAL_MS;
}

/** Which connections have had a twin that we closed. Each is forgotten when it ends. */
export class CrossingDials<P> {
  readonly #survivors = new RareMap<P, { readonly dialled: Address; readonly atMs: number }>();

  /** Of two connections `survivor` stays. `dialled`: where we had dialled one of them. */
  onTwinClosed(survivor: P, dialled: Address, now: number): void {
    this.#survivors.set(survivor, { dialled, atMs: now });
  }

  /** A connection has ended. @returns where we had dialled it or its twin if both have gone by crossing, or null. */
  onClosed(peer: P, now: number): Address | null {
    const survivor = this.#survivors.get(peer);
    if (survivor === undefined) return null;
    this.#survivors.delete(peer);
    return now - survivor.atMs < CROSSING_MS ? survivor.dialled : null;
  }
}
