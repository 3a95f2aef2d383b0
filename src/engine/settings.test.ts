import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSettings, type Settings } from './settings.js';

test('a setting of a type that no template string takes is refused like any other', () => {
  for (const value of [Symbol('sparse'), Object.create(null), 5n, () => 'sparse']) {
    for (const name of ['preallocation', 'port', 'downloadDir', 'trackers']) {
      assert.throws(() => resolveSettings({ [name]: value } as Partial<Settings>), { code: 'EOPTION' });
    }
  }
});
