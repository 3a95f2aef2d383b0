import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { PEX_FLAGS } from '../../protocol/wire/pex.js';
import { type Contact, ContactLog, type ContactPeer } from './contact-log.js';

const PEER: ContactPeer = { isOutgoing: true, hasAll: false, isUploadOnly: false };
const GONE = { isGood: false };

test('who has heard nothing is told who is there; who has heard it, what has changed', () => {
  const log = new ContactLog();
  for (const i of [1, 2, 3]) log.meet(at(i), PEER);
  log.lose(at(2), PEER, GONE);
  const first = changes(log, 0);
  assert.deepEqual(first, { added: [1, 3], dropped: [], sequence: 4 });
  log.meet(at(4), PEER);
  log.lose(at(1), PEER, GONE);
  assert.deepEqual(changes(log, first.sequence), { added: [4], dropped: [1], sequence: 6 });
});

test('what came and went, or went and came, since then is not told', () => {
  const log = new ContactLog();
  log.meet(at(1), PEER);
  log.meet(at(2), PEER);
  log.lose(at(2), PEER, GONE);
  log.lose(at(1), PEER, GONE);
  log.meet(at(1), PEER);
  assert.deepEqual(changes(log, 1), { added: [], dropped: [], sequence: 5 });
});

test('an endpoint that two peers name is there once, and goes with the first of them', () => {
  const log = new ContactLog();
  const twin = { ...PEER };
  log.meet(at(1), PEER);
  log.meet(at(1), twin);
  log.lose(at(1), twin, GONE);
  assert.equal(log.isLive('10.0.0.1:6881'), true);
  log.lose(at(1), PEER, GONE);
  assert.deepEqual(changes(log, 0).added, []);
});

test('more than is wanted waits for the next time', () => {
  const log = new ContactLog();
  for (let i = 1; i <= 5; i++) log.meet(at(i), PEER);
  const first = changes(log, 0, 3);
  assert.deepEqual(first, { added: [1, 2, 3], dropped: [], sequence: 3 });
  assert.deepEqual(changes(log, first.sequence, 3), { added: [4, 5], dropped: [], sequence: 5 });
});

test('flags are those of now, and of a contact that is gone those of then', () => {
  const log = new ContactLog();
  const peer = { isOutgoing: true, hasAll: false, isUploadOnly: false };
  log.meet(at(1), peer);
  const [contact] = log.changesSince(0, 9, () => true).added;
  assert.equal(contact!.flags, PEX_FLAGS.isReachable);
  peer.hasAll = true;
  assert.equal(contact!.flags, PEX_FLAGS.isReachable | PEX_FLAGS.isSeed);
  log.lose(at(1), peer, GONE);
  peer.hasAll = false;
  assert.equal(contact!.flags, PEX_FLAGS.isReachable | PEX_FLAGS.isSeed);
});

test('a crowd that comes and goes does not fill the log', () => {
  const log = new ContactLog();
  log.meet(at(1), PEER);
  for (let i = 0; i < LIMITS.pexLogEventsMax; i++) {
    log.meet(at(2 + (i % 100)), PEER);
    log.lose(at(2 + (i % 100)), PEER, GONE);
    assert.ok(log.length <= LIMITS.pexLogEventsMax);
  }
  assert.deepEqual(changes(log, 0).added, [1]);
});

test('whoever hears it in portions of any size knows in the end who is there, and was told of nobody twice', () => {
  const step = fc.record({ who: fc.integer({ min: 1, max: 6 }), hears: fc.boolean(), forgets: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (steps, max) => {
      const log = new ContactLog();
      const there = new Set<number>();
      const known = new Set<number>();
      let sequence = 0;
      const hear = (): void => {
        const heard = changes(log, sequence, max);
        for (const i of heard.dropped) assert.ok(known.delete(i), `${i} is dropped and was not known`);
        for (const i of heard.added) assert.ok(!known.has(i) && known.add(i), `${i} is added again`);
        sequence = heard.sequence;
      };
      for (const { who, hears, forgets } of steps) {
        if (there.delete(who)) log.lose(at(who), PEER, GONE);
        else {
          there.add(who);
          log.meet(at(who), PEER);
        }
        if (hears) hear();
        if (forgets && sequence > 0) log.forgetBefore(sequence);
      }
      while (sequence < log.sequence) hear();
      assert.deepEqual([...known].sort(), [...there].sort());
    }),
  );
});

function at(i: number): Address {
  return makeAddress(`10.0.0.${i}`, 6881)!;
}

function changes(
  log: ContactLog,
  sequence: number,
  max = 1000,
): { added: number[]; dropped: number[]; sequence: number } {
  const numbers = (contacts: readonly Contact[]): number[] =>
    contacts.map(({ address }) => Number(address.host.split('.')[3]));
  const { added, dropped, sequence: heard } = log.changesSince(sequence, max, () => true);
  return { added: numbers(added), dropped: numbers(dropped), sequence: heard };
}
