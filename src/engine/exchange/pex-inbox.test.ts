import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressKey, makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { PexInbox } from './pex-inbox.js';

const WORLD = makeAddress('203.0.113.1', 50_000)!;
const NETWORK = makeAddress('192.168.0.7', 50_000)!;
const MACHINE = makeAddress('127.0.0.1', 50_000)!;

test('what cannot be a peer is not taken', () => {
  const contacts = ['1.2.3.4:0', '0.0.0.0:1', '224.0.0.1:1', '255.255.255.255:1', '[::]:1', '[ff02::1]:1', '8.8.8.8:1'];
  assert.deepEqual(added(new PexInbox(), contacts), ['8.8.8.8:1']);
});

test('local addresses are taken from who is there himself', () => {
  const contacts = ['127.0.0.1:1', '10.0.0.1:1', '[fe80::1]:1', '8.8.8.8:1'];
  assert.deepEqual(added(new PexInbox(), contacts, WORLD), ['8.8.8.8:1']);
  assert.deepEqual(added(new PexInbox(), contacts, NETWORK), contacts.slice(1));
  assert.deepEqual(added(new PexInbox(), contacts, MACHINE), contacts);
});

test('our own address is not taken', () => {
  assert.deepEqual(added(new PexInbox(), ['8.8.8.8:6881', '8.8.4.4:6881'], WORLD, '8.8.8.8:6881'), ['8.8.4.4:6881']);
});

test('one machine is one contact, whatever ports it is said to have, but for our own', () => {
  const inbox = new PexInbox();
  assert.deepEqual(added(inbox, ['8.8.8.8:1', '8.8.8.8:2', '8.8.8.8:1']), ['8.8.8.8:1']);
  assert.deepEqual(added(inbox, ['8.8.8.8:3']), []);
  assert.deepEqual(added(new PexInbox(), ['127.0.0.1:1', '127.0.0.1:2'], MACHINE), ['127.0.0.1:1', '127.0.0.1:2']);
});

test('only what a peer has named can it take back', () => {
  const inbox = new PexInbox();
  added(inbox, ['8.8.8.8:1', '8.8.4.4:1']);
  const dropped = inbox.drop({ added: [], dropped: ['8.8.8.8:2', '8.8.4.4:1', '9.9.9.9:1'].map(parse) });
  assert.deepEqual(dropped.map(addressKey), ['8.8.4.4:1']);
  assert.equal(inbox.names(parse('8.8.4.4:1')), false);
  assert.deepEqual(added(inbox, ['8.8.4.4:2']), ['8.8.4.4:2']);
});

test('a peer may name so many and no more, until it drops some', () => {
  const inbox = new PexInbox();
  const max = LIMITS.pexContactsPerPeerMax;
  const crowd = Array.from({ length: max + 1 }, (_, i) => `8.8.${i >>> 8}.${i & 255}:1`);
  assert.equal(added(inbox, crowd).length, max);
  inbox.drop({ added: [], dropped: [parse(crowd[0]!)] });
  assert.deepEqual(added(inbox, crowd.slice(max)), crowd.slice(max));
});

test('a burst that was held up on its way is no misconduct, more in a minute is', () => {
  const max = LIMITS.pexMessagesPerMinuteMax;
  const inbox = new PexInbox();
  for (let i = 0; i < max; i++) assert.equal(inbox.isTooMuch(1000), false);
  assert.equal(inbox.isTooMuch(60_999), true);
  const patient = new PexInbox();
  for (let i = 0; i < 100; i++) assert.equal(patient.isTooMuch((i * 60_000) / max), false);
});

function added(inbox: PexInbox, contacts: readonly string[], sender = WORLD, own = ''): string[] {
  const message = { added: contacts.map((text) => ({ address: parse(text), flags: 0 })), dropped: [] };
  return inbox.add(message, sender, (address) => addressKey(address) === own).map(addressKey);
}

function parse(text: string): Address {
  const colon = text.lastIndexOf(':');
  return makeAddress(text.slice(0, colon).replace(/[[\]]/g, ''), Number(text.slice(colon + 1)))!;
}
