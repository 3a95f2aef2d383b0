/** Why a WireStream gave up on its remote, and the error that says so. The names are those of the engine's CloseReason. */
import { DtorrentError } from '../base/errors.js';
import type { WireViolation } from '../protocol/wire/decoder.js';

export type WireFailure =
  | WireViolation
  | 'wrong-info-hash'
  | 'bad-bitfield'
  | 'piece-out-of-range'
  | 'too-many-invalid-requests'
  | 'too-many-unrequested-blocks'
  | 'bad-metadata'
  | 'not-reading';

export function wireError(reason: WireFailure): DtorrentError {
  return new DtorrentError('EPROTOCOL', `the peer broke the protocol: ${EXPLANATIONS[reason]} (${reason})`);
}

const EXPLANATIONS: Readonly<Record<WireFailure, string>> = {
  'bad-protocol-name': 'it does not speak BitTorrent',
  'message-too-long': 'a message is longer than any may be',
  'bad-length': 'a message has not the length of its type',
  'bitfield-not-first': 'it says what it has once too often',
  'fast-not-negotiated': 'a message of the fast extension without having agreed on it',
  'wrong-info-hash': 'it answers for another torrent',
  'bad-bitfield': 'its bitfield has pieces that the torrent has not',
  'piece-out-of-range': 'it names a piece that the torrent has not',
  'too-many-invalid-requests': 'it asks for what does not exist, again and again',
  'too-many-unrequested-blocks': 'it sends blocks that nobody asked for',
  'bad-metadata': 'the metadata it sends is not that of the torrent',
  'not-reading': 'it asks on and does not read the answers',
};
