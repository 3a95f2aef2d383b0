/** What every part of one engine shares. Made once by Session; there is no module-level state. */
import type { BoundAddress } from '../base/bound-addresses.js';
import type { ExternalAddress } from '../base/external-address.js';
import type { ByteBudget } from '../base/slot-pool.js';
import type { Host } from '../host/host.js';
import type { ReadCache } from './data/read-cache.js';
import type { EngineEvent } from './events.js';
import type { Settings } from './settings.js';
import type { PeerPriorities } from './swarm/peer-priorities.js';
import type { RateLimiter } from './swarm/rate-limiter.js';
import type { Turn } from './turn.js';

export interface EngineContext {
  readonly host: Host;
  readonly settings: Settings;
  readonly turn: Turn;
  /** Bounds the pieces in flight of all torrents together. */
  readonly writeBudget: ByteBudget;
  /** Some of it has come free that other torrents may have found missing: they go on in this turn. */
  memoryFreed(): void;
  readonly readCache: ReadCache;
  /** Bytes per second of all torrents together. */
  readonly rates: { readonly download: RateLimiter; readonly upload: RateLimiter };
  /** Our own addresses as others see them. */
  readonly externalAddress: ExternalAddress;
  /** BEP 40: of candidates and peers, as seen from those. */
  readonly priorities: PeerPriorities;
  /** The TCP port that we listen on; 0 until we do. */
  listenPort(): number;
  /** The TCP port that others reach us on, which is a router's where one maps ours; 0 until we listen. */
  reachablePort(): number;
  /** False while nothing is there of what the engine is bound to: who dials then only counts failures. */
  canSend(): boolean;
  /** The addresses that are bound now; null = the engine is bound to nothing in particular. */
  boundAddresses(): readonly BoundAddress[] | null;
  /** Tells listeners after the current turn. */
  emit(event: EngineEvent): void;
}
