import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../base/address.js';
import { LIMITS } from '../base/limits.js';
import { BannedHosts } from './banned-hosts.js';

const at = (host: string, port = 1) => makeAddress(host, port)!;

test('a host is banned whatever port it comes from, others are not', () => {
  const banned = new BannedHosts();
  banned.add(at('11.0.0.1', 5000));
  assert.ok(banned.has(at('11.0.0.1', 6000)));
  assert.ok(!banned.has(at('11.0.0.2', 5000)));
});

test('this machine is never banned: its ports are different clients', () => {
  const banned = new BannedHosts();
  banned.add(at('127.0.0.1'));
  banned.add(at('::1'));
  assert.ok(!banned.has(at('127.0.0.1')) && !banned.has(at('::1')));
});

test('only so many hosts are remembered, the latest ones', () => {
  const banned = new BannedHosts();
  const hosts = Array.from({ length: LIMITS.bannedHostsPerTorrentMax + 1 }, (_, i) => `11.1.${i >> 8}.${i & 255}`);
  for (const host of hosts.slice(0, -1)) banned.add(at(host));
  banned.add(at(hosts[0]!)); // again: now the latest
  banned.add(at(hosts.at(-1)!));
  assert.ok(banned.has(at(hosts[0]!)));
  assert.ok(!banned.has(at(hosts[1]!)));
  assert.equal(hosts.filter((host) => banned.has(at(host))).length, LIMITS.bannedHostsPerTorrentMax);
});
