/**
 * What a simulated tracker was told, and what it made of it: who announced when, in which words, and how long the answer
 * asked the client to wait. What announce-spacing.ts judges, and what a test or the lab looks at. Times are virtual ms.
 */
import type { Address } from '../../base/address.js';
import { fromLatin1, readUint32, toHex, toLatin1 } from '../../base/bytes.js';
import type { AnnounceEvent } from '../../protocol/tracker/announce.js';
import { parseQuery, type QueryParameters } from '../../protocol/tracker/server-http.js';
import { decodeUdpAnnounce } from '../../protocol/tracker/udp-packets.js';

/**
 * accepted: a whole answer · refused: an answer that says no, or makes no sense · unanswered: nothing a client could
 * understand as coming from a tracker: silence, a redirect loop, a body that is too long.
 */
export type AnnounceOutcome = 'accepted' | 'refused' | 'unanswered';

/** What a client says in an announce. */
export interface AnnounceWords {
  readonly via: 'http' | 'udp';
  readonly event: AnnounceEvent;
  /** Hex. */
  readonly infoHash: string;
  /** Latin1; a new one each session. */
  readonly peerId: string;
  /** Where the client says that it listens. */
  readonly port: number;
  readonly key: number;
  readonly left: number;
  readonly uploaded: number;
  readonly downloaded: number;
  /** null = as many as the tracker thinks right. */
  readonly numWant: number | null;
  /** UDP: the same in a packet that is sent again. */
  readonly transactionId: number | null;
}

/** One announce, as it was heard and answered. */
export interface HeardAnnounce extends AnnounceWords {
  readonly atMs: number;
  /** The sender; its port means nothing. */
  readonly from: Address;
  readonly outcome: AnnounceOutcome;
  /** When the answer left; of one that is unanswered, when it was heard. */
  readonly answeredMs: number;
  /** What the answer asked for: its min interval or its retry-in; null = it named none. */
  readonly waitMs: number | null;
}

export class AnnounceLog {
  /** In the order of their coming. A packet that came again stands here once, with what became of it at last. */
  readonly announces: HeardAnnounce[] = [];
  /** Packets that came again, after a time-out or because the way doubled them. */
  repeats = 0;
  /** Sender and transaction -> index in `announces`. */
  readonly #transactions = new Map<string, number>();

  add(announce: HeardAnnounce): void {
    const { from, peerId, transactionId } = announce;
    const key = `${from.host} ${peerId} ${transactionId}`;
    const earlier = transactionId === null ? undefined : this.#transactions.get(key);
    if (earlier === undefined) {
      if (transactionId !== null) this.#transactions.set(key, this.announces.length);
      this.announces.push(announce);
    } else {
      this.repeats++;
      this.announces[earlier] = { ...announce, atMs: this.announces[earlier]!.atMs };
    }
  }

  /** @returns what came from one IP, in order. */
  of(ip: string): HeardAnnounce[] {
    return this.announces.filter(({ from }) => from.host === ip);
  }

  /** @returns the events in order, `-` for a regular announce. */
  events(ip: string | null = null): string[] {
    return (ip === null ? this.announces : this.of(ip)).map(({ event }) => event || '-');
  }
}

/** @returns what an announce over HTTP says, or null when the target is none. */
export function wordsOfTarget(target: string): AnnounceWords | null {
  const [path, query = ''] = target.split('?', 2);
  const parameters = path === '/announce' ? parseQuery(query) : null;
  if (parameters === null || !parameters.has('info_hash')) return null;
  const numWant = textOf(parameters, 'numwant');
  return {
    via: 'http',
    event: textOf(parameters, 'event') as AnnounceEvent,
    infoHash: toHex(fromLatin1(textOf(parameters, 'info_hash'))),
    peerId: textOf(parameters, 'peer_id'),
    port: Number(textOf(parameters, 'port')),
    key: Number.parseInt(textOf(parameters, 'key'), 16),
    left: Number(textOf(parameters, 'left')),
    uploaded: Number(textOf(parameters, 'uploaded')),
    downloaded: Number(textOf(parameters, 'downloaded')),
    numWant: numWant === '' ? null : Number(numWant),
    transactionId: null,
  };
}

/** @returns what an announce over UDP says, or null when the packet is none. */
export function wordsOfPacket(packet: Uint8Array): AnnounceWords | null {
  const announce = decodeUdpAnnounce(packet);
  if (announce === null) return null;
  return {
    ...announce,
    via: 'udp',
    infoHash: toHex(announce.infoHash),
    peerId: toLatin1(announce.peerId),
    transactionId: readUint32(packet, 12),
  };
}

/** '' when it is not there. */
function textOf(parameters: QueryParameters, name: string): string {
  return toLatin1(parameters.get(name)?.[0] ?? new Uint8Array(0));
}
