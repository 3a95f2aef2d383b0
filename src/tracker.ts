/**
 * `dtorrent/tracker`: what is said in announces and scrapes over HTTP (BEP 3, 7, 23, 48) and UDP (BEP 15), without
 * sockets; and a tracker of your own, with them.
 */
export type { Address, HostPort } from './base/address.js';
export { DtorrentError, type ErrorCode } from './base/errors.js';
export { startTracker, type TrackerHandle, type TrackerListenerOptions } from './node/tracker-listener.js';
export {
  type AnnounceEvent,
  AnnounceFailure,
  type AnnounceRequest,
  type AnnounceResponse,
  type AnnounceResult,
  type ScrapeAnswer,
  type ScrapeCounts,
} from './protocol/tracker/announce.js';
export { announceUrl, parseAnnounceResponse, parseScrapeResponse, scrapeUrl } from './protocol/tracker/http.js';
export type { TrackerStats } from './protocol/tracker/server.js';
export { parseTrackerUrl, type TrackerUrl } from './protocol/tracker/tracker-url.js';
export {
  decodeUdpAnnounceAnswer,
  decodeUdpError,
  decodeUdpScrapeAnswer,
  encodeUdpAnnounce,
  encodeUdpConnect,
  encodeUdpScrape,
} from './protocol/tracker/udp-packets.js';
