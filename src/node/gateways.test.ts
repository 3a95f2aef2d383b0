import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { defaultGateways, gatewaysOf, likelyGateways, parseRoutesV4, parseRoutesV6 } from './gateways.js';

const ROUTES_V4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t014DA8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0
tun0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0
eth0\t004DA8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
`;
const ROUTES_V6 = `20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000003 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

function v4(address: string, prefixBits: number, internal = false): NetworkInterfaceInfo {
  return { address, netmask: '', family: 'IPv4', mac: '', internal, cidr: `${address}/${prefixBits}` };
}

function v6(address: string, prefixBits: number): NetworkInterfaceInfo {
  return {
    address,
    netmask: '',
    family: 'IPv6',
    mac: '',
    internal: false,
    cidr: `${address}/${prefixBits}`,
    scopeid: 2,
  };
}

test('the default routes by a router are read from the table of the kernel, best first', () => {
  assert.deepEqual(parseRoutesV4(ROUTES_V4, true), [
    { interfaceName: 'eth0', gateway: '192.168.77.1', metric: 100 },
    { interfaceName: 'wlan0', gateway: '192.168.1.1', metric: 600 },
  ]);
  assert.deepEqual(parseRoutesV6(ROUTES_V6), [{ interfaceName: 'eth0', gateway: 'fe80::1', metric: 1024 }]);
});

test('on a machine of the other byte order the table has its numbers the other way around', () => {
  const [route] = parseRoutesV4(ROUTES_V4.replace('014DA8C0', 'C0A84D01'), false);
  assert.equal(route?.gateway, '192.168.77.1');
});

test('tables that are empty, cut or of another form have no routes', () => {
  for (const table of ['', '\n', 'Iface\n', ROUTES_V4.slice(0, 100), 'a b c d e f g h i j\n'.repeat(3)]) {
    assert.deepEqual(parseRoutesV4(table, true), []);
    assert.deepEqual(parseRoutesV6(table), []);
  }
});

test('each address of ours in the network of the router leads to it', () => {
  const interfaces = {
    eth0: [v4('192.168.77.2', 24), v4('10.0.0.5', 8), v4('192.168.77.3', 24), v6('2001:db8::2', 64)],
  };
  const gateway = { family: 4, host: '192.168.77.1', prefixBits: 24 } as const;
  assert.deepEqual(gatewaysOf({ interfaceName: 'eth0', gateway: '192.168.77.1', metric: 0 }, interfaces), [
    { ...gateway, localHost: '192.168.77.2' },
    { ...gateway, localHost: '192.168.77.3' },
  ]);
  assert.deepEqual(gatewaysOf({ interfaceName: 'eth1', gateway: '192.168.77.1', metric: 0 }, interfaces), []);
});

test('a router of IPv6 is reached through its zone, from public addresses', () => {
  const interfaces = { eth0: [v6('fe80::2', 64), v6('fd00::2', 64), v6('2001:db8::2', 64), v4('10.0.0.5', 8)] };
  const [found, ...others] = gatewaysOf({ interfaceName: 'eth0', gateway: 'fe80::1', metric: 0 }, interfaces);
  assert.deepEqual(found, { family: 6, host: 'fe80::1%eth0', localHost: '2001:db8::2', prefixBits: 64 });
  assert.deepEqual(others, []);
  const [global] = gatewaysOf({ interfaceName: 'eth0', gateway: '2001:db8::1', metric: 0 }, interfaces);
  assert.equal(global?.host, '2001:db8::1');
});

test('without a table the first address of each private network is taken for its router', () => {
  const interfaces = {
    lo0: [v4('127.0.0.1', 8, true)],
    en0: [v4('192.168.1.77', 24), v6('2001:db8::2', 64)],
    en1: [v4('172.20.10.5', 28)],
    en2: [v4('192.168.2.1', 24), v4('11.0.0.5', 24)],
  };
  assert.deepEqual(
    likelyGateways(interfaces).map(({ host, localHost }) => `${host} ${localHost}`),
    ['192.168.1.1 192.168.1.77', '172.20.10.1 172.20.10.5'],
  );
});

test('what this machine has is found without an error', () => {
  for (const { family, localHost } of defaultGateways()) assert.equal(localHost.includes(':'), family === 6);
});
