/**
 * `dtorrent dht`: several nodes, each a process with an address of its own on loopback, and commands that ask them. What
 * is put and announced is found again, and the exit codes are those that scripts rely on.
 */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DhtClient } from '../../src/dht.js';
import { temporaryDirectory } from '../harness/content.js';
import { Dtorrent } from '../harness/dtorrent.js';
import { until } from '../harness/process.js';
import { type CliResult, runCli } from './cli-process.js';

const HASH = 'ab'.repeat(20);
const NODES = 4;

interface Network {
  /** `--bootstrap` and `--bind` of a command that asks. */
  readonly args: readonly string[];
  readonly bootstrap: string;
  readonly nodes: readonly Dtorrent[];
}

/** @param subnet the third number of the addresses: each test has nodes of its own */
async function network(t: TestContext, subnet: number): Promise<Network> {
  const first = new Dtorrent(t, ['dht', 'node', '--port', '0', '--bind', `127.0.${subnet}.1`, '--bootstrap', '']);
  const bootstrap = `127.0.${subnet}.1:${await first.port()}`;
  const others = Array.from({ length: NODES - 1 }, (_, i) => {
    const bind = `127.0.${subnet}.${i + 2}`;
    return new Dtorrent(t, ['dht', 'node', '--port', '0', '--bind', bind, '--bootstrap', bootstrap]);
  });
  await Promise.all(others.map((node) => node.port()));
  // Who asks is taken for a node once it has answered a ping, which comes a little later.
  const client = await DhtClient.start({ bind: `127.0.${subnet}.99`, bootstrap: [bootstrap], isReadOnly: true });
  const search = async (): Promise<boolean> => (await client.getPeers(new Uint8Array(20)).summary).answers >= NODES;
  await until('nodes that know each other', 20_000, search).finally(() => client.stop());
  const args = ['--bootstrap', bootstrap, '--bind', `127.0.${subnet}.100`, '--timeout', '30'];
  return { args, bootstrap, nodes: [first, ...others] };
}

async function dht(net: Network, command: string, ...args: readonly string[]): Promise<CliResult> {
  return runCli(['dht', command, ...net.args, ...args]);
}

/** Fails with what the command said. */
function assertExit(result: CliResult, exitCode: number): void {
  assert.equal(result.exitCode, exitCode, `${result.stdout}\n${result.stderr}`);
}

test('a value that is put is got, byte for byte', async (t) => {
  const net = await network(t, 21);
  const put = await dht(net, 'put', 'Hello World!');
  assertExit(put, 0);
  assert.equal(put.stdout, 'e5f96f6f38320f0f33959cb4d3d656452117aadb\n');
  assert.match(put.stderr, /^kept by \d nodes?\n$/);
  const got = await dht(net, 'get', put.stdout.trim());
  assertExit(got, 0);
  assert.equal(got.stdout, 'Hello World!');
  const raw = await dht(net, 'get', put.stdout.trim(), '--raw');
  assert.equal(raw.stdout, '12:Hello World!');

  const file = join(temporaryDirectory(t), 'value');
  writeFileSync(file, 'd1:ali1ei-2ee1:b2:\xc3\xa9e', 'latin1');
  const other = await dht(net, 'put', '--file', file, '--bencode', '--json');
  assertExit(other, 0);
  const { target } = JSON.parse(other.stdout) as { target: string };
  assert.equal((await dht(net, 'get', target)).stdout, '{"a":[1,-2],"b":"é"}\n');
  assert.deepEqual(JSON.parse((await dht(net, 'get', target, '--json')).stdout), {
    target,
    value: { a: [1, -2], b: 'é' },
    bencode: Buffer.from(readFileSync(file)).toString('hex'),
  });
});

test('what is asked goes out from the addresses and interfaces of a list that are there', async (t) => {
  const net = await network(t, 26);
  const put = await dht(net, 'put', 'Hello World!');
  assertExit(put, 0);
  const target = put.stdout.trim();
  const [loopback] = Object.entries(networkInterfaces()).find(([, infos]) => infos!.some(({ internal }) => internal))!;
  for (const bind of [loopback, '127.0.26.101,127.0.26.102', `no-such0,${loopback}`]) {
    const got = await dht(net, 'get', target, '--bind', bind);
    assertExit(got, 0);
    assert.equal(got.stdout, 'Hello World!');
  }
});

test('a signed value is replaced by who has the key, whose secret half is never told', async (t) => {
  const net = await network(t, 22);
  const keyFile = join(temporaryDirectory(t), 'key');
  const keygen = await runCli(['dht', 'keygen', keyFile]);
  assertExit(keygen, 0);
  const publicKey = keygen.stdout.trim();
  const secret = readFileSync(keyFile, 'utf8').trim();
  if (process.platform !== 'win32') assert.equal(statSync(keyFile).mode & 0o777, 0o600);

  const outputs: CliResult[] = [];
  const put = async (value: string, ...args: readonly string[]): Promise<CliResult> => {
    const result = await dht(net, 'put', value, '--key-file', keyFile, '--salt', 'news', ...args);
    outputs.push(result);
    return result;
  };
  const first = await put('rain');
  assertExit(first, 0);
  assert.equal(first.stdout, `${publicKey}\n`);
  assert.match(first.stderr, /sequence number 1\n$/);
  const second = await put('sun', '--json');
  assertExit(second, 0);
  assert.equal((JSON.parse(second.stdout) as { sequence: string }).sequence, '2');
  const got = await dht(net, 'get', '--key', publicKey, '--salt', 'news', '--json');
  assertExit(got, 0);
  const item = JSON.parse(got.stdout) as Record<string, unknown>;
  assert.deepEqual([item['value'], item['sequence'], item['publicKey']], ['sun', '2', publicKey]);

  // The same by a magnet link, whose salt is hex.
  const link = `magnet:?xs=urn:btpk:${publicKey}&s=${Buffer.from('news').toString('hex')}`;
  assert.equal((await dht(net, 'get', link)).stdout, 'sun');
  // With another salt it is another item.
  assertExit(await dht(net, 'get', '--key', publicKey), 3);

  const refused = await put('snow', '--cas', '1');
  assertExit(refused, 1);
  assert.match(refused.stderr, /replaced the item meanwhile/);
  const late = await put('snow', '--cas', '2', '--sequence', '1');
  assertExit(late, 1);
  assert.match(late.stderr, /sequence number or a higher one/);
  for (const { stdout, stderr } of outputs) assert.ok(!`${stdout}${stderr}`.includes(secret));
  assertExit(await runCli(['dht', 'keygen', keyFile]), 16);
});

