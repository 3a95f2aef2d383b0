import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPLETION, makeSnapshot } from '../testing/snapshots.js';
import { FakePipe, FakeTerminal } from '../testing/terminal.js';
import { LiveView } from './live-view.js';

function openLiveView({ columns = 80, rows = 24, unicode = true, color = false, verbose = false } = {}): {
  view: LiveView;
  terminal: FakeTerminal;
} {
  const terminal = new FakeTerminal(columns, rows);
  return { terminal, view: new LiveView({ stdout: terminal, stderr: terminal, verbose, unicode, color }) };
}

test('a download shows name, bar, percent, size, state, rates, peers and ETA', () => {
  const { view, terminal } = openLiveView();
  view.progress([makeSnapshot()]);
  assert.equal(
    terminal.text,
    [
      'film.mkv',
      `  ${'█'.repeat(20)}${'░'.repeat(20)}  50.0%  512 KiB of 1.00 MiB`,
      '  downloading  ↓ 100 KiB/s  ↑ 10.0 KiB/s  3 peers (1 seed)  ETA 1m 05s',
    ].join('\n'),
  );
});

test('with --verbose a fourth line says where the peers are from, also where the screen is low', () => {
  const { view, terminal } = openLiveView({ verbose: true, rows: 9 });
  view.progress([makeSnapshot({}, 'one'), makeSnapshot({}, 'two')]);
  const lines = terminal.text.split('\n');
  assert.equal(lines.length, 8);
  for (const line of [lines[3], lines[7]])
    assert.equal(line, '  connected: tracker 2, DHT 1; known: tracker 40, DHT 12, PEX 7');
  view.progress([makeSnapshot({}, 'one'), makeSnapshot({}, 'two'), makeSnapshot({}, 'three')]);
  assert.equal(terminal.text.split('\n').length, 5);
  assert.match(terminal.text, /and 2 more$/);
});

test('a refresh is one write, replaces the block, and leaves the cursor at its start', () => {
  const { view, terminal } = openLiveView();
  view.progress([makeSnapshot({ bytesDone: 1000 })]);
  const before = terminal.writes.length;
  view.progress([makeSnapshot({ bytesDone: 1024 * 1024 - 1 })]);
  assert.equal(terminal.writes.length, before + 1);
  assert.deepEqual(terminal.cursor, { row: 0, column: 0 });
  assert.equal(terminal.text.split('\n').length, 3);
  assert.match(terminal.text, /99\.9%/);
});

test('a shorter line leaves nothing of the longer one before', () => {
  const { view, terminal } = openLiveView();
  view.progress([makeSnapshot({}, 'a very long name that is renamed')]);
  view.progress([makeSnapshot({}, 'short')]);
  assert.equal(terminal.text.split('\n')[0], 'short');
});

test('two torrents show two blocks, and one of them leaving takes its block away', () => {
  const { view, terminal } = openLiveView();
  view.progress([makeSnapshot({}, 'one'), makeSnapshot({}, 'two')]);
  assert.equal(terminal.text.split('\n').length, 6);
  view.progress([makeSnapshot({}, 'two')]);
  assert.equal(terminal.text.split('\n').length, 3);
});

test('narrowing the terminal redraws at once and leaves no broken lines behind', () => {
  const { view, terminal } = openLiveView();
  view.note('above', 'important');
  view.progress([makeSnapshot(), makeSnapshot({}, 'two')]);
  for (const columns of [30, 12, 5, 100]) {
    const before = terminal.writes.length;
    terminal.resize(columns, 24);
    assert.equal(terminal.writes.length, before + 1);
    const lines = terminal.text.split('\n');
    assert.equal(lines.filter((line) => line !== 'above' && !'above'.includes(line)).length, 6, terminal.text);
    for (const line of lines.slice(-6)) assert.ok(line.length < columns, line);
  }
});

test('a terminal without a size is taken for 80 by 24', () => {
  const { view, terminal } = openLiveView();
  Object.assign(terminal, { columns: 0, rows: 0 });
  assert.throws(() => view.progress([makeSnapshot()]), /last column/);
  assert.match(terminal.writes[0]!, /512 KiB of 1\.00 MiB/);
});

test('a screen too low for every torrent shows unfinished ones first and counts the rest', () => {
  const { view, terminal } = openLiveView({ rows: 8 });
  view.progress([makeSnapshot({ phase: 'seeding' }, 'done'), makeSnapshot({}, 'one'), makeSnapshot({}, 'two')]);
  const lines = terminal.text.split('\n');
  assert.equal(lines.length, 7);
  assert.equal(lines[0], 'one');
  assert.equal(lines[3], 'two');
  assert.equal(lines[6], '… and 1 more');
});

test('a screen of one row does not overflow', () => {
  const { view, terminal } = openLiveView({ rows: 2 });
  view.progress([makeSnapshot({}, 'one'), makeSnapshot({}, 'two')]);
  view.progress([makeSnapshot({}, 'one'), makeSnapshot({}, 'two')]);
  assert.equal(terminal.text, 'one');
});

