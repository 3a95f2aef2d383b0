import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { TOKEN_BYTES, Tokens } from './tokens.js';

const ROTATION_MS = LIMITS.dhtTokenRotationMs;
const IP = new Uint8Array([192, 0, 2, 1]);
const TARGET = new Uint8Array(20).fill(7);

test('a token is good for who got it and for what, and for nobody and nothing else', () => {
  const tokens = new Tokens(new SeededRandom(1));
  const token = tokens.make(IP, TARGET, 0);
  assert.equal(token.length, TOKEN_BYTES);
  assert.equal(tokens.isValid(token, IP, TARGET, 0), true);
  assert.equal(tokens.isValid(token, new Uint8Array([192, 0, 2, 2]), TARGET, 0), false);
  assert.equal(tokens.isValid(token, IP, new Uint8Array(20).fill(8), 0), false);
  assert.equal(new Tokens(new SeededRandom(2)).isValid(token, IP, TARGET, 0), false);
});

test('a forged token is refused, whatever its length', () => {
  const tokens = new Tokens(new SeededRandom(1));
  const nothing = new Uint8Array(TOKEN_BYTES);
  assert.equal(tokens.isValid(nothing, IP, TARGET, 0), false, 'before any was given');
  const token = tokens.make(IP, TARGET, 0);
  for (const length of [0, 4, TOKEN_BYTES - 1, TOKEN_BYTES + 1, 1000]) {
    const forged = new Uint8Array(length);
    forged.set(token.subarray(0, length));
    assert.equal(tokens.isValid(forged, IP, TARGET, 0), false, `${length} bytes`);
  }
  for (let i = 0; i < TOKEN_BYTES; i++) {
    const forged = token.slice();
    forged[i]! ^= 1;
    assert.equal(tokens.isValid(forged, IP, TARGET, 0), false, `byte ${i}`);
  }
});

test('a token outlives one change of the secret and not a second', () => {
  const tokens = new Tokens(new SeededRandom(1));
  const first = tokens.make(IP, TARGET, 1000);
  const late = tokens.make(IP, TARGET, 1000 + ROTATION_MS - 1);
  assert.deepEqual(late, first);
  const second = tokens.make(IP, TARGET, 1000 + ROTATION_MS);
  assert.notDeepEqual(second, first);
  assert.equal(tokens.isValid(first, IP, TARGET, 1000 + 2 * ROTATION_MS - 1), true);
  assert.equal(tokens.isValid(first, IP, TARGET, 1000 + 2 * ROTATION_MS), false);
  assert.equal(tokens.isValid(second, IP, TARGET, 1000 + 2 * ROTATION_MS), true);
});

test('after a long silence old tokens are not good', () => {
  const tokens = new Tokens(new SeededRandom(1));
  const token = tokens.make(IP, TARGET, 0);
  assert.equal(tokens.isValid(token, IP, TARGET, 2 * ROTATION_MS), false);
});
