import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, makeAddress } from '../../base/address.js';
import { SeededRandom } from '../../base/random.js';
import { type DatagramHost, DatagramWorld } from './datagram-world.js';

/** Writes down what it hears; keeps what it must not keep. */
class Ear {
  readonly heard: number[] = [];
  readonly atMs: number[] = [];
  readonly wokenAtMs: number[] = [];
  kept: Uint8Array | null = null;
  readonly #world: DatagramWorld;

  constructor(world: DatagramWorld, host: DatagramHost) {
    this.#world = world;
    host.program = this;
  }

  receive(packet: Uint8Array, _from: Address): void {
    this.heard.push(packet[0]!);
    this.atMs.push(this.#world.now);
    this.kept = packet;
  }

  wake(): void {
    this.wokenAtMs.push(this.#world.now);
  }
}

function makeWorld(options: { lossShare?: number; jitterMs?: number } = {}): DatagramWorld {
  return new DatagramWorld({ random: new SeededRandom(1), lossShare: 0, jitterMs: 0, ...options });
}

function addHost(world: DatagramWorld, ip: string, natTimeoutMs = 0): { host: DatagramHost; ear: Ear } {
  const host = world.addHost({ address: makeAddress(ip, 6881)!, latencyMs: 10, natTimeoutMs });
  return { host, ear: new Ear(world, host) };
}

test('a packet arrives after both latencies, as it was sent, and is overwritten when it has been read', () => {
  const world = makeWorld();
  const one = addHost(world, '11.0.0.1');
  const other = addHost(world, '11.0.0.2');
  const packet = Uint8Array.of(7);
  one.host.send(packet, other.host.address);
  packet[0] = 8;
  world.run(19);
  assert.deepEqual(other.ear.heard, []);
  world.run(20);
  assert.deepEqual([other.ear.heard, other.ear.atMs], [[7], [20]]);
  assert.notEqual(other.ear.kept![0], 7);
});

test('what goes to nobody, to another port or to a host that is off is gone', () => {
  const world = makeWorld();
  const { host } = addHost(world, '11.0.0.1');
  const other = addHost(world, '11.0.0.2');
  host.send(Uint8Array.of(1), makeAddress('11.0.0.3', 6881)!);
  host.send(Uint8Array.of(2), makeAddress('11.0.0.2', 6882)!);
  host.send(Uint8Array.of(3), other.host.address);
  other.host.switchOff();
  world.run(100);
  assert.deepEqual(other.ear.heard, []);
  assert.equal(world.counts.toNobody, 3);
});

test('a NAT lets in only whom the host has sent something lately', () => {
  const world = makeWorld();
  const inside = addHost(world, '11.0.0.1', 60_000);
  const friend = addHost(world, '11.0.0.2');
  const stranger = addHost(world, '11.0.0.3');
  inside.host.send(Uint8Array.of(0), friend.host.address);
  world.run(1000);
  friend.host.send(Uint8Array.of(1), inside.host.address);
  stranger.host.send(Uint8Array.of(2), inside.host.address);
  world.run(61_000);
  friend.host.send(Uint8Array.of(3), inside.host.address);
  world.run(62_000);
  assert.deepEqual(inside.ear.heard, [1]);
  assert.equal(world.counts.filtered, 2);
});

test('of many packets the share that is said is lost, and all others take their time', () => {
  const world = makeWorld({ lossShare: 0.1, jitterMs: 20 });
  const one = addHost(world, '11.0.0.1');
  const other = addHost(world, '11.0.0.2');
  for (let i = 0; i < 10_000; i++) one.host.send(Uint8Array.of(i), other.host.address);
  world.run(1000);
  assert.ok(Math.abs(world.counts.lost - 1000) < 150, `${world.counts.lost} lost`);
  assert.equal(other.ear.heard.length + world.counts.lost, 10_000);
  assert.ok(Math.min(...other.ear.atMs) >= 20 && Math.max(...other.ear.atMs) <= 40);
});

test('a host is woken once, when it last asked for it', () => {
  const world = makeWorld();
  const { host, ear } = addHost(world, '11.0.0.1');
  host.wakeAt(50);
  host.wakeAt(30);
  world.run(100);
  host.wakeAt(150);
  host.wakeAt(Number.POSITIVE_INFINITY);
  world.run(200);
  assert.deepEqual(ear.wokenAtMs, [30]);
});

test('a program that asks for a time that has passed, again and again, is found out', () => {
  const world = makeWorld();
  const { host, ear } = addHost(world, '11.0.0.1');
  ear.wake = () => host.wakeAt(0);
  host.wakeAt(0);
  assert.throws(() => world.run(1), /the time stands still/);
});
