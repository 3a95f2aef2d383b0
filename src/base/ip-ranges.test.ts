import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from './address.js';
import { isLocalIp, isPrivateAddress, isPublicIp, rangeOfIp } from './ip-ranges.js';

test('addresses of the Internet are public', () => {
  for (const ip of ['1.0.0.0', '8.8.8.8', '11.0.0.1', '100.63.255.255', '100.128.0.0', '172.15.0.1', '172.32.0.1']) {
    assert.ok(isPublicIp(ip), ip);
  }
  for (const ip of ['192.0.1.0', '198.17.255.255', '223.255.255.255', '2001:db8::1', '2a00::1', '3fff::1']) {
    assert.ok(isPublicIp(ip), ip);
  }
});

test('addresses of local networks, of this machine, of groups and of nobody are not', () => {
  for (const ip of ['0.0.0.0', '10.255.255.255', '100.64.0.0', '100.127.255.255', '127.0.0.1', '169.254.1.1']) {
    assert.ok(!isPublicIp(ip), ip);
  }
  for (const ip of ['172.16.0.0', '172.31.255.255', '192.0.0.4', '192.168.0.1', '198.19.0.1', '224.0.0.1']) {
    assert.ok(!isPublicIp(ip), ip);
  }
  for (const ip of ['255.255.255.255', '::', '::1', 'fc00::1', 'fdff::1', 'fe80::1', 'ff02::1', '4000::1']) {
    assert.ok(!isPublicIp(ip), ip);
  }
});

test('what is no address is not public', () => {
  for (const text of ['', 'localhost', '1.2.3', '1.2.3.4:80', '2001:db8::1%eth0']) assert.ok(!isPublicIp(text), text);
});

test('local are this machine and the networks that BEP 42 exempts, and their like of IPv6', () => {
  const local = ['10.1.2.3', '127.0.0.1', '127.9.9.9', '169.254.1.1', '172.16.0.1', '172.31.255.255', '192.168.0.1'];
  for (const ip of [...local, '::1', 'fe80::1', 'febf::1', 'fc00::1', 'fdff::1']) {
    assert.equal(isLocalIp(parseIp(ip)!), true, ip);
  }
  const publicV4 = [
    '9.1.2.3',
    '11.1.2.3',
    '126.0.0.1',
    '128.0.0.1',
    '169.253.1.1',
    '172.15.0.1',
    '172.32.0.1',
    '192.169.0.1',
  ];
  for (const ip of [...publicV4, '::', '::2', '1::1', 'fec0::1', 'fb00::1', '2001:db8::1']) {
    assert.equal(isLocalIp(parseIp(ip)!), false, ip);
  }
});

test('private are the ranges that no public tracker may lead to, with their edges', () => {
  const isPrivate = (host: string): boolean => isPrivateAddress({ family: host.includes(':') ? 6 : 4, host, port: 0 });
  const inside = ['10.0.0.0', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.1.1', '127.0.0.1', '0.0.0.0'];
  inside.push('169.254.1.1', '100.64.0.1', '::', '::1', 'fc00::1', 'fdff::1', 'fe80::1', 'febf::1');
  const outside = ['9.255.255.255', '11.0.0.0', '172.15.0.1', '172.32.0.0', '192.169.0.1', '128.0.0.1', '1.1.1.1'];
  outside.push('169.255.0.1', '100.128.0.1', '::2', '2001:db8::1', 'fec0::1');
  assert.deepEqual(
    inside.filter((host) => !isPrivate(host)),
    [],
  );
  assert.deepEqual(outside.filter(isPrivate), []);
});

test('each range is told by its name', () => {
  const examples = {
    unspecified: ['0.0.0.0', '0.1.2.3', '::'],
    loopback: ['127.0.0.1', '::1'],
    'link-local': ['169.254.0.1', 'fe80::1'],
    private: ['10.0.0.1', '172.16.0.1', '192.168.0.1'],
    'unique-local': ['fd00::1'],
    shared: ['100.64.0.1'],
    reserved: ['192.0.0.4', '198.18.0.1', '224.0.0.251', '255.255.255.255', '::2', 'ff02::1', 'fec0::1', '64:ff9b::1'],
    public: ['8.8.8.8', '192.0.2.1', '2001:db8::1'],
  };
  for (const [range, ips] of Object.entries(examples)) {
    for (const ip of ips) assert.equal(rangeOfIp(parseIp(ip)!), range, ip);
  }
});
