/**
 * A network of datagrams only, lean enough for ten thousand hosts in one process: latency, jitter, loss, hosts behind NATs,
 * hosts that are off. One virtual clock and one queue of events; everything is drawn from one generator, so a seed is a run.
 * Beside it src/sim/network has whole machines with streams and disks, at a hundred times the price for each host.
 * Invariant: a packet that arrives is a copy of what was sent, and is overwritten after the call: who keeps one is caught.
 * Times are virtual ms. Used by DhtNetwork.
 */
import type { Address } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { type Random, randomBelow } from '../../base/random.js';
import { EventQueue, SimTask } from '../../sim/event-queue.js';
import { LabTrace } from '../lab-trace.js';

/** What runs on a host. */
export interface DatagramProgram {
  /** `packet` is valid only during the call. */
  receive(packet: Uint8Array, from: Address): void;
  /** The time that was asked for with `wakeAt` has come. */
  wake(): void;
}

/** Sees what one host says and hears. */
export interface DatagramTap {
  onSent(packet: Uint8Array, to: Address): void;
  /** Before the program has it. */
  onReceived(packet: Uint8Array, from: Address): void;
}

export interface DatagramWorldOptions {
  readonly random: Random;
  /** Of all packets, 0 to 1. */
  readonly lossShare: number;
  /** Each packet takes up to so much longer, evenly. */
  readonly jitterMs: number;
}

/** Packets since the beginning. */
export interface DatagramCounts {
  sent: number;
  sentBytes: number;
  lost: number;
  /** Kept out by a NAT. */
  filtered: number;
  /** To where nobody is, or to a host that is off. */
  toNobody: number;
  delivered: number;
}

export interface DatagramHostOptions {
  /** Its only one, as others see it; no two hosts have one IP. */
  readonly address: Address;
  /** From the host to the middle of the network: between two hosts it is the sum of theirs. */
  readonly latencyMs: number;
  /** Behind a NAT that leaves ports as they are and lets in only answers (port-restricted), for so long: 0 = no NAT. */
  readonly natTimeoutMs: number;
}

export class DatagramWorld {
  readonly trace: LabTrace = new LabTrace();
  readonly counts: DatagramCounts = { sent: 0, sentBytes: 0, lost: 0, filtered: 0, toNobody: 0, delivered: 0 };
  readonly #options: DatagramWorldOptions;
  readonly #queue = new EventQueue();
  readonly #hosts: DatagramHost[] = [];
  readonly #hostsByIp = new Map<string, DatagramHost>();
  readonly #freeFlights: Flight[] = [];
  #now = 0;
  /** Events of this very instant. */
  #atOnce = 0;

  constructor(options: DatagramWorldOptions) {
    this.#options = options;
  }

  get now(): number {
    return this.#now;
  }

