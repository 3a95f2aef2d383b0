/**
 * TXT records by the system's name servers. The system's own resolver, which knows the hosts file, cannot be asked for
 * them. From given local addresses the questions leave in packets that are bound to those. One a NodeNetwork.
 */
import type { Resolver } from 'node:dns';
import { DtorrentError } from '../base/errors.js';
import { noServerFrom, resolverFrom } from './name-servers.js';
import { networkError } from './system-error.js';

const QUESTION_TIMEOUT_MS = 2000;

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
      const resolver = resolverFrom(from, { timeoutMs: QUESTION_TIMEOUT_MS, servers: this.#servers });
      if (resolver === null) {
        process.nextTick(done, new DtorrentError('ERESOLVE', `cannot resolve "${host}": ${noServerFrom(from)}`));
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
}
