/**
 * Proves that the table of limits is honest: each limit is used where it says, and has a test that names and reaches it.
 * A limit that is documented and enforced nowhere is worse than none (a well-known client has had one for years).
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../../test/harness/repository.js';
import { LIMITS } from './limits.js';

/** The test that goes up to the limit and one beyond it; there may be others. Below src. */
const REACHED_BY: Readonly<Record<keyof typeof LIMITS, string>> = {
  lsdPacketBytesMax: 'protocol/lsd/lsd-packet.test.ts',
  lsdSendersMax: 'protocol/lsd/lsd.test.ts',
  lsdPacketsPerSenderPerMinuteMax: 'protocol/lsd/lsd.test.ts',
  lsdNetworksMax: 'engine/discovery/lsd-service.test.ts',
  bencodeDepthMax: 'format/bencode.test.ts',
  bencodeTokensMax: 'format/bencode.test.ts',
  bencodeIntegerDigitsMax: 'format/bencode.test.ts',
  torrentFileBytesMax: 'format/bencode.test.ts',
  metadataBytesMax: 'protocol/wire/extension-handshake.test.ts',
  pieceCountMax: 'format/create-torrent.test.ts',
  pieceLengthBytesMax: 'format/create-torrent.test.ts',
  fileCountMax: 'format/metainfo.test.ts',
  pathElementBytesMax: 'format/safe-path.test.ts',
  pathDepthMax: 'format/metainfo.test.ts',
  pathElementsMax: 'format/metainfo.test.ts',
  webSeedsMax: 'format/metainfo.test.ts',
  torrentNodesMax: 'format/metainfo.test.ts',
  magnetBytesMax: 'format/magnet.test.ts',
  magnetTrackersMax: 'format/magnet.test.ts',
  magnetPeersMax: 'format/magnet.test.ts',
  magnetSelectIndexMax: 'format/magnet.test.ts',
  selectPatternsMax: 'engine/data/file-selection.test.ts',
  selectPatternCharactersMax: 'engine/data/file-selection.test.ts',
  blockBytes: 'engine/peer/hostile-peers.test.ts',
  requestBytesMax: 'protocol/wire/decoder.test.ts',
  messageBytesMax: 'protocol/wire/decoder.test.ts',
  extendedMessageBytesMax: 'protocol/wire/decoder.test.ts',
  extensionHandshakeBytesMax: 'protocol/wire/extension-handshake.test.ts',
  extensionHandshakesMax: 'engine/peer/peer-extensions.test.ts',
  handshakeTimeoutMs: 'engine/peer/peer-opening.test.ts',
  incomingHandshakesMax: 'engine/peer/peer-opening.test.ts',
  idleTimeoutMs: 'engine/peer/peer-deadlines.test.ts',
  keepAliveAfterMs: 'engine/peer/peer-deadlines.test.ts',
  sendStallTimeoutMs: 'engine/peer/peer-deadlines.test.ts',
  peerRequestsQueuedMax: 'engine/peer/peer.test.ts',
  invalidRequestsMax: 'engine/peer/peer.test.ts',
  unrequestedBlocksMax: 'engine/swarm/peer-conduct.test.ts',
  chokeMessagesPerMinuteMax: 'engine/swarm/peer-conduct.test.ts',
  fruitlessUnchokesMax: 'engine/swarm/peer-conduct.test.ts',
  owedBlockTimeoutMs: 'engine/swarm/peer-conduct.test.ts',
  indifferenceTimeoutMs: 'engine/swarm/peer-conduct.test.ts',
  allowedFastCount: 'engine/peer/peer.test.ts',
  allowedFastAcceptedMax: 'engine/peer/peer.test.ts',
  earlyHavesMax: 'engine/peer/peer-opening.test.ts',
  outgoingMessageBytesMax: 'node/wire-stream.test.ts',
  clientNameCharactersMax: 'protocol/wire/extension-handshake.test.ts',
  metadataMessageBytesMax: 'protocol/wire/metadata.test.ts',
  extensionsPerPeerMax: 'node/wire-stream-hostile.test.ts',
  rateDebtMsMax: 'engine/swarm/rate-limiter.test.ts',
  hashesPerMessageMax: 'protocol/wire/hashes.test.ts',
  hashProofLayersMax: 'protocol/wire/hashes.test.ts',
  hashRequestsQueuedMax: 'engine/peer/hash-exchange.test.ts',
  leafFetchesMax: 'engine/pieces/leaf-fetcher.test.ts',
  leafFetchTriesMax: 'engine/pieces/leaf-fetcher.test.ts',
  leafFetchTimeoutMs: 'engine/pieces/leaf-fetcher.test.ts',
  metadataRequestsPerPeerMax: 'engine/metadata/metadata-fetcher.test.ts',
  metadataServedPerBlockMax: 'engine/metadata/metadata-fetcher.test.ts',
  metadataRejectPauseMs: 'engine/metadata/metadata-fetcher.test.ts',
  metadataRequestTimeoutMs: 'engine/metadata/metadata-fetcher.test.ts',
  metadataFailuresMax: 'engine/metadata/metadata-fetcher.test.ts',
  metadataTurnMs: 'engine/metadata/metadata-fetcher.test.ts',
  metadataDuplicateAfterMs: 'engine/metadata/metadata-fetcher.test.ts',
  pexMessageBytesMax: 'protocol/wire/pex.test.ts',
  pexContactsPerMessageMax: 'protocol/wire/pex.test.ts',
  pexContactsPerPeerMax: 'engine/exchange/pex-inbox.test.ts',
  pexMessagesPerMinuteMax: 'engine/exchange/pex-inbox.test.ts',
  pexFirstContactsMax: 'engine/exchange/pex-outbox.test.ts',
  pexContactsPerSendMax: 'engine/exchange/pex-outbox.test.ts',
  pexRecentContactsMax: 'engine/exchange/pex-outbox.test.ts',
  pexLogEventsMax: 'engine/exchange/contact-log.test.ts',
  trackerUrlBytesMax: 'protocol/tracker/tracker-url.test.ts',
  trackersPerTorrentMax: 'protocol/tracker/tiers.test.ts',
  httpTrackerBodyBytesMax: 'engine/announce/http-tracker-client.test.ts',
  httpTrackerTimeoutMs: 'engine/announce/announce-discipline.test.ts',
  httpRedirectsMax: 'engine/announce/http-tracker-client.test.ts',
  stoppedAnnounceTimeoutMs: 'engine/announce/announcer.test.ts',
  stoppedAnnouncesTotalMs: 'engine/announce/announce-discipline.test.ts',
  peersPerAnnounceMax: 'protocol/tracker/http.test.ts',
  announceIntervalMinMs: 'protocol/tracker/http.test.ts',
  announceIntervalMaxMs: 'protocol/tracker/http.test.ts',
  announcesPerHostMax: 'engine/announce/announce-queue.test.ts',
  peerNamesPerAnnounceMax: 'protocol/tracker/http.test.ts',
  trackerMessageBytesMax: 'protocol/tracker/http.test.ts',
  trackerIdBytesMax: 'protocol/tracker/http.test.ts',
  udpTrackerRetransmitsMax: 'protocol/tracker/udp.test.ts',
  udpTrackerAddressesMax: 'engine/announce/udp-tracker-client.test.ts',
  udpTrackerEndpointsMax: 'protocol/tracker/udp.test.ts',
  trackerSecondFamilyTimeoutMs: 'engine/announce/http-tracker-client.test.ts',
  trackerFamiliesBrokenMax: 'engine/announce/http-tracker-client.test.ts',
  trackerDnsRecordBytesMax: 'protocol/tracker/dns-preferences.test.ts',
  trackerPreferencesTimeoutMs: 'engine/announce/preferred-trackers.test.ts',
  trackerPreferencesMax: 'engine/announce/preferred-trackers.test.ts',
  udpScrapeHashesMax: 'engine/announce/scraper.test.ts',
  httpScrapeHashesMax: 'engine/announce/scraper.test.ts',
  scrapeIntervalMinMs: 'engine/announce/scraper.test.ts',
  scrapeAnswersKeptMax: 'engine/announce/scraper.test.ts',
  trackerServerSwarmsMax: 'protocol/tracker/server.test.ts',
  trackerServerPeersPerSwarmMax: 'protocol/tracker/server.test.ts',
  trackerServerPeersMax: 'protocol/tracker/server.test.ts',
  trackerServerPeersPerAnswerMax: 'protocol/tracker/server.test.ts',
  trackerServerScrapeHashesMax: 'protocol/tracker/server-http.test.ts',
  trackerServerRequestLineBytesMax: 'protocol/tracker/server-http.test.ts',
  trackerServerParametersMax: 'protocol/tracker/server-http.test.ts',
  trackerServerConnectionsMax: 'node/tracker-listener.test.ts',
  trackerServerRequestTimeoutMs: 'node/tracker-listener.test.ts',
  trackerServerIdleTimeoutMs: 'node/tracker-listener.test.ts',
  trackerServerPacketBytesMax: 'protocol/tracker/server-udp.test.ts',
  dhtNodesPerListMax: 'protocol/dht/compact-nodes.test.ts',
  dhtTokenRotationMs: 'protocol/dht/tokens.test.ts',
  dhtStoredHashesMax: 'protocol/dht/peer-store.test.ts',
  dhtStoredPeersPerHashMax: 'protocol/dht/peer-store.test.ts',
  dhtPeerLifetimeMs: 'protocol/dht/peer-store.test.ts',
  dhtStoredItemsMax: 'protocol/dht/item-store.test.ts',
  dhtItemLifetimeMs: 'protocol/dht/item-store.test.ts',
  dhtItemAnnouncersMax: 'protocol/dht/item-store.test.ts',
  dhtValueBytesMax: 'protocol/dht/item.test.ts',
  dhtSaltBytesMax: 'protocol/dht/item.test.ts',
  dhtQueriesPerWindowMax: 'protocol/dht/rate-guard.test.ts',
  dhtQueryWindowMs: 'protocol/dht/rate-guard.test.ts',
  dhtBanMs: 'protocol/dht/rate-guard.test.ts',
  dhtGuardedAddressesMax: 'protocol/dht/rate-guard.test.ts',
  dhtFoundWaitingMax: 'node/dht-search.test.ts',
  spilledBlocksMax: 'engine/pieces/piece-picker.test.ts',
  smartBanBlocksMax: 'engine/pieces/smart-ban.test.ts',
  candidatesPerTorrentMax: 'engine/swarm/candidates.test.ts',
  bannedHostsPerTorrentMax: 'engine/swarm/banned-hosts.test.ts',
  departedSendersMax: 'engine/pieces/departed-senders.test.ts',
  misconductsPerHostMax: 'engine/swarm/banned-hosts.test.ts',
  replacedPeersPerMinuteMax: 'engine/swarm/peer-turnover.test.ts',
  dialTimeoutMs: 'engine/swarm/swarm.test.ts',
  dialAttemptsMax: 'engine/swarm/candidates.test.ts',
  torrentFileUrlTimeoutMs: 'node/torrent-source.test.ts',
  externalAddressVotesMax: 'base/external-address.test.ts',
  natPmpTriesMax: 'protocol/nat/gateway-mapper.test.ts',
  upnpSearchesMax: 'protocol/nat/upnp-mapper.test.ts',
  upnpDevicesMax: 'protocol/nat/upnp-mapper.test.ts',
  upnpServicesMax: 'protocol/nat/igd.test.ts',
  upnpPortTriesMax: 'protocol/nat/upnp-mapper.test.ts',
  upnpBodyBytesMax: 'engine/discovery/port-mapping.test.ts',
  upnpTimeoutMs: 'engine/discovery/port-mapping.test.ts',
  ssdpPacketBytesMax: 'protocol/nat/ssdp.test.ts',
  xmlDepthMax: 'protocol/nat/xml.test.ts',
  xmlElementsMax: 'protocol/nat/xml.test.ts',
  portMappingGatewaysMax: 'engine/discovery/port-mapping.test.ts',
  portMappingRemovalMs: 'engine/discovery/port-mapping.test.ts',
  stateRecordBytesMax: 'node/state-dir.test.ts',
  resumePathBytesMax: 'format/resume-data.test.ts',
  resumePartialsMax: 'format/resume-data.test.ts',
  resumePartialsBytesMax: 'format/resume-data.test.ts',
  dhtTorrentLookupsMax: 'engine/discovery/dht-schedule.test.ts',
  dhtBootstrapNamesMax: 'engine/discovery/dht-service.test.ts',
  resumePeersMax: 'format/resume-data.test.ts',
  dhtPacketBytesMax: 'protocol/dht/krpc.test.ts',
  dhtPacketDepthMax: 'protocol/dht/krpc.test.ts',
  dhtPacketTokensMax: 'protocol/dht/krpc.test.ts',
  dhtTransactionIdBytesMax: 'protocol/dht/krpc.test.ts',
  dhtReplyBytesMax: 'protocol/dht/responder.test.ts',
  dhtReplyFactorMax: 'protocol/dht/responder.test.ts',
  dhtTokenBytesMax: 'protocol/dht/lookup.test.ts',
  dhtTableNodesMax: 'protocol/dht/routing-table.test.ts',
  dhtQueriesOutstandingMax: 'protocol/dht/transactions.test.ts',
  dhtUploadBytesPerSecondMax: 'protocol/dht/dht-node.test.ts',
  dhtLookupsMax: 'protocol/dht/lookups.test.ts',
  dhtLookupsWaitingMax: 'protocol/dht/lookups.test.ts',
  dhtLookupCandidatesMax: 'protocol/dht/lookup.test.ts',
  dhtLookupInsecureMax: 'protocol/dht/lookup.test.ts',
  dhtLookupImplausibleMax: 'protocol/dht/lookup.test.ts',
  dhtLookupQueriesMax: 'protocol/dht/lookup.test.ts',
  dhtLookupPeersMax: 'protocol/dht/peer-search.test.ts',
  dhtStrangersMax: 'protocol/dht/table-upkeep.test.ts',
  dhtStrangersAtOnceMax: 'protocol/dht/table-upkeep.test.ts',
  dhtAskedNodesMax: 'protocol/dht/asked-lately.test.ts',
  dhtDistrustedNodesMax: 'protocol/dht/distrusted-nodes.test.ts',
  dhtBootstrapNodesMax: 'protocol/dht/dht.test.ts',
  dhtIndexNodesMax: 'protocol/dht/infohash-index.test.ts',
  dhtSnapshotBytesMax: 'protocol/dht/snapshot.test.ts',
  streamHighWaterBytes: 'host/testing/byte-stream-conformance.ts',
  datagramQueueBytesMax: 'node/udp.test.ts',
  httpConnectionsPerOriginMax: 'node/http.test.ts',
};

