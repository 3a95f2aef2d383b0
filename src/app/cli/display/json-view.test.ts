import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETION, INFO_HASH, makeSnapshot, NOBODY } from '../testing/snapshots.js';
import { FakePipe, FakeTerminal } from '../testing/terminal.js';
import { JsonView } from './json-view.js';
import { LiveView } from './live-view.js';
import { openView, showsUnicode } from './open-view.js';
import { PlainView } from './plain-view.js';
import { QuietView } from './quiet-view.js';

test('every event of the contract is one JSON line with the fields of the contract', () => {
  const stdout = new FakePipe();
  const view = new JsonView({ stdout, stderr: new FakePipe(), verbose: false });
  view.listening(6881);
  view.metadata({ infoHash: INFO_HASH, name: 'film\n.mkv', totalLength: 5, magnet: 'magnet:?' });
  view.progress([makeSnapshot({ downloadRate: 1.5, etaSeconds: null })]);
  view.completed(COMPLETION);
  view.failed({ code: 'EDISKFULL', message: 'full' });
  const [listening, metadata, progress, completed, error] = stdout.lines.map((line) => JSON.parse(line));
  assert.deepEqual(listening, { type: 'listening', port: 6881 });
  assert.deepEqual(metadata, {
    type: 'metadata',
    infoHash: INFO_HASH,
    name: 'film\n.mkv',
    totalLength: 5,
    magnet: 'magnet:?',
  });
  const { type, bytesDone, bytesTotal, downloadRate, uploadRate, peers, seeds, etaSeconds } = progress;
  const { peersBySource, candidatesBySource } = progress;
  assert.deepEqual(peersBySource, { ...NOBODY, tracker: 2, dht: 1 }, 'each source, also those of nobody');
  assert.deepEqual(candidatesBySource, { ...NOBODY, tracker: 40, dht: 12, pex: 7 });
  assert.deepEqual(
    { type, bytesDone, bytesTotal, downloadRate, uploadRate, peers, seeds, etaSeconds },
    {
      type: 'progress',
      bytesDone: 524_288,
      bytesTotal: 1_048_576,
      downloadRate: 2,
      uploadRate: 10_240,
      peers: 3,
      seeds: 1,
      etaSeconds: null,
    },
  );
  assert.deepEqual(completed, {
    type: 'completed',
    infoHash: INFO_HASH,
    path: 'downloads/film.mkv',
    bytes: 1_048_576,
    seconds: 8,
    wastedBytes: 0,
    hashFailures: 0,
  });
  assert.deepEqual(error, { type: 'error', code: 'EDISKFULL', message: 'full' });
});

test('remarks for people never reach stdout', () => {
  const stdout = new FakePipe();
  const stderr = new FakePipe();
  const view = new JsonView({ stdout, stderr, verbose: false });
  view.note('hello', 'important');
  view.note('psst', 'verbose');
  assert.equal(stdout.text, '');
  assert.equal(stderr.text, 'hello\n');
});

test('an interrupted run ends with the event that says so', () => {
  const stdout = new FakePipe();
  const view = new JsonView({ stdout, stderr: new FakePipe(), verbose: false });
  view.end({ torrents: [], interrupted: false });
  assert.equal(stdout.text, '');
  view.end({ torrents: [makeSnapshot()], interrupted: true });
  assert.equal(JSON.parse(stdout.text).code, 'ESTOPPED');
});

test('--quiet prints errors, on stderr, and a seed its magnet link', () => {
  const stdout = new FakePipe();
  const stderr = new FakePipe();
  const view = new QuietView({ stdout, stderr });
  view.magnet('magnet:?xt=urn:btih:aa');
  view.failed({ code: 'EDISKFULL', message: 'full' });
  assert.equal(stdout.text, 'magnet:?xt=urn:btih:aa\n');
  assert.equal(stderr.text, 'dtorrent: full (EDISKFULL)\n');
});

test('the view follows from the options and the terminal', () => {
  const options = { json: false, quiet: false, verbose: false };
  const on = (stdout: FakePipe | FakeTerminal, environment: Record<string, string> = {}) => ({
    stdout,
    stderr: stdout,
    environment,
  });
  const terminal = new FakeTerminal(80, 24);
  assert.ok(openView(options, on(terminal)) instanceof LiveView);
  assert.ok(openView(options, on(terminal, { TERM: 'dumb' })) instanceof PlainView);
  assert.ok(openView(options, on(new FakePipe())) instanceof PlainView);
  assert.ok(openView({ ...options, quiet: true }, on(terminal)) instanceof QuietView);
  assert.ok(openView({ ...options, json: true, quiet: true }, on(terminal)) instanceof JsonView);
});

test('the locale says whether a terminal shows UTF-8', () => {
  assert.equal(showsUnicode({ LANG: 'en_GB.UTF-8' }, 'linux'), true);
  assert.equal(showsUnicode({ LANG: 'en_GB.UTF-8', LC_ALL: 'C' }, 'linux'), false);
  assert.equal(showsUnicode({ LANG: 'C.utf8' }, 'linux'), true);
  assert.equal(showsUnicode({}, 'linux'), false);
  assert.equal(showsUnicode({}, 'win32'), true);
});
