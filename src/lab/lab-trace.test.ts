import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LabTrace } from './lab-trace.js';

const BYTES = Uint8Array.from({ length: 200 }, (_, i) => i);

function traceOf(change: (trace: LabTrace) => void): string {
  const trace = new LabTrace();
  trace.note(1.5, 0, 'clock', 0, null);
  change(trace);
  trace.note(2, 1, 'sent', 200, BYTES);
  return trace.hash;
}

describe('LabTrace', () => {
  test('its hash changes with everything that is noted, and with the order', () => {
    const other = BYTES.with(3, 255);
    const hashes = [
      traceOf(() => {}),
      traceOf((trace) => trace.note(1.5, 0, 'clock', 0, null)),
      traceOf((trace) => trace.note(1.5000001, 0, 'clock', 0, null)),
      traceOf((trace) => trace.note(1.5, 1, 'clock', 0, null)),
      traceOf((trace) => trace.note(1.5, 0, 'storage', 0, null)),
      traceOf((trace) => trace.note(1.5, 0, 'stream', 200, BYTES)),
      traceOf((trace) => trace.note(1.5, 0, 'stream', 200, other)),
      traceOf((trace) => trace.note(1.5, 0, 'stream', 201, BYTES)),
      traceOf((trace) => trace.note(1.5, 0, 'stream', 200, BYTES.with(199, 0))),
    ];
    assert.equal(new Set(hashes).size, hashes.length);
    assert.match(hashes[0]!, /^[0-9a-f]{16}$/);
  });

  test('its last lines are words, oldest first, and older ones are forgotten', () => {
    const trace = new LabTrace();
    for (let i = 0; i < 1000; i++) trace.note(i, i % 3, 'received', i, BYTES);
    const lines = trace.lines({ count: 5000, nameOf: (machine) => `node-${machine}` });
    assert.equal(lines.length, 400);
    assert.match(lines.at(-1)!, /^ +999\.000 ms {2}node-0 {2}received 999 bytes \([0-9a-f]{8}\)$/);
    assert.match(lines[0]!, /600\.000 ms/);
    assert.equal(trace.count, 1000);
    assert.equal(trace.lines({ count: 2, nameOf: String }).length, 2);
  });
});
