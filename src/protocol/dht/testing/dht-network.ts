/**
 * Many DHTs on a network in memory and in virtual time, for tests: packets take a while, some are lost, and everything
 * follows from one seed. Machines are found by address; what is sent to nobody is lost.
 */
import { type Address, addressKey, makeAddress } from '../../../base/address.js';
import { assert } from '../../../base/assert.js';
import { randomBelow, SeededRandom } from '../../../base/random.js';
import { Timer, TimerQueue } from '../../../base/timer-queue.js';
import { Dht, type DhtOptions } from '../dht.js';
import type { DhtNode } from '../dht-node.js';

export interface DhtNetworkOptions {
  readonly seed: number;
  /** One way, between these two. Default 10 to 100. */
  readonly latencyMsMin?: number;
  readonly latencyMsMax?: number;
  /** Of a thousand packets. Default 0. */
  readonly lossPerMille?: number;
}

/** Somebody with a socket. */
export interface Machine {
  readonly address: Address;
  receive(packet: Uint8Array, from: Address, now: number): void;
}

export class DhtNetwork {
  now = 1_000_000;
  readonly random: SeededRandom;
  readonly dhts: TestDht[] = [];
  packets = 0;
  bytes = 0;
  /** Sees each packet when it is sent. */
  onPacket: (packet: Uint8Array, from: Address, to: Address) => void = () => {};
  readonly #options: DhtNetworkOptions;
  readonly #timers = new TimerQueue();
  readonly #machines = new Map<string, Machine>();

  constructor(options: DhtNetworkOptions) {
    this.#options = options;
    this.random = new SeededRandom(options.seed);
  }

  /** A DHT with one node. */
  add(address: Address, options: Partial<DhtOptions> = {}): TestDht {
    const added = new TestDht(this, address, options);
    this.dhts.push(added);
    return added;
  }

  /** `count` DHTs on addresses of their own, one after the other; each begins with the first of all. */
  addMany(count: number, addressOf: (index: number) => Address = publicAddress): TestDht[] {
    const added: TestDht[] = [];
    for (let i = 0; i < count; i++) {
      const each = this.add(addressOf(this.dhts.length));
      if (each !== this.dhts[0]) each.do((dht, now) => dht.addBootstrap([this.dhts[0]!.address], now));
      added.push(each);
      this.run(200);
    }
    return added;
  }

  attach(machine: Machine): void {
    this.#machines.set(addressKey(machine.address), machine);
  }

  detach(address: Address): void {
    this.#machines.delete(addressKey(address));
  }

  send(packet: Uint8Array, from: Address, to: Address): void {
    this.packets++;
    this.bytes += packet.length;
    this.onPacket(packet, from, to);
    if (randomBelow(this.random, 1000) < (this.#options.lossPerMille ?? 0)) return;
    const copy = packet.slice();
    const deliver = new Timer((now) => this.#machines.get(addressKey(to))?.receive(copy, from, now));
    this.#timers.set(deliver, this.now + this.#latencyMs(from, to));
  }

  /** Wakes a machine at `deadline`. */
  wake(timer: Timer, deadline: number): void {
    this.#timers.set(timer, deadline === Number.POSITIVE_INFINITY ? deadline : Math.max(deadline, this.now));
  }

  /** Until `isDone`, or for so long. @returns whether it was done. */
  run(maxMs: number, isDone: () => boolean = () => false): boolean {
    const until = this.now + maxMs;
    while (!isDone()) {
      const next = this.#timers.nextDeadline;
      if (next > until) {
        this.now = until;
        return isDone();
      }
      this.now = Math.max(this.now, next);
      this.#timers.advance(this.now);
    }
    return true;
  }

  /** The same pair is always equally far apart, give or take a millisecond. */
  #latencyMs(from: Address, to: Address): number {
    const min = this.#options.latencyMsMin ?? 10;
    const max = this.#options.latencyMsMax ?? 100;
    let mixed = 0;
    for (const text of [addressKey(from), addressKey(to)].sort()) {
      for (let i = 0; i < text.length; i++) mixed = (Math.imul(mixed, 31) + text.charCodeAt(i)) >>> 0;
    }
    return min + (mixed % (max - min + 1)) + randomBelow(this.random, 2);
  }
}

export class TestDht implements Machine {
  readonly dht: Dht;
  readonly node: DhtNode;
  readonly address: Address;
  readonly #network: DhtNetwork;
  readonly #timer: Timer;

  constructor(network: DhtNetwork, address: Address, options: Partial<DhtOptions>) {
    this.#network = network;
    this.address = address;
    this.dht = new Dht({ random: network.random.split(), ...options });
    this.#timer = new Timer((now) => {
      this.dht.advance(now);
      this.settle();
    });
    this.node = this.#open(address);
    network.attach(this);
    this.settle();
  }

  receive(packet: Uint8Array, from: Address, now: number): void {
    assert(this.node.receive(packet, from, now), 'a packet of the DHT is not taken for one');
    this.settle();
  }

  /** Another socket. */
  open(address: Address): DhtNode {
    const node = this.#open(address);
    const receive = (packet: Uint8Array, from: Address, now: number): void => {
      node.receive(packet, from, now);
      this.settle();
    };
    this.#network.attach({ address, receive });
    this.settle();
    return node;
  }

  /** After each call: its next deadline may be another one. */
  settle(): void {
    this.#network.wake(this.#timer, this.dht.nextDeadline());
  }

  /** Calls `act`, and settles. */
  do<T>(act: (dht: Dht, now: number) => T): T {
    const result = act(this.dht, this.#network.now);
    this.settle();
    return result;
  }

  #open(address: Address): DhtNode {
    const send = (packet: Uint8Array, to: Address): void => this.#network.send(packet, address, to);
    return this.dht.open({ family: address.family, externalIp: address.host, send }, this.#network.now);
  }

  /** Gone without a word. */
  vanish(): void {
    this.#network.detach(this.address);
    this.#network.wake(this.#timer, Number.POSITIVE_INFINITY);
  }
}

/** A different /24 for each, in ranges that are not exempt from anything. */
export function publicAddress(index: number): Address {
  const host = `${20 + (index % 100)}.${Math.floor(index / 100) % 256}.${(index * 7) % 256}.${1 + (index % 250)}`;
  return makeAddress(host, 6881)!;
}

export function loopbackAddress(index: number): Address {
  return makeAddress(`127.0.${Math.floor(index / 200)}.${1 + (index % 200)}`, 6881)!;
}
