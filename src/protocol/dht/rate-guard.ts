/**
 * Who asks too much is not answered for a while. Counts queries for each IPv4 address and each /64 of IPv6, because who
 * has one address there has all of them. Both tables are bounded, and the oldest entry gives way: who forges thousands of
 * addresses can hide in them, which is what the budget for replies is for.
 */
import { parseIp } from '../../base/address.js';
import { toLatin1 } from '../../base/bytes.js';
import { isLocalIp } from '../../base/ip-ranges.js';
import { LIMITS } from '../../base/limits.js';

export class RateGuard {
  #counts: Map<string, QueryCount> | null = null;
  /** Until when (ms). */
  #bans: Map<string, number> | null = null;

  /**
   * Counts a query. Local networks are never too much: a hundred nodes may share the address of this machine.
   * @param ip canonical text
   * @returns false when it is not to be answered
   */
  accepts(ip: string, now: number): boolean {
    const key = keyOf(ip);
    const bannedUntilMs = this.#bans?.get(key);
    if (bannedUntilMs !== undefined) {
      if (now < bannedUntilMs) return false;
      this.#bans?.delete(key);
    }
    this.#counts ??= new Map();
    let queries = this.#counts.get(key);
    if (queries === undefined || now - queries.startedAtMs >= LIMITS.dhtQueryWindowMs) {
      // Deleted first, so that the order of the table is that of the windows.
      if (queries !== undefined) this.#counts.delete(key);
      this.#forgetOver(now);
      queries = { startedAtMs: now, count: 0 };
      insert(this.#counts, key, queries);
    }
    queries.count++;
    if (queries.count <= LIMITS.dhtQueriesPerWindowMax || isLocalIp(parseIp(ip)!)) return true;
    this.#counts.delete(key);
    this.#bans ??= new Map();
    insert(this.#bans, key, now + LIMITS.dhtBanMs);
    return false;
  }

  /** Windows that are over: a node that is not flooded keeps next to nothing. */
  #forgetOver(now: number): void {
    for (const [key, { startedAtMs }] of this.#counts!) {
      if (now - startedAtMs < LIMITS.dhtQueryWindowMs) return;
      this.#counts!.delete(key);
    }
  }
}

interface QueryCount {
  readonly startedAtMs: number;
  count: number;
}

function keyOf(ip: string): string {
  return ip.includes(':') ? toLatin1(parseIp(ip)!.subarray(0, 8)) : ip;
}

function insert<T>(table: Map<string, T>, key: string, value: T): void {
  if (table.size >= LIMITS.dhtGuardedAddressesMax) table.delete(table.keys().next().value!);
  table.set(key, value);
}
