/**
 * An honest node of the simulated network: the production `Dht` on a host, and the person who switches it on and off. What
 * it is asked for goes through `act`, so that its deadline is looked at afterwards. It learns its own address from what
 * others say, as the engine would have it do. Used by DhtNetwork and its workload.
 */
import type { Address } from '../../base/address.js';
import { assert } from '../../base/assert.js';
import { randomBelow, type SeededRandom } from '../../base/random.js';
import { Dht } from '../../protocol/dht/dht.js';
import type { DhtNode } from '../../protocol/dht/dht-node.js';
import type { DatagramHost, DatagramProgram, DatagramWorld } from './datagram-world.js';

export interface DhtMemberOptions {
  readonly world: DatagramWorld;
  readonly host: DatagramHost;
  readonly random: SeededRandom;
  /** The well-known nodes. */
  readonly routers: readonly Address[];
}

export class DhtMember implements DatagramProgram {
  readonly host: DatagramHost;
  /** When it came, the last time. */
  joinedAtMs: number = Number.POSITIVE_INFINITY;
  /** What it was asked for and has not ended: nobody switches it off meanwhile. */
  pending = 0;
  readonly #world: DatagramWorld;
  readonly #random: SeededRandom;
  readonly #routers: readonly Address[];
  #dht: Dht | null = null;
  #node: DhtNode | null = null;
  #snapshot: Uint8Array | null = null;
  #votes = 0;

  constructor({ world, host, random, routers }: DhtMemberOptions) {
    this.#world = world;
    this.host = host;
    this.#random = random;
    this.#routers = routers;
  }

  get isOn(): boolean {
    return this.#dht !== null;
  }

  /** null = it is off. */
  get dht(): Dht | null {
    return this.#dht;
  }

  /** 20 bytes. It has to be on. */
  get id(): Uint8Array {
    return this.#node!.id;
  }

  join(): void {
    assert(this.#dht === null, 'a member that is on joins');
    const { now } = this.#world;
    const dht = new Dht({
      random: this.#random.split(),
      onAddressVote: (ip) => this.#onVote(ip),
    });
    this.#dht = dht;
    this.host.program = this;
    this.joinedAtMs = now;
    this.#votes = 0;
    // Half of those that come back begin with whom they knew.
    if (this.#snapshot !== null && randomBelow(this.#random, 2) === 0) {
      assert(dht.restore(this.#snapshot, now), 'a snapshot cannot be read');
    }
    dht.addBootstrap(this.#routers, now);
    // Some know their address from the run before, or from their router.
    const externalIp = randomBelow(this.#random, 4) === 0 ? null : this.host.address.host;
    this.#node = dht.open({ family: 4, externalIp, send: (packet, to) => this.host.send(packet, to) }, now);
    this.#reschedule();
  }

  /** Without a word to anybody. */
  leave(): void {
    assert(this.#dht !== null && this.pending === 0, 'a member leaves that is off, or busy');
    const { now } = this.#world;
    this.#snapshot = this.#dht.snapshot(now);
    this.#dht.close(this.#node!, now);
    this.#dht = null;
    this.#node = null;
    this.host.switchOff();
  }

  /** It has to be on. */
  act(action: (dht: Dht, now: number) => void): void {
    action(this.#dht!, this.#world.now);
    this.#reschedule();
  }

  receive(packet: Uint8Array, from: Address): void {
    this.#node!.receive(packet, from, this.#world.now);
    this.#reschedule();
  }

  wake(): void {
    this.#dht!.advance(this.#world.now);
    this.#reschedule();
  }

  #reschedule(): void {
    this.host.wakeAt(this.#dht!.nextDeadline());
  }

  /** Believed when enough have said so; liars say nothing else than others here. */
  #onVote(ip: string): void {
    if (++this.#votes !== VOTES_BELIEVED || ip !== this.host.address.host) return;
    // Not in the middle of the packet that brought the vote.
    const dht = this.#dht;
    this.#world.at(this.#world.now, () => {
      if (this.#dht === dht) this.act((own, now) => own.setExternalIp(4, ip, now));
    });
  }
}

const VOTES_BELIEVED = 10;
