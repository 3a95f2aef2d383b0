import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { makeAddress } from '../base/address.js';
import type { DtorrentError } from '../base/errors.js';
import { SILENT_LOG } from '../host/log.js';
import type { ByteStream, ByteStreamHandler, Network } from '../host/network.js';
import { type ByteStreamHarness, describeByteStream } from '../host/testing/byte-stream-conformance.js';
import { type TcpOptions, TcpTransport } from './tcp.js';

const UNTIL_MS_MAX = 30_000;

function harnessOn(host: string, options: Partial<TcpOptions> = {}): () => ByteStreamHarness {
  return () => {
    const transport = makeTransport(options);
    return {
      diallerNetwork: transport as unknown as Network,
      listenerNetwork: transport as unknown as Network,
      listenerHost: host,
      diallerHost: host,
      until,
      close: () => new Promise((resolve) => transport.close(resolve)),
    };
  };
}

function makeTransport(options: Partial<TcpOptions> = {}): TcpTransport {
  const isPosix = process.platform !== 'win32';
  return new TcpTransport({ log: SILENT_LOG, sharesReadBuffer: isPosix, movesAcceptedSockets: isPosix, ...options });
}

/** Lets the event loop turn, without sleeping, until `condition` holds. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + UNTIL_MS_MAX;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'the condition did not come true in time');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describeByteStream('TCP, IPv4', harnessOn('127.0.0.1'));
describeByteStream('TCP, IPv6', harnessOn('::1'));
describeByteStream('TCP, accepted sockets on data events', harnessOn('127.0.0.1', { movesAcceptedSockets: false }));
describeByteStream('TCP, a read buffer for each socket', harnessOn('127.0.0.1', { sharesReadBuffer: false }));

const QUIET: ByteStreamHandler = { onOpen() {}, onData() {}, onWritten() {}, onClose() {} };

/** A listener of ours and a plain socket connected to it. */
async function acceptPlainSocket(
  transport: TcpTransport,
  handler: ByteStreamHandler,
): Promise<{ socket: Socket; stream: ByteStream }> {
  let stream: ByteStream | null = null;
  const port = await new Promise<number>((resolve, reject) => {
    transport.listen(
      { host: '127.0.0.1', port: 0 },
      {
        onListening: resolve,
        onError: reject,
        onConnection: (accepted) => {
          accepted.handler = handler;
          stream = accepted;
        },
      },
    );
  });
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await until(() => stream !== null);
  return { socket, stream: stream! };
}

