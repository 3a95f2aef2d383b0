/**
 * Why a peer connection ended. Misbehaviour of a remote is a value and a counter, never a throw.
 * The text is stable: it appears in events, logs and statistics.
 */
import type { WireViolation } from '../protocol/wire/decoder.js';

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
  | 'bad-metadata'
  | 'torrent-stopped'
  /** A bug on our side; the details are in the log. */
  | 'internal';
