import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { toHex } from '../base/bytes.js';
import { DtorrentError, type ErrorCode } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { HttpClient } from './http.js';
import { type LoadSourceOptions, loadSource, type TorrentSource } from './torrent-source.js';

const TORRENT = Buffer.from('d4:infod6:lengthi1eee');
const V1_HEX = '0123456789abcdef0123456789ABCDEF01234567';
const MAGNET = `magnet:?xt=urn:btih:${V1_HEX}`;

let directory = '';
const servers: Server[] = [];

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'dtorrent-source-'));
});
after(() => {
  rmSync(directory, { recursive: true, force: true });
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function assertFails(
  input: string,
  code: ErrorCode,
  message: RegExp,
  options?: LoadSourceOptions,
): Promise<void> {
  await assert.rejects(loadSource(input, options), (error) => {
    assert.ok(error instanceof DtorrentError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

function v1Of(source: TorrentSource): string {
  assert.ok(source.kind === 'magnet');
  return toHex(source.magnet.infoHash.v1!);
}

test('a path gives the bytes of the file', async () => {
  const path = join(directory, 'a.torrent');
  writeFileSync(path, TORRENT);
  const source = await loadSource(path);
  assert.ok(source.kind === 'metainfo');
  assert.deepEqual(Buffer.from(source.bytes), TORRENT);
});

test('a magnet link is parsed, a malformed one refused', async () => {
  assert.equal(v1Of(await loadSource(MAGNET)), V1_HEX.toLowerCase());
  assert.equal(v1Of(await loadSource(MAGNET.replace('magnet', 'MAGNET'))), V1_HEX.toLowerCase());
  await assertFails('magnet:?dn=nothing', 'EMAGNET', /./);
});

test('bare info-hashes are magnets: 40 hex, 32 base32, 64 hex, 68 hex', async () => {
  assert.equal(v1Of(await loadSource(V1_HEX)), V1_HEX.toLowerCase());
  assert.equal(v1Of(await loadSource('AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH')), V1_HEX.toLowerCase());
  for (const text of ['ab'.repeat(32), `1220${'AB'.repeat(32)}`]) {
    const v2 = await loadSource(text);
    assert.ok(v2.kind === 'magnet');
    assert.equal(toHex(v2.magnet.infoHash.v2!), 'ab'.repeat(32));
  }
});

test('what does not exist is named, with what could have been given', async () => {
  await assertFails(join(directory, 'nothing.torrent'), 'ENOTFOUND', /nothing\.torrent.*magnet link/);
  await assertFails(join(directory, 'a.torrent', 'b'), 'ENOTFOUND', /there is no file/);
  await assertFails(V1_HEX.slice(1), 'ENOTFOUND', /40 or 64 hex/);
});

test('a directory is refused with what to do with it', async () => {
  await assertFails(directory, 'EFILEOPEN', /dtorrent seed/);
});

test('a file above the size limit is refused without reading it', async () => {
  const path = join(directory, 'huge.torrent');
  writeFileSync(path, '');
  truncateSync(path, LIMITS.torrentFileBytesMax + 1);
  await assertFails(path, 'ETORRENT', /larger than 80 MiB/);
});

test('a stream above the size limit is given up', async () => {
  const chunk = new Uint8Array(1024 * 1024);
  let chunks = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      chunks++;
      yield chunk;
    }
  }
  await assertFails('-', 'ETORRENT', /standard input is larger/, { stdin: endless() });
  assert.equal(chunks, LIMITS.torrentFileBytesMax / chunk.length + 1);
});

test('- reads standard input to its end', async () => {
  const stdin = new PassThrough();
  stdin.write(TORRENT.subarray(0, 5));
  stdin.end(TORRENT.subarray(5));
  const source = await loadSource('-', { stdin });
  assert.ok(source.kind === 'metainfo');
  assert.deepEqual(Buffer.from(source.bytes), TORRENT);
});

test('a stop ends the wait for standard input', async () => {
  const stop = new AbortController();
  const failed = assertFails('-', 'ESTOPPED', /stopped/, { stdin: new PassThrough(), signal: stop.signal });
  stop.abort();
  await failed;
  await assertFails(MAGNET, 'ESTOPPED', /stopped/, { signal: stop.signal });
});

test('a URL gives its body, over redirects', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/torrent') return response.end(TORRENT);
    return response.writeHead(302, { location: request.url === '/1' ? '/2' : './torrent' }).end('moved');
  });
  const source = await loadSource(`${url}/1`);
  assert.ok(source.kind === 'metainfo');
  assert.deepEqual(Buffer.from(source.bytes), TORRENT);
});

test('a URL that has nothing, wants a login or breaks says so', async () => {
  const url = await serve((request, response) => response.writeHead(Number(request.url!.slice(1))).end('no'));
  await assertFails(`${url}/404`, 'ENOTFOUND', /answers 404/);
  await assertFails(`${url}/403`, 'EAUTH', /login/);
  await assertFails(`${url}/503`, 'EFAILED', /try again later/);
  await assertFails('http://127.0.0.1:1/x.torrent', 'ENETWORK', /refused/);
  await assertFails('http://[', 'ENETWORK', /not an http/);
});

test('a page where a torrent should be is told apart', async () => {
  const url = await serve((_request, response) => response.end('<html>'));
  await assertFails(url, 'EBENCODE', /not a torrent file, perhaps a web page/);
});

test('a body above the size limit is refused', async () => {
  const url = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': LIMITS.torrentFileBytesMax + 1 });
    response.write('d');
  });
  await assertFails(url, 'ENETWORK', /longer than 83886080 bytes/);
});

test('a server that never answers is given up after the time limit, or when the user stops', async () => {
  let stop = new AbortController();
  const url = await serve(() => stop.abort());
  await assertFails(url, 'ESTOPPED', /stopped/, { signal: stop.signal });
  stop = new AbortController();
  await assertFails(url, 'ETIMEOUT', /no complete answer/, { timeoutMs: 20 });
});

test('without a time limit given, it is the one of the table', async (t) => {
  const get = t.mock.method(HttpClient.prototype, 'get');
  const url = await serve((_request, response) => response.end(TORRENT));
  await loadSource(url);
  assert.equal(get.mock.calls[0]!.arguments[0].timeoutMs, LIMITS.torrentFileUrlTimeoutMs);
});
