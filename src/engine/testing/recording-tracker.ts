/**
 * A tracker on a simulated host that writes down all that it is asked, with the virtual time: how announce discipline
 * is tested. It speaks HTTP and UDP; what it answers is the test's.
 */
import type { Address } from '../../base/address.js';
import { EMPTY_BYTES, fromLatin1, fromUtf8, readUint32, toHex, toLatin1 } from '../../base/bytes.js';
import { type BencodeInput, encodeBencode } from '../../format/bencode.js';
import {
  decodeUdpAnnounce,
  encodeUdpAnnounceAnswer,
  encodeUdpConnectAnswer,
  encodeUdpError,
  isUdpConnect,
} from '../../protocol/tracker/udp-packets.js';
import type { SimHttpAnswer, SimHttpRequest } from '../../sim/network/internet.js';
import type { SimHost } from '../../sim/sim-host.js';
import type { Simulator } from '../../sim/simulator.js';

export const UDP_TRACKER_PORT = 6969;

/** One announce as the tracker hears it. */
export interface HeardAnnounce {
  /** Virtual ms. */
  readonly at: number;
  readonly via: 'http' | 'udp';
  /** '' = a regular one. */
  readonly event: string;
  /** Hex. */
  readonly infoHash: string;
  readonly peerId: string;
  readonly key: number;
  readonly left: number;
  readonly numWant: number;
  readonly port: number;
  /** HTTP only. */
  readonly userAgent: string;
  readonly trackerId: string | null;
  readonly from: Address;
}

/** The answer's dictionary; over UDP its `interval` and `failure reason` count. Null = silence. */
export type TrackerAnswer = Readonly<Record<string, BencodeInput>> | null;

export class RecordingTracker {
  readonly heard: HeardAnnounce[] = [];
  answer: (announce: HeardAnnounce) => TrackerAnswer = () => ({ interval: 1800 });
  readonly httpUrl: string;
  readonly udpUrl: string;
  readonly host: SimHost;
  readonly #simulator: Simulator;

  /** `name` becomes a host name that resolves to IPv4, or to both families. */
  constructor(simulator: Simulator, name: string, options: { readonly isDualStack?: boolean } = {}) {
    this.#simulator = simulator;
    this.httpUrl = `http://${name}/announce`;
    this.udpUrl = `udp://${name}:${UDP_TRACKER_PORT}`;
    this.host = simulator.createHost(options.isDualStack === true ? { name } : { name, ipv6: null });
    simulator.internet.serveHttp(`${name}:80`, (request) => this.#onGet(request));
    const socket = this.host.network.openDatagramSocket(
      { host: '', port: UDP_TRACKER_PORT },
      {
        onListening: () => {},
        onError: (error) => {
          throw error;
        },
        onDatagram: (packet, from) => {
          const answer = this.#onDatagram(packet, from);
          if (answer !== null) socket.send(answer, from);
        },
      },
    );
  }

  /** Event of each announce, `-` for a regular one. */
  get events(): string[] {
    return this.heard.map(({ event }) => event || '-');
  }

  /** What min interval and retry-in hold for: BEP 3 leaves `completed` and `stopped` out. */
  get regular(): HeardAnnounce[] {
    return this.heard.filter(({ event }) => event !== 'completed' && event !== 'stopped');
  }

  #onGet({ target, userAgent, from }: SimHttpRequest): SimHttpAnswer | null {
    const query = new Map<string, string>();
    for (const pair of target.replace(/^[^?]*\?/, '').split('&')) {
      const [name, value] = pair.split('=', 2);
      query.set(
        name!,
        (value ?? '').replace(/%(..)/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16))),
      );
    }
    const answer = this.#hear({
      via: 'http',
      event: query.get('event') ?? '',
      infoHash: toHex(fromLatin1(query.get('info_hash') ?? '')),
      peerId: query.get('peer_id') ?? '',
      key: Number.parseInt(query.get('key') ?? '', 16),
      left: Number(query.get('left')),
      numWant: Number(query.get('numwant')),
      port: Number(query.get('port')),
      userAgent,
      trackerId: query.get('trackerid') ?? null,
      from,
    });
    return answer === null ? null : { status: 200, body: encodeBencode(answer) };
  }

  #onDatagram(packet: Uint8Array, from: Address): Uint8Array | null {
    const transactionId = readUint32(packet, 12);
    if (isUdpConnect(packet)) return encodeUdpConnectAnswer(transactionId, new Uint8Array(8).fill(1));
    const announce = decodeUdpAnnounce(packet);
    if (announce === null) return null;
    const answer = this.#hear({
      via: 'udp',
      event: announce.event,
      infoHash: toHex(announce.infoHash),
      peerId: toLatin1(announce.peerId),
      key: readUint32(packet, 88),
      left: announce.left,
      numWant: announce.numWant ?? -1,
      port: announce.port,
      userAgent: '',
      trackerId: null,
      from,
    });
    if (answer === null) return null;
    const failure = answer['failure reason'];
    if (failure !== undefined) return encodeUdpError(transactionId, fromUtf8(String(failure)));
    const fields = { intervalSeconds: Number(answer['interval']), leechers: 0, seeds: 0 };
    return encodeUdpAnnounceAnswer(transactionId, fields, EMPTY_BYTES);
  }

  #hear(announce: Omit<HeardAnnounce, 'at'>): TrackerAnswer {
    const heard = { at: this.#simulator.now, ...announce };
    this.heard.push(heard);
    return this.answer(heard);
  }
}
