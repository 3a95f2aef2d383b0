/**
 * Every limit on what a peer, tracker or file can make us do: one table, floor 0, so that every floor uses the same
 * numbers. Each entry has a test that reaches it. Units are last in the names. Values a person may want to change are
 * settings (engine/settings.ts), not limits.
 */
export const LIMITS = {
  // bencode and torrent files
  bencodeDepthMax: 100,
  bencodeTokensMax: 3_000_000,
  bencodeIntegerDigitsMax: 32,
  // 80 × 1024 × 1024. libtorrent takes 10 MB, which a hybrid of 200,000 pieces is larger than
  torrentFileBytesMax: 83_886_080,
  metadataBytesMax: 31_457_280, // 30 × 1024 × 1024
  pieceCountMax: 2_097_152,
  pieceLengthBytesMax: 536_870_912, // 512 × 1024 × 1024
  fileCountMax: 1_000_000,
  pathElementBytesMax: 240,
  pathDepthMax: 100,
  pathElementsMax: 10_000_000,
  webSeedsMax: 100,
  torrentNodesMax: 100,
  magnetBytesMax: 65_536, // 64 × 1024
  magnetTrackersMax: 200,
  magnetPeersMax: 200,
  magnetSelectIndexMax: 1_000_000,

  // file selection
  selectPatternsMax: 1000,
  selectPatternCharactersMax: 4096,

  // peer wire
  blockBytes: 16_384, // 16 × 1024
  requestBytesMax: 131_072, // 128 × 1024
  messageBytesMax: 1_048_576, // 1024 × 1024; those we know are shorter: a bitfield has 256 KiB at most
  extendedMessageBytesMax: 524_288, // 512 × 1024; the longest lists of peers there are have 500 KiB
  extensionHandshakeBytesMax: 65_536, // 64 × 1024
  extensionHandshakesMax: 1000, // of one connection
  handshakeTimeoutMs: 10_000,
  incomingHandshakesMax: 500, // the oldest gives way to the next; fewer where the system allows few streams
  idleTimeoutMs: 150_000,
  keepAliveAfterMs: 100_000,
  sendStallTimeoutMs: 300_000,
  peerRequestsQueuedMax: 500,
  invalidRequestsMax: 300,
  unrequestedBlocksMax: 100,
  chokeMessagesPerMinuteMax: 240,
  fruitlessUnchokesMax: 20,
  owedBlockTimeoutMs: 180_000,
  indifferenceTimeoutMs: 600_000,
  allowedFastCount: 10,
  allowedFastAcceptedMax: 100,
  earlyHavesMax: 10_000,
  outgoingMessageBytesMax: 1_048_576, // 1024 × 1024
  clientNameCharactersMax: 64,
  metadataMessageBytesMax: 17_408, // 17 × 1024
  extensionsPerPeerMax: 100,
  rateDebtMsMax: 2_000,

  // hashes of v2 torrents (BEP 52)
  hashesPerMessageMax: 8192, // BEP 52 asks for 512 at most; libtorrent serves as many as this
  hashProofLayersMax: 48, // no tree is higher
  hashRequestsQueuedMax: 64,
  leafFetchesMax: 100,
  leafFetchTriesMax: 2,
  leafFetchTimeoutMs: 3_000,

  // ut_metadata
  metadataRequestsPerPeerMax: 2,
  metadataServedPerBlockMax: 16,
  metadataRejectPauseMs: 60_000,
  metadataRequestTimeoutMs: 10_000,
  metadataFailuresMax: 3,
  metadataTurnMs: 30_000,
  metadataDuplicateAfterMs: 3_000,

  // peer exchange (BEP 11)
  pexMessageBytesMax: 524_288, // 512 × 1024
  pexContactsPerMessageMax: 200, // read of one message, of those added and of those dropped
  pexContactsPerPeerMax: 500,
  pexMessagesPerMinuteMax: 6,
  pexFirstContactsMax: 200,
  pexContactsPerSendMax: 50,
  pexRecentContactsMax: 25,
  pexLogEventsMax: 5000,

  // trackers
  trackerUrlBytesMax: 2048,
  trackersPerTorrentMax: 200,
  httpTrackerBodyBytesMax: 1_048_576, // 1024 × 1024, sent and unpacked
  httpTrackerTimeoutMs: 30_000,
  httpRedirectsMax: 5,
  stoppedAnnounceTimeoutMs: 5_000,
  stoppedAnnouncesTotalMs: 20_000,
  peersPerAnnounceMax: 2000,
  announceIntervalMinMs: 60_000,
  announceIntervalMaxMs: 86_400_000,
  announcesPerHostMax: 4,
  peerNamesPerAnnounceMax: 50,
  trackerMessageBytesMax: 1024,
  trackerIdBytesMax: 512,
  udpTrackerRetransmitsMax: 1,
  udpTrackerAddressesMax: 2,
  udpTrackerEndpointsMax: 1000,
  trackerSecondFamilyTimeoutMs: 5_000,
  trackerFamiliesBrokenMax: 1000,
  trackerDnsRecordBytesMax: 4096,
  trackerPreferencesTimeoutMs: 2_000,
  trackerPreferencesMax: 1000,
  udpScrapeHashesMax: 74, // BEP 15
  httpScrapeHashesMax: 50, // a URL of about 4 KB
  scrapeIntervalMinMs: 60_000,
  scrapeAnswersKeptMax: 10_000,

  // local discovery
  lsdPacketBytesMax: 1400, // BEP 14
  lsdSendersMax: 1000,
  lsdPacketsPerSenderPerMinuteMax: 300, // some send a packet a torrent, and each three times
  lsdNetworksMax: 64,

  // embedded tracker
  trackerServerSwarmsMax: 100_000,
  trackerServerPeersPerSwarmMax: 10_000,
  trackerServerPeersMax: 1_000_000,
  trackerServerPeersPerAnswerMax: 200,
  trackerServerScrapeHashesMax: 74,
  trackerServerRequestLineBytesMax: 8192,
  trackerServerParametersMax: 150,
  trackerServerConnectionsMax: 4000,
  trackerServerRequestTimeoutMs: 10_000,
  trackerServerIdleTimeoutMs: 5_000,
  trackerServerPacketBytesMax: 1400,

  // DHT: what is stored for others, and for whom
  dhtNodesPerListMax: 100,
  dhtTokenRotationMs: 300_000, // a token is good for one to two of these
  dhtStoredHashesMax: 2000,
  dhtStoredPeersPerHashMax: 500,
  dhtPeerLifetimeMs: 2_700_000, // 45 minutes; clients announce every 15 to 30
  dhtStoredItemsMax: 700,
  dhtItemLifetimeMs: 7_200_000, // BEP 44
  dhtItemAnnouncersMax: 16, // of each item, counted to know how popular it is
  dhtValueBytesMax: 1000, // BEP 44
  dhtSaltBytesMax: 64, // BEP 44
  dhtQueriesPerWindowMax: 50,
  dhtQueryWindowMs: 10_000,
  dhtBanMs: 300_000,
  dhtGuardedAddressesMax: 1000,
  dhtFoundWaitingMax: 100_000, // of one search of a program that does not read what it asked for

  // pieces in flight
  spilledBlocksMax: 262_144,
  smartBanBlocksMax: 65_536,

  // swarm
  candidatesPerTorrentMax: 3000,
  bannedHostsPerTorrentMax: 1000,
  departedSendersMax: 1000,
  misconductsPerHostMax: 3,
  replacedPeersPerMinuteMax: 10,
  dialTimeoutMs: 15_000,
  dialAttemptsMax: 5,
  torrentFileUrlTimeoutMs: 60_000,

  // the engine's use of the DHT
  dhtTorrentLookupsMax: 8, // under way at one time
  dhtBootstrapNamesMax: 50,

  // our address as others see it
  externalAddressVotesMax: 50, // of one round

  // port mapping
  natPmpTriesMax: 9, // RFC 6886: the last waits for 64 seconds
  upnpSearchesMax: 5,
  upnpDevicesMax: 8, // of one search
  upnpServicesMax: 16, // of one device
  upnpPortTriesMax: 4,
  upnpBodyBytesMax: 262_144, // 256 × 1024
  upnpTimeoutMs: 5_000,
  ssdpPacketBytesMax: 4096,
  xmlDepthMax: 32,
  xmlElementsMax: 4096,
  portMappingGatewaysMax: 8,
  portMappingRemovalMs: 1_000,

  // resume data
  stateRecordBytesMax: 67_108_864, // 64 × 1024 × 1024
  resumePathBytesMax: 32_768, // 32 × 1024
  resumePartialsMax: 65_536,
  resumePartialsBytesMax: 8_388_608, // 8 × 1024 × 1024
  resumePeersMax: 200,

  // DHT: packets, routing table, lookups
  dhtPacketBytesMax: 4096,
  dhtPacketDepthMax: 10,
  dhtPacketTokensMax: 500,
  dhtTransactionIdBytesMax: 16, // of others; ours have two
  dhtReplyBytesMax: 1400,
  dhtReplyFactorMax: 8, // times what was asked with, to an address that has not shown that it is there
  dhtTokenBytesMax: 128,
  dhtTableNodesMax: 1000,
  dhtQueriesOutstandingMax: 256,
  dhtUploadBytesPerSecondMax: 8000,
  dhtLookupsMax: 32, // at once; the others wait
  dhtLookupsWaitingMax: 4096,
  dhtLookupCandidatesMax: 100,
  dhtLookupInsecureMax: 32, // candidates whose id does not belong to their address (BEP 42)
  dhtLookupImplausibleMax: 2, // candidates that are too close to the target for an accident
  dhtLookupQueriesMax: 200,
  dhtLookupPeersMax: 10_000,
  dhtStrangersMax: 32,
  dhtStrangersAtOnceMax: 16, // who ask us and are asked in turn without delay, in a row
  dhtAskedNodesMax: 128, // that are not asked again soon
  dhtDistrustedNodesMax: 256,
  dhtBootstrapNodesMax: 200,
  dhtIndexNodesMax: 100_000,
  dhtSnapshotBytesMax: 65_536, // 64 × 1024

  // sockets
  streamHighWaterBytes: 1_048_576, // 1024 × 1024
  datagramQueueBytesMax: 4_194_304, // 4 × 1024 × 1024
  httpConnectionsPerOriginMax: 16,
} as const;
