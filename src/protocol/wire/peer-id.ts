/**
 * Our peer id (BEP 20, Azureus style): `-DT0100-` and 12 random characters. A new one for each torrent and run, so that
 * torrents cannot be linked by it.
 */
import { assert } from '../../base/assert.js';
import { fromLatin1 } from '../../base/bytes.js';
import { type Random, randomBelow } from '../../base/random.js';
import { VERSION } from '../../base/version.js';

/** `version` is `major.minor.patch`, each below 36. @returns 20 bytes. */
export function makePeerId(random: Random, version: string = VERSION): Uint8Array {
  let text = `-DT${versionDigits(version)}0-`;
  for (let i = 0; i < RANDOM_CHARACTERS; i++) text += UNRESERVED[randomBelow(random, UNRESERVED.length)];
  return fromLatin1(text);
}

const RANDOM_CHARACTERS = 12;
/** RFC 3986 unreserved: never percent-encoded, which some trackers get wrong. */
const UNRESERVED = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';

function versionDigits(version: string): string {
  const parts = version.split('.').map(Number);
  assert(parts.length === 3 && parts.every((part) => part >= 0 && part < 36), 'a version is three numbers below 36');
  return parts.map((part) => part.toString(36).toUpperCase()).join('');
}
