/** What the protocols of this room ask routers for, and what they tell of it. */

/** Of the port that is mapped. */
export type MappedProtocol = 'tcp' | 'udp';

/** How a router was asked. */
export type MappingMethod = 'PCP' | 'NAT-PMP' | 'UPnP';

/** A port that a router lets in. */
export interface Mapping {
  readonly protocol: MappedProtocol;
  /** 1 to 65535; the one that others reach us on. */
  readonly externalPort: number;
  readonly method: MappingMethod;
}

/** What becomes of an attempt; every callback comes from inside a call of the core. */
export interface MapperHandler {
  /** Told again when the external port is another one. */
  onMapped(mapping: Mapping): void;
  /** A mapping that was there is gone, or could not be renewed. */
  onLost(protocol: MappedProtocol): void;
  /** The router's own address towards the Internet, canonical IP text; it may be no public one. */
  onExternalIp(ip: string): void;
  /** Nothing came of it for now: one sentence for a person. It is tried again later. */
  onFailed(reason: string): void;
  /** After remove(): the router has confirmed, or there was nothing to remove. Called once. */
  onRemoved(): void;
}

/** How long a mapping is asked for; it is renewed at half of what the router grants. */
export const LEASE_SECONDS = 3600;
/** A router that says less, or more, is asked again as if it had said this. */
export const LEASE_SECONDS_MIN = 120;
export const LEASE_SECONDS_MAX = 86_400;
/** After nothing came of it: a router may be switched on, or may have its mappings allowed, at any time. */
export const TRY_AGAIN_AFTER_MS = 1_800_000;

/** Milliseconds until a lease is renewed: half of it. */
export function renewAfterMs(leaseSeconds: number): number {
  return (Math.min(Math.max(leaseSeconds, LEASE_SECONDS_MIN), LEASE_SECONDS_MAX) * 1000) / 2;
}
