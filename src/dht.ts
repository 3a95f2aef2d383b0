/**
 * `dtorrent/dht`: the DHT (BEP 5, 32, 33, 42, 43, 44, 45, 51). DhtClient is a node on a socket of its own; Dht is the same
 * without sockets and clock, for programs that bring theirs. What items and magnet links of BEP 44 and 46 are made of is
 * here, too.
 */
export type { Address, HostPort } from './base/address.js';
export { ed25519PublicKey } from './base/crypto.js';
export { DtorrentError, type ErrorCode } from './base/errors.js';
export type { Random } from './base/random.js';
export { type InfoHash, wireHashes } from './format/infohash.js';
export {
  DhtClient,
  type DhtClientOptions,
  type DhtItemKey,
  type DhtRequestOptions,
  type DhtSample,
} from './node/dht-client.js';
export type { DhtSearch } from './node/dht-search.js';
export { NodeRandom } from './node/random.js';
export { BOOTSTRAP_NODES } from './protocol/dht/bootstrap.js';
export { Dht, type DhtOptions } from './protocol/dht/dht.js';
export type { DhtEndpoint, DhtNode } from './protocol/dht/dht-node.js';
export {
  immutableTarget,
  isValidValue,
  type MutableItem,
  mutableTarget,
  signItem,
  type UnsignedItem,
  verifyItem,
} from './protocol/dht/item.js';
export type { MutableKey } from './protocol/dht/item-search.js';
export { isSecureId, makeNodeId } from './protocol/dht/node-id.js';
export type {
  AnnounceListener,
  AnnounceOptions,
  AnnounceSummary,
  DhtOperation,
  DhtStats,
  FoundMutable,
  ItemListener,
  ItemSummary,
  LookupSummary,
  MutableListener,
  PeersListener,
  PeersSummary,
  PingListener,
  PutListener,
  PutSummary,
  SampleListener,
  ScrapeListener,
  ScrapeSummary,
  SignedItem,
} from './protocol/dht/operations.js';
