import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { PeerConduct } from './peer-conduct.js';

const CALM = { owesBlocks: false, isIndifferent: false, isCrowded: false };
const OWING = { ...CALM, owesBlocks: true };

test('so many unrequested blocks are forgiven', () => {
  const conduct = new PeerConduct();
  for (let i = 0; i < LIMITS.unrequestedBlocksMax; i++) assert.equal(conduct.onUnrequestedBlock(), null);
  assert.equal(conduct.onUnrequestedBlock(), 'too-many-unrequested-blocks');
});

test('it may choke and unchoke so often a minute, and the next minute again', () => {
  const conduct = new PeerConduct();
  for (const minuteMs of [0, 60_000, 120_000]) {
    for (let i = 0; i < LIMITS.chokeMessagesPerMinuteMax; i++) assert.equal(conduct.onChokeMessage(minuteMs + i), null);
  }
  assert.equal(conduct.onChokeMessage(121_000), 'choke-flapping');
});

test('unchokes that bring no block are counted in a row, and only when we had asked', () => {
  const conduct = new PeerConduct();
  const flap = (wasAsked: boolean): string | null => {
    conduct.onUnchoke();
    return conduct.onChoke({ wasAsked });
  };
  for (let i = 0; i < 3 * LIMITS.fruitlessUnchokesMax; i++) assert.equal(flap(false), null);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < LIMITS.fruitlessUnchokesMax; i++) assert.equal(flap(true), null);
    conduct.onUnchoke();
    conduct.onBlock(round);
    assert.equal(conduct.onChoke({ wasAsked: true }), null);
  }
  for (let i = 0; i < LIMITS.fruitlessUnchokesMax; i++) assert.equal(flap(true), null);
  assert.equal(flap(true), 'choke-flapping');
});

test('a peer that owes us blocks has its time to send one, and again after each', () => {
  const conduct = new PeerConduct();
  assert.equal(conduct.tick(0, OWING), null);
  assert.equal(conduct.tick(LIMITS.owedBlockTimeoutMs - 1, OWING), null);
  conduct.onBlock(LIMITS.owedBlockTimeoutMs - 1);
  assert.equal(conduct.tick(LIMITS.owedBlockTimeoutMs, OWING), null);
  assert.equal(conduct.tick(2 * LIMITS.owedBlockTimeoutMs - 1, OWING), null);
  assert.equal(conduct.tick(2 * LIMITS.owedBlockTimeoutMs, OWING), 'no-blocks');
});

test('time in which nothing was asked of it does not count', () => {
  const conduct = new PeerConduct();
  for (let now = 0; now < 10 * LIMITS.owedBlockTimeoutMs; now += LIMITS.owedBlockTimeoutMs / 2) {
    assert.equal(conduct.tick(now, OWING), null);
    assert.equal(conduct.tick(now + 1000, CALM), null);
  }
});

test('a peer that neither wants nor has anything may stay for long, and for ever while there are places', () => {
  const conduct = new PeerConduct();
  const idle = { ...CALM, isIndifferent: true };
  assert.equal(conduct.tick(0, { ...idle, isCrowded: true }), null);
  assert.equal(conduct.tick(LIMITS.indifferenceTimeoutMs - 1, { ...idle, isCrowded: true }), null);
  assert.equal(conduct.tick(10 * LIMITS.indifferenceTimeoutMs, idle), null);
  assert.equal(conduct.tick(10 * LIMITS.indifferenceTimeoutMs, { ...idle, isCrowded: true }), 'mutual-disinterest');
  assert.equal(conduct.tick(11 * LIMITS.indifferenceTimeoutMs, CALM), null);
  assert.equal(conduct.tick(11 * LIMITS.indifferenceTimeoutMs, { ...idle, isCrowded: true }), null, 'it counts anew');
});
