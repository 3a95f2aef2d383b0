/**
 * `dtorrent/tracker`: announces and scrapes over HTTP (BEP 3, 7, 23, 48) and UDP (BEP 15), tiers (BEP 12), and the
 * embedded tracker, on sockets or without. Only the embedded tracker's listener opens sockets.
 */
export type { Address, HostPort } from './base/address.js';
export { DtorrentError, type ErrorCode } from './base/errors.js';
export type { Random } from './base/random.js';
export { NodeRandom } from './node/random.js';
export { startTracker, type TrackerHandle, type TrackerListenerOptions } from './node/tracker-listener.js';
export {
  type AnnounceEvent,
  AnnounceFailure,
  type AnnounceRequest,
  type AnnounceResponse,
  type AnnounceResult,
  type ScrapeCounts,
} from './protocol/tracker/announce.js';
export { announceUrl, parseAnnounceResponse, parseScrapeResponse, scrapeUrl } from './protocol/tracker/http.js';
export { TrackerServer, type TrackerServerOptions, type TrackerStats } from './protocol/tracker/server.js';
export { answerHttp } from './protocol/tracker/server-http.js';
export { UdpTrackerServer } from './protocol/tracker/server-udp.js';
export { loadTiers, Tracker, TrackerChain } from './protocol/tracker/tiers.js';
export { parseTrackerUrl, type TrackerUrl } from './protocol/tracker/tracker-url.js';
export {
  decodeUdpAnnounceAnswer,
  decodeUdpError,
  decodeUdpScrapeAnswer,
  encodeUdpAnnounce,
  encodeUdpConnect,
  encodeUdpScrape,
} from './protocol/tracker/udp-packets.js';
