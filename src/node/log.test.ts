import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StderrLog } from './log.js';

describe('StderrLog', () => {
  test('writes its level and what is graver, one line each', () => {
    const lines: string[] = [];
    const log = new StderrLog('warn', (line) => lines.push(line));
    log.write('info', 'not this');
    log.write('warn', 'this');
    log.write('error', 'and this');
    assert.deepEqual([log.isEnabled('info'), log.isEnabled('warn'), log.isEnabled('error')], [false, true, true]);
    assert.equal(lines.length, 2);
    assert.match(lines[0]!, /^\d{4}-\d\d-\d\dT[\d:.]+Z warn {2}this\n$/);
  });

  test('a peer cannot write escape sequences or lines of its own', () => {
    const lines: string[] = [];
    new StderrLog('debug', (line) => lines.push(line)).write('debug', 'client \u001b[31m\r\nfake\u202e \u009b ümlaut');
    assert.match(lines[0]!, /debug client \\u\{1b\}\[31m\\u\{d\}\\u\{a\}fake\\u\{202e\} \\u\{9b\} ümlaut\n$/);
  });
});
