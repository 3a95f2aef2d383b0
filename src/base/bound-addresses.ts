/**
 * What a person means by the addresses and interfaces to bind to, and which local addresses that is now. Pure: the
 * interfaces are given. Used wherever a socket is to be bound: by the engine (engine/bound-network.ts) and by what needs
 * no engine (src/node).
 */
import { isLoopback, makeAddress } from './address.js';

/** A local address to send from and to listen on. */
export interface BoundAddress {
  readonly family: 4 | 6;
  /** Canonical IP text; `0.0.0.0` or `::` = every address of that family. */
  readonly host: string;
}

/** The interfaces of the machine, those that are up (host/network.ts). */
export interface InterfaceAddresses {
  readonly name: string;
  readonly addresses: readonly BoundAddress[];
}

/** What is bound now of what was asked for. */
export interface Binding {
  /** In the order in which they were asked for; no two are the same. */
  readonly addresses: readonly BoundAddress[];
  /** What was asked for and is not there, as a person wrote it. */
  readonly missing: readonly string[];
}

/** @returns the parts of a list as people write it, `wg0, 192.0.2.1`; [] = everything. */
export function parseBindList(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/**
 * The local addresses of a list. An address is there when an interface that is up has it; loopback always is. The name
 * of an interface stands for one address a family: an interface may have many of IPv6, which come and go.
 * @param before those that were bound until now: an interface that still has its address keeps it
 */
export function bindingOf(
  parts: readonly string[],
  interfaces: readonly InterfaceAddresses[],
  before: readonly BoundAddress[] = [],
): Binding {
  const addresses: BoundAddress[] = [];
  const missing: string[] = [];
  for (const part of parts) {
    const literal = makeAddress(part.replace(/^\[|\]$/g, ''), 0);
    const found =
      literal === null ? ofInterface(part, interfaces, before) : isThere(literal, interfaces) ? [literal] : [];
    if (found.length === 0) missing.push(part);
    for (const { family, host } of found) {
      if (!addresses.some((other) => other.host === host)) addresses.push({ family, host });
    }
  }
  return { addresses, missing };
}

/** For messages: `the interface wg0`, `the address 192.0.2.1`. */
export function describeBindPart(part: string): string {
  return makeAddress(part.replace(/^\[|\]$/g, ''), 0) === null ? `the interface ${part}` : `the address ${part}`;
}

/** Where the system does not tell its interfaces, whether an address is there shows when it is bound. */
function isThere(address: BoundAddress, interfaces: readonly InterfaceAddresses[]): boolean {
  const { host } = address;
  if (host === '0.0.0.0' || host === '::' || isLoopback({ ...address, port: 0 }) || interfaces.length === 0)
    return true;
  return interfaces.some(({ addresses }) => addresses.some((other) => other.host === host));
}

function ofInterface(
  name: string,
  interfaces: readonly InterfaceAddresses[],
  before: readonly BoundAddress[],
): readonly BoundAddress[] {
  const all = interfaces.filter((one) => one.name === name).flatMap(({ addresses }) => addresses);
  const chosen: BoundAddress[] = [];
  for (const family of [4, 6] as const) {
    const ofFamily = all.filter((address) => address.family === family && usefulness(address.host) > 0);
    const kept = ofFamily.find(({ host }) => before.some((other) => other.host === host));
    const best = kept ?? ofFamily.sort((a, b) => usefulness(b.host) - usefulness(a.host))[0];
    if (best !== undefined) chosen.push(best);
  }
  return chosen;
}

/** Link-local IPv6 reaches nobody without a zone; of the others, unique local ones come last. */
function usefulness(host: string): number {
  if (/^fe[89ab]/.test(host)) return 0;
  return /^f[cd]/.test(host) ? 1 : 2;
}
