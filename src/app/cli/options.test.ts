import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Command, CommanderError } from 'commander';
import {
  addCreateOptions,
  addGetOptions,
  addSeedOptions,
  addTrackerOptions,
  type CreateOptions,
  type GetOptions,
  spellOutSeed,
} from './options.js';

const setVariables: string[] = [];

afterEach(() => {
  for (const name of setVariables.splice(0)) delete process.env[name];
});

function setVariable(name: string, value: string): void {
  process.env[name] = value;
  setVariables.push(name);
}

function parse<T>(addOptions: (command: Command) => void, ...argv: string[]): T & { args: string[] } {
  const command = new Command('x')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .argument('[args...]');
  addOptions(command);
  command.parse(spellOutSeed(argv), { from: 'user' });
  return { ...command.opts<T & object>(), args: command.args };
}

function parseGet(...argv: string[]): GetOptions & { args: string[] } {
  return parse<GetOptions>(addGetOptions, ...argv);
}

function parseCreate(...argv: string[]): CreateOptions & { args: string[] } {
  return parse<CreateOptions>(addCreateOptions, ...argv);
}

function assertRefused(run: () => unknown, message: RegExp): void {
  assert.throws(run, (error) => error instanceof CommanderError && error.exitCode !== 0 && message.test(error.message));
}

test('every spelling of --file and --magnet is understood, and repeats add up', () => {
  assert.deepEqual(parseGet('-f', 'a', '--file', 'b', '--file=c').file, ['a', 'b', 'c']);
  assert.deepEqual(parseGet('--f', 'a', '--f=b').f, ['a', 'b']);
  assert.deepEqual(parseGet('-m', 'magnet:?dn=a b', '--magnet', 'magnet:?x').magnet, ['magnet:?dn=a b', 'magnet:?x']);
  assert.deepEqual(parseGet('--m', 'magnet:?x').m, ['magnet:?x']);
});

test('a plain --seed takes no argument away, --seed=RATIO has a ratio', () => {
  const plain = parseGet('--seed', 'x.torrent');
  assert.equal(plain.seed, Number.POSITIVE_INFINITY);
  assert.deepEqual(plain.args, ['x.torrent']);
  assert.equal(parseGet('--seed=1.5').seed, 1.5);
  assert.equal(parseGet('--seed=0').seed, 0);
  assert.equal(parseGet().seed, undefined);
  assert.deepEqual(parseGet('--', '--seed').args, ['--seed']);
  assertRefused(() => parseGet('--seed=lots'), /such as 1\.5/);
});

test('switches have the defaults of the contract', () => {
  const { output, trackers, sequential, json, quiet, verbose } = parseGet();
  assert.deepEqual(
    { output, trackers, sequential, json, quiet, verbose },
    { output: '.', trackers: true, sequential: false, json: false, quiet: false, verbose: false },
  );
  assert.equal(parse<{ trust: boolean }>(addSeedOptions).trust, false);
  assert.equal(parse<{ port: number }>(addTrackerOptions).port, 6969);
  assert.equal(parseCreate().date, true);
});

test('what there is not yet can be switched off', () => {
  assert.equal(parseGet('--no-dht', '--no-lsd', '--no-pex', '--no-trackers', '--recheck').trackers, false);
});

test('ports, counts and peers are checked', () => {
  assert.equal(parseGet('--port', '0').port, 0);
  assert.equal(parseGet('--port', '65535').port, 65535);
  assert.equal(parseGet('--max-peers', '7').maxPeers, 7);
  assert.deepEqual(parseGet('--peer', '127.0.0.1:6881', '--peer', '[::1]:1').peer, ['127.0.0.1:6881', '[::1]:1']);
  for (const port of ['65536', '-1', 'x', '1.5', '']) {
    assertRefused(() => parseGet('--port', port), /from 0 to 65535/);
  }
  assertRefused(() => parseGet('--max-peers', '0'), /from 1 to 100000/);
  assert.equal(parseGet('--upload-slots', '30').uploadSlots, 30);
  assertRefused(() => parseGet('--upload-slots', '0'), /from 1 to 1000/);
  assertRefused(() => parseGet('--upload-slots', '1001'), /from 1 to 1000/);
  for (const peer of ['127.0.0.1', '127.0.0.1:0', '127.0.0.1:65536', 'host:port']) {
    assertRefused(() => parseGet('--peer', peer), /HOST:PORT/);
  }
});

