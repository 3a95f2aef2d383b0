import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPublicIp } from './public-address.js';

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