describe('TcpTransport', () => {
  test('a peer that resets the connection closes the stream with an error that says so', async () => {
    const transport = makeTransport();
    let closedWith: DtorrentError | null | undefined;
    const { socket } = await acceptPlainSocket(transport, {
      ...QUIET,
      onClose: (error) => {
        closedWith = error;
      },
    });
    socket.resetAndDestroy();
    await until(() => closedWith !== undefined);
    assert.equal(closedWith?.code, 'ENETWORK');
    assert.match(closedWith?.message ?? '', /^lost the connection to 127\.0\.0\.1:\d+: connection reset/);
    await new Promise<void>((resolve) => transport.close(resolve));
  });

  test('a peer that ends its half of the connection closes the stream, after its last bytes', async () => {
    const transport = makeTransport();
    let receivedBytes = 0;
    let closedWith: DtorrentError | null | undefined;
    const { socket } = await acceptPlainSocket(transport, {
      ...QUIET,
      onData: (chunk) => {
        receivedBytes += chunk.length;
      },
      onClose: (error) => {
        closedWith = error;
      },
    });
    socket.end(Buffer.alloc(300_000));
    await until(() => closedWith !== undefined);
    assert.equal(closedWith, null);
    assert.equal(receivedBytes, 300_000);
    await new Promise<void>((resolve) => transport.close(resolve));
  });

  for (const throwing of ['onData', 'onOpen', 'onWritten'] as const) {
    test(`a handler that throws in ${throwing} loses its stream, not the process`, async () => {
      const logged: string[] = [];
      const log = { isEnabled: () => true, write: (_level: string, message: string) => logged.push(message) };
      const transport = makeTransport({ log });
      const server = createServer((socket) => {
        socket.on('error', () => {});
        socket.write('hello');
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      let closedWith: DtorrentError | null | undefined;
      const handler: ByteStreamHandler = {
        ...QUIET,
        onClose: (error) => {
          closedWith = error;
          throw new Error('a bug in onClose too');
        },
        [throwing]: () => {
          throw new Error('a bug');
        },
      };
      const stream = transport.dial(makeAddress('127.0.0.1', port)!, { bindHost: '', timeoutMs: 5000 }, handler);
      stream.write(new Uint8Array(3));
      await until(() => closedWith !== undefined);
      assert.equal(closedWith?.code, 'EINTERNAL');
      assert.match(closedWith?.message ?? '', /a bug/);
      assert.equal(logged.length, 2);
      server.close();
      await new Promise<void>((resolve) => transport.close(resolve));
    });
  }

  test('a connection that the listener does not take over is closed', async () => {
    const transport = makeTransport();
    const port = await new Promise<number>((resolve, reject) => {
      transport.listen(
        { host: '127.0.0.1', port: 0 },
        { onListening: resolve, onError: reject, onConnection: () => {} },
      );
    });
    const socket = connect(port, '127.0.0.1');
    socket.resume();
    await once(socket, 'close');
    await new Promise<void>((resolve) => transport.close(resolve));
  });

  test('a dial that gets no answer fails at its timeout', async () => {
    // A listener that never accepts: once its queue is full the kernel drops further SYNs.
    const transport = makeTransport();
    const stalled = createServer({ pauseOnConnect: true }).listen({ host: '127.0.0.1', port: 0, backlog: 1 });
    await once(stalled, 'listening');
    const { port } = stalled.address() as { port: number };
    let closedWith: DtorrentError | null | undefined;
    let opened = false;
    const stream = transport.dial(
      makeAddress('127.0.0.1', port)!,
      { bindHost: '', timeoutMs: 0 },
      {
        ...QUIET,
        onOpen: () => {
          opened = true;
        },
        onClose: (error) => {
          closedWith = error;
        },
      },
    );
    // Holds the event loop past the timeout, so that it is due before the connection can be seen to be made.
    const busyUntil = performance.now() + 20;
    while (performance.now() < busyUntil);
    await until(() => closedWith !== undefined || opened);
    assert.equal(opened, false);
    assert.equal(closedWith?.code, 'ETIMEOUT');
    assert.match(closedWith?.message ?? '', /^cannot connect to 127\.0\.0\.1:\d+: no answer within 0 seconds$/);
    stream.close();
    stalled.close();
    await new Promise<void>((resolve) => transport.close(resolve));
  });

  test('an IPv4 peer of the dual-stack listener has an IPv4 address', async () => {
    const transport = makeTransport();
    let remote = '';
    const port = await new Promise<number>((resolve, reject) => {
      transport.listen(
        { host: '', port: 0 },
        {
          onListening: resolve,
          onError: reject,
          onConnection: (stream) => {
            stream.handler = QUIET;
            remote = stream.remote.host;
          },
        },
      );
    });
    const socket = connect(port, '127.0.0.1');
    await until(() => remote !== '');
    assert.equal(remote, '127.0.0.1');
    socket.destroy();
    await new Promise<void>((resolve) => transport.close(resolve));
  });

  test('a host to listen on that is no address is an error', async () => {
    const transport = makeTransport();
    const error = await new Promise<DtorrentError>((resolve) => {
      transport.listen(
        { host: '192.0.2.77', port: 0 },
        { onListening: () => assert.fail(), onConnection: () => {}, onError: resolve },
      );
    });
    assert.equal(error.code, 'ENETWORK');
    assert.match(error.message, /^cannot listen on 192\.0\.2\.77:0: this machine does not have that address/);
    await new Promise<void>((resolve) => transport.close(resolve));
  });

  test('close leaves no stream, listener or timer behind', async () => {
    const transport = makeTransport();
    const closed: string[] = [];
    const { socket } = await acceptPlainSocket(transport, { ...QUIET, onClose: () => closed.push('accepted') });
    transport.dial(
      makeAddress('127.0.0.1', 9)!,
      { bindHost: '', timeoutMs: 100_000 },
      { ...QUIET, onClose: () => closed.push('dialled') },
    );
    await new Promise<void>((resolve) => transport.close(resolve));
    assert.deepEqual(closed.sort(), ['accepted', 'dialled']);
    socket.destroy();
  });
});
