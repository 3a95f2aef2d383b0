/**
 * IPs that liars dialled us from: they come back from another port and with another peer id, and their listening
 * address, which Candidates bans, they need not tell. Bad conduct is forgiven a few times: it may be a bug of a client
 * that is of use otherwise. Called by Swarm. Invariant: at most `max` of either kind, the latest ones.
 */

import { type Address, isLoopback } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { RareMap, RareSet } from '../../base/rarely-filled.js';

export class BannedHosts {
  /** Oldest first. */
  readonly #hosts = new RareSet<string>();
  /** How often each has misbehaved; the one that did so longest ago first. */
  readonly #misconducts = new RareMap<string, number>();
  readonly #max: number;

  constructor(max: number = LIMITS.bannedHostsPerTorrentMax) {
    this.#max = max;
  }

  /** Not this machine: there each port is a client of its own, behind a proxy too. */
  add(address: Address): void {
    if (isLoopback(address)) return;
    this.#hosts.delete(address.host);
    this.#hosts.add(address.host);
    if (this.#hosts.size > this.#max) this.#hosts.delete(oldestOf(this.#hosts));
  }

  has(address: Address): boolean {
    return this.#hosts.has(address.host);
  }

  /** Counts one misconduct; the last one that is forgiven is the one before LIMITS.misconductsPerHostMax. */
  onMisconduct(address: Address): void {
    const count = (this.#misconducts.get(address.host) ?? 0) + 1;
    this.#misconducts.delete(address.host);
    if (count >= LIMITS.misconductsPerHostMax) {
      this.add(address);
      return;
    }
    this.#misconducts.set(address.host, count);
    if (this.#misconducts.size > this.#max) this.#misconducts.delete(oldestOf(this.#misconducts));
  }
}

function oldestOf(hosts: ReadonlySet<string> | ReadonlyMap<string, number>): string {
  return hosts.keys().next().value!;
}
