/**
 * Announces over UDP (BEP 15), as many as one thread of Node can send. Packets are one buffer that is filled in again
 * for each, the sockets are connected, so that the kernel looks up no route, and nothing is made for a packet here.
 *
 * To read an answer costs as much as to send an announce, and a tracker does no more than both: who reads all answers
 * measures himself. So under full load the answers are not read. They go to a socket that is not listened to, with the
 * smallest buffer there is; each that comes is dropped by the kernel, which counts them: those are the announces that
 * were answered. At half load the answers to a few are read, and the others go there.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { encodeUdpAnnounce, encodeUdpConnect } from '../../src/tracker.js';
import { HASH_BYTES, infoHashesOf, leftOf, PeerOrder, type Population, portOf } from './peers.js';
import { droppedPackets } from './process-cost.js';

const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** The kernel makes of it the least that it allows. */
const NO_BUFFER_BYTES = 1;
const BURST = 64;
const STALL_MS = 200;
/** A tracker may collect garbage for as long, once it has a million peers. */
const SILENCE_MAX_MS = 20_000;
/** At half load: an answer is read of one announce in so many. */
const SAMPLE_EVERY = 20;
/**
 * Whoever sends may not get the processor for a while, tens of ms at a time on a virtual machine. What it could not send then
 * is not sent in one burst afterwards, which would be the load of another moment: everything is sent that much later.
 */
const LATE_MAX_MS = 1;
/** The part of these that has to come. */
const SAMPLES_MIN = 0.9;
const ACTION_ANNOUNCE = 1;
const STARTED = 2;

export class UdpAnnounces {
  readonly #population: Population;
  readonly #hashes: Buffer;
  readonly #order: PeerOrder;
  readonly #heard: Wire;
  readonly #unheard: Wire;

  private constructor(population: Population, heard: Wire, unheard: Wire) {
    this.#population = population;
    this.#hashes = infoHashesOf(population);
    this.#order = new PeerOrder(population);
    this.#heard = heard;
    this.#unheard = unheard;
  }

  /** To the tracker on `port` of 127.0.0.1. */
  static async open(port: number, population: Population): Promise<UdpAnnounces> {
    return new UdpAnnounces(population, await Wire.open(port), await Wire.open(port));
  }

  close(): void {
    this.#heard.close();
    this.#unheard.close();
  }

  /** `count` announces of peer 0, so that the tracker has been through everything once. */
  async warmUp(count: number): Promise<void> {
    await this.#answered(count, () => 0);
  }

  /** Every peer announces, until each is answered. */
  async enterAll(): Promise<void> {
    await this.#answered(this.#population.peers, () => this.#order.next(), STARTED);
  }

  /** Sends more than the tracker can answer. @returns how many it answers in a second. */
  async flood(seconds: number, onMeasuring: () => void): Promise<number> {
    await this.#unheard.connect();
    this.#unheard.stopReading();
    const untilMs = performance.now() + (seconds + 1) * 1000;
    let measuredSinceMs = 0;
    let droppedBefore = 0;
    while (performance.now() < untilMs) {
      for (let i = 0; i < BURST; i++) this.#send(this.#unheard, this.#order.next(), 0, 0);
      if (measuredSinceMs === 0 && performance.now() > untilMs - seconds * 1000) {
        measuredSinceMs = performance.now();
        droppedBefore = droppedPackets(this.#unheard.port);
        onMeasuring();
      }
      // A packet that the kernel does not take at once would go out with the contents of the next.
      while (this.#unheard.isQueueing) await turn();
      await turn();
    }
    const dropped = droppedPackets(this.#unheard.port) - droppedBefore;
    return (1000 * dropped) / (performance.now() - measuredSinceMs);
  }

  /**
   * Sends so many a second, evenly, and reads the answer to one of `SAMPLE_EVERY`; the others leave as in `flood`, which
   * comes before.
   * @returns how long each of those took, in ms, sorted
   */
  async pace(perSecond: number, seconds: number): Promise<Float64Array> {
    await this.#heard.connect();
    const total = Math.ceil(perSecond * seconds);
    const sentMs = new Float64Array(Math.ceil(total / SAMPLE_EVERY));
    const latencies: number[] = [];
    this.#heard.onAnnounced = (sample) => {
      latencies.push(performance.now() - sentMs[sample]!);
    };
    const perMs = perSecond / 1000;
    let startMs = performance.now();
    for (let sent = 0; sent < total; ) {
      const nowMs = performance.now();
      startMs += Math.max(0, nowMs - (startMs + sent / perMs) - LATE_MAX_MS);
      const due = Math.min(total, Math.floor((nowMs - startMs) * perMs));
      for (; sent < due; sent++) {
        if (sent % SAMPLE_EVERY > 0) {
          this.#send(this.#unheard, this.#order.next(), 0, 0);
        } else {
          const sample = sent / SAMPLE_EVERY;
          sentMs[sample] = performance.now();
          this.#send(this.#heard, this.#order.next(), sample, 0);
        }
      }
      await turn();
    }
    await new Promise((resolve) => setTimeout(resolve, STALL_MS));
    if (latencies.length < SAMPLES_MIN * sentMs.length) throw new Error('too many answers were lost');
    return Float64Array.from(latencies).sort();
  }

  /** Sends as fast as answers come, and on when some do not. */
  async #answered(count: number, peer: () => number, event = 0): Promise<void> {
    let answered = 0;
    this.#heard.onAnnounced = () => {
      answered++;
      this.#send(this.#heard, peer(), 0, event);
    };
    let progressMs = performance.now();
    for (let before = 0; answered < count; ) {
      if (answered > before) progressMs = performance.now();
      else {
        if (performance.now() - progressMs > SILENCE_MAX_MS) throw new Error('the tracker does not answer');
        // None is on its way yet, or the answers were lost, or it is time to connect again.
        await this.#heard.connect();
        for (let i = 0; i < BURST; i++) this.#send(this.#heard, peer(), 0, event);
      }
      before = answered;
      await new Promise((resolve) => setTimeout(resolve, STALL_MS));
    }
    this.#heard.onAnnounced = () => {};
  }

