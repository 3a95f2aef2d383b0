/**
 * How soon a swarm could be done at the best, whatever its members did: no client can beat these three. A copy has to
 * leave the seed; the slowest has to take all of it; and everything that everyone takes, somebody has to give.
 * Rates are bytes per virtual ms. Used by ScaleSwarm and by its report.
 */
import type { ScaleWorld } from './scale-scenario.js';

export interface CompletionBound {
  /** One copy through the seed's uplink: F / u_s. */
  readonly sourceMs: number;
  /** All of it through the narrowest downlink: F / d_min. */
  readonly slowestMs: number;
  /** All copies through all uplinks together: N·F / (u_s + Σ u_i). Free riders take their copy and give nothing. */
  readonly supplyMs: number;
  /** The greatest of the three. */
  readonly ms: number;
}

export function completionBound(world: ScaleWorld, contentBytes: number): CompletionBound {
  let supply = world.source.upBytesPerMs;
  let narrowest = Number.POSITIVE_INFINITY;
  for (const peer of world.peers) {
    if (!peer.isFreeRider) supply += peer.upBytesPerMs;
    narrowest = Math.min(narrowest, peer.downBytesPerMs);
  }
  const sourceMs = contentBytes / world.source.upBytesPerMs;
  const slowestMs = contentBytes / narrowest;
  const supplyMs = (world.peers.length * contentBytes) / supply;
  return { sourceMs, slowestMs, supplyMs, ms: Math.max(sourceMs, slowestMs, supplyMs) };
}
