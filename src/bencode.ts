/** `dtorrent/bencode`: bencode (BEP 3), an iterative decoder with limits and a canonical encoder. */
export { DtorrentError, type ErrorCode } from './base/errors.js';
export {
  BencodeDict,
  type BencodeDocument,
  type BencodeInput,
  BencodeList,
  type BencodeOptions,
  type BencodeSpan,
  type BencodeValue,
  decodeBencode,
  encodeBencode,
  RawBencode,
} from './format/bencode.js';