const UNITS = /(?:Max|Min|Ms|Bytes|Count)$/;

const NAMES = Object.keys(LIMITS) as (keyof typeof LIMITS)[];
const SOURCE_DIRECTORY = join(REPOSITORY, 'src');

function read(path: string): string {
  return readFileSync(join(SOURCE_DIRECTORY, path), 'utf8');
}

function names(text: string): ReadonlySet<string> {
  return new Set(text.match(/\w+/g));
}

test('every limit has a test that names it, where the table says', () => {
  const untested = NAMES.filter((name) => !names(read(REACHED_BY[name])).has(name));
  assert.deepEqual(untested, []);
});

test('every limit is enforced somewhere', () => {
  const sources = readdirSync(SOURCE_DIRECTORY, { recursive: true })
    .map((path) => String(path).replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && path !== 'base/limits.ts')
    .filter((path) => !path.includes('testing/') && !/^(?:sim|lab)\//.test(path));
  const used = new Set(sources.flatMap((path) => [...(read(path).match(/(?<=LIMITS\.)\w+/g) ?? [])]));
  assert.deepEqual(
    NAMES.filter((name) => !used.has(name)),
    [],
  );
});

test('every limit is a positive whole number, and its name ends with what it counts', () => {
  for (const [name, value] of Object.entries(LIMITS)) {
    assert.ok(Number.isSafeInteger(value) && value > 0, name);
    assert.match(name, UNITS);
  }
});
