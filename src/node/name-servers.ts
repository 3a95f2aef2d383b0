/**
 * A resolver whose questions leave in packets that are bound to given local addresses. Used by BoundResolver and TextRecords.
 */
import { Resolver } from 'node:dns';
import { familyOf } from '../base/address.js';

const QUESTION_TRIES = 2;

/** What is asked, and how. */
export interface NameServerOptions {
  /** Until a question is asked again. */
  readonly timeoutMs: number;
  /** IPs, with a port where it is not 53; null = the system's. */
  readonly servers: readonly string[] | null;
}

/**
 * `from`: local IPs, one a family at most; none = any way.
 * @returns null when no server is of a family that may be asked from there.
 */
export function resolverFrom(from: readonly string[], { timeoutMs, servers }: NameServerOptions): Resolver | null {
  const resolver = new Resolver({ timeout: timeoutMs, tries: QUESTION_TRIES });
  if (servers !== null) resolver.setServers(servers);
  if (from.length === 0) return resolver;
  const v4 = from.find((ip) => familyOf(ip) === 4);
  const v6 = from.find((ip) => familyOf(ip) === 6);
  // A server of the other family would be asked from any address.
  const usable = resolver.getServers().filter((server) => (serverFamily(server) === 4 ? v4 : v6) !== undefined);
  if (usable.length === 0) return null;
  resolver.setServers(usable);
  resolver.setLocalAddress(v4 ?? '0.0.0.0', v6 ?? '::0');
  return resolver;
}

/** Why there is none, for a person. */
export function noServerFrom(from: readonly string[]): string {
  return `no name server of this machine can be asked from ${from.join(' or ')}`;
}

/** Of `1.2.3.4`, `1.2.3.4:53`, `2001:db8::1` or `[2001:db8::1]:53`. */
function serverFamily(server: string): 4 | 6 {
  return server.startsWith('[') || server.split(':').length > 2 ? 6 : 4;
}
