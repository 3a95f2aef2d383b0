/** What `--bind` means to those who open sockets without an engine: loading a URL, the embedded tracker. */
import { bindingOf, describeBindPart, parseBindList } from '../base/bound-addresses.js';
import { DtorrentError } from '../base/errors.js';
import { localInterfaces } from './local-interfaces.js';

/**
 * The local IPs of a list of addresses and interfaces as they are now; [''] for an empty one.
 * @throws {DtorrentError} `ENETWORK` when none of them is there.
 */
export function localHosts(bind: string): readonly string[] {
  const parts = parseBindList(bind);
  if (parts.length === 0) return [''];
  const { addresses, missing } = bindingOf(parts, localInterfaces());
  if (addresses.length > 0) return addresses.map(({ host }) => host);
  throw new DtorrentError('ENETWORK', `this machine does not have ${describeBindPart(missing[0]!)}, or it is down`);
}
