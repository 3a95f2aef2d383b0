import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETION, INFO_HASH, makeSnapshot, NOBODY } from '../testing/snapshots.js';
import { FakePipe } from '../testing/terminal.js';
import { PlainView } from './plain-view.js';

const MIB = 1024 * 1024;

function openPlainView(verbose = false): { view: PlainView; stdout: FakePipe; stderr: FakePipe } {
  const stdout = new FakePipe();
  const stderr = new FakePipe();
  return { stdout, stderr, view: new PlainView({ stdout, stderr, verbose }) };
}

test('a download is told in sentences', () => {
  const { view, stdout } = openPlainView();
  view.listening(6881);
  view.metadata({ infoHash: INFO_HASH, name: 'film.mkv', totalLength: MIB, magnet: 'magnet:?' });
  view.progress([makeSnapshot()], 0);
  view.completed(COMPLETION);
  view.end({ torrents: [makeSnapshot({ phase: 'seeding', bytesDone: MIB })], interrupted: false });
  assert.deepEqual(stdout.lines, [
    'listening on port 6881',
    'film.mkv: 1.00 MiB',
    'film.mkv: downloading 50.0% of 1.00 MiB, 100 KiB/s down, 10.0 KiB/s up, 3 peers, 1m 05s left',
    'film.mkv: complete, 1.00 MiB in 8s (128 KiB/s), saved to downloads/film.mkv',
  ]);
});

test('with --verbose it is said where the peers are from', () => {
  const { view, stdout } = openPlainView(true);
  view.progress([makeSnapshot({ etaSeconds: null })], 0);
  view.progress(
    [makeSnapshot({ phase: 'metadata', peers: 0, peersBySource: NOBODY, candidatesBySource: NOBODY })],
    1000,
  );
  assert.deepEqual(stdout.lines, [
    'film.mkv: downloading 50.0% of 1.00 MiB, 100 KiB/s down, 10.0 KiB/s up, 3 peers ' +
      '(connected: tracker 2, DHT 1; known: tracker 40, DHT 12, PEX 7)',
    'film.mkv: fetching metadata, 0 peers (nobody is known)',
  ]);
});

test('there is at most one progress line a second, all torrents together, and each gets its turn', () => {
  const { view, stdout } = openPlainView();
  for (let now = 0; now <= 5000; now += 100) {
    const bytesDone = (now / 5000) * MIB;
    view.progress([makeSnapshot({ bytesDone }, 'one'), makeSnapshot({ bytesDone }, 'two')], now);
  }
  assert.deepEqual(
    stdout.lines.map((line) => line.slice(0, 3)),
    ['one', 'two', 'one', 'two', 'one', 'two'],
  );
});

test('a torrent that does not move is not mentioned again', () => {
  const { view, stdout } = openPlainView();
  for (let now = 0; now < 60_000; now += 1000) view.progress([makeSnapshot({ downloadRate: now })], now);
  assert.equal(stdout.lines.length, 1);
});

test('a change of phase and the loss of the last peer are worth a line', () => {
  const { view, stdout } = openPlainView();
  view.progress([makeSnapshot({ phase: 'checking', bytesChecked: 0 })], 0);
  view.progress([makeSnapshot()], 1000);
  view.progress([makeSnapshot({ peers: 0, etaSeconds: null })], 2000);
  assert.deepEqual(stdout.lines, [
    'film.mkv: checking 0.0%',
    'film.mkv: downloading 50.0% of 1.00 MiB, 100 KiB/s down, 10.0 KiB/s up, 3 peers, 1m 05s left',
    'film.mkv: downloading 50.0% of 1.00 MiB, 100 KiB/s down, 10.0 KiB/s up, 0 peers',
  ]);
});

test('a seed speaks once for every tenth of its ratio', () => {
  const { view, stdout } = openPlainView();
  view.completed(COMPLETION);
  stdout.text = '';
  for (let now = 0; now <= 100_000; now += 1000) {
    view.progress([makeSnapshot({ phase: 'seeding', bytesDone: MIB, uploadedBytes: (now / 100_000) * MIB })], now);
  }
  assert.equal(stdout.lines.length, 11);
  assert.match(stdout.lines[10]!, /^film\.mkv: seeding, 10\.0 KiB\/s up, 1\.00 MiB uploaded \(ratio 1\.00\), 3 peers$/);
});

test('a download that completes says so and nothing of seeding, which nobody asked for', () => {
  const { view, stdout } = openPlainView();
  const seeding = makeSnapshot({ phase: 'seeding', bytesDone: MIB });
  view.progress([seeding], 0);
  view.completed(COMPLETION);
  assert.equal(stdout.lines.length, 1);
  assert.match(stdout.lines[0]!, /complete/);
  view.progress([seeding], 1000);
  assert.match(stdout.lines[1]!, /seeding/);
});

test('a download of a moment has no rate', () => {
  const { view, stdout } = openPlainView();
  view.completed({ ...COMPLETION, seconds: 0.4 });
  assert.deepEqual(stdout.lines, ['film.mkv: complete, 1.00 MiB in less than 1s, saved to downloads/film.mkv']);
});

test('errors and remarks go to stderr', () => {
  const { view, stdout, stderr } = openPlainView();
  view.failed({ code: 'EDISKFULL', message: 'no space left' });
  view.note('important', 'important');
  view.note('verbose', 'verbose');
  assert.equal(stdout.text, '');
  assert.deepEqual(stderr.lines, ['dtorrent: no space left (EDISKFULL)', 'important']);
});

test('names are sanitised and stay on their line', () => {
  const { view, stdout } = openPlainView();
  view.progress([makeSnapshot({}, 'a\nb\x1b[1m')], 0);
  assert.equal(stdout.lines.length, 1);
  assert.ok(!stdout.text.includes('\x1b'));
});

test('waste and bad pieces are told when there were any worth it', () => {
  const { view, stdout } = openPlainView();
  view.completed({ ...COMPLETION, wastedBytes: MIB / 2, hashFailures: 2 });
  view.completed({ ...COMPLETION, downloadedBytes: 0 });
  assert.match(stdout.lines[0]!, /512 KiB wasted, 2 bad pieces fetched again/);
  assert.equal(stdout.lines[1], 'film.mkv: already complete, 1.00 MiB in downloads/film.mkv');
});
