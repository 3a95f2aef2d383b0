/** Settings as programs give them, of any type: what is taken is in its range, and refusals are one sentence. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { resolveSettings, SETTINGS_TABLE, type Settings } from '../../../src/engine/settings.js';
import { Dice } from '../dice.js';
import { readOrRefuse } from '../expect.js';
import type { FuzzTarget } from '../target.js';

const NAMES = [...Object.keys(SETTINGS_TABLE), '__proto__', 'constructor', 'toString', 'Port', ''];
const ENTRIES_MAX = 6;

export const settingsTarget: FuzzTarget = {
  name: 'settings',
  inputs: fc.uint8Array({ maxLength: 60 }),
  samples: [new Uint8Array(20)],
  bytesMax: 200,
  check,
};

function check(input: Uint8Array): void {
  const dice = new Dice(input);
  const given: Record<string, unknown> = {};
  for (let i = 0; i < ENTRIES_MAX && !dice.isOver; i++) {
    Object.defineProperty(given, dice.pick(NAMES), { value: anyValue(dice), enumerable: true, configurable: true });
  }
  const resolved = readOrRefuse(['EOPTION'], () => resolveSettings(given as Partial<Settings>));
  if (resolved === null) return;
  assert.deepEqual(Object.keys(resolved).sort(), Object.keys(SETTINGS_TABLE).sort());
  for (const [name, row] of Object.entries(SETTINGS_TABLE)) {
    const value: unknown = resolved[name as keyof Settings];
    if (row.kind === 'choice') assert.ok((row.choices as readonly unknown[]).includes(value));
    else assert.equal(typeof value, row.kind);
    if (row.kind === 'number')
      assert.ok(Number.isInteger(value) && Number(value) >= row.min && Number(value) <= row.max);
    if (given[name] !== undefined) assert.equal(value, given[name]);
  }
  assert.deepEqual(resolveSettings(resolved), resolved);
}

function anyValue(dice: Dice): unknown {
  switch (dice.below(10)) {
    case 0:
      return undefined;
    case 1:
      return null;
    case 2:
      return dice.flag();
    case 3:
      return dice.text();
    case 4:
      return dice.pick([Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, -0]);
    case 5:
      return dice.pick(['none', 'sparse', 'full', '\x1b[2J', '']);
    case 6:
      return dice.pick([[], {}, Symbol('x'), 5n, () => 1, Object.create(null)]);
    default:
      return dice.number();
  }
}
