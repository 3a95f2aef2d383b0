import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Server as HttpServer } from 'node:http';
import { connect, createServer as createTcpServer, Server as NetServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { addressKey, makeAddress } from '../base/address.js';
import { EMPTY_BYTES, fromLatin1 } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { SeededRandom } from '../base/random.js';
import {
  AnnounceFailure,
  type AnnounceRequest,
  type AnnounceResponse,
  type AnnounceResult,
} from '../protocol/tracker/announce.js';
import { announceUrl, parseAnnounceResponse, parseScrapeResponse, scrapeUrl } from '../protocol/tracker/http.js';
import { UdpTrackerCore } from '../protocol/tracker/udp.js';
import {
  startTracker,
  startTrackerWithin,
  type TrackerConnectionLimits,
  type TrackerHandle,
} from './tracker-listener.js';

const REQUEST: AnnounceRequest = {
  infoHash: fromLatin1('\0\xff%+&= \x80abcdefghijkl'),
  peerId: fromLatin1('-DT0001-abcdefghijkl'),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1000,
  event: 'started',
  numWant: 50,
  key: 1,
  trackerId: null,
};

async function start(t: TestContext, host = '127.0.0.1', limits?: TrackerConnectionLimits): Promise<TrackerHandle> {
  const options = { host, port: 0 };
  const tracker = await (limits === undefined ? startTracker(options) : startTrackerWithin(options, limits));
  t.after(() => tracker.close());
  return tracker;
}

function responseOf(result: AnnounceResult): AnnounceResponse {
  if (result instanceof AnnounceFailure) throw result.error;
  return result;
}

async function announceHttp(tracker: TrackerHandle, given: Partial<AnnounceRequest> = {}): Promise<AnnounceResponse> {
  const url = announceUrl(`http://127.0.0.1:${tracker.port}/announce`, { ...REQUEST, ...given });
  const response = await fetch(url);
  return responseOf(parseAnnounceResponse(response.status, new Uint8Array(await response.arrayBuffer())));
}

/** Our own client over a real socket; loopback loses nothing, so nothing is sent twice. */
async function announceUdp(
  tracker: TrackerHandle,
  host: string,
  given: Partial<AnnounceRequest> = {},
): Promise<AnnounceResponse> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    const result = await new Promise<AnnounceResult>((resolve) => {
      const core = new UdpTrackerCore({
        random: new SeededRandom(1),
        send: (packet, to) => socket.send(packet, to.port, to.host),
      });
      socket.on('message', (packet, from) => core.receive(packet, makeAddress(from.address, from.port)!, 0));
      core.announce(makeAddress(host, tracker.port)!, { ...REQUEST, ...given }, EMPTY_BYTES, 0, resolve);
    });
    return responseOf(result);
  } finally {
    socket.close();
  }
}