test('unknown options and --quiet with --verbose are refused', () => {
  assertRefused(() => parseGet('--no-such-option'), /unknown option/);
  assertRefused(() => parseGet('-q', '-v'), /cannot be used with/);
  assertRefused(() => parseGet('--output'), /argument missing/);
});

test('every option comes from the environment, and the command line wins', () => {
  setVariable('DTORRENT_OUTPUT', '/downloads');
  setVariable('DTORRENT_MAX_PEERS', '12');
  setVariable('DTORRENT_PEER', '10.0.0.1:1 10.0.0.2:2');
  setVariable('DTORRENT_NO_TRACKERS', '1');
  setVariable('DTORRENT_JSON', 'true');
  setVariable('DTORRENT_SEED', 'true');
  const fromEnvironment = parseGet();
  assert.equal(fromEnvironment.output, '/downloads');
  assert.equal(fromEnvironment.maxPeers, 12);
  assert.deepEqual(fromEnvironment.peer, ['10.0.0.1:1', '10.0.0.2:2']);
  assert.equal(fromEnvironment.trackers, false);
  assert.equal(fromEnvironment.json, true);
  assert.equal(fromEnvironment.seed, Number.POSITIVE_INFINITY);
  const fromBoth = parseGet('-o', 'here', '--seed=2', '--peer', '10.0.0.3:3');
  assert.equal(fromBoth.output, 'here');
  assert.equal(fromBoth.seed, 2);
  assert.deepEqual(fromBoth.peer, ['10.0.0.3:3']);
});

test('a switch whose variable says no stays off', () => {
  for (const no of ['0', 'false', 'No', 'off', '']) {
    setVariable('DTORRENT_JSON', no);
    setVariable('DTORRENT_NO_TRACKERS', no);
    assert.equal(parseGet().json, false);
    assert.equal(parseGet().trackers, true);
  }
});

test('an empty variable is no value', () => {
  setVariable('DTORRENT_PORT', '');
  setVariable('DTORRENT_OUTPUT', '');
  setVariable('DTORRENT_SEED', '');
  assert.equal(parseGet().port, undefined);
  assert.equal(parseGet().output, '.');
  assert.equal(parseGet().seed, undefined);
});

test('a bad value in the environment is refused like one on the command line', () => {
  setVariable('DTORRENT_PORT', 'http');
  assertRefused(() => parseGet(), /DTORRENT_PORT/);
});

test('--tier starts a new tier where it stands', () => {
  assert.equal(parseCreate().tracker, undefined);
  assert.deepEqual(parseCreate('-t', 'http://a', '-t', 'http://b').tracker, [['http://a', 'http://b']]);
  assert.deepEqual(
    parseCreate('-t', 'http://a', '--tier', '-t', 'http://b', '--tracker', 'http://c', '--tier').tracker,
    [['http://a'], ['http://b', 'http://c'], []],
  );
  assert.deepEqual(parseCreate('--tier', '-t', 'http://a').tracker, [['http://a']]);
  setVariable('DTORRENT_TRACKER', 'http://a http://b');
  assert.deepEqual(parseCreate().tracker, [['http://a', 'http://b']]);
});

test('piece lengths may have units', () => {
  assert.equal(parseCreate('--piece-length', '65536').pieceLength, 65_536);
  assert.equal(parseCreate('--piece-length', '256K').pieceLength, 262_144);
  assert.equal(parseCreate('--piece-length', '1MiB').pieceLength, 1_048_576);
  for (const length of ['', '-1', '1.5M', '1G', 'big'])
    assertRefused(() => parseCreate('--piece-length', length), /bytes/);
});

test('a name is one element of a path', () => {
  assert.equal(parseCreate('--name', 'my photos').name, 'my photos');
  for (const name of ['', '.', '..', 'a/b', 'a\\b'])
    assertRefused(() => parseCreate('--name', name), /without slashes/);
});

test('the torrent versions exclude each other', () => {
  assert.equal(parseCreate('--v1').v1, true);
  assertRefused(() => parseCreate('--v1', '--v2'), /cannot be used with/);
  assertRefused(() => parseCreate('--hybrid', '--v2'), /cannot be used with/);
});
