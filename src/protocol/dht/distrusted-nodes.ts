/**
 * Endpoints that have answered with one id and then with another, as who pretends to be close to everything does. Nobody
 * listens to them for a while; a node that has honestly begun again is let in after that.
 */
import { type Address, addressKey } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';

export class DistrustedNodes {
  /** Until when, the oldest first. Made when there is one. */
  #untilMs: Map<string, number> | null = null;

  add(address: Address, now: number): void {
    this.#untilMs ??= new Map();
    const key = addressKey(address);
    this.#untilMs.delete(key);
    if (this.#untilMs.size >= LIMITS.dhtDistrustedNodesMax) this.#untilMs.delete(this.#untilMs.keys().next().value!);
    this.#untilMs.set(key, now + DISTRUST_MS);
  }

  has(address: Address, now: number): boolean {
    if (this.#untilMs === null || this.#untilMs.size === 0) return false;
    const untilMs = this.#untilMs.get(addressKey(address));
    return untilMs !== undefined && now < untilMs;
  }
}

const DISTRUST_MS = 1_800_000;
