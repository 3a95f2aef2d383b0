import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakePipe, FakeTerminal } from '../testing/terminal.js';
import { HashingLine } from './hashing-line.js';

test('hashing shows one line, ten times a second at most, and leaves nothing behind', () => {
  const stderr = new FakeTerminal(80, 24);
  let now = 0;
  const line = new HashingLine({ stderr, enabled: true, now: () => now });
  for (; now <= 1000; now += 10) line.show({ bytesHashed: now * 1024, bytesTotal: 1024 * 1024 });
  assert.equal(stderr.writes.length, 11);
  assert.equal(stderr.text, 'hashing 97.6% of 1.00 MiB');
  line.clear();
  assert.equal(stderr.text, '');
});

test('a pipe, --quiet and --json see nothing of it', () => {
  const pipe = new FakePipe();
  const terminal = new FakeTerminal(80, 24);
  for (const [stderr, enabled] of [
    [pipe, true],
    [terminal, false],
  ] as const) {
    const line = new HashingLine({ stderr, enabled, now: () => 0 });
    line.show({ bytesHashed: 1, bytesTotal: 2 });
    line.clear();
  }
  assert.equal(pipe.text, '');
  assert.deepEqual(terminal.writes, []);
});
