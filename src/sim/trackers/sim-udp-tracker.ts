/**
 * A tracker that is asked over UDP (BEP 15), on a simulated host of both address families: the embedded tracker's own
 * core behind a simulated port, a log of all it heard, and trouble that can be set and lifted at any time.
 */
import { type Address, toCompact } from '../../base/address.js';
import { concatBytes, fromUtf8, readUint32, writeUint32 } from '../../base/bytes.js';
import { type Random, randomBelow } from '../../base/random.js';
import type { DatagramSocket } from '../../host/network.js';
import { TrackerServer } from '../../protocol/tracker/server.js';
import { UdpTrackerServer } from '../../protocol/tracker/server-udp.js';
import {
  decodeUdpAnnounceAnswer,
  encodeUdpAnnounceAnswer,
  encodeUdpConnectAnswer,
  encodeUdpError,
  isUdpConnect,
  UDP_ACTION_ANNOUNCE,
  UDP_CONNECTION_ID_BYTES,
} from '../../protocol/tracker/udp-packets.js';
import type { SimHost } from '../sim-host.js';
import type { Simulator } from '../simulator.js';
import { AnnounceLog, type AnnounceOutcome, wordsOfPacket } from './announce-log.js';
import { familyOf, SIM_TRACKER_INTERVAL_SECONDS, type SimTrackerOptions } from './sim-http-tracker.js';
import { HUGE_PACKET_BYTES, isFlapped, junkAmong, slowMs, type TrackerTrouble } from './tracker-trouble.js';

/** What is sent back, and how it is to be taken. */
interface Answer {
  readonly packet: Uint8Array | null;
  readonly outcome: AnnounceOutcome;
  readonly delayMs: number;
}

const SILENCE: Answer = { packet: null, outcome: 'unanswered', delayMs: 0 };

/** A tracker that is asked over UDP (BEP 15). */
export class SimUdpTracker {
  /** @internal */
  readonly host: SimHost;
  /** For torrents and magnet links. */
  readonly url: string;
  /** @internal */
  readonly log: AnnounceLog = new AnnounceLog();
  /** One of UDP_TRACKER_TROUBLES; null = it is well. Refused is silence: UDP clients do not hear of a closed port. */
  trouble: TrackerTrouble | null = null;
  readonly #simulator: Simulator;
  readonly #random: Random;
  readonly #core: UdpTrackerServer;
  readonly #socket: DatagramSocket;
  readonly #intervalSeconds: number;

