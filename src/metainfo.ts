/** `dtorrent/metainfo`: torrent files and info dictionaries, v1, v2 and hybrid (BEP 3, 52), read and checked. */
export type { HostPort } from './base/address.js';
export { DtorrentError, type ErrorCode } from './base/errors.js';
export { FileLayout, pieceHashesOf } from './format/file-layout.js';
export { type InfoHash, infoHashHex, infoHashOf, matchesInfoHash, wireHashes } from './format/infohash.js';
export { type Metainfo, type MetainfoFile, parseInfoDictionary, parseMetainfo } from './format/metainfo.js';
export type { OuterDictionary } from './format/outer-dictionary.js';
export { checkPiece, type PieceVerdict } from './format/piece-check.js';
export type { PieceHashes, SpanVisitor, StorageFile } from './host/storage.js';
