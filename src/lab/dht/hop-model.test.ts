import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.js';
import { fraction } from './dht-scenario.js';
import { hopModel } from './hop-model.js';

test('buckets of one node gain two bits a hop, those of eight four and a half', () => {
  assert.equal(hopModel({ nodes: 1000, k: 1 }).bitsPerHop, 2);
  assert.equal(hopModel({ nodes: 1000 }).bitsPerHop.toFixed(2), '4.42');
});

test('the mean is that of hops that are drawn', () => {
  const random = new SeededRandom(1);
  for (const nodes of [1000, 10_000, 1_000_000]) {
    const rounds = 20_000;
    let hops = 0;
    for (let i = 0; i < rounds; i++) {
      for (let bits = 0; bits <= Math.log2(nodes / 8); hops++) bits += 1 + greatestOf(8, random);
    }
    const model = hopModel({ nodes }).hops;
    assert.ok(
      Math.abs(hops / rounds / model - 1) < 0.1,
      `${nodes} nodes: ${hops / rounds} hops drawn, ${model} by the model`,
    );
  }
});

function greatestOf(count: number, random: SeededRandom): number {
  let greatest = 0;
  for (let i = 0; i < count; i++) {
    let bits = 0;
    while (fraction(random) < 0.5) bits++;
    greatest = Math.max(greatest, bits);
  }
  return greatest;
}
