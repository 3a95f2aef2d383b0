/**
 * Trackers that are silent, slow, mad or huge: the command says what is wrong with which, its memory stays bounded, the
 * download goes on with the peers there are, and a stop does not wait for them.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { memoryPeakBytes } from '../harness/memory.js';
import { until } from '../harness/process.js';
import { assertDownloads, makeContent, startGet, startSeed } from '../harness/transfer.js';
import { type TrackerTrouble, TroubledTracker } from '../harness/troubled-tracker.js';

const MEBIBYTE = 1024 * 1024;
/** About 75 MiB are the command itself and its HTTP client. */
const MEMORY_BYTES_MAX = 200 * MEBIBYTE;
/** What fits the buffers of both sides' systems before anybody has read it. */
const POURED_BYTES_MAX = 64 * MEBIBYTE;

const TREE = { '': 300_000 };

const MESSAGES: readonly (readonly [TrackerTrouble, RegExp])[] = [
  ['garbage', /the tracker answers with something that is not bencode/],
  ['escapes', /go .*away/],
  ['endless', /the answer of 127\.0\.0\.1:\d+ is longer than 1048576 bytes/],
  ['bomb', /the answer of 127\.0\.0\.1:\d+ is longer than 1048576 bytes/],
  ['loop', /127\.0\.0\.1:\d+ redirects more than 5 times/],
];

for (const [trouble, message] of MESSAGES) {
  test(`of a tracker with the trouble "${trouble}" it is said what is wrong, once, and memory stays bounded`, async (t) => {
    const tracker = await TroubledTracker.start(t, trouble);
    const content = await makeContent(t, { tree: TREE, kind: 'v1', trackers: [tracker.url] });
    const get = startGet(t, content);
    await until(`message about ${trouble}: ${get.errors}`, 20_000, () => get.errors.includes(tracker.url));
    assert.match(get.errors, message);
    assert.ok(!get.errors.includes('\x1b'), 'what could act on a terminal stays out');
    if (existsSync('/proc/self/status')) {
      const peakBytes = memoryPeakBytes(get.child.pid!);
      assert.ok(peakBytes < MEMORY_BYTES_MAX, `${peakBytes / MEBIBYTE} MiB`);
    }
    assert.ok(tracker.sentBytes < POURED_BYTES_MAX, `${tracker.sentBytes} bytes were taken`);
    get.signal('SIGINT');
    assert.equal(await get.exit(30_000), 7);
    assert.ok(tracker.requests <= 6, `${tracker.requests} requests`);
  });
}

for (const trouble of ['silent', 'drips'] as const) {
  test(`a tracker with the trouble "${trouble}" keeps neither the download nor its end waiting`, async (t) => {
    const tracker = await TroubledTracker.start(t, trouble);
    const content = await makeContent(t, { tree: TREE, kind: 'v1', trackers: [tracker.url] });
    const port = await startSeed(t, content, { args: ['--no-trackers'] });
    await assertDownloads(t, content, content.torrent, { args: ['--peer', `127.0.0.1:${port}`] });
    await until('the end of every request', 10_000, () => tracker.requests > 0 && tracker.closedCount > 0);
  });
}