  addHost(options: DatagramHostOptions): DatagramHost {
    assert(!this.#hostsByIp.has(options.address.host), 'two hosts have one IP');
    const host = new DatagramHost(this, this.#queue, this.#hosts.length, options);
    this.#hosts.push(host);
    this.#hostsByIp.set(options.address.host, host);
    return host;
  }

  /** @returns null when nobody has this IP. */
  hostAt(ip: string): DatagramHost | null {
    return this.#hostsByIp.get(ip) ?? null;
  }

  /** Calls `action` once, at `deadline`; what is due in the past comes next. */
  at(deadline: number, action: () => void): void {
    this.#queue.put(new Appointment(action), deadline);
  }

  /** Everything that is due until then, in order; the clock stands at `untilMs` after it. */
  run(untilMs: number): void {
    while (this.#queue.nextDeadline <= untilMs) {
      this.#tick(this.#queue.nextDeadline);
      this.#queue.take().fire();
    }
    this.#tick(untilMs);
  }

  /** @internal */
  carry(from: DatagramHost, packet: Uint8Array, to: Address): void {
    const { counts } = this;
    const { random, lossShare, jitterMs } = this.#options;
    counts.sent++;
    counts.sentBytes += packet.length;
    this.trace.note(this.#now, from.number, 'datagram sent', packet.length, packet);
    const target = this.hostAt(to.host);
    if (target === null || target.address.port !== to.port) {
      counts.toNobody++;
      return;
    }
    if (randomBelow(random, 1_000_000) < lossShare * 1_000_000) {
      counts.lost++;
      return;
    }
    const flight = this.#freeFlights.pop() ?? new Flight(this);
    flight.load(packet, from, target);
    const delayMs = from.latencyMs + target.latencyMs + (randomBelow(random, 1000) / 1000) * jitterMs;
    this.#queue.put(flight, this.#now + delayMs);
  }

  /** @internal */
  land(flight: Flight, packet: Uint8Array, from: DatagramHost, to: DatagramHost): void {
    const { counts } = this;
    if (to.program === null) counts.toNobody++;
    else if (!to.letsIn(from)) counts.filtered++;
    else {
      counts.delivered++;
      to.tap?.onReceived(packet, from.address);
      to.program.receive(packet, from.address);
      packet.fill(OVERWRITTEN);
    }
    this.#freeFlights.push(flight);
  }

  #tick(deadline: number): void {
    this.#atOnce = deadline > this.#now ? 0 : this.#atOnce + 1;
    assert(
      this.#atOnce < EVENTS_AT_ONCE_MAX,
      'the time stands still: a program asks for the same deadline again and again',
    );
    this.#now = Math.max(this.#now, deadline);
  }
}

/** A host's one socket and its one timer. */
export class DatagramHost extends SimTask {
  readonly number: number;
  readonly address: Address;
  readonly latencyMs: number;
  /** null = it is off, and what is sent to it is gone. */
  program: DatagramProgram | null = null;
  tap: DatagramTap | null = null;
  readonly #world: DatagramWorld;
  readonly #queue: EventQueue;
  readonly #natTimeoutMs: number;
  /** To whom it sent something through its NAT, and when last. */
  readonly #permitted: Map<DatagramHost, number> | null;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(world: DatagramWorld, queue: EventQueue, number: number, options: DatagramHostOptions) {
    super();
    this.#world = world;
    this.#queue = queue;
    this.number = number;
    this.address = options.address;
    this.latencyMs = options.latencyMs;
    this.#natTimeoutMs = options.natTimeoutMs;
    this.#permitted = options.natTimeoutMs > 0 ? new Map() : null;
  }

  get isNatted(): boolean {
    return this.#permitted !== null;
  }

  send(packet: Uint8Array, to: Address): void {
    this.tap?.onSent(packet, to);
    if (this.#permitted !== null) this.#permit(to);
    this.#world.carry(this, packet, to);
  }

  /** Instead of what was asked for before; Infinity = not at all. */
  wakeAt(deadline: number): void {
    if (deadline === this.#wakeAtMs) return;
    this.#wakeAtMs = deadline;
    if (deadline === Number.POSITIVE_INFINITY) this.#queue.remove(this);
    else this.#queue.put(this, deadline);
  }

  /** The program ends without a word to anybody. */
  switchOff(): void {
    this.program = null;
    this.#permitted?.clear();
    this.wakeAt(Number.POSITIVE_INFINITY);
  }

  override fire(): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    this.program?.wake();
  }

  /** @internal */
  letsIn(from: DatagramHost): boolean {
    if (this.#permitted === null) return true;
    const sentAtMs = this.#permitted.get(from);
    return sentAtMs !== undefined && this.#world.now - sentAtMs <= this.#natTimeoutMs;
  }

  #permit(to: Address): void {
    const target = this.#world.hostAt(to.host);
    if (target === null) return;
    const permitted = this.#permitted!;
    if (permitted.size >= SWEEP_ABOVE) {
      for (const [host, sentAtMs] of permitted) {
        if (this.#world.now - sentAtMs > this.#natTimeoutMs) permitted.delete(host);
      }
    }
    permitted.set(target, this.#world.now);
  }
}

/** A packet on its way; used again when it has arrived. */
class Flight extends SimTask {
  readonly #world: DatagramWorld;
  #packet: Uint8Array = new Uint8Array(0);
  #from: DatagramHost | null = null;
  #to: DatagramHost | null = null;

  constructor(world: DatagramWorld) {
    super();
    this.#world = world;
  }

  load(packet: Uint8Array, from: DatagramHost, to: DatagramHost): void {
    this.#packet = new Uint8Array(packet);
    this.#from = from;
    this.#to = to;
  }

  override fire(): void {
    const packet = this.#packet;
    this.#packet = NO_PACKET;
    this.#world.land(this, packet, this.#from!, this.#to!);
  }
}

class Appointment extends SimTask {
  readonly #action: () => void;

  constructor(action: () => void) {
    super();
    this.#action = action;
  }

  override fire(): void {
    this.#action();
  }
}

/** No world has so much to do in an instant. */
const EVENTS_AT_ONCE_MAX = 1_000_000;
const NO_PACKET = new Uint8Array(0);
const OVERWRITTEN = 0xdd;
/** More permissions than this, and those that are over are swept out first. */
const SWEEP_ABOVE = 256;
