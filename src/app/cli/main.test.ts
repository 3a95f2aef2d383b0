/** Whole command lines on a fake engine: what get and seed ask of it, print, and exit with. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DtorrentError, infoHashHex } from '../../index.js';
import { runCommandLine } from './main.js';
import { FakeSurroundings, FakeTorrent, torrentBytes } from './testing/fake-engine.js';

const INFO_HASH_HEX = '0123456789abcdef0123456789abcdef01234567';
const MUTABLE_MAGNET = `magnet:?xs=urn:btpk:${'07'.repeat(32)}`;
const MAGNET = `magnet:?xt=urn:btih:${INFO_HASH_HEX}`;

let directory = '';
let film = '';
let song = '';

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'dtorrent-cli-'));
  film = join(directory, 'film.torrent');
  song = join(directory, 'song.torrent');
  writeFileSync(film, torrentBytes('film.mkv'));
  writeFileSync(song, torrentBytes('song.mp3'));
});
after(() => rmSync(directory, { recursive: true, force: true }));

/** A command line that runs until the test has it end. */
interface Run {
  readonly surroundings: FakeSurroundings;
  readonly exitCode: Promise<number>;
  /** The first torrent. */
  readonly torrent: FakeTorrent;
}

async function start(...argv: string[]): Promise<Run> {
  const surroundings = new FakeSurroundings();
  const added = surroundings.engine.nextAdd();
  const exitCode = runCommandLine(argv, surroundings.context);
  const ended = await Promise.race([added, exitCode]);
  assert.equal(ended, undefined, `ended early: ${surroundings.stderr.text}${surroundings.stdout.text}`);
  return { surroundings, exitCode, torrent: surroundings.engine.torrents[0]! };
}

async function run(...argv: string[]): Promise<FakeSurroundings & { exitCode: number }> {
  const surroundings = new FakeSurroundings();
  return Object.assign(surroundings, { exitCode: await runCommandLine(argv, surroundings.context) });
}

