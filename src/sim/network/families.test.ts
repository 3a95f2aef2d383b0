import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import type { SimHost } from '../sim-host.js';
import { Simulator } from '../simulator.js';
import { dialFrom, listenOn } from '../testing/stream-end.js';

const KINDS = ['v4', 'v6', 'both'] as const;

/** One host of each kind, and what all of them listen on. */
function world(): { simulator: Simulator; hosts: Map<string, SimHost>; heard: string[] } {
  const simulator = new Simulator({ seed: 1 });
  const heard: string[] = [];
  const hosts = new Map(
    KINDS.map((kind): [string, SimHost] => {
      const without = kind === 'both' ? {} : kind === 'v4' ? { ipv6: null } : { ipv4: null };
      const host = simulator.createHost({ name: `${kind}.test`, ...without });
      listenOn(host, 7);
      const onDatagram = (packet: Uint8Array): void => {
        heard.push(`${KINDS[packet[0]!]} to ${kind} over ${packet[1]}`);
      };
      host.network.openDatagramSocket({ host: '', port: 9 }, { onListening() {}, onError() {}, onDatagram });
      return [kind, host];
    }),
  );
  return { simulator, hosts, heard };
}

test('hosts of one family or of both reach each other over what they share, by TCP and by UDP', () => {
  const { simulator, hosts, heard } = world();
  const opened: string[] = [];
  const expected: string[] = [];
  KINDS.forEach((from, number) => {
    for (const to of KINDS) {
      for (const family of [4, 6] as const) {
        const target = hosts.get(to)!;
        const ip = family === 4 ? target.ipv4 : target.ipv6;
        if (ip === null) continue;
        const name = `${from} to ${to} over ${family}`;
        const source = hosts.get(from)!;
        if ((family === 4 ? source.ipv4 : source.ipv6) !== null) expected.push(name);
        const end = dialFrom(source, target, 7, { family });
        const quiet = { onListening() {}, onError() {}, onDatagram() {} };
        const socket = source.network.openDatagramSocket({ host: '', port: 0 }, quiet);
        socket.send(new Uint8Array([number, family]), makeAddress(ip, 9)!);
        simulator.run(simulator.now + 100);
        if (end.isOpen) opened.push(name);
        else assert.match(end.closedWith?.message ?? '', /no route to that network/);
      }
    }
  });
  assert.equal(expected.length, 4 + 4);
  assert.deepEqual(opened, expected);
  assert.deepEqual(heard, expected);
});

test('a name has the addresses that its host has, and a listener on one family is deaf to the other', () => {
  const { simulator, hosts } = world();
  const families = new Map<string, string>();
  for (const kind of KINDS) {
    hosts.get('both')!.network.resolve(`${kind}.test`, (found) => {
      if (!(found instanceof DtorrentError)) families.set(kind, found.map((address) => address.family).join());
    });
  }
  const both = hosts.get('both')!;
  const errors: string[] = [];
  const handler = {
    onListening() {},
    onConnection() {},
    onError: (error: DtorrentError) => errors.push(error.message),
  };
  both.network.listen({ host: both.ipv6!, port: 8 }, handler);
  hosts.get('v4')!.network.listen({ host: both.ipv6!, port: 8 }, handler);
  const over4 = dialFrom(both, both, 8);
  const over6 = dialFrom(both, both, 8, { family: 6 });
  simulator.run(1000);
  assert.deepEqual(
    [...families],
    [
      ['v4', '4'],
      ['v6', '6'],
      ['both', '4,6'],
    ],
  );
  assert.match(over4.closedWith?.message ?? '', /refused/);
  assert.equal(over6.closedWith, null, 'nobody took it over: it is closed again');
  assert.match(errors.join(), /does not have that address/);
});
