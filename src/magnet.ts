/** `dtorrent/magnet`: magnet links (BEP 9, 46, 53) to and from plain objects. */
export type { HostPort } from './base/address.js';
export { DtorrentError, type ErrorCode } from './base/errors.js';
export type { InfoHash } from './format/infohash.js';
export {
  type FileRange,
  formatMagnet,
  formatMutableMagnet,
  type Magnet,
  type MagnetHints,
  type MutableMagnet,
  magnetOf,
  parseInfoHashText,
  parseMagnet,
  parseMutableMagnet,
} from './format/magnet.js';