/** Lets what was promised so far happen. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function reachGoal(surroundings: FakeSurroundings, torrent: FakeTorrent): void {
  const infoHash = infoHashHex(torrent.infoHash);
  surroundings.engine.emit({ type: 'torrentPaused', infoHash, reason: 'seedGoal', error: null });
}

function finish(torrent: FakeTorrent): void {
  torrent.change({ phase: 'seeding', bytesDone: 5 });
  torrent.complete();
}

for (const argv of [
  (path: string) => [path],
  (path: string) => ['get', path],
  (path: string) => ['-f', path],
  (path: string) => ['--f', path],
  (path: string) => ['--file', path],
  (path: string) => [`--file=${path}`, '--no-dht'],
]) {
  test(`dtorrent ${argv('x.torrent').join(' ')} downloads x.torrent and exits 0`, async () => {
    const { surroundings, exitCode, torrent } = await start(...argv(film));
    assert.equal(torrent.name, 'film.mkv');
    finish(torrent);
    assert.equal(await exitCode, 0);
    assert.equal(surroundings.engine.stopCount, 1);
    assert.equal(surroundings.repeatedCount, 0);
  });
}

for (const argv of [[MAGNET], ['-m', MAGNET], ['--m', MAGNET], ['--magnet', MAGNET], ['get', INFO_HASH_HEX]]) {
  test(`dtorrent ${argv.join(' ')} downloads the magnet`, async () => {
    const { exitCode, torrent } = await start(...argv);
    assert.equal(infoHashHex(torrent.infoHash), INFO_HASH_HEX);
    finish(torrent);
    assert.equal(await exitCode, 0);
  });
}

test('a link to a torrent that changes is followed: a newer version takes the place of the one before', async () => {
  const { surroundings, exitCode } = await start('--seed', MUTABLE_MAGNET);
  const [followed] = surroundings.engine.followed;
  assert.deepEqual(followed!.magnet.publicKey, new Uint8Array(32).fill(7));
  const [first, second] = [film, song].map((path) => new FakeTorrent({ kind: 'metainfo', bytes: readFileSync(path) }));
  followed!.onVersion(first!);
  followed!.onVersion(second!);
  first!.fail(new DtorrentError('ESTOPPED', 'removed'));
  await settle();
  finish(second!);
  await settle();
  surroundings.signal();
  assert.equal(await exitCode, 0);
  assert.match(surroundings.stderr.text, /there is a newer version, song\.mp3/);
});

test('a link to a torrent that changes ends with exit code 2 when nothing is found in time', async () => {
  const { surroundings, exitCode } = await start('--timeout', '5', MUTABLE_MAGNET);
  surroundings.tick(4000);
  surroundings.tick(1000);
  assert.equal(await exitCode, 2);
  assert.match(surroundings.stderr.text, /no version was found in the DHT/);
});

test('get --json tells listening, metadata, progress each tick and completed, and nothing else', async () => {
  const { surroundings, exitCode, torrent } = await start('--json', '-o', directory, film);
  torrent.change({ phase: 'downloading', bytesDone: 2 });
  surroundings.tick();
  surroundings.tick();
  finish(torrent);
  assert.equal(await exitCode, 0);
  const types = surroundings.events.map((event) => event['type']);
  assert.deepEqual(types, ['listening', 'metadata', 'progress', 'progress', 'progress', 'completed']);
  const [listening, metadata, progress] = surroundings.events;
  assert.equal(listening!['port'], 6881);
  assert.equal(metadata!['totalLength'], 5);
  assert.deepEqual(metadata!['infoHash'], { v1: infoHashHex(torrent.infoHash), v2: null });
  assert.equal(progress!['bytesDone'], 2);
  const completed = surroundings.events.at(-1)!;
  assert.equal(completed['path'], join(directory, 'film.mkv'));
  assert.equal(completed['bytes'], 5);
  assert.equal(completed['seconds'], 2);
});

const ALONE = ['--no-dht', '--no-lsd'] as const;

for (const [argv, isLonely] of [
  [[MAGNET], false],
  [[MAGNET, '--no-dht'], false],
  [[MAGNET, '--no-lsd'], false],
  [[MAGNET, ...ALONE], true],
  [[INFO_HASH_HEX, '-q', ...ALONE], false],
  [[`${MAGNET}&tr=http://a/announce`, ...ALONE], false],
  [[`${MAGNET}&tr=http://a/announce`, '--no-trackers', ...ALONE], true],
  [[`${MAGNET}&x.pe=192.0.2.1:1`, ...ALONE], false],
  [[MAGNET, '--peer', '192.0.2.1:1', ...ALONE], false],
] as const) {
  test(`dtorrent ${argv.join(' ')} ${isLonely ? 'says' : 'does not say'} that there is nobody to ask for peers`, async () => {
    const { surroundings, exitCode, torrent } = await start(...argv);
    finish(torrent);
    assert.equal(await exitCode, 0);
    assert.equal(surroundings.stderr.text.includes('--peer HOST:PORT'), isLonely, surroundings.stderr.text);
  });
}

test('a magnet tells its metadata once it is there', async () => {
  const { surroundings, exitCode, torrent } = await start('--json', MAGNET);
  const known = new FakeSurroundings().engine;
  torrent.metainfo = (await known.add({ kind: 'metainfo', bytes: torrentBytes() }, {})).metainfo;
  torrent.name = 'film.mkv';
  torrent.change({ bytesTotal: 5 });
  const event = { type: 'metadata', infoHash: INFO_HASH_HEX, name: 'film.mkv', totalLength: 5 } as const;
  surroundings.engine.emit(event);
  surroundings.engine.emit(event);
  finish(torrent);
  assert.equal(await exitCode, 0);
  assert.equal(surroundings.events.filter(({ type }) => type === 'metadata').length, 1);
});

test('a signal before completion stops the engine and exits 7', async () => {
  const { surroundings, exitCode } = await start('--json', film);
  surroundings.signal();
  assert.equal(await exitCode, 7);
  assert.equal(surroundings.engine.stopCount, 1);
  assert.deepEqual(surroundings.events.at(-1), {
    type: 'error',
    code: 'ESTOPPED',
    message: 'stopped before everything was complete',
  });
  assert.equal(surroundings.events.filter(({ type }) => type === 'error').length, 1);
});

test('--seed goes on after completion, and a signal then exits 0', async () => {
  const { surroundings, exitCode, torrent } = await start('--seed', film);
  finish(torrent);
  await settle();
  surroundings.tick();
  assert.equal(surroundings.engine.stopCount, 0);
  surroundings.signal();
  assert.equal(await exitCode, 0);
  assert.equal(surroundings.engine.stopCount, 1);
});

for (const [argv, goal] of [
  [['--seed=2'], { seedRatio: 2 }],
  [['--seed-time=1.5'], { seedTimeMs: 90_000 }],
  [['--seed', '--seed-time', '1.5'], { seedRatio: Number.POSITIVE_INFINITY, seedTimeMs: 90_000 }],
] as const) {
  test(`${argv.join(' ')} is the torrent's goal, and the command ends when it is reached`, async () => {
    const { surroundings, exitCode, torrent } = await start(...argv, film);
    const { seedRatio, seedTimeMs } = surroundings.engine.added[0]!;
    assert.deepEqual({ seedRatio, seedTimeMs }, { seedRatio: undefined, seedTimeMs: undefined, ...goal });
    finish(torrent);
    await settle();
    surroundings.tick(1_000_000);
    await settle();
    assert.equal(surroundings.engine.stopCount, 0);
    reachGoal(surroundings, torrent);
    assert.equal(await exitCode, 0);
  });
}

test('--seed=0 ends at completion', async () => {
  const { exitCode, torrent } = await start('--seed=0', film);
  finish(torrent);
  assert.equal(await exitCode, 0);
});

test('--timeout ends with exit code 2 once nothing has progressed for so long, and says so', async () => {
  const { surroundings, exitCode, torrent } = await start('--json', '--timeout', '10', film);
  torrent.change({ phase: 'downloading', bytesDone: 0 });
  surroundings.tick(9000);
  torrent.change({ bytesDone: 1 });
  surroundings.tick(9000);
  torrent.change({ peers: 9 });
  surroundings.tick(9000);
  await settle();
  assert.equal(surroundings.engine.stopCount, 0, 'progress began the time anew');
  surroundings.tick(1000);
  assert.equal(await exitCode, 2);
  const error = surroundings.events.at(-1)!;
  assert.equal(error['code'], 'ETIMEOUT');
  assert.match(String(error['message']), /no progress for 10 s/);
});

test('--timeout does not end a seed', async () => {
  const { surroundings, exitCode, torrent } = await start('--seed', '--timeout', '10', film);
  finish(torrent);
  await settle();
  surroundings.tick(100_000);
  await settle();
  assert.equal(surroundings.engine.stopCount, 0);
  surroundings.signal();
  assert.equal(await exitCode, 0);
});

test('one torrent that fails lets the others finish, and its error decides the exit code', async () => {
  const { surroundings, exitCode, torrent } = await start('--json', film, song);
  torrent.fail(new DtorrentError('EDISKFULL', 'no space left for film.mkv'));
  await settle();
  assert.equal(surroundings.engine.stopCount, 0);
  finish(surroundings.engine.torrents[1]!);
  assert.equal(await exitCode, 9);
  const error = surroundings.events.find(({ type }) => type === 'error');
  assert.deepEqual(error, { type: 'error', code: 'EDISKFULL', message: 'no space left for film.mkv' });
});

const FULL = new DtorrentError('EDISKFULL', 'no space left for film.mkv');

function pauseByDisk({ engine }: FakeSurroundings, { infoHash }: FakeTorrent): void {
  engine.emit({ type: 'torrentPaused', infoHash: infoHashHex(infoHash), reason: 'error', error: FULL });
}

test('a torrent that the disk pauses ends the command with its exit code, said once', async () => {
  const { surroundings, exitCode, torrent } = await start('--json', '--peer', '10.0.0.1:1', film);
  pauseByDisk(surroundings, torrent);
  assert.equal(await exitCode, 9);
  const errors = surroundings.events.filter(({ type }) => type === 'error');
  assert.deepEqual(errors, [{ type: 'error', code: 'EDISKFULL', message: 'no space left for film.mkv' }]);
  assert.equal(surroundings.stderr.text, '');
});

test('while the disk pauses one torrent the others go on; it is said once, and decides the exit code in the end', async () => {
  const { surroundings, exitCode, torrent } = await start('--json', '--peer', '10.0.0.1:1', film, song);
  pauseByDisk(surroundings, torrent);
  pauseByDisk(surroundings, torrent);
  await settle();
  assert.equal(surroundings.engine.stopCount, 0);
  assert.match(
    surroundings.stderr.text,
    /^film\.mkv: paused, and tried again by itself: no space left for film\.mkv\n$/,
  );
  finish(surroundings.engine.torrents[1]!);
  assert.equal(await exitCode, 9);
});

test('a torrent that the disk paused and that came back is downloaded like any other', async () => {
  const { surroundings, exitCode, torrent } = await start('--json', film, song);
  pauseByDisk(surroundings, torrent);
  surroundings.engine.emit({ type: 'torrentResumed', infoHash: infoHashHex(torrent.infoHash) });
  finish(surroundings.engine.torrents[1]!);
  await settle();
  assert.equal(surroundings.engine.stopCount, 0);
  finish(torrent);
  assert.equal(await exitCode, 0);
});

test('a seed that the disk pauses ends when there is no other', async () => {
  const { surroundings, exitCode, torrent } = await start('--seed', film);
  finish(torrent);
  await settle();
  pauseByDisk(surroundings, torrent);
  assert.equal(await exitCode, 9);
});

test('a failure while seeding ends the command with its exit code', async () => {
  const { surroundings, exitCode, torrent } = await start('--seed', film);
  finish(torrent);
  await settle();
  const error = new DtorrentError('EFILEIO', 'the disk is gone');
  surroundings.engine.emit({ type: 'torrentFailed', infoHash: infoHashHex(torrent.infoHash), error });
  assert.equal(await exitCode, 17);
  assert.match(surroundings.stderr.text, /dtorrent: the disk is gone \(EFILEIO\)/);
});

test('the same torrent given twice is downloaded once', async () => {
  const { surroundings, exitCode, torrent } = await start(film, film);
  finish(torrent);
  assert.equal(await exitCode, 0);
  assert.match(surroundings.stderr.text, /already there; it is downloaded once/);
});

test('options become settings and add options', async () => {
  const options =
    '-o dir --port 7000 --bind 127.0.0.1 --max-peers 9 --upload-slots 12 --no-trackers --no-dht --dht-bootstrap 10.0.0.9:6881 --no-lsd --no-pex --no-port-mapping --sequential --peer 10.0.0.1:1 ' +
    '--download-limit 1.5M --upload-limit=20K --preallocation full --state-dir state --recheck --select 1,3-5 --select *.iso';
  const { surroundings, exitCode, torrent } = await start(...options.split(' '), film);
  assert.deepEqual(surroundings.settings, {
    downloadDir: 'dir',
    stateDir: 'state',
    trackers: false,
    dht: false,
    dhtBootstrap: '10.0.0.9:6881',
    lsd: false,
    pex: false,
    portMapping: false,
    port: 7000,
    portAttempts: 1,
    bind: '127.0.0.1',
    downloadLimit: 1_572_864,
    uploadLimit: 20_480,
    preallocation: 'full',
    maxPeers: 9,
    maxPeersPerTorrent: 9,
    uploadSlots: 12,
  });
  assert.deepEqual(surroundings.engine.added, [
    {
      downloadDir: 'dir',
      peers: ['10.0.0.1:1'],
      sequential: true,
      recheck: true,
      paused: false,
      select: ['1,3-5', '*.iso'],
    },
  ]);
  finish(torrent);
  assert.equal(await exitCode, 0);
});

test('without --select everything is asked for, but for a magnet that selects by itself', async () => {
  for (const [source, select] of [
    [MAGNET, ['**']],
    [`${MAGNET}&so=0`, undefined],
  ] as const) {
    const { surroundings, exitCode, torrent } = await start(source, '--peer', '10.0.0.1:1');
    assert.deepEqual(surroundings.engine.added[0]!.select, select);
    finish(torrent);
    assert.equal(await exitCode, 0);
  }
});

test('--verbose tells about peers, without it only a tracker that fails, or is not asked yet, without peers', async () => {
  const tell = async (...argv: string[]): Promise<string> => {
    const { surroundings, exitCode, torrent } = await start(...argv, '--peer', '10.0.0.1:1', film);
    const infoHash = infoHashHex(torrent.infoHash);
    torrent.change({ peers: 0 });
    surroundings.engine.emit({ type: 'peerConnected', infoHash, address: '10.0.0.1:1' });
    const error = new DtorrentError('ETRACKER', 'no answer');
    surroundings.engine.emit({ type: 'trackerFailed', infoHash, url: 'http://t', error });
    surroundings.engine.emit({ type: 'trackerFailed', infoHash, url: 'http://t', error });
    for (const url of ['http://t', 'http://u']) {
      surroundings.engine.emit({ type: 'trackerWaiting', infoHash, url, seconds: 290 });
    }
    finish(torrent);
    assert.equal(await exitCode, 0);
    return surroundings.stderr.text;
  };
  const waiting = 'film.mkv: http://t may not be asked again yet, in 4m 50s';
  assert.equal(await tell(), `film.mkv: http://t: no answer\n${waiting}\n`);
  assert.equal((await tell('-v')).split('\n').length, 6);
});

test('--verbose tells whether and where others reach us', async () => {
  const tell = async (...argv: string[]): Promise<string> => {
    const { surroundings, exitCode, torrent } = await start(...argv, '--peer', '10.0.0.1:1', film);
    const mapped = { type: 'portMapped', gateway: '192.168.1.1', externalPort: 7000, method: 'UPnP' } as const;
    surroundings.engine.emit({ ...mapped, protocol: 'tcp' });
    surroundings.engine.emit({ ...mapped, protocol: 'udp' });
    surroundings.engine.emit({ ...mapped, protocol: 'tcp', gateway: 'fe80::1', method: 'PCP' });
    surroundings.engine.emit({ type: 'portMappingWarning', message: 'no router lets peers in: none answers' });
    surroundings.engine.emit({ type: 'externalAddress', family: 4, ip: '11.0.0.1' });
    finish(torrent);
    assert.equal(await exitCode, 0);
    return surroundings.stderr.text;
  };
  assert.equal(await tell(), '');
  assert.deepEqual((await tell('-v')).trim().split('\n'), [
    'the router lets peers in at port 7000 (UPnP)',
    'the router lets peers in at port 7000 over IPv6 (PCP)',
    'no router lets peers in: none answers',
    'others see us at 11.0.0.1',
  ]);
});

test('an engine that cannot start is one line and its exit code', async () => {
  const surroundings = new FakeSurroundings();
  const context = {
    ...surroundings.context,
    startEngine: () => Promise.reject(new DtorrentError('ENETWORK', 'cannot listen on port 1')),
  };
  assert.equal(await runCommandLine([film], context), 1);
  assert.equal(surroundings.stderr.text, 'dtorrent: cannot listen on port 1 (ENETWORK)\n');
});

test('a bug says that it is one, with its stack', async () => {
  const surroundings = new FakeSurroundings();
  const context = { ...surroundings.context, startEngine: () => Promise.reject(new TypeError('x is undefined')) };
  assert.equal(await runCommandLine([film], context), 1);
  assert.match(surroundings.stderr.text, /x is undefined; this is a bug, please report it \(EINTERNAL\)\nTypeError/);
});

test('mistakes are refused before any engine starts', async () => {
  const expected: readonly (readonly [string[], number, RegExp])[] = [
    [[], 28, /nothing to download/],
    [['--no-such-option', film], 28, /unknown option '--no-such-option' \(EOPTION\)/],
    [['--port', '70000', film], 28, /from 0 to 65535/],
    [['--download-limit', '-1', film], 28, /bytes per second/],
    [['--upload-limit', '9999G', film], 28, /bytes per second/],
    [['--preallocation', 'maybe', film], 28, /Allowed choices/],
    [['--timeout', '0', film], 28, /from 1/],
    [['seed'], 28, /missing required argument 'path'/],
    [['show', film, song], 28, /too many arguments/],
    [[join(directory, 'none.torrent')], 3, /there is no file/],
    [['-m', 'magnet:?dn=x'], 27, /./],
    [['-m', film], 27, /./],
  ];
  for (const [argv, code, message] of expected) {
    const { exitCode, stderr, settings } = await run(...argv);
    assert.equal(exitCode, code, stderr.text);
    assert.match(stderr.text, message);
    assert.equal(stderr.lines.length, 1);
    assert.match(stderr.text, /^dtorrent: .* \(E[A-Z]+\)\n$/);
    assert.equal(settings, null);
  }
});

test('with --json a mistake is an event on stdout', async () => {
  const { exitCode, events, stderr } = await run('--json', '--bogus');
  assert.equal(exitCode, 28);
  assert.deepEqual(events, [{ type: 'error', code: 'EOPTION', message: "unknown option '--bogus'" }]);
  assert.equal(stderr.text, '');
});

test('--help and --version print to stdout and exit 0', async () => {
  const root = await run('--help');
  assert.equal(root.exitCode, 0);
  for (const command of ['get', 'seed', 'create', 'show', 'verify', 'scrape', 'magnet', 'tracker', 'completion', 'man'])
    assert.match(root.stdout.text, RegExp(`  ${command} `));
  for (const command of [
    'get',
    'seed',
    'create',
    'show',
    'verify',
    'scrape',
    'magnet',
    'tracker',
    'completion',
    'man',
  ]) {
    const { exitCode, stdout } = await run(command, '--help');
    assert.equal(exitCode, 0);
    assert.match(stdout.text, RegExp(`^Usage: dtorrent ${command}`));
  }
  const version = await run('--version');
  assert.equal(version.exitCode, 0);
  assert.match(version.stdout.text, /^\d+\.\d+\.\d+\n$/);
});

test('seed verifies, prints its magnet link, dials its peers and runs until a signal', async () => {
  const { surroundings, exitCode, torrent } = await start('seed', film, directory, '--peer', '10.0.0.1:1');
  assert.deepEqual(surroundings.engine.added[0], {
    downloadDir: directory,
    peers: ['10.0.0.1:1'],
    sequential: false,
    trust: false,
    superSeed: false,
    recheck: false,
    paused: false,
    select: ['**'],
  });
  finish(torrent);
  surroundings.tick();
  await settle();
  assert.equal(surroundings.engine.stopCount, 0);
  assert.match(surroundings.stdout.text, /^listening on port 6881$/m);
  assert.match(surroundings.stdout.text, /^magnet:\?xt=urn:btih:/m);
  surroundings.signal();
  assert.equal(await exitCode, 0);
});

test('seed --json has the magnet in its metadata event and tells when the data is verified', async () => {
  const { surroundings, exitCode, torrent } = await start('seed', film, directory, '--json', '--trust');
  assert.equal(surroundings.engine.added[0]!.trust, true);
  finish(torrent);
  await settle();
  surroundings.signal();
  assert.equal(await exitCode, 0);
  assert.deepEqual(
    surroundings.events.map(({ type }) => type),
    ['listening', 'metadata', 'progress', 'completed'],
  );
  assert.match(String(surroundings.events[1]!['magnet']), /^magnet:/);
});

test('seed with pieces missing is refused, and the engine is stopped', async () => {
  const { surroundings, exitCode, torrent } = await start('seed', film, directory, '--json');
  torrent.change({ phase: 'downloading', bytesDone: 2, piecesDone: 1, pieceCount: 2 });
  const infoHash = infoHashHex(torrent.infoHash);
  surroundings.engine.emit({ type: 'phase', infoHash, phase: 'downloading' });
  assert.equal(await exitCode, 1);
  assert.equal(surroundings.engine.stopCount, 1);
  const errors = surroundings.events.filter(({ type }) => type === 'error');
  assert.equal(errors.length, 1);
  assert.equal(errors[0]!['code'], 'EINCOMPLETE');
  assert.match(String(errors[0]!['message']), /40\.0% of film\.mkv: 1 of 2 pieces are missing or damaged/);
});

test('seed --seed=RATIO ends at that ratio, and --super-seed is passed on', async () => {
  const { surroundings, exitCode, torrent } = await start('seed', film, directory, '--seed=1', '--super-seed');
  assert.equal(surroundings.engine.added[0]!.superSeed, true);
  finish(torrent);
  await settle();
  reachGoal(surroundings, torrent);
  assert.equal(await exitCode, 0);
});

test('seed takes the data itself for DIR too', async () => {
  const downloads = join(directory, 'downloads');
  mkdirSync(downloads);
  writeFileSync(join(downloads, 'film.mkv'), 'hello');
  for (const given of [downloads, join(downloads, 'film.mkv')]) {
    const { surroundings, exitCode } = await start('seed', film, given);
    assert.equal(surroundings.engine.added[0]!.downloadDir, downloads);
    surroundings.signal();
    assert.equal(await exitCode, 7);
  }
});
