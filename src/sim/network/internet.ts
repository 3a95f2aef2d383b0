/**
 * What the simulated hosts share: who has which IP, which names and web services exist, and the links between them.
 * The seams for trouble are here: `link` for latency, bandwidth and loss, `find` for who can be reached at all.
 */
import { type Address, familyOf, isLoopback, makeAddress, parseIp } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import type { Simulator } from '../simulator.js';
import { type Cutting, type Link, LOOPBACK_LINK } from './link.js';
import { SegmentPool } from './segment-pool.js';
import type { SimNetwork } from './sim-network.js';

export type { Link } from './link.js';

/** One request as the server sees it. */
export interface SimHttpRequest {
  /** Path and query, exactly as asked for. */
  readonly target: string;
  readonly host: string;
  readonly userAgent: string;
  readonly from: Address;
  /** Left out = it is a GET. */
  readonly post?: { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array };
}

export interface SimHttpAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  /** With status 301, 302, 303, 307 or 308: where to ask instead, absolute or relative. */
  readonly location?: string;
  /** How long the server thinks before it answers. */
  readonly delayMs?: number;
}

/** @returns null to never answer. */
export type SimHttpService = (request: SimHttpRequest) => SimHttpAnswer | null;

/** What connects the hosts of a world. */
export class SimInternet {
  /** @internal */
  readonly simulator: Simulator;
  /** @internal How streams are cut where their link does not say. */
  readonly cutting: Cutting;
  /** @internal @internal */
  readonly segments: SegmentPool = new SegmentPool();
  readonly #link: (fromHost: string, toHost: string) => Link;
  readonly #networks = new Map<string, SimNetwork>();
  readonly #names = new Map<string, Address[]>();
  readonly #texts = new Map<string, readonly string[]>();
  readonly #services = new Map<string, SimHttpService>();
  #isCut: ((fromHost: string, toHost: string) => boolean) | null = null;
  #assigned = 0;

  /** @internal */
  constructor(simulator: Simulator, link: (fromHost: string, toHost: string) => Link, cutting: Cutting) {
    this.simulator = simulator;
    this.#link = link;
    this.cutting = cutting;
  }

  /** Adds to what a host name resolves to. */
  addName(name: string, ips: readonly string[]): void {
    const addresses = this.#names.get(name.toLowerCase()) ?? [];
    const isNew = (ip: string): boolean => !addresses.some((address) => address.host === ip);
    for (const ip of ips) if (isNew(ip)) addresses.push(requireAddress(ip));
    this.#names.set(name.toLowerCase(), addresses);
  }

  /** Sets the TXT records of a host name. */
  setText(name: string, records: readonly string[]): void {
    this.#texts.set(name.toLowerCase(), records);
  }

  /** @internal @returns [] for a name that has none. */
  lookUpText(host: string): readonly string[] {
    return this.#texts.get(host.toLowerCase()) ?? [];
  }

  /** @internal @returns [] for an unknown name; IP text is its own answer. */
  lookUp(host: string): readonly Address[] {
    const literal = makeAddress(host.replace(/^\[|\]$/g, ''), 0);
    return literal !== null ? [literal] : (this.#names.get(host.toLowerCase()) ?? []);
  }

  /**
   * @internal
   * Serves requests to `host` (`tracker.test:80`; the port is always given). The name still has to resolve.
   * null = nobody listens there any more: connections are refused.
   */
  serveHttp(host: string, service: SimHttpService | null): void {
    if (service === null) this.#services.delete(host.toLowerCase());
    else this.#services.set(host.toLowerCase(), service);
  }

  /** @internal */
  httpService(host: string): SimHttpService | null {
    return this.#services.get(host.toLowerCase()) ?? null;
  }

  /** @internal Chooses IPs where none were given: 11.0.0.1, 2001:db8::1 and up. */
  assignIps(ipv4?: string | null, ipv6?: string | null): { ipv4: string | null; ipv6: string | null } {
    const index = ++this.#assigned;
    const chosen4 = ipv4 === undefined ? `11.${index >>> 16}.${(index >>> 8) & 255}.${index & 255}` : ipv4;
    const chosen6 = ipv6 === undefined ? `2001:db8::${index.toString(16)}` : ipv6;
    return {
      ipv4: chosen4 === null ? null : requireAddress(chosen4).host,
      ipv6: chosen6 === null ? null : requireAddress(chosen6).host,
    };
  }

  /** @internal A host that is off lets its addresses go: its successor takes them over. */
  attach(ip: string, network: SimNetwork): void {
    if (this.#networks.get(ip)?.isOn === true) {
      throw new DtorrentError('EOPTION', `two simulated hosts have the address ${ip}`);
    }
    this.#networks.set(ip, network);
  }

  /** @internal */
  detach(ip: string, network: SimNetwork): void {
    if (this.#networks.get(ip) === network) this.#networks.delete(ip);
  }

  /** @internal Who is in a local network, in order of creation, each with its address of that family. */
  hostsOf(lan: string, family: 4 | 6): { readonly network: SimNetwork; readonly ip: string }[] {
    return Array.from(this.#networks, ([ip, network]) => ({ network, ip })).filter(
      ({ network, ip }) => network.lan === lan && familyOf(ip) === family,
    );
  }

  /** @internal @returns null when nobody is there; loopback is always oneself. */
  find(from: SimNetwork, to: Address): SimNetwork | null {
    return isLoopback(to) ? from : (this.#networks.get(to.host) ?? null);
  }

  /**
   * Parts the internet: between hosts (IP text) of which it is true, in either direction, nothing arrives. Datagrams
   * vanish, dials get no answer, and streams stall until it is healed with null or another cut, or for too long.
   */
  cut(isCut: ((fromHost: string, toHost: string) => boolean) | null): void {
    this.#isCut = isCut;
  }

  /** @internal */
  isCutOff(fromHost: string, toHost: string): boolean {
    const isCut = this.#isCut;
    return isCut !== null && fromHost !== toHost && (isCut(fromHost, toHost) || isCut(toHost, fromHost));
  }

  /** @internal Whether a host that is on has that address, and nothing is cut in between. */
  isReachable(fromHost: string, toHost: string): boolean {
    return this.#networks.get(toHost)?.isOn === true && !this.isCutOff(fromHost, toHost);
  }

  /** @internal */
  link(fromHost: string, toHost: string): Link {
    return fromHost === toHost ? LOOPBACK_LINK : this.#link(fromHost, toHost);
  }
}

function requireAddress(ip: string): Address {
  const address = parseIp(ip) === null ? null : makeAddress(ip, 0);
  if (address === null) throw new DtorrentError('EOPTION', `not an IP address: ${ip}`);
  return address;
}
