/**
 * The datagram sockets of one simulated host, and the way of each packet: through the host's NAT and access link, over
 * the path, which may lose, double, delay and misorder it, and in through the receiver's. Used by SimNetwork.
 */
import { type Address, isLoopback } from '../../base/address.js';
import type { DatagramHandler, DatagramOptions, DatagramSocket, MulticastOptions } from '../../host/network.js';
import { SimTask } from '../event-queue.js';
import type { SimMachine } from '../machine.js';
import type { QueuedDatagram } from './access-link.js';
import { datagramBytesMax, fraction, happens, type Link, travelMs } from './link.js';
import { bindError, PortTable } from './port-table.js';
import type { SimNetwork } from './sim-network.js';

const HEADER_BYTES = 28;
const PACKET_BYTES_MIN = 2048;
const GARBAGE = 0xdb;

interface SimDatagramSocket extends DatagramSocket {
  readonly host: string;
  readonly handler: DatagramHandler;
}

/** A socket of a multicast group. Several may share its port. */
interface SimGroupSocket extends DatagramSocket {
  readonly host: string;
  readonly port: number;
  readonly multicast: MulticastOptions;
  readonly handler: DatagramHandler;
}

export class SimUdp {
  readonly network: SimNetwork;
  readonly #machine: SimMachine;
  readonly #sockets = new PortTable<SimDatagramSocket>();
  readonly #groupSockets = new Set<SimGroupSocket>();
  readonly #idleFlights: Flight[] = [];

  constructor(network: SimNetwork, machine: SimMachine) {
    this.network = network;
    this.#machine = machine;
  }

  get size(): number {
    return this.#sockets.size + this.#groupSockets.size;
  }

  clear(): void {
    this.#sockets.clear();
    this.#groupSockets.clear();
  }

