import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { AnnounceLog, type HeardAnnounce } from './announce-log.js';
import { type SpacingOptions, spacingViolations } from './announce-spacing.js';

const MINUTE_MS = 60_000;
const WAIT_MS = 5 * MINUTE_MS;
const FROM = { family: 4, host: '11.0.0.1', port: 50_000 } as const;

interface Line {
  readonly minute: number;
  readonly event: HeardAnnounce['event'];
  readonly rest: Partial<HeardAnnounce>;
}

/** One announce at a minute, and what is different about it. */
function at(minute: number, event: HeardAnnounce['event'], rest: Partial<HeardAnnounce> = {}): Line {
  return { minute, event, rest };
}

function logOf(lines: readonly Line[]): AnnounceLog {
  const log = new AnnounceLog();
  for (const { minute, event, rest } of lines) {
    const atMs = minute * MINUTE_MS;
    log.add({
      ...{ via: 'http', infoHash: 'aa'.repeat(20), peerId: 'session 1', port: 6881, key: 1, numWant: 50 },
      ...{ left: 0, uploaded: 0, downloaded: 0, transactionId: null, from: FROM, outcome: 'accepted', waitMs: WAIT_MS },
      ...{ atMs, answeredMs: atMs },
      event,
      ...rest,
    });
  }
  return log;
}

function complaints(lines: readonly Line[], options: SpacingOptions = {}): string[] {
  return spacingViolations(logOf(lines), options).map((line) => line.replace(/^.*? s: /, ''));
}

test('a client that keeps to its min interval, says started first and completed once, is well', () => {
  const lines: Line[] = [
    at(0, 'started'),
    at(5, ''),
    at(5.1, 'completed'),
    at(10.1, 'paused'),
    at(10.2, 'stopped'),
    at(15.1, 'started'),
    at(15.2, 'stopped'),
    at(20.1, 'started', { peerId: 'session 2' }),
  ];
  assert.deepEqual(complaints(lines), []);
});

test('an announce before its time is named, whatever came between', () => {
  assert.deepEqual(complaints([at(0, 'started'), at(4.9, '')]), [
    '294.0 s after the one before, which was accepted and wants 300.0 s',
  ]);
  assert.equal(complaints([at(0, 'started'), at(1, 'stopped'), at(2, 'started')]).length, 1, 'a pause');
  assert.equal(complaints([at(0, 'started'), at(2, 'started', { peerId: 'session 2' })]).length, 1, 'a restart');
  assert.equal(
    complaints([at(0, 'started'), at(4, 'completed'), at(6, '')]).length,
    1,
    'completed counts like the others',
  );
  const [said] = spacingViolations(logOf([at(0, 'started'), at(1, '')]));
  assert.match(said!, /^11\.0\.0\.1 says a regular announce of aaaaaaaa at 60\.0 s: /);
});

test('clients, torrents and families are judged apart', () => {
  const lines: Line[] = [
    at(0, 'started'),
    at(0, 'started', { infoHash: 'bb'.repeat(20) }),
    at(0, 'started', { from: { family: 6, host: '2001:db8::1', port: 1 } }),
  ];
  assert.deepEqual(complaints(lines), []);
});

test('without a min interval a minute is wanted, and after a refusal a minute or what it asks for', () => {
  const silent = { waitMs: null };
  assert.equal(complaints([at(0, 'started', silent), at(0.9, '')]).length, 1);
  assert.equal(complaints([at(0, 'started', silent), at(1, '')]).length, 0);
  const refused = { outcome: 'refused', waitMs: null } as const;
  assert.equal(complaints([at(0, 'started', refused), at(0.2, 'started')]).length, 1, 'no back-off');
  assert.equal(complaints([at(0, 'started', refused), at(0.3, 'started')]).length, 0);
  const restarted = { peerId: 'session 2' };
  assert.equal(complaints([at(0, 'started', refused), at(0.3, 'started', restarted)]).length, 1, 'forgot a refusal');
  const later = { outcome: 'refused', waitMs: WAIT_MS } as const;
  assert.equal(complaints([at(0, 'started', later), at(4, 'started')]).length, 1, 'retry in');
});

test('silence asks for nothing but patience, and an answer that came too late is silence', () => {
  const silent = { outcome: 'unanswered', waitMs: null } as const;
  assert.equal(complaints([at(0, 'started', silent), at(0.2, 'started')]).length, 1);
  assert.equal(complaints([at(0, 'started', silent), at(0.1, 'started', { peerId: 'session 2' })]).length, 0);
  assert.equal(complaints([at(0, 'started', { answeredMs: 29_500 }), at(0.8, 'started')]).length, 0);
  assert.equal(complaints([at(0, 'started', { answeredMs: 20_000 }), at(0.8, 'started')]).length, 1);
  assert.equal(complaints([at(0, 'started'), at(0.8, 'started')], { isLossy: true }).length, 0);
});

test('a crash may lose what was not saved, and no more', () => {
  const crashes = new Map([[FROM.host, [0.5 * MINUTE_MS]]]);
  const again: Line = at(1, 'started', { peerId: 'session 2' });
  assert.equal(complaints([at(0, 'started'), again], { crashes, unsavedMs: MINUTE_MS }).length, 0);
  assert.equal(
    complaints([at(0, 'started'), again], { crashes, unsavedMs: 1000 }).length,
    1,
    'it was saved long before',
  );
  assert.equal(
    complaints([at(0, 'started'), at(1, 'started')], { crashes, unsavedMs: MINUTE_MS }).length,
    1,
    'same session',
  );
});

test('words out of order are named', () => {
  assert.deepEqual(complaints([at(0, '')]), ['it has not said "started" yet']);
  assert.deepEqual(complaints([at(0, 'started'), at(1, 'stopped'), at(9, '')]), ['it has not said "started" yet']);
  assert.deepEqual(complaints([at(0, 'started'), at(9, '', { peerId: 'session 2' })]), [
    'it has not said "started" yet',
  ]);
  assert.deepEqual(complaints([at(0, 'started'), at(1, 'completed'), at(9, 'completed')]), ['it has said so before']);
  assert.deepEqual(complaints([at(0, 'started'), at(1, 'completed', { left: 5 })]), ['5 bytes are left']);
  assert.deepEqual(complaints([at(0, 'started', { uploaded: 7 }), at(9, '')]), ['uploaded 0 after 7 bytes']);
  assert.deepEqual(complaints([at(0, 'started', { downloaded: 7 }), at(9, '')]), ['downloaded 0 after 7 bytes']);
});

test('a packet that comes again is one announce, and its last answer counts', () => {
  const packet = { via: 'udp', transactionId: 9 } as const;
  const log = logOf([
    at(0, 'started', { ...packet, outcome: 'unanswered', waitMs: null }),
    at(0.25, 'started', { ...packet, waitMs: null }),
    at(0.26, 'started', { ...packet, waitMs: null }),
    at(1.26, '', { ...packet, transactionId: 10 }),
  ]);
  assert.deepEqual(spacingViolations(log), []);
  assert.deepEqual([log.announces.length, log.repeats, log.events(), log.of('11.0.0.9')], [2, 2, ['started', '-'], []]);
  assert.equal(log.announces[0]!.answeredMs, 0.26 * MINUTE_MS);
  assert.equal(LIMITS.announceIntervalMinMs, MINUTE_MS);
});