test('peers that announced are printed and counted', async (t) => {
  const net = await network(t, 23);
  const none = await dht(net, 'get-peers', HASH);
  assertExit(none, 3);
  assert.equal(none.stdout, '');
  assertExit(await dht(net, 'scrape', HASH), 3);

  const client = await DhtClient.start({ bind: '127.0.23.50', bootstrap: [net.bootstrap] });
  t.after(() => client.stop());
  const infoHash = new Uint8Array(Buffer.from(HASH, 'hex'));
  await client.announce(infoHash, { port: 7000, isImpliedPort: false, isSeed: true }).summary;

  const found = await dht(net, 'get-peers', HASH);
  assertExit(found, 0);
  assert.equal(found.stdout, '127.0.23.50:7000\n');
  assert.match(found.stderr, /^1 peer from \d nodes? in \d+\.\d s\n$/);
  const json = await dht(net, 'get-peers', `magnet:?xt=urn:btih:${HASH}`, '--json');
  const events = json.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(events[0], { type: 'peer', address: '127.0.23.50:7000' });
  assert.deepEqual([events[1]!['type'], events[1]!['peers']], ['completed', 1]);

  const scrape = await dht(net, 'scrape', HASH);
  assertExit(scrape, 0);
  assert.equal(scrape.stdout, 'about 1 seed, 0 leechers\n');
  const counts = JSON.parse((await dht(net, 'scrape', HASH, '--json')).stdout) as Record<string, unknown>;
  assert.deepEqual([counts['seeds'], counts['leechers']], [1, 0]);
});

test('a node that is stopped ends with exit code 0, and what is asked then is not answered', async (t) => {
  const net = await network(t, 24);
  for (const node of net.nodes) node.signal('SIGTERM');
  for (const node of net.nodes) assert.equal(await node.exit(10_000), 0);
  const result = await dht(net, 'get-peers', HASH, '--timeout', '1');
  assertExit(result, 2);
  assert.match(result.stderr, /\(ETIMEOUT\)\n$/);
});

const PRIVATE_TORRENT =
  'd4:infod6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa7:privatei1eee';

for (const [args, exitCode, text] of [
  [['get-peers', HASH, '--bootstrap', 'no-such-host.invalid:6881'], 19, 'no-such-host.invalid'],
  [['get-peers', 'ab'], 3, 'ab'],
  [['get-peers', 'private.torrent'], 28, 'is private'],
  [['get-peers', HASH, '--bootstrap', 'nonsense'], 28, 'HOST:PORT'],
  [['get-peers', HASH, '--bind', 'no-such0'], 1, 'does not have the interface no-such0, or it is down'],
  [['get'], 28, 'nothing to get'],
  [['get', 'xyz'], 28, '40 hex digits'],
  [['get', HASH, '--key', 'ab'.repeat(32)], 28, 'not both'],
  [['get', HASH, '--salt', 'a'], 28, '--salt is for --key'],
  [['get', 'magnet:?xs=urn:btpk:ab'], 27, 'malformed public key'],
  [['put'], 28, 'give a VALUE'],
  [['put', 'a', '--file', 'private.torrent'], 28, 'not both'],
  [['put', 'a', '--bencode'], 28, 'canonical bencode'],
  [['put', 'a', '--salt', 'b'], 28, '--salt needs --key-file'],
  [['put', 'x'.repeat(1000)], 28, 'longer than 1000 bytes'],
  [['put', 'a', '--key-file', 'private.torrent'], 28, 'holds no key'],
  [['put', 'a', '--key-file', 'missing'], 3, 'missing'],
  [['put', 'a', '--cas', '-1'], 28, 'below 2^63'],
  [['nonsense'], 28, 'unknown command'],
] as const) {
  test(`dtorrent dht ${args.join(' ').slice(0, 80)} exits ${exitCode}, and says: ${text}`, async (t) => {
    const cwd = temporaryDirectory(t);
    writeFileSync(join(cwd, 'private.torrent'), PRIVATE_TORRENT);
    const result = await runCli(['dht', ...args], { cwd });
    assert.equal(result.exitCode, exitCode, result.stderr);
    assert.equal(result.stdout, '');
    assert.ok(result.stderr.includes(text), result.stderr);
    assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
  });
}

test('dtorrent dht alone tells what there is', async () => {
  const { exitCode, stderr } = await runCli(['dht']);
  assert.equal(exitCode, 28);
  for (const command of ['node', 'get-peers', 'scrape', 'get', 'put', 'keygen']) {
    assert.match(stderr, new RegExp(`^  ${command} `, 'm'));
  }
});
