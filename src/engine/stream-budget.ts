/**
 * How the streams that the system allows are shared out: to peers, to dials under way, and to incoming connections that
 * have not said yet what they want. Without it strangers who connect and say nothing take the descriptors that files
 * are opened with, and a download ends for the lack of one (`ulimit -n 256`). Pure; asked once, by Session.
 * Invariant: maxPeers + maxHalfOpen + incomingHandshakes <= streamsMax, as far as each gets at least one.
 */
import { LIMITS } from '../base/limits.js';
import type { Settings } from './settings.js';

/** Who has said nothing yet is the cheapest to do without, but not altogether: real peers come in there. */
const HANDSHAKES_SHARE = 1 / 4;
const PEERS_SHARE_OF_REST = 3 / 4;

export interface StreamBudget {
  readonly maxPeers: number;
  readonly maxHalfOpen: number;
  readonly incomingHandshakes: number;
}

/** What is asked for, or less where it would not fit. `streamsMax` may be Infinity. */
export function shareStreams(
  { maxPeers, maxHalfOpen }: Pick<Settings, 'maxPeers' | 'maxHalfOpen'>,
  streamsMax: number,
): StreamBudget {
  const left = streamsMax - maxPeers - maxHalfOpen;
  const incomingHandshakes = atMost(LIMITS.incomingHandshakesMax, Math.max(left, streamsMax * HANDSHAKES_SHARE));
  const rest = streamsMax - incomingHandshakes;
  if (maxPeers + maxHalfOpen <= rest) return { maxPeers, maxHalfOpen, incomingHandshakes };
  const peers = atMost(maxPeers, rest * PEERS_SHARE_OF_REST);
  return { maxPeers: peers, maxHalfOpen: atMost(maxHalfOpen, rest - peers), incomingHandshakes };
}

function atMost(asked: number, room: number): number {
  return Math.max(1, Math.min(asked, Math.floor(room)));
}