  open(options: DatagramOptions, handler: DatagramHandler): DatagramSocket {
    if (options.multicast !== undefined) return this.#joinGroup(options, options.multicast, handler);
    let port = -1;
    let isClosed = !this.#machine.act();
    const socket: SimDatagramSocket = {
      host: options.host,
      handler,
      send: (packet, to) => {
        if (this.#machine.act() && !isClosed && port >= 0) this.#send(packet, port, options.host, to);
      },
      close: () => {
        if (!this.#machine.act()) return;
        isClosed = true;
        if (port >= 0) this.#sockets.remove(port, socket);
      },
    };
    if (isClosed) return socket;
    port = this.network.hasIp(options.host) ? this.#sockets.add(options.port, socket) : -1;
    this.network.tell('datagram', () => {
      if (isClosed) return;
      if (port >= 0) handler.onListening(port);
      else handler.onError(bindError(`bind UDP port ${options.port}`, this.network.hasIp(options.host)));
    });
    return socket;
  }

  /** @internal A packet to a group has come in; it is lent. */
  receiveMulticast(packet: Uint8Array, from: Address, to: Address): void {
    for (const { multicast, port, handler } of [...this.#groupSockets]) {
      if (multicast.group !== to.host || port !== to.port || !this.#machine.enter('datagram', packet.length)) continue;
      const lent = packet.slice();
      handler.onDatagram(lent, from);
      lent.fill(GARBAGE);
      this.#machine.leave();
    }
  }

  /** @internal A packet has come in; it is lent. */
  receive(packet: Uint8Array, from: Address, to: Address): void {
    const nat = isLoopback(to) ? null : this.network.natOf(to.family);
    const port = nat === null ? to.port : nat.inward(to.port, from, this.network.internet.simulator.now);
    const socket = port < 0 ? null : this.#sockets.find(to.host, port);
    if (socket === null || !this.#machine.enter('datagram', packet.length)) return;
    socket.handler.onDatagram(packet, from);
    packet.fill(GARBAGE); // whoever kept it sees that it was lent
    this.#machine.leave();
  }

  /** @internal */
  takeFlight(): Flight {
    return this.#idleFlights.pop() ?? new Flight(this);
  }

  /** @internal */
  giveFlight(flight: Flight): void {
    this.#idleFlights.push(flight);
  }

  #joinGroup(options: DatagramOptions, multicast: MulticastOptions, handler: DatagramHandler): DatagramSocket {
    const { host, port } = options;
    const socket: SimGroupSocket = {
      host,
      port,
      multicast,
      handler,
      send: (packet, to) => {
        if (this.#machine.act() && this.#groupSockets.has(socket)) this.#sendToGroup(packet, socket, to);
      },
      close: () => {
        if (this.#machine.act()) this.#groupSockets.delete(socket);
      },
    };
    if (!this.#machine.act()) return socket;
    this.#groupSockets.add(socket);
    this.network.tell('datagram', () => {
      if (!this.#groupSockets.has(socket)) return;
      if (this.network.lan !== null && this.network.hasIp(host)) handler.onListening(port);
      else {
        this.#groupSockets.delete(socket);
        handler.onError(bindError(`join the group ${multicast.group}`, false));
      }
    });
    return socket;
  }

  /** One copy for each host of the local network, which may be lost on its way. */
  #sendToGroup(packet: Uint8Array, { host, port, multicast }: SimGroupSocket, to: Address): void {
    const { internet, lan } = this.network;
    if (lan === null || to.host !== multicast.group) return;
    const { simulator } = internet;
    this.#machine.observer.onDatagramSent(this.#machine, to, packet);
    for (const { network, ip } of internet.hostsOf(lan, to.family)) {
      if (network === this.network && !multicast.loopsBack) continue;
      const link = internet.link(host, ip);
      if (internet.isCutOff(host, ip) || happens(simulator.random, link.lossRatio)) continue;
      const copy = packet.slice();
      const from: Address = { family: to.family, host, port };
      simulator.after(travelMs(link, simulator.random), () => network.udp.receiveMulticast(copy, from, to));
    }
  }

  #send(packet: Uint8Array, fromPort: number, bindHost: string, to: Address): void {
    const source = this.network.sourceIp(to, bindHost);
    if (source === null || to.port === 0) return;
    const { internet } = this.network;
    const link = internet.link(source, to.host);
    if (packet.length > datagramBytesMax(link, to.family)) return;
    this.#machine.observer.onDatagramSent(this.#machine, to, packet);
    const isLocal = isLoopback(to) || source === to.host;
    const nat = isLocal ? null : this.network.natOf(to.family);
    const port = nat === null ? fromPort : nat.outward(fromPort, to, internet.simulator.now);
    const flight = this.takeFlight();
    flight.load(packet, { from: { family: to.family, host: source, port }, to, link, isLocal });
    const { access } = this.network;
    if (access === null || isLocal) flight.depart(internet.simulator.now);
    else if (!access.sendDatagram(flight)) this.giveFlight(flight);
  }
}

interface FlightPath {
  readonly from: Address;
  readonly to: Address;
  readonly link: Link;
  /** To the host itself: over no line and through no NAT. */
  readonly isLocal: boolean;
}

/** One packet under way. Used again and again by its sender. */
class Flight extends SimTask implements QueuedDatagram {
  readonly #udp: SimUdp;
  #buffer = new Uint8Array(PACKET_BYTES_MIN);
  #length = 0;
  #path!: FlightPath;
  /** The receiver, once the packet is in the queue of its access link. */
  #receiver: SimUdp | null = null;

  constructor(udp: SimUdp) {
    super();
    this.#udp = udp;
  }

  /** What it takes up on a line. */
  get lengthBytes(): number {
    return this.#length + HEADER_BYTES;
  }

  load(packet: Uint8Array, path: FlightPath): void {
    if (packet.length > this.#buffer.length) this.#buffer = new Uint8Array(packet.length);
    this.#buffer.set(packet);
    this.#length = packet.length;
    this.#path = path;
    this.#receiver = null;
  }

  depart(atMs: number): void {
    const { link } = this.#path;
    const { simulator } = this.#udp.network.internet;
    if (happens(simulator.random, link.lossRatio)) {
      this.#udp.giveFlight(this);
      return;
    }
    if (happens(simulator.random, link.duplicateRatio ?? 0)) {
      const double = this.#udp.takeFlight();
      double.load(this.#packet(), this.#path);
      simulator.schedule(double, atMs + double.#travelMs());
    }
    simulator.schedule(this, atMs + this.#travelMs());
  }

  fire(): void {
    if (this.#receiver !== null) {
      this.#receiver.receive(this.#packet(), this.#path.from, this.#path.to);
    } else if (this.#arrive()) return;
    this.#udp.giveFlight(this);
  }

  /** @returns true when it is not at its end yet. */
  #arrive(): boolean {
    const { internet } = this.#udp.network;
    const { from, to, isLocal } = this.#path;
    if (internet.isCutOff(from.host, to.host)) return false;
    const target = internet.find(this.#udp.network, to);
    if (target === null) return false;
    if (target.access === null || isLocal) {
      target.udp.receive(this.#packet(), from, to);
      return false;
    }
    const comesInMs = target.access.receiveDatagram(this.lengthBytes);
    if (comesInMs < 0) return false;
    this.#receiver = target.udp;
    internet.simulator.schedule(this, comesInMs);
    return true;
  }

  #packet(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #travelMs(): number {
    const { link } = this.#path;
    const { random } = this.#udp.network.internet.simulator;
    const onTimeMs = travelMs(link, random);
    if (!happens(random, link.reorderRatio ?? 0)) return onTimeMs;
    return onTimeMs + (1 + 2 * fraction(random)) * Math.max(1, link.latencyMs);
  }
}
