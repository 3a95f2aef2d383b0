import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
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

test('misconduct is forgiven until it is a habit', () => {
  const banned = new BannedHosts();
  for (let i = 1; i < LIMITS.misconductsPerHostMax; i++) {
    banned.onMisconduct(at('11.0.0.1', 1000 + i));
    assert.equal(banned.has(at('11.0.0.1')), false);
  }
  banned.onMisconduct(at('11.0.0.2'));
  banned.onMisconduct(at('11.0.0.1'));
  assert.equal(banned.has(at('11.0.0.1', 2)), true);
  assert.equal(banned.has(at('11.0.0.2')), false);
});

test('of those that misbehaved once only the latest are remembered', () => {
  const banned = new BannedHosts(2);
  const misbehave = (host: number): void => banned.onMisconduct(at(`11.0.0.${host}`));
  for (let i = 1; i < LIMITS.misconductsPerHostMax; i++) misbehave(1);
  misbehave(2);
  misbehave(3);
  misbehave(1);
  assert.equal(banned.has(at('11.0.0.1')), false, 'it was forgotten');
});
