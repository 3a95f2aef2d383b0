import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.js';
import { drawAddresses, makeWorld, type ScaleScenario } from './scale-scenario.js';

const SCENARIO: ScaleScenario = {
  seed: 7,
  peers: 200,
  contentBytes: 1 << 20,
  pieceLength: 1 << 16,
  links: 'different',
  upBytesPerMs: 250,
  freeRiderShare: 0.2,
  addressesPerPeer: 25,
  hasPex: false,
};

test('the same scenario is the same world, another seed is another', () => {
  assert.deepEqual(makeWorld(SCENARIO), makeWorld(SCENARIO));
  assert.notDeepEqual(makeWorld(SCENARIO).peers, makeWorld({ ...SCENARIO, seed: 8 }).peers);
});

test('different links are no two alike, and give about as much as the same number of equal ones', () => {
  const supply = (links: 'same' | 'different'): number =>
    makeWorld({ ...SCENARIO, links }).peers.reduce((sum, { upBytesPerMs }) => sum + upBytesPerMs, 0);
  const ups = makeWorld(SCENARIO).peers.map(({ upBytesPerMs }) => upBytesPerMs);
  assert.equal(new Set(ups).size, SCENARIO.peers);
  assert.ok(Math.abs(supply('different') / supply('same') - 1) < 0.2);
});

test('as many peers are free riders as the share says', () => {
  assert.equal(makeWorld(SCENARIO).peers.filter((peer) => peer.isFreeRider).length, 40);
  assert.equal(makeWorld({ ...SCENARIO, freeRiderShare: 0 }).peers.filter((peer) => peer.isFreeRider).length, 0);
});

test('a peer is told of as many others as the scenario says, none twice and never of itself', () => {
  const drawn = drawAddresses(SCENARIO, new SeededRandom(1));
  assert.equal(drawn.length, SCENARIO.peers + 1);
  for (const [self, known] of drawn.entries()) {
    assert.equal(new Set(known).size, 25);
    assert.ok(!known.includes(self) && known.every((other) => other <= SCENARIO.peers));
  }
  const small = drawAddresses({ ...SCENARIO, peers: 3 }, new SeededRandom(1));
  assert.ok(small.every((known) => known.length === 3));
});
