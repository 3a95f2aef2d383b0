/**
 * What stands between a simulated host and the world when it has no public address to itself: it maps ports on the way
 * out, and lets in only what its kind lets in (the classic four of RFC 3489, in RFC 4787's terms: mapping and filtering).
 * Nobody from outside opens a TCP connection through it. Times in ms. Used by SimUdp and SimNetwork.
 */
import { type Address, addressKey } from '../../base/address.js';

/**
 * full-cone: one mapping a port, open to everyone · restricted-cone: to the hosts that were sent something ·
 * port-restricted: to the very addresses · symmetric: the same, and another mapping for each destination.
 */
export const NAT_KINDS = ['full-cone', 'restricted-cone', 'port-restricted', 'symmetric'] as const;
/** See NAT_KINDS. */
export type NatKind = (typeof NAT_KINDS)[number];

/** What a host is behind. */
export interface NatOptions {
  /** How it maps and filters. */
  readonly kind: NatKind;
  /** What a dial from outside gets. Left out = silent. */
  readonly inboundTcp?: 'silent' | 'refused';
  /** A mapping, and a permission, that was not used outwards for so long is gone. Left out = 60 s. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const FIRST_PUBLIC_PORT = 20_000;
const LAST_PUBLIC_PORT = 60_000;
/** More entries than this, and the dead ones are swept out first. */
const SWEEP_ABOVE = 256;

interface Mapping {
  readonly key: string;
  readonly privatePort: number;
  readonly publicPort: number;
  usedMs: number;
  /** Who may send, and when that was last sent something. */
  readonly permitted: Map<string, number>;
}

export class Nat {
  readonly inboundTcp: 'silent' | 'refused';
  readonly #kind: NatKind;
  readonly #timeoutMs: number;
  readonly #isTranslating: boolean;
  readonly #byKey = new Map<string, Mapping>();
  readonly #byPublicPort = new Map<number, Mapping>();
  #nextPort = FIRST_PUBLIC_PORT;

  /** @param isTranslating false for IPv6, where the same box filters, and leaves ports as they are. */
  constructor(options: NatOptions, isTranslating: boolean) {
    this.#isTranslating = isTranslating;
    this.#kind = isTranslating ? options.kind : 'port-restricted';
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.inboundTcp = options.inboundTcp ?? 'silent';
  }

  /** A packet goes out. @returns the port it comes from, as others see it. */
  outward(privatePort: number, to: Address, nowMs: number): number {
    const key = this.#kind === 'symmetric' ? `${privatePort} ${addressKey(to)}` : String(privatePort);
    let mapping = this.#byKey.get(key);
    if (mapping !== undefined && this.#isOver(mapping.usedMs, nowMs)) {
      this.#remove(mapping);
      mapping = undefined;
    }
    mapping ??= this.#add(key, privatePort, nowMs);
    mapping.usedMs = nowMs;
    if (mapping.permitted.size >= SWEEP_ABOVE) this.#sweep(mapping.permitted, nowMs);
    mapping.permitted.set(this.#permissionKey(to), nowMs);
    return mapping.publicPort;
  }

  /** A packet comes in. @returns the port of the host that it is for, or -1: it is dropped. */
  inward(publicPort: number, from: Address, nowMs: number): number {
    const mapping = this.#byPublicPort.get(publicPort);
    if (mapping === undefined || this.#isOver(mapping.usedMs, nowMs)) return -1;
    const permittedMs = mapping.permitted.get(this.#permissionKey(from));
    if (permittedMs === undefined || this.#isOver(permittedMs, nowMs)) {
      return this.#kind === 'full-cone' ? mapping.privatePort : -1;
    }
    return mapping.privatePort;
  }

  #permissionKey(address: Address): string {
    return this.#kind === 'restricted-cone' ? address.host : addressKey(address);
  }

  #isOver(usedMs: number, nowMs: number): boolean {
    return nowMs - usedMs > this.#timeoutMs;
  }

  #add(key: string, privatePort: number, nowMs: number): Mapping {
    if (this.#byKey.size >= SWEEP_ABOVE) {
      for (const mapping of [...this.#byKey.values()]) if (this.#isOver(mapping.usedMs, nowMs)) this.#remove(mapping);
    }
    const publicPort = this.#isTranslating ? this.#freePort() : privatePort;
    const mapping: Mapping = { key, privatePort, publicPort, usedMs: nowMs, permitted: new Map() };
    this.#byKey.set(key, mapping);
    this.#byPublicPort.set(publicPort, mapping);
    return mapping;
  }

  #remove(mapping: Mapping): void {
    this.#byKey.delete(mapping.key);
    this.#byPublicPort.delete(mapping.publicPort);
  }

  #sweep(permitted: Map<string, number>, nowMs: number): void {
    for (const [key, usedMs] of permitted) if (this.#isOver(usedMs, nowMs)) permitted.delete(key);
  }

  /** The next one in turn, never the host's own: who takes one for the other is caught. */
  #freePort(): number {
    for (;;) {
      const port = this.#nextPort;
      this.#nextPort = port === LAST_PUBLIC_PORT ? FIRST_PUBLIC_PORT : port + 1;
      if (!this.#byPublicPort.has(port)) return port;
    }
  }
}
