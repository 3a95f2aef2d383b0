import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Address, addressKey, makeAddress } from '../../base/address.js';
import type { DatagramSocket } from '../../host/network.js';
import type { SimHost } from '../sim-host.js';
import { Simulator } from '../simulator.js';
import { dialFrom, listenOn } from '../testing/stream-end.js';
import { NAT_KINDS, type NatKind, type NatOptions } from './nat.js';

/** A UDP socket that writes down from whom it hears. */
class Socket {
  readonly heardFrom: Address[] = [];
  readonly #socket: DatagramSocket;

  constructor(host: SimHost, port: number) {
    this.#socket = host.network.openDatagramSocket(
      { host: '', port },
      { onListening() {}, onError: (error) => assert.fail(error), onDatagram: (_, from) => this.heardFrom.push(from) },
    );
  }

  send(to: Address): void {
    this.#socket.send(new Uint8Array([1]), to);
  }
}

function world(nat: NatKind | NatOptions | null): { simulator: Simulator; host: SimHost; servers: SimHost[] } {
  const simulator = new Simulator({ seed: 1 });
  const servers = [simulator.createHost(), simulator.createHost()];
  return { simulator, host: simulator.createHost({ nat }), servers };
}

/** @returns under which addresses two servers, and another port of the first, see one socket of a host. */
function seenAs(kind: NatKind): string[] {
  const { simulator, host, servers } = world(kind);
  const socket = new Socket(host, 6881);
  const ears = [new Socket(servers[0]!, 9), new Socket(servers[1]!, 9), new Socket(servers[0]!, 10)];
  socket.send(makeAddress(servers[0]!.ipv4!, 9)!);
  socket.send(makeAddress(servers[1]!.ipv4!, 9)!);
  socket.send(makeAddress(servers[0]!.ipv4!, 10)!);
  simulator.run(100);
  return ears.map((ear) => addressKey(ear.heardFrom[0]!));
}

/** @returns whom a host hears after it has sent to the first server: that address, another port of it, another host. */
function letIn(kind: NatKind, waitMs = 0): string[] {
  const { simulator, host, servers } = world(kind);
  const socket = new Socket(host, 6881);
  const talkers = [new Socket(servers[0]!, 9), new Socket(servers[0]!, 10), new Socket(servers[1]!, 9)];
  socket.send(makeAddress(servers[0]!.ipv4!, 9)!);
  simulator.run(100);
  const seen = talkers[0]!.heardFrom[0]!;
  simulator.run(100 + waitMs);
  for (const talker of talkers) talker.send(seen);
  talkers[0]!.send({ ...seen, port: 6881 });
  simulator.run(simulator.now + 100);
  const names = new Map([
    [`${servers[0]!.ipv4}:9`, 'same address'],
    [`${servers[0]!.ipv4}:10`, 'same host'],
    [`${servers[1]!.ipv4}:9`, 'stranger'],
  ]);
  return socket.heardFrom.map((from) => names.get(addressKey(from))!);
}

describe('a simulated NAT', () => {
  test('shows one port to everybody, unless it is symmetric, and never the host’s own', () => {
    for (const kind of NAT_KINDS) {
      const seen = seenAs(kind);
      assert.equal(new Set(seen).size, kind === 'symmetric' ? 3 : 1, kind);
      assert.ok(seen.every((address) => !address.endsWith(':6881')));
    }
  });

  test('lets in whom its kind lets in', () => {
    assert.deepEqual(letIn('full-cone'), ['same address', 'same host', 'stranger']);
    assert.deepEqual(letIn('restricted-cone'), ['same address', 'same host']);
    assert.deepEqual(letIn('port-restricted'), ['same address']);
    assert.deepEqual(letIn('symmetric'), ['same address']);
  });

  test('forgets a mapping that was not used outwards for a minute, and then maps anew', () => {
    for (const kind of NAT_KINDS) {
      assert.ok(letIn(kind, 55_000).length > 0);
      assert.deepEqual(letIn(kind, 65_000), []);
    }
    const { simulator, host, servers } = world({ kind: 'full-cone', timeoutMs: 1000 });
    const socket = new Socket(host, 6881);
    const ear = new Socket(servers[0]!, 9);
    for (const atMs of [0, 900, 1800, 4000]) {
      simulator.at(atMs, () => socket.send(makeAddress(servers[0]!.ipv4!, 9)!));
    }
    simulator.run(10_000);
    const ports = ear.heardFrom.map((from) => from.port);
    assert.equal(new Set(ports.slice(0, 3)).size, 1);
    assert.notEqual(ports[3], ports[0]);
  });

  test('answers a dial from outside with nothing, or refuses it, and lets dials out', () => {
    for (const kind of NAT_KINDS) {
      for (const inboundTcp of ['silent', 'refused'] as const) {
        const { simulator, host, servers } = world({ kind, inboundTcp });
        const accepted = listenOn(host, 7);
        const outside = listenOn(servers[0]!, 7);
        const inward = [dialFrom(servers[0]!, host, 7), dialFrom(servers[0]!, host, 7, { family: 6 })];
        const outward = dialFrom(host, servers[0]!, 7);
        const own = dialFrom(host, host, 7);
        simulator.run(20_000);
        for (const end of inward) assert.equal(end.closedWith?.code, inboundTcp === 'silent' ? 'ETIMEOUT' : 'ENETWORK');
        assert.deepEqual([outward.isOpen, own.isOpen, accepted.length, outside.length], [true, true, 1, 1]);
      }
    }
  });

  test('filters IPv6 too, where it leaves ports as they are', () => {
    const { simulator, host, servers } = world('full-cone');
    const socket = new Socket(host, 6881);
    const friend = new Socket(servers[0]!, 9);
    const stranger = new Socket(servers[1]!, 9);
    stranger.send(makeAddress(host.ipv6!, 6881)!);
    socket.send(makeAddress(servers[0]!.ipv6!, 9)!);
    simulator.run(100);
    assert.equal(friend.heardFrom[0]!.port, 6881);
    friend.send(friend.heardFrom[0]!);
    stranger.send(friend.heardFrom[0]!);
    simulator.run(200);
    assert.deepEqual(socket.heardFrom.map(addressKey), [`[${servers[0]!.ipv6}]:9`]);
  });

  test('of every pair lets two hosts meet by UDP through a third, or not, as it is known of the kinds', () => {
    const strict = new Set(['symmetric symmetric', 'symmetric port-restricted', 'port-restricted symmetric']);
    for (const one of [null, ...NAT_KINDS]) {
      for (const other of [null, ...NAT_KINDS]) {
        assert.equal(canMeet(one, other), !strict.has(`${one} ${other}`), `${one} and ${other}`);
      }
    }
  });
});

/** Both tell a third where they are, which tells each of the other; then both send until each has heard the other. */
function canMeet(one: NatKind | null, other: NatKind | null): boolean {
  const simulator = new Simulator({ seed: 1 });
  const meeting = simulator.createHost();
  const ear = new Socket(meeting, 9);
  const sockets = [one, other].map((nat) => new Socket(simulator.createHost({ nat }), 6881));
  for (const socket of sockets) socket.send(makeAddress(meeting.ipv4!, 9)!);
  simulator.run(100);
  const known = ear.heardFrom.map((from): Address => from);
  for (let round = 0; round < 3; round++) {
    sockets.forEach((socket, i) => {
      // An answer goes to where the packet came from, which may be another port than the one that was told.
      socket.send(socket.heardFrom.at(-1) ?? known[1 - i]!);
    });
    simulator.run(simulator.now + 100);
  }
  return sockets.every((socket) => socket.heardFrom.length > 0);
}
