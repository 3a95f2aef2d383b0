/** No node holds more than its settings and the table of limits let it: peers, unsent bytes, piece buffers, read cache. */
import { LIMITS } from '../../base/limits.js';
import type { LabLife } from '../lab-life.js';
import type { Invariant } from './invariant.js';

/** What PeerUpload buffers, as much again of messages, and the last of each. */
const UNSENT_BYTES_MAX: number = 2 * LIMITS.outgoingMessageBytesMax + LIMITS.requestBytesMax;

export class ResourceLimits implements Invariant {
  readonly name: string = 'limits hold';

  onLook(life: LabLife): string | null {
    const { torrent, node, conversations } = life;
    const { settings, writeBudget, readCache } = node.session.context;
    if (torrent === null) return null;
    const peers = node.session.peers(torrent).length;
    const peersMax = Math.min(settings.maxPeers, settings.maxPeersPerTorrent);
    if (peers > peersMax) return `${peers} peers are connected, and ${peersMax} may be`;
    const openMax = settings.maxPeers + settings.maxHalfOpen + LIMITS.incomingHandshakesMax;
    if (conversations.size > openMax) return `${conversations.size} connections are open, and ${openMax} may be`;
    for (const { stream } of conversations.values()) {
      if (stream.bufferedBytes > UNSENT_BYTES_MAX) return `${stream.bufferedBytes} bytes are unsent on one connection`;
    }
    // A torrent gets its first piece buffer also beyond the budget.
    const writeMax = settings.writeCacheBytes + (torrent.metainfo?.pieceLength ?? 0);
    if (writeBudget.usedBytes > writeMax) return `${writeBudget.usedBytes} bytes of piece buffers, of ${writeMax}`;
    const { usedBytes, limitBytes } = readCache;
    return usedBytes <= limitBytes ? null : `${usedBytes} bytes of read cache, of ${limitBytes}`;
  }
}
