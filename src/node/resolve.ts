/** Host names to addresses with the system's resolver (hosts file included). IP text passes through untouched. */
import { lookup } from 'node:dns';
import { type Address, makeAddress } from '../base/address.js';
import type { DtorrentError } from '../base/errors.js';
import { networkError } from './system-error.js';

/** See Network.resolve. `host` may be IPv6 text in brackets, as it stands in URLs. */
export function resolveHost(host: string, done: (result: readonly Address[] | DtorrentError) => void): void {
  const literal = makeAddress(host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host, 0);
  if (literal !== null) {
    process.nextTick(done, [literal]);
    return;
  }
  const fail = (thrown: unknown): void => done(networkError(`cannot resolve "${host}"`, thrown));
  try {
    lookup(host, { all: true, verbatim: true }, (error, found) => {
      if (error !== null) {
        fail(error);
        return;
      }
      const addresses = found.map((entry) => makeAddress(entry.address, 0)).filter((address) => address !== null);
      if (addresses.length === 0) fail(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }));
      else done(addresses);
    });
  } catch (error) {
    process.nextTick(fail, error); // a name that the resolver's argument checks refuse
  }
}
