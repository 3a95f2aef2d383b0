import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { DepartedSenders } from './departed-senders.js';

test('a peer that has gone is found by its number, the latest ones only', () => {
  const departed = new DepartedSenders();
  const remote = makeAddress('192.0.2.1', 1000)!;
  const listenAddress = makeAddress('192.0.2.1', 6881)!;
  departed.note(0, { remote, listenAddress });
  assert.deepEqual(departed.find(0), { remote, listenAddress });
  assert.equal(departed.find(1), null);
  for (let number = 1; number <= LIMITS.departedSendersMax; number++) {
    departed.note(number, { remote, listenAddress: null });
  }
  assert.equal(departed.find(0), null);
  assert.deepEqual(departed.find(1), { remote, listenAddress: null });
});