/** Writes `bytes` to the HTTP port. @returns all that came back until the tracker closed. */
async function rawHttp(tracker: TrackerHandle, bytes: string): Promise<string> {
  const socket = connect(tracker.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.write(Buffer.from(bytes, 'latin1'));
  await once(socket, 'close');
  return answer;
}

test('HTTP and UDP are served on one port, and share their swarms', async (t) => {
  const tracker = await start(t);
  assert.deepEqual((await announceHttp(tracker)).peers, []);
  const byUdp = await announceUdp(tracker, '127.0.0.1', { port: 7000 });
  assert.deepEqual(byUdp.peers.map(addressKey), ['127.0.0.1:6881']);
  const byHttp = await announceHttp(tracker, { port: 8000, left: 0 });
  assert.deepEqual(byHttp.peers.map(addressKey).sort(), ['127.0.0.1:6881', '127.0.0.1:7000']);
  assert.deepEqual(byHttp.externalIps, ['127.0.0.1']);
  const { swarms, peers, seeds, announces } = tracker.stats();
  assert.deepEqual([swarms, peers, seeds, announces], [1, 3, 1, 3]);
});

test('without a host every address is served, and IPv4 stays IPv4', async (t) => {
  const tracker = await start(t, '');
  assert.deepEqual((await announceHttp(tracker)).externalIps, ['127.0.0.1']);
  const response = await announceUdp(tracker, '::1', { port: 7000 });
  assert.deepEqual([response.leechers, response.peers.length], [2, 0]);
  assert.deepEqual((await announceUdp(tracker, '127.0.0.1', { port: 7001 })).peers.map(addressKey), ['127.0.0.1:6881']);
});

test('scrapes and the front page are served', async (t) => {
  const tracker = await start(t);
  await announceHttp(tracker);
  const scrape = await fetch(scrapeUrl(`http://127.0.0.1:${tracker.port}/announce`, [REQUEST.infoHash])!);
  const answer = parseScrapeResponse(scrape.status, new Uint8Array(await scrape.arrayBuffer()), [REQUEST.infoHash]);
  assert.deepEqual(answer, { counts: [{ seeds: 0, leechers: 1, completed: 0 }], minIntervalMs: null });
  const front = await fetch(`http://127.0.0.1:${tracker.port}/`);
  assert.match(await front.text(), /^dtorrent .*torrents 1\npeers 1\nseeds 0\nannounces 1\nscrapes 1\n$/s);
});

test('what is not for a tracker is refused', async (t) => {
  const tracker = await start(t);
  const base = `http://127.0.0.1:${tracker.port}`;
  assert.equal((await fetch(`${base}/elsewhere`)).status, 404);
  assert.equal((await fetch(`${base}/announce`, { method: 'POST', body: 'x' })).status, 405);
  assert.equal((await fetch(`${base}/announce?${'x'.repeat(LIMITS.trackerServerRequestLineBytesMax)}`)).status, 414);
});

test('garbage, on either protocol, ends the connection and nothing else', async (t) => {
  const tracker = await start(t);
  const endless = `GET /announce HTTP/1.1\r\nX: ${'x'.repeat(3 * LIMITS.trackerServerRequestLineBytesMax)}`;
  for (const garbage of ['\0\x01\x02\r\n\r\n', 'd8:announcee\r\n\r\n', '\x13BitTorrent protocol'.repeat(4), endless]) {
    assert.match(await rawHttp(tracker, garbage), /^HTTP\/1\.1 400 |^$/);
  }
  const socket = createSocket('udp4');
  const random = new SeededRandom(3);
  for (let i = 0; i < 200; i++) {
    const packet = new Uint8Array(random.uint32() % 200);
    random.fill(packet);
    await new Promise((resolve) => socket.send(packet, tracker.port, '127.0.0.1', resolve));
  }
  socket.close();
  assert.equal((await announceHttp(tracker)).leechers, 1);
  assert.equal((await announceUdp(tracker, '127.0.0.1')).leechers, 1);
});

test('a raw hash, hardly escaped at all, is understood', async (t) => {
  const tracker = await start(t);
  await announceHttp(tracker, { infoHash: fromLatin1("!'()*,:;@/~-._0123AZ") });
  const target = `/announce?info_hash=!'()*,:;@/~-._0123AZ&peer_id=${'x'.repeat(20)}&port=9&left=0`;
  const answer = await rawHttp(tracker, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  assert.match(answer, /10:incompletei1e/);
});

test('a connection is kept for the next announce', async (t) => {
  const tracker = await start(t);
  const request = 'GET / HTTP/1.1\r\nHost: x\r\n';
  const answer = await rawHttp(tracker, `${request}\r\n${request}Connection: close\r\n\r\n`);
  assert.equal(answer.split('HTTP/1.1 200 OK').length, 3);
});

test('connections are limited in number, and idle and slow ones are closed', async (t) => {
  const tracker = await start(t, '127.0.0.1', { connectionsMax: 2, requestTimeoutMs: 100, idleTimeoutMs: 50 });
  const open = async (): Promise<Socket> => {
    const socket = connect(tracker.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    await once(socket, 'connect');
    return socket;
  };
  const slow = await open();
  slow.write('GET /announce?');
  const silent = await open();
  const third = await open();
  await once(third, 'close'); // there is no room
  await Promise.all([once(slow, 'close'), once(silent, 'close')]);
  const idle = await open();
  idle.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(idle, 'close');
});

test('without limits given, those of the table hold', async (t) => {
  const listen = t.mock.method(NetServer.prototype, 'listen');
  await start(t);
  const server = listen.mock.calls[0]!.this;
  assert.ok(server instanceof HttpServer);
  assert.equal(server.maxConnections, LIMITS.trackerServerConnectionsMax);
  assert.equal(server.requestTimeout, LIMITS.trackerServerRequestTimeoutMs);
  assert.equal(server.headersTimeout, LIMITS.trackerServerRequestTimeoutMs);
  assert.equal(server.keepAliveTimeout, LIMITS.trackerServerIdleTimeoutMs);
});

test('a port that is taken on one of the two protocols is an error that says so', async (t) => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  const server = createTcpServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  for (const port of [socket.address().port, (server.address() as { port: number }).port]) {
    await assert.rejects(
      startTracker({ host: '127.0.0.1', port }),
      (error) => error instanceof DtorrentError && error.code === 'ENETWORK' && error.message.includes(`${port}`),
    );
  }
});

test('an interval is told to peers, and one out of range is refused', async (t) => {
  const tracker = await startTracker({ host: '127.0.0.1', port: 0, intervalSeconds: 120 });
  t.after(() => tracker.close());
  const { intervalMs, minIntervalMs } = await announceHttp(tracker);
  assert.deepEqual([intervalMs, minIntervalMs], [120_000, 120_000]);
  for (const intervalSeconds of [0, -1, 1.5, 86_401, Number.NaN]) {
    await assert.rejects(
      startTracker({ host: '127.0.0.1', port: 0, intervalSeconds }),
      (error) => error instanceof DtorrentError && error.code === 'EOPTION',
    );
  }
});

test('after close the port is free again, and open connections are gone', async () => {
  const tracker = await startTracker({ host: '127.0.0.1', port: 0 });
  const socket = connect(tracker.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await tracker.close();
  await closed;
  const again = await startTracker({ host: '127.0.0.1', port: tracker.port });
  await again.close();
});
