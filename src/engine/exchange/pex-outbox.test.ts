import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressKey, makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { decodePex } from '../../protocol/wire/pex.js';
import { ContactLog, type ContactPeer } from './contact-log.js';
import { PexOutbox, type PexReader } from './pex-outbox.js';

const MINUTE_MS = 60_000;
const PEER: ContactPeer = { isOutgoing: false, hasAll: false, isUploadOnly: false };
/** What it is told leaves at once. */
const READER: PexReader = {
  remote: makeAddress('10.9.9.9', 50_000)!,
  listenAddress: makeAddress('10.9.9.9', 6881)!,
  connection: { saidBytes: 0, writtenBytes: 0 },
};

test('the first message has everyone who is there, the next comes after a minute and has what is new', () => {
  const { log, hear, outbox } = scene();
  log.meet(at(1), PEER);
  log.meet(at(2), PEER);
  assert.deepEqual(hear(0), { added: ['10.0.0.1:6881', '10.0.0.2:6881'], dropped: [] });
  log.meet(at(3), PEER);
  log.lose(at(1), PEER, { isGood: false });
  assert.equal(outbox.isDue(log, READER, MINUTE_MS), false);
  assert.deepEqual(hear(2 * MINUTE_MS), { added: ['10.0.0.3:6881'], dropped: ['10.0.0.1:6881'] });
  assert.equal(outbox.isDue(log, READER, 9 * MINUTE_MS), false, 'there is nothing new');
});

test('a peer is not told of itself, and a message that would be empty is none', () => {
  const { log, outbox } = scene();
  log.meet(READER.listenAddress!, PEER);
  assert.equal(outbox.write(log, READER), null);
  log.meet(at(1), PEER);
  assert.equal(outbox.isDue(log, READER, 1), true, 'what was not sent is not waited for');
});

test('the minute begins when the message has left, which may be long after it was said', () => {
  const connection = { saidBytes: 5000, writtenBytes: 1000 };
  const reader = { ...READER, connection };
  const { log, hear, outbox } = scene(reader);
  log.meet(at(1), PEER);
  hear(0);
  log.meet(at(2), PEER);
  connection.saidBytes = 9000;
  connection.writtenBytes = 4999;
  assert.equal(outbox.isDue(log, reader, 3 * MINUTE_MS), false);
  connection.writtenBytes = 5000;
  assert.equal(outbox.isDue(log, reader, 4 * MINUTE_MS), false);
  assert.equal(outbox.isDue(log, reader, 5 * MINUTE_MS), false);
  assert.deepEqual(hear(5 * MINUTE_MS + 5000).added, ['10.0.0.2:6881']);
});

test('no local contact is told to one who is elsewhere', () => {
  const { log, hear } = scene({ ...READER, remote: makeAddress('203.0.113.1', 50_000)! });
  log.meet(at(1), PEER);
  log.meet(makeAddress('198.51.100.1', 1)!, PEER);
  assert.deepEqual(hear(0).added, ['198.51.100.1:1']);
});

test('the first message may be long; others have 50 contacts added and 50 dropped, both families together', () => {
  const { log, hear } = scene();
  const first = many(0, LIMITS.pexFirstContactsMax + 1);
  for (const address of first) log.meet(address, PEER);
  assert.equal(hear(0).added.length, LIMITS.pexFirstContactsMax);
  for (const address of many(500, LIMITS.pexContactsPerSendMax)) log.meet(address, PEER);
  for (const address of first.slice(0, 60)) log.lose(address, PEER, { isGood: false });
  const second = hear(2 * MINUTE_MS);
  assert.deepEqual([second.added.length, second.dropped.length], [LIMITS.pexContactsPerSendMax, 0]);
  const third = hear(4 * MINUTE_MS);
  assert.deepEqual([third.added.length, third.dropped.length], [1, LIMITS.pexContactsPerSendMax]);
  assert.equal(hear(6 * MINUTE_MS).dropped.length, 10);
});

test('where few are there, those that we let go of lately are told once, and taken back in the next message', () => {
  const { log, hear, outbox } = scene();
  log.meet(at(1), PEER);
  log.meet(at(2), PEER);
  log.meet(at(3), PEER);
  log.lose(at(2), PEER, { isGood: true });
  log.lose(at(3), PEER, { isGood: false });
  assert.deepEqual(hear(0), { added: ['10.0.0.1:6881', '10.0.0.2:6881'], dropped: [] });
  assert.deepEqual(hear(2 * MINUTE_MS), { added: [], dropped: ['10.0.0.2:6881'] });
  assert.equal(outbox.isDue(log, READER, 9 * MINUTE_MS), false);
});

test('one of them that comes back meanwhile is one that is there', () => {
  const { log, hear } = scene();
  log.meet(at(1), PEER);
  log.lose(at(1), PEER, { isGood: true });
  assert.deepEqual(hear(0).added, ['10.0.0.1:6881']);
  log.meet(at(1), PEER);
  log.meet(at(2), PEER);
  assert.deepEqual(hear(2 * MINUTE_MS), { added: ['10.0.0.2:6881'], dropped: [] });
  log.lose(at(1), PEER, { isGood: false });
  assert.deepEqual(hear(4 * MINUTE_MS), { added: [], dropped: ['10.0.0.1:6881'] });
});

test('one that came back, which was no news, is not taken back with what is news later', () => {
  const { log, hear, outbox } = scene();
  log.meet(at(1), PEER);
  log.lose(at(1), PEER, { isGood: true });
  hear(0);
  log.meet(at(1), PEER);
  assert.equal(outbox.write(log, READER), null);
  log.meet(at(2), PEER);
  assert.deepEqual(hear(2 * MINUTE_MS), { added: ['10.0.0.2:6881'], dropped: [] });
});

test('with those that are there they are 25 of a family at the most', () => {
  const max = LIMITS.pexRecentContactsMax;
  const { log, hear } = scene();
  const gone = many(0, max + 5);
  for (const address of gone) log.meet(address, PEER);
  for (const address of gone) log.lose(address, PEER, { isGood: true });
  log.meet(at(1), PEER);
  assert.equal(log.recent.length, max);
  assert.equal(hear(0).added.length, max);
});

function scene(reader = READER): {
  readonly log: ContactLog;
  readonly outbox: PexOutbox;
  readonly hear: (now: number) => { readonly added: string[]; readonly dropped: string[] };
} {
  const log = new ContactLog();
  const outbox = new PexOutbox();
  const hear = (now: number): { readonly added: string[]; readonly dropped: string[] } => {
    assert.equal(outbox.isDue(log, reader, now), true);
    const { added, dropped } = decodePex(outbox.write(log, reader)!)!;
    outbox.onSaid(reader);
    // It has left with the next look, at the latest a second later.
    outbox.isDue(log, reader, now);
    const keys = added.map(({ address }) => addressKey(address));
    return { added: keys, dropped: dropped.map(addressKey) };
  };
  return { log, outbox, hear };
}

function at(i: number): Address {
  return makeAddress(`10.0.0.${i}`, 6881)!;
}

function many(from: number, count: number): Address[] {
  return Array.from({ length: count }, (_, i) => makeAddress(`10.1.${(from + i) >>> 8}.${(from + i) & 255}`, 6881)!);
}
