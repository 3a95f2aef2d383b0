import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, makeAddress } from '../../base/address.js';
import { fromUtf8 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { decodeNodes, encodeNodes, type NodeContact } from './compact-nodes.js';

const PUBLIC = makeAddress('192.0.2.1', 6881)!;

function node(host: string, port = 6881, fill = 1): NodeContact {
  return { id: new Uint8Array(20).fill(fill), address: makeAddress(host, port)! };
}

/** What is left of a list with these hosts when `from` sends it. */
function hostsRead(hosts: readonly string[], from: Address): string[] {
  const nodes = hosts.map((host) => node(host));
  const both = [4, 6] as const;
  return both
    .flatMap((family) => decodeNodes(encodeNodes(nodes, family), family, from))
    .map((read) => read.address.host);
}

test('a node is its id, its IP address and its port, 26 or 38 bytes', () => {
  const v4 = encodeNodes([node('97.120.106.101', 0x2e75)], 4);
  assert.deepEqual(v4, new Uint8Array([...new Uint8Array(20).fill(1), ...fromUtf8('axje.u')]));
  const v6 = encodeNodes([node('2001:db8::2', 0x0102)], 6);
  assert.deepEqual(
    v6,
    new Uint8Array([...new Uint8Array(20).fill(1), 0x20, 1, 0x0d, 0xb8, ...new Uint8Array(11), 2, 1, 2]),
  );
});

test('a list holds nodes of one family', () => {
  const mixed = [node('192.0.2.2'), node('2001:db8::2'), node('192.0.2.3')];
  assert.deepEqual(decodeNodes(encodeNodes(mixed, 4), 4, PUBLIC), [mixed[0], mixed[2]]);
  assert.deepEqual(decodeNodes(encodeNodes(mixed, 6), 6, PUBLIC), [mixed[1]]);
});

test('addresses that no node can have are left out', () => {
  const none = ['0.0.0.0', '0.1.2.3', '224.0.0.1', '240.0.0.1', '255.255.255.255', '::', 'ff02::1'];
  assert.deepEqual(hostsRead([...none, '192.0.2.9'], PUBLIC), ['192.0.2.9']);
  assert.deepEqual(decodeNodes(encodeNodes([node('192.0.2.9', 0)], 4), 4, PUBLIC), []);
});

test('an IPv4-mapped address in a list of IPv6 nodes is left out', () => {
  const list = encodeNodes([node('2001:db8::2')], 6);
  list.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7], 20);
  assert.deepEqual(decodeNodes(list, 6, PUBLIC), []);
});

test('only who is in a local network may name nodes that are', () => {
  const hosts = ['10.0.0.2', '127.0.0.2', '192.168.1.2', '198.51.100.2', 'fe80::2', 'fd00::2', '::1', '2001:db8::2'];
  assert.deepEqual(hostsRead(hosts, PUBLIC), ['198.51.100.2', '2001:db8::2']);
  const inNetwork = makeAddress('192.168.1.9', 6881)!;
  const withoutLoopback = hosts.filter((host) => host !== '127.0.0.2' && host !== '::1');
  assert.deepEqual(hostsRead(hosts, inNetwork), withoutLoopback);
  assert.deepEqual(hostsRead(hosts, makeAddress('127.0.0.9', 6881)!), hosts);
});

test('what a list has beyond the limit is not read', () => {
  const nodes = Array.from({ length: LIMITS.dhtNodesPerListMax + 1 }, (_, i) => node(`192.0.2.${i + 1}`, 6881, i));
  assert.deepEqual(decodeNodes(encodeNodes(nodes, 4), 4, PUBLIC), nodes.slice(0, LIMITS.dhtNodesPerListMax));
});

test('whatever comes, whole entries are read and ids do not change with the packet', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(4 as const, 6 as const), (bytes, family) => {
      const nodes = decodeNodes(bytes, family, PUBLIC);
      const again = encodeNodes(nodes, family);
      bytes.fill(0);
      assert.deepEqual(encodeNodes(nodes, family), again);
      assert.deepEqual(decodeNodes(again, family, PUBLIC), nodes);
    }),
  );
  // The example of BEP 5 has nine bytes.
  assert.deepEqual(decodeNodes(fromUtf8('def456...'), 4, PUBLIC), []);
});
