/**
 * IPs that liars dialled us from: they come back from another port and with another peer id, and their listening
 * address, which Candidates bans, they need not tell. Called by Swarm. Invariant: at most `max`, the latest ones.
 */
import { type Address, isLoopback } from '../base/address.js';
import { LIMITS } from '../base/limits.js';

export class BannedHosts {
  /** Oldest first. */
  readonly #hosts = new Set<string>();
  readonly #max: number;

  constructor(max: number = LIMITS.bannedHostsPerTorrentMax) {
    this.#max = max;
  }

  /** Not this machine: there each port is a client of its own, behind a proxy too. */
  add(address: Address): void {
    if (isLoopback(address)) return;
    this.#hosts.delete(address.host);
    this.#hosts.add(address.host);
    if (this.#hosts.size <= this.#max) return;
    for (const oldest of this.#hosts) {
      this.#hosts.delete(oldest);
      return;
    }
  }

  has(address: Address): boolean {
    return this.#hosts.has(address.host);
  }
}
