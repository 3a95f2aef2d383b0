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
  torrentFileBytesMax: 80 * 1024 * 1024,
  metadataBytesMax: 30 * 1024 * 1024,
  pieceCountMax: 2_097_152,
  pieceLengthBytesMax: 512 * 1024 * 1024,
  fileCountMax: 1_000_000,
  pathElementBytesMax: 240,
  pathDepthMax: 100,
  magnetBytesMax: 64 * 1024,
  magnetTrackersMax: 200,
  magnetPeersMax: 200,
  magnetSelectIndexMax: 1_000_000,

  // peer wire
  blockBytes: 16 * 1024,
  requestBytesMax: 128 * 1024,
  messageBytesMax: 2 * 1024 * 1024,
  extendedMessageBytesMax: 1024 * 1024,
  extensionHandshakeBytesMax: 64 * 1024,
  handshakeTimeoutMs: 10_000,
  incomingHandshakesMax: 500,
  idleTimeoutMs: 150_000,
  keepAliveAfterMs: 100_000,
  peerRequestsQueuedMax: 500,
  invalidRequestsMax: 300,
  unrequestedBlocksMax: 100,
  allowedFastCount: 10,
  allowedFastAcceptedMax: 100,
  earlyHavesMax: 10_000,
  suggestedPiecesMax: 16,
  outgoingMessageBytesMax: 1024 * 1024,

  // ut_metadata
  metadataRequestsPerPeerMax: 2,
  metadataServedPerBlockMax: 16,
  metadataRejectPauseMs: 60_000,
  metadataRequestTimeoutMs: 10_000,
  metadataFailuresMax: 3,

  // trackers
  trackerUrlBytesMax: 2048,
  trackersPerTorrentMax: 200,
  httpTrackerBodyBytesMax: 1024 * 1024,
  httpTrackerTimeoutMs: 30_000,
  httpRedirectsMax: 5,
  stoppedAnnounceTimeoutMs: 5_000,
  peersPerAnnounceMax: 2000,
  announceIntervalMinMs: 60_000,
  announceIntervalMaxMs: 86_400_000,
  announcesPerHostMax: 4,

  // embedded tracker
  trackerServerSwarmsMax: 100_000,
  trackerServerPeersPerSwarmMax: 10_000,
  trackerServerPeersMax: 1_000_000,
  trackerServerPeersPerAnswerMax: 200,
  trackerServerScrapeHashesMax: 74,
  trackerServerRequestLineBytesMax: 8192,

  // swarm
  candidatesPerTorrentMax: 3000,
  dialTimeoutMs: 15_000,
  dialAttemptsMax: 5,
  torrentFileUrlTimeoutMs: 60_000,
} as const;
