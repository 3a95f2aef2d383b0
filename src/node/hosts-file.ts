/** The system's hosts file, for names that are not to be asked of the system's resolver. Called by resolveFrom. */
import { readFile } from 'node:fs';
import { env, platform } from 'node:process';
import { type Address, makeAddress } from '../base/address.js';

/** @returns the addresses that a hosts file of this text gives `host`, in its order, port 0; [] = it does not know it. */
export function hostsFileAddresses(text: string, host: string): readonly Address[] {
  const wanted = host.toLowerCase();
  const addresses: Address[] = [];
  for (const line of text.split('\n')) {
    const [ip, ...names] = line.split('#')[0]!.trim().split(/\s+/);
    if (ip === undefined || !names.some((name) => name.toLowerCase() === wanted)) continue;
    const address = makeAddress(ip.split('%')[0]!, 0);
    if (address !== null) addresses.push(address);
  }
  return addresses;
}

/** `done` hears '' when there is no such file. */
export function readHostsFile(done: (text: string) => void): void {
  const path =
    platform === 'win32' ? `${env['SystemRoot'] ?? 'C:\\Windows'}\\System32\\drivers\\etc\\hosts` : '/etc/hosts';
  readFile(path, 'utf8', (error, text) => done(error === null ? text : ''));
}
