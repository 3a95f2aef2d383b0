/**
 * The memory that all torrents share: what the write budget and the read cache have given out is what torrents and
 * peers have. Called by auditSession.
 */
import type { Chunk } from '../data/read-cache.js';
import type { TorrentData } from '../data/torrent-data.js';
import type { Session } from '../session.js';
import { findingOf } from './live-torrent.js';

export function auditMemory(session: Session): string | null {
  return auditWriteBudget(session) ?? auditReadCache(session);
}

/** A piece in flight has a slot for each extent that is in memory; the storage has none but those being written. */
function auditWriteBudget({ torrents, context }: Session): string | null {
  let heldBytes = 0;
  for (const { name, data } of torrents) {
    const fetching = data?.fetching ?? null;
    if (data === null || fetching === null) continue;
    const { slots, picker } = fetching;
    heldBytes += slots.heldBytes;
    const used = picker.inFlight.reduce((sum, partial) => sum + partial.slotCount, 0);
    if (slots.inUse !== used) return `${name}: ${slots.inUse} slots are given out, and pieces in flight have ${used}`;
    if (data.isClosed && !data.isClosing && slots.heldBytes > 0) {
      return `${name}: is closed, and keeps ${slots.heldBytes} bytes of the write cache`;
    }
  }
  const { usedBytes } = context.writeBudget;
  return usedBytes === heldBytes ? null : `the write cache counts ${usedBytes} bytes, and torrents have ${heldBytes}`;
}

function auditReadCache({ torrents, context }: Session): string | null {
  const sources: TorrentData[] = [];
  const pins = new Map<Chunk, number>();
  for (const { name, data, swarm } of torrents) {
    if (data !== null) sources.push(data);
    if (data?.isClosed === true && data.chunks.size > 0)
      return `${name}: is closed, and keeps chunks in the read cache`;
    for (const { upload } of swarm.peers) {
      for (const chunk of upload.pinnedChunks) pins.set(chunk, (pins.get(chunk) ?? 0) + 1);
    }
  }
  for (const { chunks, chunksPerPiece } of sources) {
    for (const chunk of chunks.values()) {
      const expected = pins.get(chunk) ?? 0;
      if (chunk.pins === expected) continue;
      const piece = Math.floor(chunk.key / chunksPerPiece);
      return `a chunk of piece ${piece} is pinned ${chunk.pins} times, and borrowed by ${expected} peers`;
    }
  }
  const isQuiet = sources.every((data) => !data.isClosing);
  return findingOf('read cache', () => context.readCache.verify(sources, { isQuiet }));
}
