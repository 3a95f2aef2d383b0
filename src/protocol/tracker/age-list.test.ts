import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.js';
import { AgeList, AgeNode } from './age-list.js';

test('nodes come out in the order in which they were last touched', () => {
  const seed = Number(process.env['SEED'] ?? 5);
  const random = new SeededRandom(seed);
  const nodes = Array.from({ length: 10 }, () => new AgeNode());
  const list = new AgeList<AgeNode>();
  let model: AgeNode[] = [];
  for (let step = 0; step < 2000; step++) {
    const node = nodes[random.uint32() % nodes.length]!;
    const isTouched = random.uint32() % 3 > 0;
    model = model.filter((other) => other !== node);
    if (isTouched) {
      list.touch(node, step);
      model.push(node);
      assert.equal(node.touchedAtMs, step);
    } else {
      list.remove(node);
    }
    assert.equal(list.oldest, model[0] ?? null, `seed ${seed}, step ${step}`);
  }
  for (const node of model) {
    assert.equal(list.oldest, node);
    list.remove(node);
  }
  assert.equal(list.oldest, null);
});
