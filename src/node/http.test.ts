import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { HttpRequest, HttpResponse } from '../host/network.js';
import { HttpClient } from './http.js';

const MIB = 1024 * 1024;
const BODY = 'd8:intervali1800e5:peers0:e';

let client: HttpClient;
let servers: (Server | TcpServer)[];

beforeEach(() => {
  client = new HttpClient();
  servers = [];
});
afterEach(async () => {
  await client.close();
  for (const server of servers) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  }
});

/** @returns `127.0.0.1:port` */
async function serve(listener: RequestListener, host = '127.0.0.1'): Promise<string> {
  const server = createServer(listener).listen(0, host);
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Reads the first line of a request as raw bytes, where node:http would refuse or change it. */
async function serveRaw(onRequestLine: (line: string) => void): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (data) => {
      onRequestLine(data.toString('latin1').split('\r\n')[0]!);
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    });
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function get(url: string, options: Partial<HttpRequest> = {}): Promise<HttpResponse | DtorrentError> {
  return new Promise((resolve) => {
    let calls = 0;
    client.get(
      {
        url,
        userAgent: 'dtorrent/test',
        timeoutMs: 10_000,
        bodyBytesMax: MIB,
        redirectsMax: 3,
        bindHost: '',
        family: 0,
        ...options,
      },
      (result) => {
        assert.equal(++calls, 1);
        resolve(result);
      },
    );
    assert.equal(calls, 0, 'done ran inside get()');
  });
}

async function getOk(url: string, options: Partial<HttpRequest> = {}): Promise<HttpResponse> {
  const result = await get(url, options);
  if (result instanceof DtorrentError) throw result;
  return result;
}

async function getError(url: string, options: Partial<HttpRequest> = {}): Promise<DtorrentError> {
  const result = await get(url, options);
  assert.ok(result instanceof DtorrentError, 'it should have failed');
  return result;
}

function compressQuickly(body: Uint8Array): Buffer {
  return brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
}

const textOf = (response: HttpResponse): string => Buffer.from(response.body).toString('latin1');

