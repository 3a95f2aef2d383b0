/**
 * What has to go when a store is full: what the fewest have asked us to keep, and of those what is farthest from our
 * ids. In this order, because anybody can choose a hash that is close to us, but not have many addresses. What comes new
 * has to be closer than what goes for it: so of a flood of new hashes each takes the place of another one, and what is
 * popular stays. Finding it costs a look at all there is, and only at writes to a full store, which tokens and the rate
 * guard make rare.
 */
import { commonPrefixBits } from './node-id.js';

/** Ids of our nodes, 20 bytes each. They change when our address does. */
export type OwnIds = () => readonly Uint8Array[];

export interface Ranked {
  /** The hash or target, 20 bytes. */
  readonly key: Uint8Array;
  /** How many different addresses asked for it to be kept. */
  readonly popularity: number;
}

/** @returns the one that has to go for what comes new at `key`; null when that is not to be let in. */
export function leastOf<T extends Ranked>(stored: Iterable<T>, key: Uint8Array, ownIds: OwnIds): T | null {
  const ids = ownIds();
  let least: T | null = null;
  let closeness = 0;
  for (const candidate of stored) {
    if (least !== null && candidate.popularity > least.popularity) continue;
    const candidateCloseness = closenessTo(ids, candidate.key);
    if (candidate.popularity === least?.popularity && candidateCloseness >= closeness) continue;
    least = candidate;
    closeness = candidateCloseness;
  }
  return closeness < closenessTo(ids, key) ? least : null;
}

function closenessTo(ids: readonly Uint8Array[], key: Uint8Array): number {
  let bits = 0;
  for (const id of ids) bits = Math.max(bits, commonPrefixBits(id, key));
  return bits;
}
