import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMagnet, parseMagnet, scrapeTrackers, startTracker } from './index.js';

test('trackers are scraped without an engine, and nothing is left open', async () => {
  const tracker = await startTracker({ port: 0, host: '127.0.0.1' });
  try {
    const { port } = tracker;
    const trackers = [`http://127.0.0.1:${port}/announce`, `udp://127.0.0.1:${port}`, 'http://127.0.0.1:1/announce'];
    const magnet = { ...parseMagnet(`magnet:?xt=urn:btih:${'ab'.repeat(20)}`), trackers };
    const results = await scrapeTrackers(formatMagnet(magnet), { bind: '127.0.0.1', timeoutMs: 10_000 });
    assert.deepEqual(
      results.map(({ url, seeds, error }) => [url, seeds, error?.code ?? null]),
      [
        [trackers[0], 0, null],
        [trackers[1], 0, null],
        [trackers[2], null, 'ENETWORK'],
      ],
    );
  } finally {
    await tracker.close();
  }
});
