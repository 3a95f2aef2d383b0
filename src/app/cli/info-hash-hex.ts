/** Info-hashes as the command line's JSON has them. */
import type { InfoHash } from '../../index.js';
import type { InfoHashHex } from './display/view.js';

export function hexPair(infoHash: InfoHash): InfoHashHex {
  return { v1: hexOf(infoHash.v1), v2: hexOf(infoHash.v2) };
}

function hexOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex');
}
