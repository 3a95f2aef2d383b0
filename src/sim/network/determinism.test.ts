import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { randomBelow } from '../../base/random.js';
import type { SimMachine } from '../machine.js';
import type { SimObserver } from '../observer.js';
import { type SimHostOptions, Simulator } from '../simulator.js';
import { dialFrom, listenOn, pour, type StreamEnd } from '../testing/stream-end.js';
import type { Cutting } from './link.js';
import { NAT_KINDS } from './nat.js';

/** Twelve hosts, and everything that can happen to a packet. @returns a hash of all that was said and heard, and when. */
function traceOf(seed: number, cutting: Cutting): string {
  const hash = createHash('sha1');
  let simulator: Simulator | null = null;
  const note = (machine: SimMachine, what: string, bytes?: Uint8Array): void => {
    hash.update(`${simulator?.now} ${machine.number} ${what} ${bytes?.length}\n`);
    if (bytes !== undefined) hash.update(bytes);
  };
  const observer: SimObserver = {
    onTurn: (machine, port, amount) => note(machine, `${port} ${amount}`),
    onDialled: (machine, to) => note(machine, `dialled ${to.port}`),
    onSent: (machine, _, bytes) => note(machine, 'sent', bytes),
    onReceived: (machine, _, bytes) => note(machine, 'received', bytes),
    onOpened: (machine) => note(machine, 'opened'),
    onClosed: (machine) => note(machine, 'closed'),
    onDatagramSent: (machine, _, bytes) => note(machine, 'datagram', bytes),
    onCrashed: (machine) => note(machine, 'crashed'),
  };
  const path = { latencyMs: 15, jitterMs: 10, bytesPerMs: 2000, lossRatio: 0.01, resetsPerHour: 600 };
  const link = { ...path, duplicateRatio: 0.1, reorderRatio: 0.1, mtuBytes: 1400 };
  simulator = new Simulator({ seed, cutting, observer, link: () => link });
  const world = simulator;
  const hosts = Array.from({ length: 12 }, (_, i) => {
    const access = { upBytesPerMs: 100 + 50 * i, downBytesPerMs: 800, queueBytesMax: 20_000 };
    const options: SimHostOptions = { access, nat: i < NAT_KINDS.length ? NAT_KINDS[i]! : null };
    return world.createHost(i % 3 === 0 ? { nat: options.nat ?? null } : options);
  });
  const ends: StreamEnd[] = [];
  const handler = { onListening() {}, onError() {}, onDatagram() {} };
  const sockets = hosts.map((host) => host.network.openDatagramSocket({ host: '', port: 9 }, handler));
  for (const host of hosts) listenOn(host, 7);
  for (let i = 0; i < 300; i++) {
    world.at(i * 20, () => {
      const from = randomBelow(world.random, hosts.length);
      const to = hosts[randomBelow(world.random, hosts.length)]!;
      sockets[from]!.send(new Uint8Array(1 + randomBelow(world.random, 1500)), makeAddress(to.ipv4!, 9)!);
      const end = dialFrom(hosts[from]!, to, 7, { family: i % 2 === 0 ? 4 : 6 });
      pour(end, randomBelow(world.random, cutting === 'bytes' ? 300 : 20_000));
      ends.push(end);
      if (i % 5 === 0) ends[randomBelow(world.random, ends.length)]!.stream.close();
    });
  }
  const half = new Set(hosts.slice(0, 6).flatMap((host) => [host.ipv4, host.ipv6]));
  world.at(2000, () => world.internet.cut((from, to) => half.has(from) !== half.has(to)));
  world.at(3500, () => world.internet.cut(null));
  world.at(4000, () => hosts[7]!.network.resetStreams(0.5));
  world.at(4200, () => hosts[8]!.machine.crash('killed'));
  world.at(4400, () => hosts[9]!.machine.crash('power'));
  world.at(5000, () => listenOn(world.restartHost(hosts[9]!), 7));
  world.run(20_000);
  return hash.digest('hex');
}

test('the same seed gives the same world, byte for byte and to the microsecond, whatever happens in it', () => {
  for (const cutting of ['random', 'whole', 'bytes'] as const) {
    assert.equal(traceOf(1, cutting), traceOf(1, cutting), cutting);
    assert.notEqual(traceOf(1, cutting), traceOf(2, cutting), cutting);
  }
});