  #send(wire: Wire, peer: number, transaction: number, event: number): void {
    const { packet } = wire;
    const swarm = peer % this.#population.swarms;
    this.#hashes.copy(packet, 16, swarm * HASH_BYTES, (swarm + 1) * HASH_BYTES);
    packet.writeUInt32BE(transaction, 12);
    packet.writeUInt32BE(peer, 52);
    packet.writeUInt32BE(leftOf(peer), 68);
    packet.writeUInt32BE(event, 80);
    packet.writeUInt16BE(portOf(peer, this.#population), 96);
    wire.send();
  }
}

/** One socket, with the announce that it sends again and again. */
class Wire {
  readonly packet: Buffer;
  readonly port: number;
  onAnnounced: (transaction: number) => void = () => {};
  readonly #socket: Socket;
  #onConnected: (connectionId: Buffer) => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
    this.packet = announcePacket();
    socket.on('message', (answer: Buffer) => {
      const action = answer.readUInt32BE(0);
      if (action === 0) this.#onConnected(answer.subarray(8, 16));
      else if (action === ACTION_ANNOUNCE) this.onAnnounced(answer.readUInt32BE(4));
      else throw new Error(`the tracker answers ${answer.subarray(8).toString()}`);
    });
  }

  static async open(port: number): Promise<Wire> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Wire(socket);
  }

  /** A connection id for all announces to come. Asked for until it comes: after a flood there may be no room for it. */
  async connect(): Promise<void> {
    const connectionId = new Promise<Buffer>((resolve) => {
      this.#onConnected = resolve;
    });
    const ask = (): void => this.#socket.send(encodeUdpConnect(1));
    const asking = setInterval(ask, STALL_MS);
    ask();
    (await connectionId).copy(this.packet, 0);
    clearInterval(asking);
  }

  get isQueueing(): boolean {
    return this.#socket.getSendQueueCount() > 0;
  }

  send(): void {
    this.#socket.send(this.packet);
  }

  /** For good. dgram has no word for it; what it keeps under this symbol has. */
  stopReading(): void {
    const symbol = Object.getOwnPropertySymbols(this.#socket).find(({ description }) => description === 'state symbol');
    const state = Reflect.get(this.#socket, symbol!) as { readonly handle: { recvStop(): void } };
    state.handle.recvStop();
    this.#socket.setRecvBufferSize(NO_BUFFER_BYTES);
  }

  close(): void {
    this.#socket.close();
  }
}

function announcePacket(): Buffer {
  const request = {
    infoHash: new Uint8Array(HASH_BYTES),
    peerId: Buffer.from('-BN0001-0000000\0\0\0\0\0'),
    port: 1,
    uploaded: 0,
    downloaded: 0,
    left: 0,
    event: '',
    numWant: 0xffffffff,
    key: 1,
    trackerId: null,
  } as const;
  return Buffer.from(encodeUdpAnnounce(new Uint8Array(8), 1, request, new Uint8Array(0)));
}

/** Whatever has come is looked at. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
