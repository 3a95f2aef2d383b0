/** On loopback: every client has an address of its own, as nodes of the DHT have. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../test/harness/process.js';
import { addressKey, formatHostPort, makeAddress } from '../base/address.js';
import { EMPTY_BYTES } from '../base/bytes.js';
import type { DtorrentError } from '../base/errors.js';
import { encodeBencode } from '../format/bencode.js';
import { immutableTarget, signItem } from '../protocol/dht/item.js';
import { DhtClient, type DhtClientOptions } from './dht-client.js';
import { localInterfaces } from './local-interfaces.js';

const HASH = new Uint8Array(20).fill(0xab);
const SEED = new Uint8Array(32).fill(3);

async function start(t: TestContext, options: DhtClientOptions): Promise<DhtClient> {
  const client = await DhtClient.start({ bootstrap: [], ...options });
  t.after(() => client.stop());
  return client;
}

/** A node, and `count` more that are told of it. All have found each other. */
async function network(t: TestContext, count: number): Promise<{ nodes: DhtClient[]; bootstrap: string[] }> {
  const first = await start(t, { bind: '127.0.7.1' });
  const bootstrap = [formatHostPort({ host: '127.0.7.1', port: first.port })];
  const nodes = [first];
  for (let i = 2; i < count + 2; i++) nodes.push(await start(t, { bind: `127.0.7.${i}`, bootstrap }));
  for (const node of nodes) {
    await until(
      'node that all others answer',
      20_000,
      async () => (await node.getPeers(HASH).summary).answers >= count,
    );
  }
  return { nodes, bootstrap };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

test('who announces is found by who looks for the torrent', async (t) => {
  const { nodes, bootstrap } = await network(t, 5);
  const announce = nodes[2]!.announce(HASH, { port: 7777, isImpliedPort: false, isSeed: true });
  assert.deepEqual(await collect(announce), []);
  const { stored } = await announce.summary;
  assert.ok(stored >= 1, `${stored} stored it`);

  const reader = await start(t, { bind: '127.0.7.100', bootstrap, isReadOnly: true });
  const search = reader.getPeers(HASH);
  assert.deepEqual((await collect(search)).map(addressKey), ['127.0.7.3:7777']);
  const { peers, answers } = await search.summary;
  assert.equal(peers, 1);
  assert.ok(answers >= 1);
  assert.ok(reader.stats().bytesIn > 0);
});

test('items are put, got and replaced', async (t) => {
  const { nodes } = await network(t, 3);
  const value = encodeBencode('hello');
  const put = await nodes[1]!.put(value);
  assert.ok(put.stored >= 1);
  assert.deepEqual(await nodes[2]!.get(immutableTarget(value)), value);
  assert.equal(await nodes[2]!.get(HASH), null);

  const item = signItem(SEED, { salt: EMPTY_BYTES, sequence: 1n, value });
  assert.ok((await nodes[1]!.putMutable(item)).stored >= 1);
  const newer = signItem(SEED, { salt: EMPTY_BYTES, sequence: 2n, value: encodeBencode('world') });
  assert.ok((await nodes[3]!.putMutable(newer, { cas: 1n })).stored >= 1);
  const found = await nodes[2]!.getMutable({ publicKey: item.publicKey });
  assert.deepEqual([found?.sequence, found?.value], [2n, newer.value]);
  const late = signItem(SEED, { salt: EMPTY_BYTES, sequence: 3n, value });
  assert.equal((await nodes[1]!.putMutable(late, { cas: 1n })).refusal, 301);
});

test('a scrape estimates, a sample names torrents, and a ping measures', async (t) => {
  const { nodes, bootstrap } = await network(t, 3);
  await nodes[1]!.announce(HASH, { port: 1, isImpliedPort: true, isSeed: true }).summary;
  await nodes[2]!.announce(HASH, { port: 1, isImpliedPort: true, isSeed: false }).summary;
  const { seeds, leechers } = await nodes[3]!.scrape(HASH);
  assert.deepEqual([Math.round(seeds!), Math.round(leechers!)], [1, 1]);
  const samples = await collect(nodes[3]!.sample(HASH));
  assert.ok(samples.some(({ infoHashes }) => infoHashes.some((hash) => Buffer.from(hash).equals(HASH))));
  const address = makeAddress('127.0.7.1', Number(bootstrap[0]!.split(':')[1]))!;
  assert.ok((await nodes[3]!.ping(address))! >= 0);
});

test('the table of one run is where the next begins', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dtorrent-dht-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const tableFile = join(directory, 'below', 'table');
  const { nodes, bootstrap } = await network(t, 3);
  await nodes[1]!.announce(HASH, { port: 7777, isImpliedPort: false, isSeed: false }).summary;
  const first = await start(t, { bind: '127.0.7.50', bootstrap, tableFile });
  await first.getPeers(HASH).summary;
  await first.stop();
  assert.deepEqual(readdirSync(join(directory, 'below')), ['table']);

  const second = await start(t, { bind: '127.0.7.50', tableFile });
  assert.deepEqual((await collect(second.getPeers(HASH))).map(addressKey), ['127.0.7.2:7777']);
});

