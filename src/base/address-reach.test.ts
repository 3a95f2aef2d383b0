import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from './address.js';
import { isWithinReach, REACH, reachOf } from './address-reach.js';

const EXAMPLES: readonly (readonly [number, readonly string[]])[] = [
  [REACH.machine, ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']],
  [REACH.network, ['10.0.0.1', '172.16.0.1', '172.31.9.9', '192.168.1.1', '169.254.1.1', '100.64.0.1', '100.127.0.1']],
  [REACH.network, ['fe80::1', 'febf::1', 'fc00::1', 'fd12::1']],
  [REACH.world, ['8.8.8.8', '172.15.0.1', '172.32.0.1', '192.169.0.1', '100.63.0.1', '100.128.0.1', '11.0.0.1']],
  [REACH.world, ['2001:db8::1', 'fec0::1', '::2', 'fb00::1']],
];

test('an address is of this machine, of the network or of the world', () => {
  for (const [reach, hosts] of EXAMPLES) {
    for (const host of hosts) assert.equal(reachOf(makeAddress(host, 1)!), reach, host);
  }
});

test('nobody is believed to know what is nearer than he is himself', () => {
  const [machine, network, world] = ['127.0.0.1', '192.168.0.1', '8.8.8.8'].map((host) => makeAddress(host, 1)!);
  for (const address of [machine!, network!, world!]) assert.equal(isWithinReach(address, machine!), true);
  assert.deepEqual(
    [machine!, network!, world!].map((address) => isWithinReach(address, network!)),
    [false, true, true],
  );
  assert.deepEqual(
    [machine!, network!, world!].map((address) => isWithinReach(address, world!)),
    [false, false, true],
  );
});
