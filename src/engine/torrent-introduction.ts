/** What a torrent tells a peer of itself in the extension handshake (BEP 10). Used by Torrent. */
import { LIMITS } from '../base/limits.js';
import { CLIENT_NAME } from '../base/version.js';
import type { Metainfo } from '../format/metainfo.js';
import { EXTENSION_IDS, type ExtensionHandshake } from '../protocol/wire/extension-handshake.js';

export interface TorrentIntroduction {
  /** Null = not known yet. */
  readonly metainfo: Metainfo | null;
  readonly isFromMagnet: boolean;
  /** BEP 11 is switched on. */
  readonly usesPex: boolean;
  /** 0 = we do not listen. */
  readonly listenPort: number;
  /** Requests of ours outstanding to one peer, at most. */
  readonly requestsMax: number;
  /** BEP 21; null = not worth a word. */
  readonly isUploadOnly: boolean | null;
}

export function introduce(torrent: TorrentIntroduction): ExtensionHandshake {
  const { metainfo } = torrent;
  const { upload_only, lt_donthave } = EXTENSION_IDS;
  const extensions = new Map<string, number>(Object.entries({ upload_only, lt_donthave }));
  const isServed = metainfo !== null && !metainfo.isPrivate;
  const offered = torrent.usesPex ? [...OFFERED_IN_PUBLIC, 'ut_pex' as const] : OFFERED_IN_PUBLIC;
  for (const name of offered) {
    if (metainfo === null || isServed) extensions.set(name, EXTENSION_IDS[name]);
    else if (torrent.isFromMagnet) extensions.set(name, 0); // offered before it turned out to be private
  }
  return {
    extensions,
    metadataBytes: isServed ? metainfo.infoBytes.length : null,
    listenPort: torrent.listenPort || null,
    clientName: CLIENT_NAME,
    yourIp: null,
    requestQueue: Math.min(torrent.requestsMax, LIMITS.peerRequestsQueuedMax),
    isUploadOnly: torrent.isUploadOnly,
  };
}

const OFFERED_IN_PUBLIC = ['ut_metadata'] as const;
