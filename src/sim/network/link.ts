/**
 * The way from one simulated host to another: what it does to the packets on it. Given by SimulatorOptions.link for each
 * connection and each datagram; what a host's own line does to all of them is its AccessLink.
 */
import { randomBelow, type SeededRandom } from '../../base/random.js';

/**
 * How a stream of bytes is cut into what arrives at once. random: anywhere, now and then a few bytes only · bytes: one
 * at a time, everywhere · whole: as large as they come, which is cheap.
 */
export type Cutting = 'random' | 'bytes' | 'whole';

/** The way from one host to another. */
export interface Link {
  /** One way. */
  readonly latencyMs: number;
  /** At most this much is added, at random, for each segment and datagram. Left out = 0. */
  readonly jitterMs?: number;
  /** Of each connection; Infinity = without limit. Datagrams do not wait. */
  readonly bytesPerMs: number;
  /** Share of packets that are lost, 0 to 1. A datagram is gone; TCP sends again, which costs time and window. */
  readonly lossRatio: number;
  /** Share of datagrams that arrive twice. */
  readonly duplicateRatio?: number;
  /** Share of datagrams that are overtaken by later ones. */
  readonly reorderRatio?: number;
  /** Largest IP packet. A larger datagram vanishes, as with DF set and nobody telling. Left out = as large as UDP has them. */
  readonly mtuBytes?: number;
  /** How often something on the way resets a connection, on average. */
  readonly resetsPerHour?: number;
  /** Instead of the world's. */
  readonly cutting?: Cutting;
}

export const LOOPBACK_LINK: Link = { latencyMs: 0, bytesPerMs: Number.POSITIVE_INFINITY, lossRatio: 0 };

const UDP_HEADERS_V4_BYTES = 28;
const UDP_HEADERS_V6_BYTES = 48;
const TCP_HEADERS_V4_BYTES = 52;
const TCP_HEADERS_V6_BYTES = 72;
const DEFAULT_MTU_BYTES = 1500;
const DATAGRAM_BYTES_MAX = 65_507;
const DICE = 2 ** 30;

/** @returns whether something happens that happens with this probability; draws nothing when it never or always does. */
export function happens(random: SeededRandom, ratio: number): boolean {
  if (ratio <= 0) return false;
  return ratio >= 1 || randomBelow(random, DICE) < ratio * DICE;
}

/** @returns a share in [0, 1). */
export function fraction(random: SeededRandom): number {
  return randomBelow(random, DICE) / DICE;
}

/** @returns how long one packet is under way, without what it may have to wait for. */
export function travelMs(link: Link, random: SeededRandom): number {
  const jitterMs = link.jitterMs ?? 0;
  return jitterMs > 0 ? link.latencyMs + jitterMs * fraction(random) : link.latencyMs;
}

/** @returns the bytes of TCP's data in one full packet. */
export function segmentBytesMax(link: Link, family: 4 | 6): number {
  return (link.mtuBytes ?? DEFAULT_MTU_BYTES) - (family === 4 ? TCP_HEADERS_V4_BYTES : TCP_HEADERS_V6_BYTES);
}

/** @returns the bytes of the largest datagram that gets through. */
export function datagramBytesMax(link: Link, family: 4 | 6): number {
  if (link.mtuBytes === undefined) return DATAGRAM_BYTES_MAX;
  return link.mtuBytes - (family === 4 ? UDP_HEADERS_V4_BYTES : UDP_HEADERS_V6_BYTES);
}