test('a file that is no table is a warning, and so is one that cannot be written', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dtorrent-dht-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const tableFile = join(directory, 'table');
  writeFileSync(tableFile, 'this is not bencode');
  const warnings: DtorrentError[] = [];
  const options = { bind: '127.0.7.51', onWarning: (error: DtorrentError) => void warnings.push(error) };
  const garbage = await start(t, { ...options, tableFile });
  assert.match(warnings[0]!.message, /is no table of DHT nodes/);
  await garbage.stop();
  const unwritable = await start(t, { ...options, tableFile: join(tableFile, 'below') });
  await unwritable.stop();
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ['ESTATE', 'ESTATE'],
  );
});

test('a name that has no address fails what is asked, and is a warning', async (t) => {
  const warnings: DtorrentError[] = [];
  const client = await start(t, {
    bind: '127.0.7.52',
    bootstrap: ['no-such-host.invalid:6881'],
    onWarning: (error) => warnings.push(error),
  });
  await assert.rejects(client.scrape(HASH), { code: 'ERESOLVE' });
  await assert.rejects(collect(client.getPeers(HASH)), { code: 'ERESOLVE' });
  assert.equal(warnings.length, 1);
});

test('a name of the other family is no node to begin with', async (t) => {
  const client = await start(t, { bind: '127.0.7.53', bootstrap: ['[::1]:6881'] });
  await assert.rejects(client.get(HASH), { code: 'ERESOLVE' });
});

test('a signal stops what is under way, and a time that is over is told apart', async (t) => {
  // Nobody answers there.
  const client = await start(t, { bind: '127.0.7.54', bootstrap: ['127.0.7.55:9'] });
  const stopping = new AbortController();
  const stopped = client.getMutable({ publicKey: new Uint8Array(32) }, { signal: stopping.signal });
  stopping.abort();
  await assert.rejects(stopped, { code: 'ESTOPPED' });
  await assert.rejects(client.get(HASH, { signal: stopping.signal }), { code: 'ESTOPPED' });
  await assert.rejects(collect(client.getPeers(HASH, { signal: AbortSignal.timeout(1) })), { code: 'ETIMEOUT' });
});

test('stop() ends what is under way, and nothing can be asked after it', async (t) => {
  const client = await start(t, { bind: '127.0.7.56', bootstrap: ['127.0.7.55:9'] });
  const search = client.getPeers(HASH);
  const got = client.get(HASH);
  const both = Promise.all([
    assert.rejects(collect(search), { code: 'ESTOPPED' }),
    assert.rejects(got, { code: 'ESTOPPED' }),
  ]);
  await Promise.all([client.stop(), client.stop()]);
  await both;
  await assert.rejects(client.scrape(HASH), { code: 'ESTOPPED' });
  client.addNode(makeAddress('127.0.0.1', 1)!);
});

test('it listens on, and asks from, every address of a list, and those of an interface that is named', async (t) => {
  const { name } = localInterfaces().find(({ isLoopback }) => isLoopback)!;
  const client = await start(t, { bind: `${name}, 127.0.7.58, 127.0.7.59` });
  const asker = await start(t, { bind: '127.0.7.60', isReadOnly: true });
  for (const host of ['127.0.0.1', '127.0.7.58', '127.0.7.59']) {
    assert.notEqual(await asker.ping(makeAddress(host, client.port)!), null, host);
  }
});

test('what is not there cannot be bound to, and a port that is taken on one address of a list is not had', async (t) => {
  const refused = { code: 'ENETWORK' };
  await assert.rejects(DhtClient.start({ bind: 'no-such0' }), { ...refused, message: /no-such0/ });
  await assert.rejects(DhtClient.start({ bind: '192.0.2.1' }), refused);
  const { port } = await start(t, { bind: '127.0.7.61' });
  await assert.rejects(DhtClient.start({ bind: '127.0.7.62,127.0.7.61', port }), refused);
  await start(t, { bind: '127.0.7.62', port });
});

test('options and arguments that make no sense are refused', async (t) => {
  const refused = { code: 'EOPTION' };
  await assert.rejects(DhtClient.start({ port: 65536 }), refused);
  await assert.rejects(DhtClient.start({ bootstrap: ['no port'] }), refused);
  const client = await start(t, { bind: '127.0.7.57' });
  await assert.rejects(DhtClient.start({ bind: '127.0.7.57', port: client.port }), { code: 'ENETWORK' });
  assert.throws(() => client.getPeers(new Uint8Array(19)), refused);
  await assert.rejects(client.get(new Uint8Array(32)), refused);
  await assert.rejects(client.getMutable({ publicKey: new Uint8Array(31) }), refused);
  await assert.rejects(client.getMutable({ publicKey: new Uint8Array(32), salt: new Uint8Array(65) }), refused);
  await assert.rejects(client.put(new Uint8Array([0x6c])), refused);
  const item = signItem(SEED, { salt: EMPTY_BYTES, sequence: 1n, value: encodeBencode(1) });
  await assert.rejects(client.putMutable({ ...item, sequence: 2n }), refused);
});
