import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toLatin1 } from '../../base/bytes.js';
import { SeededRandom } from '../../base/random.js';
import { makePeerId } from './peer-id.js';

test('a peer id names client and version, and ends in characters that no URL has to escape', () => {
  const random = new SeededRandom(1);
  for (let i = 0; i < 200; i++) {
    assert.match(toLatin1(makePeerId(random, '0.1.0')), /^-DT0100-[A-Za-z0-9._~-]{12}$/);
  }
});

test('a version number above nine becomes a letter', () => {
  assert.match(toLatin1(makePeerId(new SeededRandom(1), '1.12.35')), /^-DT1CZ0-/);
});

test('two peer ids differ', () => {
  const random = new SeededRandom(1);
  assert.notDeepEqual(makePeerId(random), makePeerId(random));
});
