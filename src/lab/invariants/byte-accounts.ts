/**
 * What an engine counts is what the wire carried: of each connected peer, exactly; of the torrent, but for what a
 * connection took with it when it ended.
 */
import { addressKey } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import type { Conversation } from '../conversation.js';
import type { LabLife } from '../lab-life.js';
import type { Invariant } from './invariant.js';

/** Written and not sent when a connection ends: what a peer may have buffered, and the block that reached over it. */
const LOST_BYTES_MAX: number = LIMITS.outgoingMessageBytesMax + LIMITS.requestBytesMax;

export class ByteAccounts implements Invariant {
  readonly name: string = 'bytes are counted once';

  onLook(life: LabLife): string | null {
    const { torrent } = life;
    if (torrent === null || torrent.phase === 'stopped') return null;
    return this.#peers(life) ?? this.#totals(life);
  }

  #peers(life: LabLife): string | null {
    // Null: a peer that crashed and came back dials from the port that it had before, which we have not noticed yet.
    const talks = new Map<string, Conversation | null>();
    for (const talk of life.conversations.values()) {
      const address = addressKey(talk.stream.remote);
      talks.set(address, talks.has(address) ? null : talk);
    }
    for (const { address, downloadedBytes, uploadedBytes } of life.node.session.peers(life.torrent!)) {
      const talk = talks.get(address);
      if (talk === undefined || talk === null || talk.stream.isClosed) continue;
      const heard = talk.other.blockBytes;
      const isExact = talk.isAmongFriends; // what others send before we know the torrent's pieces is not counted
      if (isExact ? downloadedBytes !== heard : downloadedBytes > heard)
        return `${downloadedBytes} bytes of ${address} are counted, ${heard} came`;
      const said = talk.own.blockBytes;
      const unsent = talk.stream.bufferedBytes + LIMITS.requestBytesMax;
      if (uploadedBytes < said || uploadedBytes > said + unsent) {
        return `${uploadedBytes} bytes to ${address} are counted, ${said} were sent and at most ${unsent} were not`;
      }
    }
    return null;
  }

  #totals(life: LabLife): string | null {
    const { downloadedBytes, uploadedBytes } = life.node.session.stats(life.torrent!);
    let heard = life.pastHeardBlockBytes;
    let said = life.pastSaidBlockBytes;
    let doubtful = life.pastDoubtfulBytes;
    let unsent = life.pastCount * LOST_BYTES_MAX;
    for (const talk of life.conversations.values()) {
      heard += talk.other.blockBytes;
      said += talk.own.blockBytes;
      if (!talk.isAmongFriends) doubtful += talk.other.blockBytes;
      else if (talk.stream.isClosed) doubtful += talk.other.lastChunkBlockBytes;
      unsent += LOST_BYTES_MAX;
    }
    if (downloadedBytes > heard || downloadedBytes < heard - doubtful) {
      return `${downloadedBytes} bytes are counted as downloaded, ${heard} came (${doubtful} with an end)`;
    }
    if (uploadedBytes < said || uploadedBytes > said + unsent) {
      return `${uploadedBytes} bytes are counted as uploaded, ${said} were sent`;
    }
    return null;
  }
}
