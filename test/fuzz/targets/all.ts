/** Every target there is. */
import type { FuzzTarget } from '../target.js';
import { addressTarget } from './address.js';
import { bencodeTarget } from './bencode.js';
import { commandLineTarget } from './command-line.js';
import { connectionMemoryTarget } from './connection-memory.js';
import { createTorrentTarget } from './create-torrent.js';
import { dhtTarget } from './dht.js';
import { extensionHandshakeTarget } from './extension-handshake.js';
import { fileSelectionTarget } from './file-selection.js';
import { httpTrackerTarget } from './http-tracker.js';
import { liveSessionTarget } from './live-session.js';
import { lsdPacketTarget } from './lsd-packet.js';
import { magnetTarget } from './magnet.js';
import { merkleProofTarget } from './merkle-proof.js';
import { metainfoTarget } from './metainfo.js';
import { resumeDataTarget } from './resume-data.js';
import { routerRepliesTarget } from './router-replies.js';
import { safePathTarget } from './safe-path.js';
import { settingsTarget } from './settings.js';
import { trackerServerTarget } from './tracker-server.js';
import { trackerUrlTarget } from './tracker-url.js';
import { udpTrackerTarget } from './udp-tracker.js';
import { utMetadataTarget } from './ut-metadata.js';
import { utPexTarget } from './ut-pex.js';
import { wireTarget } from './wire.js';
import { wireStreamTarget } from './wire-stream.js';
import { workTarget } from './work.js';

export const TARGETS: readonly FuzzTarget[] = [
  // files and links
  bencodeTarget,
  metainfoTarget,
  magnetTarget,
  createTorrentTarget,
  merkleProofTarget,
  resumeDataTarget,
  safePathTarget,
  // the peer wire
  wireTarget,
  wireStreamTarget,
  extensionHandshakeTarget,
  utMetadataTarget,
  utPexTarget,
  // trackers
  addressTarget,
  trackerUrlTarget,
  httpTrackerTarget,
  udpTrackerTarget,
  trackerServerTarget,
  // the DHT
  dhtTarget,
  // routers
  routerRepliesTarget,
  // local discovery
  lsdPacketTarget,
  // what people type
  settingsTarget,
  fileSelectionTarget,
  commandLineTarget,
  // all of the above: no input is quadratic
  workTarget,
  // whole engines
  liveSessionTarget,
  connectionMemoryTarget,
];
