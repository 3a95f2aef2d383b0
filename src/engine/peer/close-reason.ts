/**
 * Why a peer connection ended. Misbehaviour of a remote is a value and a counter, never a throw.
 * The text is stable: it appears in events, logs and statistics.
 */
import type { WireViolation } from '../../protocol/wire/decoder.js';

export type CloseReason =
  | WireViolation
  /** The remote closed, or the network failed. */
  | 'remote-closed'
  | 'dial-failed'
  | 'handshake-timeout'
  | 'idle'
  | 'wrong-info-hash'
  | 'unknown-info-hash'
  | 'self-connection'
  | 'duplicate-connection'
  | 'too-many-peers'
  /** There was no place for a newcomer, and this one was worth the least. */
  | 'replaced'
  /** Places are short, others wait to be dialled, and this one was worth the least. */
  | 'turned-over'
  /** Places are short, and for minutes neither side has wanted anything of the other. */
  | 'mutual-disinterest'
  /** It was asked for blocks and has sent none for minutes. */
  | 'no-blocks'
  /** It unchoked us, let itself be asked and choked us again, over and over; or it did so hundreds of times a minute. */
  | 'choke-flapping'
  | 'banned'
  /** Neither side can have anything the other wants. */
  | 'both-complete'
  /** The torrent is private, and no tracker of it named this peer (BEP 27). */
  | 'not-from-tracker'
  /** The torrent is private, and another tracker has taken the place of the one that named its peers (BEP 27). */
  | 'tracker-switched'
  | 'bad-bitfield'
  | 'piece-out-of-range'
  | 'too-many-invalid-requests'
  | 'too-many-unrequested-blocks'
  | 'too-many-hash-requests'
  /** BEP 11 allows one a minute. */
  | 'too-many-pex-messages'
  /** It told hashes that are not those of the piece (BEP 52). */
  | 'bad-hashes'
  | 'bad-metadata'
  | 'torrent-stopped'
  /** A bug on our side; the details are in the log. */
  | 'internal';

/** What no client does by accident: a host that does it again and again is banned. */
export function isMisconduct(reason: CloseReason): boolean {
  return MISCONDUCT.has(reason);
}

const MISCONDUCT: ReadonlySet<CloseReason> = new Set<CloseReason>([
  'message-too-long',
  'bad-length',
  'bitfield-not-first',
  'fast-not-negotiated',
  'bad-bitfield',
  'bad-hashes',
  'piece-out-of-range',
  'too-many-invalid-requests',
  'too-many-unrequested-blocks',
  'too-many-hash-requests',
  'too-many-pex-messages',
  'choke-flapping',
]);