test('remarks stand above the block, which stays whole', () => {
  const { view, terminal } = openLiveView();
  view.progress([makeSnapshot()]);
  view.note('tracker says hello', 'important');
  view.note('only with --verbose', 'verbose');
  view.magnet('magnet:?xt=urn:btih:aa');
  const lines = terminal.text.split('\n');
  assert.deepEqual(lines.slice(0, 3), ['tracker says hello', 'magnet:?xt=urn:btih:aa', 'film.mkv']);
  assert.equal(lines.length, 5);
});

test('--verbose shows the small remarks too', () => {
  const { view, terminal } = openLiveView({ verbose: true });
  view.listening(6881);
  view.note('connected', 'verbose');
  assert.equal(terminal.text, 'listening on port 6881\nconnected\n');
});

test('remarks go to stderr when that is another file', () => {
  const terminal = new FakeTerminal(80, 24);
  const stderr = new FakePipe();
  const view = new LiveView({ stdout: terminal, stderr, verbose: false, unicode: true, color: false });
  view.progress([makeSnapshot()]);
  view.failed({ code: 'EDISKFULL', message: 'no space left' });
  assert.equal(stderr.text, 'dtorrent: no space left (EDISKFULL)\n');
  assert.equal(terminal.text.split('\n').length, 3);
});

test('the end keeps the last state on the screen, sums up below it and forgets the terminal', () => {
  const { view, terminal } = openLiveView();
  const done = makeSnapshot({ phase: 'seeding', bytesDone: 1024 * 1024, uploadedBytes: 2 * 1024 * 1024 });
  view.progress([done]);
  view.completed(COMPLETION);
  view.end({ torrents: [done], interrupted: false });
  const lines = terminal.text.split('\n');
  assert.equal(lines[0], 'film.mkv');
  assert.match(lines[2]!, /^ {2}seeding/);
  assert.equal(lines[3], 'film.mkv: complete, 1.00 MiB in 8s (128 KiB/s), saved to downloads/film.mkv');
  assert.equal(lines[4], 'film.mkv: uploaded 2.00 MiB (ratio 2.00)');
  assert.deepEqual(terminal.cursor, { row: 5, column: 0 });
  assert.equal(terminal.resizeListenerCount, 0);
});

test('an interrupted download says how to go on', () => {
  const { view, terminal } = openLiveView();
  view.end({ torrents: [makeSnapshot()], interrupted: true });
  assert.match(terminal.text, /film\.mkv: stopped at 50\.0% of 1\.00 MiB; the same command goes on from there/);
});

test('an end before anything was drawn leaves the screen alone', () => {
  const { view, terminal } = openLiveView();
  view.end({ torrents: [], interrupted: false });
  assert.equal(terminal.text, '');
});

test('each phase has its facts', () => {
  const facts = (given: Parameters<typeof makeSnapshot>[0]): string[] => {
    const { view, terminal } = openLiveView();
    view.progress([makeSnapshot(given)]);
    return terminal.text.split('\n').slice(1);
  };
  assert.deepEqual(facts({ phase: 'metadata', bytesTotal: 0, bytesDone: 0, seeds: 0 }), [
    '  fetching metadata',
    '  3 peers',
  ]);
  const [bar, words] = facts({ phase: 'checking', bytesDone: 0, bytesChecked: 256 * 1024 });
  assert.match(bar!, /25\.0% {2}256 KiB of/);
  assert.equal(words, '  checking');
  assert.match(facts({ etaSeconds: null })[1]!, /ETA unknown/);
});

test('a terminal without UTF-8 gets ASCII only', () => {
  const { view, terminal } = openLiveView({ unicode: false });
  view.progress([makeSnapshot({}, 'naïve.mkv')]);
  view.note('töö', 'important');
  view.end({ torrents: [makeSnapshot({}, 'naïve.mkv')], interrupted: true });
  assert.match(terminal.writes.join(''), /^[\p{Cc}\x20-\x7e]*$/u);
  assert.match(terminal.text, /na\?ve\.mkv\n {2}#{20}\.{20}/);
});

test('a name cannot send escape sequences to the terminal', () => {
  const { view, terminal } = openLiveView();
  view.progress([makeSnapshot({}, 'x\x1b[2J\x1b]0;gotcha\x07\r\n')]);
  assert.equal(terminal.text.split('\n')[0], 'x\ufffd[2J\ufffd]0;gotcha\ufffd\ufffd\ufffd');
});

test('colours appear only when asked for, and clipping never cuts a sequence', () => {
  const plain = openLiveView();
  plain.view.progress([makeSnapshot()]);
  assert.ok(!plain.terminal.writes.join('').includes('\x1b[1m'));
  for (let columns = 2; columns < 90; columns++) {
    const { view, terminal } = openLiveView({ color: true, columns });
    view.progress([makeSnapshot()]);
    assert.ok(terminal.writes.join('').includes('\x1b[1m'));
  }
});
