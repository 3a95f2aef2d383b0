/**
 * `dtorrent/wire`: the peer wire (BEP 3, 6, 9, 10, 52) as a Node Duplex, and the sans-IO decoder and encoder that it is made
 * of for programs that bring another kind of stream.
 */
export { Bitfield } from './base/bitfield.js';
export { DtorrentError, type ErrorCode } from './base/errors.js';
export type { Random } from './base/random.js';
export type { InfoHash } from './format/infohash.js';
export { NodeRandom } from './node/random.js';
export type {
  WireBlock,
  WireEvents,
  WireExtended,
  WireHandshake,
  WirePiece,
  WireRequest,
} from './node/wire-events.js';
export { fetchMetadata, serveMetadata } from './node/wire-metadata.js';
export type { PieceLengths } from './node/wire-receiver.js';
export { type ExtensionHandshakeOptions, type HandshakeOptions, WireStream } from './node/wire-stream.js';
export { allowedFastSet } from './protocol/wire/allowed-fast.js';
export { type BlockTarget, WireDecoder, type WireHandler, type WireViolation } from './protocol/wire/decoder.js';
export { WireEncoder } from './protocol/wire/encoder.js';
export {
  decodeExtensionHandshake,
  EXTENSION_IDS,
  type ExtensionHandshake,
  encodeExtensionHandshake,
} from './protocol/wire/extension-handshake.js';
export { decodeReserved, encodeHandshake, encodeReserved, type WireFeatures } from './protocol/wire/handshake.js';
export type { HashRange } from './protocol/wire/hashes.js';
export {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  type MetadataMessage,
} from './protocol/wire/metadata.js';
export { makePeerId } from './protocol/wire/peer-id.js';
