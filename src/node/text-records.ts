/**
 * TXT records by the system's name servers. The system's own resolver, which knows the hosts file, cannot be asked for
 * them. From given local addresses the questions leave in packets that are bound to those. One a NodeNetwork.
 */
import { Resolver } from 'node:dns';
import { DtorrentError } from '../base/errors.js';
import { networkError } from './system-error.js';

const QUESTION_TIMEOUT_MS = 2000;
const QUESTION_TRIES = 2;

export class TextRecords {
  /** IP, with a port where it is not 53; null = the system's. */
  readonly #servers: readonly string[] | null;
  readonly #asking = new Set<{ readonly resolver: Resolver; readonly from: readonly string[] }>();

  constructor(servers: readonly string[] | null = null) {
    this.#servers = servers;
  }

  /** See Network.resolveText. */
  resolve(host: string, done: (result: readonly string[] | DtorrentError) => void, from: readonly string[]): void {
    const fail = (thrown: unknown): void => done(networkError(`cannot resolve the TXT records of "${host}"`, thrown));
    try {
      const resolver = this.#resolverFrom(from);
      if (resolver === null) {
        const reason = `no name server of this machine can be asked from ${from.join(' or ')}`;
        process.nextTick(done, new DtorrentError('ERESOLVE', `cannot resolve "${host}": ${reason}`));
        return;
      }
      const asking = { resolver, from };
      this.#asking.add(asking);
      resolver.resolveTxt(host, (error, records) => {
        this.#asking.delete(asking);
        if (error === null) done(records.map((strings) => strings.join('')));
        else if (error.code === 'ENODATA' || error.code === 'ENOTFOUND') done([]);
        else fail(error);
      });
    } catch (error) {
      process.nextTick(fail, error); // a name that the resolver's argument checks refuse
    }
  }

  /** Nothing is asked from that local IP any more; whoever waits for an answer hears that there is none. */
  abandon(host: string): void {
    for (const { resolver, from } of this.#asking) if (from.includes(host)) resolver.cancel();
  }

  /** Takes everything back. */
  close(): void {
    for (const { resolver } of this.#asking) resolver.cancel();
  }

  /** @returns null when no server is of a family that may be asked from there. */
  #resolverFrom(from: readonly string[]): Resolver | null {
    const resolver = new Resolver({ timeout: QUESTION_TIMEOUT_MS, tries: QUESTION_TRIES });
    if (this.#servers !== null) resolver.setServers(this.#servers);
    if (from.length === 0) return resolver;
    const v4 = from.find((ip) => !ip.includes(':'));
    const v6 = from.find((ip) => ip.includes(':'));
    // A server of the other family would be asked from any address.
    const usable = resolver.getServers().filter((server) => (isOfIpv6(server) ? v6 : v4) !== undefined);
    if (usable.length === 0) return null;
    resolver.setServers(usable);
    resolver.setLocalAddress(v4 ?? '0.0.0.0', v6 ?? '::0');
    return resolver;
  }
}

/** Of `1.2.3.4`, `1.2.3.4:53`, `2001:db8::1` or `[2001:db8::1]:53`. */
function isOfIpv6(server: string): boolean {
  return server.startsWith('[') || server.split(':').length > 2;
}
