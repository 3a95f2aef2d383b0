import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from './address.js';
import {
  type BoundAddress,
  bindingOf,
  describeBindPart,
  type InterfaceAddresses,
  parseBindList,
} from './bound-addresses.js';

const INTERFACES = interfaces({
  lo: ['127.0.0.1', '::1'],
  eth0: ['192.0.2.1', '192.0.2.9', 'fe80::1', 'fd00::1', '2001:db8::1', '2001:db8::2'],
  wg0: ['10.2.0.2'],
});

function interfaces(hosts: Readonly<Record<string, readonly string[]>>): InterfaceAddresses[] {
  return Object.entries(hosts).map(([name, ips]) => ({ name, addresses: ips.map(addressOf) }));
}

function addressOf(ip: string): BoundAddress {
  const { family, host } = makeAddress(ip, 0)!;
  return { family, host };
}

function bound(list: string, before: readonly string[] = [], among = INTERFACES): string {
  const { addresses, missing } = bindingOf(parseBindList(list), among, before.map(addressOf));
  return `${addresses.map(({ host }) => host).join(' ')}${missing.length === 0 ? '' : ` without ${missing.join(' ')}`}`;
}

test('an interface stands for one address a family: not link-local, and unique local ones only without others', () => {
  assert.equal(bound('eth0'), '192.0.2.1 2001:db8::1');
  assert.equal(bound('wg0'), '10.2.0.2');
  assert.equal(bound('e', [], interfaces({ e: ['fe80::1', 'fd00::1'] })), 'fd00::1');
  assert.equal(bound('e', [], interfaces({ e: ['fe80::1'] })), ' without e');
});

test('an interface keeps the address that was bound, as long as it has it', () => {
  assert.equal(bound('eth0', ['192.0.2.9', '2001:db8::2']), '192.0.2.9 2001:db8::2');
  assert.equal(bound('eth0', ['192.0.2.77']), '192.0.2.1 2001:db8::1');
});

test('addresses and names can be mixed; what is not there is told, and nothing is bound twice', () => {
  assert.equal(
    bound(' 192.0.2.1 ,wg0,, 192.0.2.2, tun7,[2001:DB8::1],::ffff:10.2.0.2'),
    '192.0.2.1 10.2.0.2 2001:db8::1 without 192.0.2.2 tun7',
  );
  assert.equal(bound(''), '');
});

test('loopback and every address of a family are always there, and any address where interfaces are not told', () => {
  assert.equal(bound('127.0.0.5,::1,0.0.0.0,::'), '127.0.0.5 ::1 0.0.0.0 ::');
  assert.equal(bound('192.0.2.77,eth0', [], []), '192.0.2.77 without eth0');
});

test('messages say what each part is', () => {
  assert.equal(describeBindPart('wg0'), 'the interface wg0');
  assert.equal(describeBindPart('[2001:db8::1]'), 'the address [2001:db8::1]');
});
