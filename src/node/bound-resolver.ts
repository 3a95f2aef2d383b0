/**
 * Host names to addresses from given local addresses: the questions go to the system's name servers in packets that are
 * bound to them, where the system's own resolver would ask by any way. The hosts file comes first; localhost is never
 * asked for (RFC 6761 6.3). A name server on this machine is a program of its own, and asks as it likes.
 * One a NodeNetwork, which HttpClient uses too.
 */
import type { Resolver } from 'node:dns';
import { type Address, familyOf, makeAddress } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import { hostsFileAddresses, readHostsFile } from './hosts-file.js';
import { noServerFrom, resolverFrom } from './name-servers.js';
import { resolveHost } from './resolve.js';
import { networkError, systemErrorCode } from './system-error.js';

const QUESTION_TIMEOUT_MS = 3000;

/** Questions that are on their way, so that those from a local address can be taken back. */
export class BoundResolver {
  readonly #asking = new Set<Asking>();

  /** See Network.resolve. `from` are local IPs, one a family at most. Only addresses of their families are told. */
  resolve(host: string, from: readonly string[], done: Done): void {
    const literal = makeAddress(host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host, 0);
    if (literal !== null) {
      resolveHost(host, done);
      return;
    }
    const families = new Set(from.map(familyOf));
    const isWanted = ({ family }: Address): boolean => families.has(family);
    const name = host.replace(/\.$/, '').toLowerCase();
    if (name === 'localhost' || name.endsWith('.localhost')) {
      process.nextTick(done, LOCALHOST.filter(isWanted));
      return;
    }
    const asking: Asking = { from, resolver: null, isAbandoned: false };
    this.#asking.add(asking);
    readHostsFile((text) => {
      const finish: Done = (result) => {
        this.#asking.delete(asking);
        done(result);
      };
      const known = hostsFileAddresses(text, name).filter(isWanted);
      if (known.length > 0) finish(known);
      else if (asking.isAbandoned)
        finish(resolveError(host, new Error(`${from.join(', ')} is not to be used any more`)));
      else askNameServers(host, asking, finish);
    });
  }

  /** Nothing is asked from that local IP any more; whoever waits for an answer hears that there is none. */
  abandon(host: string): void {
    for (const asking of this.#asking) {
      if (!asking.from.includes(host)) continue;
      asking.isAbandoned = true;
      asking.resolver?.cancel();
    }
  }

  /** Takes everything back. */
  close(): void {
    for (const asking of this.#asking) {
      asking.isAbandoned = true;
      asking.resolver?.cancel();
    }
  }
}

interface Asking {
  readonly from: readonly string[];
  resolver: Resolver | null;
  isAbandoned: boolean;
}

type Done = (result: readonly Address[] | DtorrentError) => void;

const LOCALHOST: readonly Address[] = [makeAddress('127.0.0.1', 0)!, makeAddress('::1', 0)!];

function askNameServers(host: string, asking: Asking, done: Done): void {
  const { from } = asking;
  let resolver: Resolver | null;
  try {
    resolver = resolverFrom(from, { timeoutMs: QUESTION_TIMEOUT_MS, servers: null });
  } catch (error) {
    process.nextTick(done, networkError(`cannot resolve "${host}"`, error));
    return;
  }
  if (resolver === null) {
    process.nextTick(done, new DtorrentError('ERESOLVE', `cannot resolve "${host}": ${noServerFrom(from)}`));
    return;
  }
  asking.resolver = resolver;
  const found: Record<4 | 6, readonly string[]> = { 4: [], 6: [] };
  let failure: unknown = null;
  let waiting = 1;
  const part = (): void => {
    if (--waiting > 0) return;
    const addresses = [...found[4], ...found[6]].map((ip) => makeAddress(ip, 0)).filter((address) => address !== null);
    if (addresses.length > 0) done(addresses);
    else done(resolveError(host, failure));
  };
  const ask = (family: 4 | 6): void => {
    waiting++;
    const answered = (error: Error | null, ips: readonly string[] = []): void => {
      found[family] = ips;
      // The one that says that there is no such name, or else that nobody answers.
      if (error !== null) failure ??= error;
      part();
    };
    try {
      if (family === 4) resolver.resolve4(host, answered);
      else resolver.resolve6(host, answered);
    } catch (error) {
      failure = error; // a name that the resolver's argument checks refuse
      process.nextTick(part);
    }
  };
  for (const family of new Set(from.map(familyOf))) ask(family);
  part();
}

function resolveError(host: string, thrown: unknown): DtorrentError {
  const systemCode = systemErrorCode(thrown);
  const reason =
    systemCode === 'ENOTFOUND' || systemCode === 'ENODATA'
      ? 'there is no such host name'
      : systemCode === 'ETIMEOUT' || systemCode === 'ECONNREFUSED'
        ? 'the name server does not answer'
        : null;
  if (reason === null) return networkError(`cannot resolve "${host}"`, thrown);
  return new DtorrentError('ERESOLVE', `cannot resolve "${host}": ${reason}`, { cause: thrown });
}