describe('HttpClient', () => {
  test('a GET gives status and body, and sends the user agent', async () => {
    let seen: IncomingMessage | null = null;
    const host = await serve((request, response) => {
      seen = request;
      response.statusCode = 404;
      response.end(BODY);
    });
    const response = await getOk(`http://${host}/announce`);
    assert.equal(response.status, 404);
    assert.equal(textOf(response), BODY);
    assert.equal(seen!.headers['user-agent'], 'dtorrent/test');
    assert.equal(seen!.headers.host, host);
    assert.equal(seen!.headers.authorization, undefined);
  });

  test('a POST sends its body and headers, and hears what a failure has to say', async () => {
    let seen: IncomingMessage | null = null;
    let body = '';
    const host = await serve((request, response) => {
      seen = request;
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        response.statusCode = 500;
        response.end('<fault/>');
      });
    });
    const post = {
      headers: { 'Content-Type': 'text/xml', SOAPAction: '"urn:x#Do"' },
      body: new TextEncoder().encode('<do/>'),
    };
    const response = await getOk(`http://${host}/control`, { post });
    assert.equal(response.status, 500);
    assert.equal(textOf(response), '<fault/>');
    assert.equal(seen!.method, 'POST');
    assert.equal(seen!.headers['soapaction'], '"urn:x#Do"');
    assert.equal(seen!.headers['content-type'], 'text/xml');
    assert.equal(seen!.headers['content-length'], '5');
    assert.equal(body, '<do/>');
  });

  test('path and query go out byte for byte', async () => {
    const lines: string[] = [];
    const host = await serveRaw((line) => lines.push(line));
    const exact = [
      '/a/../b/%2e%2e/./announce?info_hash=%aB%00%7e~!\'()*"<>`{}|\\^&x=%zz',
      '/announce?info_hash=%12%34&peer_id=-DT0001-%FF',
      '//double//slash?a?b=c/d',
    ];
    for (const path of exact) await getOk(`http://${host}${path}`);
    await getOk(`http://${host}?only=query`);
    await getOk(`http://${host}#fragment`);
    await getOk(`http://${host}/p#fragment?x`);
    await getOk(`http://${host}/with space/ü/\ud83d\ude00/\ud800`);
    assert.deepEqual(lines, [
      ...exact.map((path) => `GET ${path} HTTP/1.1`),
      'GET /?only=query HTTP/1.1',
      'GET / HTTP/1.1',
      'GET /p HTTP/1.1',
      'GET /with%20space/%C3%BC/%F0%9F%98%80/%EF%BF%BD HTTP/1.1',
    ]);
  });

  test('credentials in the URL become basic authorization', async () => {
    let authorization: string | undefined;
    const host = await serve((request, response) => {
      authorization = request.headers.authorization;
      response.end();
    });
    await getOk(`http://us%40er:p%ass@${host}/`);
    assert.equal(authorization, `Basic ${Buffer.from('us@er:p%ass').toString('base64')}`);
  });

  for (const [name, encoding, body] of [
    ['gzip', 'gzip', gzipSync(BODY)],
    ['x-gzip in capitals', 'X-GZIP', gzipSync(BODY)],
    ['gzip that says nothing', '', gzipSync(BODY)],
    ['deflate', 'deflate', deflateSync(BODY)],
    ['deflate without its header', 'deflate', deflateRawSync(BODY)],
    ['brotli', 'br', brotliCompressSync(BODY)],
    ['plain text that claims to be gzip', 'gzip', Buffer.from(BODY)],
    ['identity', 'identity', Buffer.from(BODY)],
  ] as const) {
    test(`a body is decompressed: ${name}`, async () => {
      const host = await serve((_request, response) => {
        if (encoding !== '') response.setHeader('content-encoding', encoding);
        response.end(body);
      });
      assert.equal(textOf(await getOk(`http://${host}/`)), BODY);
    });
  }

  test('a body that cannot be decompressed is an error', async () => {
    for (const [encoding, body] of [
      ['gzip', gzipSync(BODY).subarray(0, 20)],
      ['br', Buffer.from('nonsense')],
      ['zstd', Buffer.from(BODY)],
    ] as const) {
      const host = await serve((_request, response) => response.setHeader('content-encoding', encoding).end(body));
      const error = await getError(`http://${host}/`);
      assert.equal(error.code, 'ENETWORK');
      assert.match(error.message, /^cannot decompress the answer of 127/);
    }
  });

  test('a body of the limit is taken, one byte more is not, with and without a length', async () => {
    for (const declared of [true, false]) {
      const host = await serve((request, response) => {
        const body = Buffer.alloc(Number(request.url!.slice(1)));
        if (declared) response.setHeader('content-length', body.length);
        else response.flushHeaders();
        response.end(body);
      });
      assert.equal((await getOk(`http://${host}/5000`, { bodyBytesMax: 5000 })).body.length, 5000);
      const error = await getError(`http://${host}/5001`, { bodyBytesMax: 5000 });
      assert.match(error.message, /is longer than 5000 bytes/);
      assert.equal((await getOk(`http://${host}/0`, { bodyBytesMax: 0 })).body.length, 0);
    }
  });

  test('an endless body is cut off at the limit', async () => {
    let sentBytes = 0;
    const chunk = Buffer.alloc(64 * 1024);
    let closed: Promise<unknown> = Promise.resolve();
    const host = await serve((_request, response) => {
      closed = once(response, 'close');
      const pump = (): void => {
        while (sentBytes < 1024 * MIB && !response.destroyed) {
          sentBytes += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', pump);
            return;
          }
        }
        response.end();
      };
      pump();
    });
    const error = await getError(`http://${host}/`);
    assert.match(error.message, /is longer than 1048576 bytes/);
    await closed;
    assert.ok(sentBytes < 64 * MIB, `${sentBytes} bytes were sent`);
  });

  for (const [encoding, compress] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', compressQuickly],
  ] as const) {
    test(`a ${encoding} bomb is refused without being unpacked`, async () => {
      const bomb = compress(Buffer.alloc(256 * MIB));
      assert.ok(bomb.length < MIB);
      const host = await serve((_request, response) => response.setHeader('content-encoding', encoding).end(bomb));
      const before = process.memoryUsage.rss();
      const error = await getError(`http://${host}/`);
      assert.match(error.message, /is longer than 1048576 bytes/);
      assert.ok(process.memoryUsage.rss() - before < 64 * MIB);
    });
  }

  test('redirects are followed up to the maximum, and a loop ends', async () => {
    let requests = 0;
    const host = await serve((request, response) => {
      requests++;
      const left = Number(request.url!.slice(1));
      if (left === 0) response.end(BODY);
      else response.writeHead([301, 302, 303, 307, 308][left % 5]!, { location: `/${left - 1}` }).end('moved');
    });
    assert.equal(textOf(await getOk(`http://${host}/3`)), BODY);
    assert.equal(requests, 4);
    assert.match((await getError(`http://${host}/4`)).message, /redirects more than 3 times/);
    assert.equal(requests, 8);
    assert.match((await getError(`http://${host}/1`, { redirectsMax: 0 })).message, /redirects more than 0 times/);
  });

  test('an absolute redirect keeps its bytes, and its endless body is not read', async () => {
    let line = '';
    const target = await serveRaw((seen) => {
      line = seen;
    });
    const host = await serve((_request, response) => {
      response.writeHead(302, { location: `http://${target}/x/../%aB?q='` });
      response.write(Buffer.alloc(MIB));
    });
    assert.equal((await getOk(`http://${host}/`)).status, 200);
    assert.equal(line, "GET /x/../%aB?q=' HTTP/1.1");
  });

  test('a redirect to another scheme is refused', async () => {
    for (const location of ['file:///etc/passwd', 'ftp://127.0.0.1/', 'javascript:0', 'http://', 'http://a:b:c/']) {
      const host = await serve((_request, response) => response.writeHead(302, { location }).end());
      const error = await getError(`http://${host}/`);
      assert.equal(error.code, 'ENETWORK');
      assert.match(error.message, /redirects to something that is not http/);
    }
  });

  test('a redirect without a location is an answer', async () => {
    const host = await serve((_request, response) => response.writeHead(302).end(BODY));
    const response = await getOk(`http://${host}/`);
    assert.deepEqual([response.status, textOf(response)], [302, BODY]);
  });

  test('a public host cannot redirect into the local network, by address, by name, or over another public host', async () => {
    // For this test 127.0.0.1 is public and the rest of the machine is the local network.
    client = new HttpClient({ isPrivate: (address) => address.host !== '127.0.0.1' });
    let reached = 0;
    const onLan: RequestListener = (_request, response) => {
      reached++;
      response.end('secret');
    };
    const lan = await serve(onLan, '::1');
    const locations = [`http://${lan}/`, `http://localhost:${lan.split(':').at(-1)}/`];
    for (const location of locations) {
      const host = await serve((request, response) => {
        response.writeHead(302, { location: request.url === '/hop' ? location : '/hop' }).end();
      });
      const error = await getError(`http://${host}/`);
      assert.equal(error.code, 'ENETWORK');
    }
    assert.equal(reached, 0);
    // Within the local network, and out of it, redirects are nobody's trouble.
    const outside = await serve((_request, response) => response.end(BODY));
    const inside = await serve(
      (_request, response) => response.writeHead(302, { location: `http://${outside}/` }).end(),
      '::1',
    );
    assert.equal(textOf(await getOk(`http://${inside}/`)), BODY);
    assert.match(
      (await getError(`http://${await serve((_q, r) => r.writeHead(302, { location: locations[0]! }).end())}/`))
        .message,
      /redirects into the local network/,
    );
  });

  test('the time limit covers a silent server, a dripping body and a chain of redirects', async () => {
    const silent = await serve(() => {});
    const dripping = await serve((_request, response) => {
      response.setHeader('content-length', 100);
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const redirecting = await serve((_request, response) => {
      setTimeout(() => response.writeHead(302, { location: '/' }).end(), 30);
    });
    for (const host of [silent, dripping, redirecting]) {
      const startedAt = performance.now();
      const error = await getError(`http://${host}/`, { timeoutMs: 200, redirectsMax: 1000 });
      assert.equal(error.code, 'ETIMEOUT');
      assert.match(error.message, /^no complete answer from 127\.0\.0\.1:\d+ within 0\.2 seconds/);
      assert.ok(performance.now() - startedAt < 2000);
    }
  });

  test('a cancelled exchange is never heard of again, and its connection is closed', async () => {
    let onRequest: (response: ServerResponse) => void = () => {};
    const requested = new Promise<ServerResponse>((resolve) => {
      onRequest = resolve;
    });
    const host = await serve((_request, response) => onRequest(response));
    const options = {
      userAgent: '',
      timeoutMs: 5000,
      bodyBytesMax: MIB,
      redirectsMax: 0,
      bindHost: '',
      family: 0,
    } as const;
    const exchange = client.get({ url: `http://${host}/`, ...options }, () => assert.fail('done after cancel'));
    const response = await requested;
    const closed = once(response, 'close');
    exchange.cancel();
    exchange.cancel();
    await closed;
    client.get({ url: `http://${host}/`, ...options }, () => assert.fail('done after cancel')).cancel();
    client.get({ url: 'nonsense', ...options }, () => assert.fail('done after cancel')).cancel();
  });

  test('what cannot be reached is an error that says why', async () => {
    const host = await serve(() => {});
    servers[0]!.close();
    await once(servers[0]!, 'close');
    const refused = await getError(`http://${host}/`);
    assert.equal(refused.code, 'ENETWORK');
    assert.equal(refused.message, `cannot get an answer from ${host}: connection refused`);
    const unknown = await getError('http://no-such-name.invalid/');
    assert.match(unknown.message, /^cannot get an answer from no-such-name\.invalid: /);
  });

  test('a server that hangs up or talks nonsense is an error', async () => {
    for (const answer of ['', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc', 'garbage\r\n\r\n']) {
      const server = createTcpServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.end(answer));
      }).listen(0, '127.0.0.1');
      servers.push(server);
      await once(server, 'listening');
      const error = await getError(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      assert.equal(error.code, 'ENETWORK');
    }
  });

  test('headers without end are refused', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write(`x: ${'y'.repeat(10_000)}\r\n`), 1);
      socket.on('close', () => clearInterval(timer));
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const error = await getError(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    assert.match(error.message, /headers of the answer are too long/);
  });

  test('what is no http URL is refused', async () => {
    for (const url of [
      '',
      'announce',
      'file:///etc/passwd',
      'http://',
      'http://a b/',
      'http:/x',
      'http://a\\@b/',
      'udp://a:1/',
    ]) {
      const error = await getError(url);
      assert.match(error.message, /^not an http or https URL/, url);
    }
  });

  test('the local address and the family can be chosen', async () => {
    const from: string[] = [];
    const listener: RequestListener = (request, response) => {
      from.push(request.socket.remoteAddress!);
      response.end();
    };
    const port = (await serve(listener, '::')).split(':').at(-1);
    await getOk(`http://127.0.0.1:${port}/`, { bindHost: '127.0.0.5' });
    await getOk(`http://localhost:${port}/`, { bindHost: '127.0.0.6' });
    await getOk(`http://localhost:${port}/`, { family: 4 });
    await getOk(`http://[::1]:${port}/`, { family: 6 });
    assert.deepEqual(
      from.map((address) => address.replace('::ffff:', '')),
      ['127.0.0.5', '127.0.0.6', '127.0.0.1', '::1'],
    );
    const error = await getError(`http://127.0.0.1:${port}/`, { bindHost: '192.0.2.77' });
    assert.match(error.message, /this machine does not have that address/);
  });

  test('one origin gets so many connections and no more; further requests wait their turn', async () => {
    const waiting: ServerResponse[] = [];
    let most = 0;
    const host = await serve((_request, response) => {
      waiting.push(response);
      most = Math.max(most, waiting.length);
      if (waiting.length === LIMITS.httpConnectionsPerOriginMax) {
        setImmediate(() => {
          for (const held of waiting.splice(0)) held.end(BODY);
        });
      }
    });
    const count = 2 * LIMITS.httpConnectionsPerOriginMax;
    const responses = await Promise.all(Array.from({ length: count }, () => getOk(`http://${host}/`)));
    assert.ok(responses.every((response) => textOf(response) === BODY));
    assert.equal(most, LIMITS.httpConnectionsPerOriginMax);
  });

  test('a row of announces to one host goes over one connection, and as many rows over as many', async () => {
    for (const rows of [1, 4]) {
      const ports = new Set<number>();
      let requests = 0;
      const host = await serve((request, response) => {
        ports.add(request.socket.remotePort!);
        requests++;
        // Some trackers say how long their answer is, others end it with a last chunk.
        if (requests % 2 === 0) response.setHeader('content-length', BODY.length);
        response.end(BODY);
      });
      const row = async (): Promise<void> => {
        for (let i = 0; i < 25; i++) await getOk(`http://${host}/announce?info_hash=${i}`);
      };
      await Promise.all(Array.from({ length: rows }, row));
      assert.equal(requests, rows * 25);
      assert.ok(ports.size <= rows, `${ports.size} connections for ${rows} rows`);
    }
  });

  test('a tracker that closes after each answer is asked over a new connection each time', async () => {
    const lines: string[] = [];
    const host = await serveRaw((line) => lines.push(line));
    for (let i = 0; i < 5; i++) await getOk(`http://${host}/${i}`);
    assert.equal(lines.length, 5);
  });

  test('close fails what is under way', async () => {
    let onRequest: () => void = () => {};
    const requested = new Promise<void>((resolve) => {
      onRequest = resolve;
    });
    const host = await serve(() => onRequest());
    const pending = getError(`http://${host}/`);
    await requested;
    await client.close();
    assert.equal((await pending).code, 'ESTOPPED');
    assert.equal((await getError(`http://${host}/`)).code, 'ESTOPPED');
  });
});
