import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTracker, type TrackerHandle } from '../../../index.js';
import { runCommandLine } from '../main.js';
import { FakeSurroundings } from '../testing/fake-engine.js';

const INFO_HASH = '0123456789abcdef0123456789abcdef01234567';
let tracker: TrackerHandle;

before(async () => {
  tracker = await startTracker({ port: 0, host: '127.0.0.1' });
  const peer = (id: string, left: number): string =>
    `peer_id=-XX0000-00000000000${id}&port=688${id}&uploaded=0&downloaded=0&left=${left}&event=started&compact=1`;
  const infoHash = INFO_HASH.replace(/../g, '%$&');
  for (const announce of [peer('1', 0), peer('2', 5), peer('3', 5)]) {
    const answer = await fetch(`http://127.0.0.1:${tracker.port}/announce?info_hash=${infoHash}&${announce}`);
    assert.equal(answer.status, 200);
    await answer.arrayBuffer();
  }
});
after(() => tracker.close());

async function run(...argv: string[]): Promise<FakeSurroundings & { exitCode: number }> {
  const surroundings = new FakeSurroundings();
  return Object.assign(surroundings, { exitCode: await runCommandLine(['scrape', ...argv], surroundings.context) });
}

function magnet(...trackers: string[]): string {
  return `magnet:?xt=urn:btih:${INFO_HASH}${trackers.map((url) => `&tr=${encodeURIComponent(url)}`).join('')}`;
}

test('scrape tells the counts of each tracker, over HTTP and UDP', async () => {
  const urls = ['http', 'udp'].map((scheme) => `${scheme}://127.0.0.1:${tracker.port}/announce`);
  const { exitCode, stdout } = await run(magnet(...urls));
  assert.equal(exitCode, 0);
  assert.deepEqual(
    stdout.lines,
    urls.map((url) => `${url}: 1 seed, 2 leechers, 0 completed`),
  );
});

test('scrape --json prints one object, with the failures in it; one answer is enough for exit code 0', async () => {
  const good = `http://127.0.0.1:${tracker.port}/announce`;
  const bad = `http://127.0.0.1:${tracker.port}/nothing`;
  const { exitCode, events } = await run('--json', magnet(good, bad));
  assert.equal(exitCode, 0);
  const [{ infoHash, trackers }] = events as [{ infoHash: unknown; trackers: Record<string, unknown>[] }];
  assert.deepEqual(infoHash, { v1: INFO_HASH, v2: null });
  assert.deepEqual(trackers[0], { url: good, tier: 0, seeds: 1, leechers: 2, completed: 0, error: null });
  assert.equal(trackers[1]!['seeds'], null);
  assert.ok((trackers[1]!['error'] as { code: string }).code.startsWith('E'));
});

test('a torrent without a tracker, and one whose trackers all fail, are errors', async () => {
  const none = await run(magnet());
  assert.equal(none.exitCode, 1);
  assert.match(none.stderr.text, /names no tracker/);
  const failing = await run(magnet(`http://127.0.0.1:${tracker.port}/nothing`));
  assert.notEqual(failing.exitCode, 0);
  assert.match(failing.stderr.text, /^dtorrent: http:.*nothing: /);
});