  /** A host of its own, which serves at once. */
  constructor(simulator: Simulator, options: SimTrackerOptions) {
    const { name, port, intervalSeconds = SIM_TRACKER_INTERVAL_SECONDS } = options;
    this.#simulator = simulator;
    this.#intervalSeconds = intervalSeconds;
    this.host = simulator.createHost({ name, ...familyOf(options) });
    this.#random = this.host.random;
    this.#core = new UdpTrackerServer(new TrackerServer({ intervalSeconds, random: this.#random }), this.#random);
    this.url = `udp://${name}:${port}`;
    this.#socket = this.host.network.openDatagramSocket(
      { host: '', port },
      {
        onListening() {},
        onDatagram: (packet, from) => this.#onDatagram(packet, from),
        onError(error) {
          throw error;
        },
      },
    );
  }

  /** Closes its socket. */
  stop(): void {
    this.#socket.close();
  }

  #onDatagram(packet: Uint8Array, from: Address): void {
    const words = wordsOfPacket(packet);
    const { packet: reply, outcome, delayMs } = this.#answer(packet, from);
    const { now } = this.#simulator;
    if (words !== null && !isUdpConnect(packet)) {
      this.log.add({ ...words, atMs: now, from, outcome, answeredMs: now + delayMs, waitMs: null });
    }
    if (reply === null) return;
    if (delayMs === 0) this.#socket.send(reply, from);
    else this.host.clock.wakeAt(now + delayMs, () => this.#socket.send(reply, from));
  }

  #answer(packet: Uint8Array, from: Address): Answer {
    if (packet.length < 16 || this.trouble === 'refused') return SILENCE;
    // Otherwise no client would ever come to an announce.
    if (isUdpConnect(packet) && this.trouble !== 'forgetful' && randomBelow(this.#random, 2) === 0) {
      return this.#wellAnswer(packet, from);
    }
    switch (this.trouble) {
      case 'silent':
        return SILENCE;
      case 'slow':
        return { ...this.#wellAnswer(packet, from), delayMs: slowMs(this.#random) };
      case 'garbage':
        return this.#garbage(packet);
      case 'failure':
        return this.#refusal(packet, 'not today');
      case 'huge':
        return this.#hugeAnswer(packet, from);
      case 'flapping':
        return isFlapped(this.#simulator.now) ? SILENCE : this.#wellAnswer(packet, from);
      case 'hasty':
        return this.#changed(packet, from, { intervalSeconds: 0, change: (peers) => peers });
      case 'junk-peers':
        return this.#changed(packet, from, {
          intervalSeconds: this.#intervalSeconds,
          change: (peers, port) => junkAmong(peers, { ...from, port }, this.#random),
        });
      case 'forgetful':
        return isUdpConnect(packet) ? this.#falseConnection(packet) : this.#wellAnswer(packet, from);
      case 'foreign':
        return this.#foreignAnswer(packet, from);
      default:
        return this.#wellAnswer(packet, from);
    }
  }

  #wellAnswer(packet: Uint8Array, from: Address): Answer {
    const reply = this.#core.receive(packet, from, this.#simulator.now);
    if (reply === null) return SILENCE;
    return { packet: reply, outcome: isAnnounceAnswer(reply) ? 'accepted' : 'refused', delayMs: 0 };
  }

  #refusal(packet: Uint8Array, reason: string): Answer {
    return { packet: encodeUdpError(readUint32(packet, 12), fromUtf8(reason)), outcome: 'refused', delayMs: 0 };
  }

  /** Noise, or the right answer broken off: a client can only wait for a better one. */
  #garbage(packet: Uint8Array): Answer {
    const reply = new Uint8Array(9 + randomBelow(this.#random, 7));
    this.#random.fill(reply);
    if (randomBelow(this.#random, 2) === 0) reply.set(packet.subarray(8, 16)); // action and transaction
    return { ...SILENCE, packet: reply };
  }

  #hugeAnswer(packet: Uint8Array, from: Address): Answer {
    const well = this.#wellAnswer(packet, from);
    if (well.packet === null || !isAnnounceAnswer(well.packet)) return well;
    const reply = new Uint8Array(HUGE_PACKET_BYTES);
    this.#random.fill(reply);
    reply.set(well.packet.subarray(0, 20));
    return { ...well, packet: reply };
  }

  #changed(
    packet: Uint8Array,
    from: Address,
    to: { readonly intervalSeconds: number; readonly change: (peers: Address[], port: number) => Address[] },
  ): Answer {
    const well = this.#wellAnswer(packet, from);
    if (well.packet === null || !isAnnounceAnswer(well.packet)) return well;
    const { peers, seeds, leechers } = decodeUdpAnnounceAnswer(well.packet, from.family)!;
    const changed = to.change([...peers], wordsOfPacket(packet)!.port).filter(({ family }) => family === from.family);
    const fields = { intervalSeconds: to.intervalSeconds, seeds: seeds ?? 0, leechers: leechers ?? 0 };
    const compact = concatBytes(changed.map(toCompact));
    return { ...well, packet: encodeUdpAnnounceAnswer(readUint32(packet, 12), fields, compact) };
  }

  /** A connection id that it will not know. */
  #falseConnection(packet: Uint8Array): Answer {
    const connectionId = new Uint8Array(UDP_CONNECTION_ID_BYTES);
    this.#random.fill(connectionId);
    return { ...SILENCE, packet: encodeUdpConnectAnswer(readUint32(packet, 12), connectionId) };
  }

  /** The right answer under another transaction's id. */
  #foreignAnswer(packet: Uint8Array, from: Address): Answer {
    const well = this.#wellAnswer(packet, from);
    if (well.packet === null) return well;
    const reply = well.packet.slice();
    writeUint32(reply, 4, readUint32(reply, 4) ^ 1);
    return { ...SILENCE, packet: reply };
  }
}

function isAnnounceAnswer(packet: Uint8Array): boolean {
  return packet.length >= 20 && readUint32(packet, 0) === UDP_ACTION_ANNOUNCE;
}
