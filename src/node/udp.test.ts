import assert from 'node:assert/strict';
import { createSocket, Socket } from 'node:dgram';
import { once } from 'node:events';
import { describe, mock, test } from 'node:test';
import { type Address, makeAddress } from '../base/address.js';
import type { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { SILENT_LOG } from '../host/log.js';
import type { DatagramHandler, DatagramOptions } from '../host/network.js';
import { UdpSocket } from './udp.js';

type Received = (packet: Uint8Array, from: Address) => void;

/** Opens a socket and waits until it is bound. */
async function open(
  options: DatagramOptions,
  onDatagram: Received = () => {},
): Promise<{ socket: UdpSocket; port: number }> {
  let socket!: UdpSocket;
  const port = await new Promise<number>((resolve, reject) => {
    socket = newSocket(options, { onListening: resolve, onError: reject, onDatagram });
  });
  return { socket, port };
}

function newSocket(options: DatagramOptions, handler: DatagramHandler, log = SILENT_LOG): UdpSocket {
  const socket = new UdpSocket(options, handler, log, () => {});
  socket.open();
  return socket;
}

describe('UdpSocket', () => {
  for (const host of ['127.0.0.1', '::1']) {
    test(`a datagram reaches a socket that is bound to every address by ${host}, and can be answered`, async () => {
      const received = await new Promise<string>((resolve) => {
        const client = open({ host, port: 0 }, (packet) => {
          resolve(Buffer.from(packet).toString());
          void client.then(({ socket }) => socket.close());
          void server.then(({ socket }) => socket.close());
        });
        const server = open({ host: '', port: 0 }, (packet, from) => {
          assert.equal(from.host, host);
          void server.then(({ socket }) => socket.send(Buffer.from(`pong ${Buffer.from(packet).toString()}`), from));
        });
        void Promise.all([client, server]).then(([{ socket }, { port }]) => {
          const packet = Buffer.from('ping');
          socket.send(packet, makeAddress(host, port)!);
          packet.fill(0); // the caller's again
        });
      });
      assert.equal(received, 'pong ping');
    });
  }

  test('nothing is called inside open, and nothing after close', async () => {
    let calls = 0;
    const count = (): void => {
      calls++;
    };
    const socket = newSocket({ host: '127.0.0.1', port: 0 }, { onListening: count, onDatagram: count, onError: count });
    assert.equal(calls, 0);
    socket.close();
    socket.close();
    const other = await open({ host: '127.0.0.1', port: 0 });
    other.socket.close();
    assert.equal(calls, 0);
  });

  test('a port that is taken is an error that says so, also when only one family has it', async () => {
    const blocker = createSocket({ type: 'udp6', ipv6Only: true });
    blocker.bind(0, '::');
    await once(blocker, 'listening');
    const { port } = blocker.address();
    const error = await new Promise<DtorrentError>((resolve) => {
      newSocket({ host: '', port }, { onListening: () => assert.fail(), onDatagram: () => {}, onError: resolve });
    });
    assert.equal(error.code, 'ENETWORK');
    assert.equal(error.message, `cannot bind UDP port ${port}: another program uses this port; choose another`);
    blocker.close();
    // IPv4 was given back.
    const { socket } = await open({ host: '127.0.0.1', port });
    socket.close();
  });

  test('packets to nobody, too long ones and those of the other family do no harm', async () => {
    const { socket } = await open({ host: '127.0.0.1', port: 0 });
    const closed = createSocket('udp4').bind(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address();
    closed.close();
    for (let i = 0; i < 20; i++) socket.send(new Uint8Array(10), makeAddress('127.0.0.1', port)!);
    socket.send(new Uint8Array(100_000), makeAddress('127.0.0.1', port)!);
    socket.send(new Uint8Array(10), makeAddress('::1', port)!);
    socket.send(new Uint8Array(10), makeAddress('127.0.0.1', 0)!);
    // Still alive: a packet to itself arrives.
    const arrived = new Promise<number>((resolve) => {
      void open({ host: '127.0.0.1', port: 0 }, (packet) => resolve(packet.length)).then((receiver) => {
        socket.send(new Uint8Array(42), makeAddress('127.0.0.1', receiver.port)!);
        void arrived.then(() => receiver.socket.close());
      });
    });
    assert.equal(await arrived, 42);
    socket.close();
  });

  test('packets are dropped while the queue of unsent ones is full', async () => {
    const { socket, port } = await open({ host: '127.0.0.1', port: 0 });
    const sent: number[] = [];
    mock.method(Socket.prototype, 'send', (packet: Uint8Array) => sent.push(packet.length));
    const queued = mock.method(Socket.prototype, 'getSendQueueSize', () => LIMITS.datagramQueueBytesMax);
    const to = makeAddress('127.0.0.1', port)!;
    socket.send(new Uint8Array(1), to);
    queued.mock.mockImplementation(() => LIMITS.datagramQueueBytesMax + 1);
    socket.send(new Uint8Array(2), to);
    mock.restoreAll();
    socket.close();
    assert.deepEqual(sent, [1]);
  });

  test('borrowed bytes are free again at once, unless the packet waits in the queue', async () => {
    const { socket, port } = await open({ host: '127.0.0.1', port: 0 });
    const to = makeAddress('127.0.0.1', port)!;
    assert.equal(socket.sendBorrowed(new Uint8Array(1), to), true);
    assert.equal(socket.sendBorrowed(new Uint8Array(100_000), to), true); // longer than a datagram can be
    mock.method(Socket.prototype, 'getSendQueueCount', () => 1);
    assert.equal(socket.sendBorrowed(new Uint8Array(1), to), false);
    mock.method(Socket.prototype, 'getSendQueueSize', () => LIMITS.datagramQueueBytesMax + 1);
    assert.equal(socket.sendBorrowed(new Uint8Array(1), to), true); // dropped
    mock.restoreAll();
    socket.close();
    assert.equal(socket.sendBorrowed(new Uint8Array(1), to), true);
  });

  test('a free port that the other family has not is tried ten times', async () => {
    const bound: string[] = [];
    const bind = Socket.prototype.bind;
    mock.method(Socket.prototype, 'bind', function (this: Socket, options: { address: string; port: number }) {
      bound.push(options.address);
      if (options.address === '0.0.0.0') return bind.call(this, options);
      return process.nextTick(() => this.emit('error', Object.assign(new Error('in use'), { code: 'EADDRINUSE' })));
    });
    const error = await new Promise<DtorrentError>((resolve) => {
      newSocket({ host: '', port: 0 }, { onListening: () => assert.fail(), onDatagram: () => {}, onError: resolve });
    });
    mock.restoreAll();
    assert.match(error.message, /another program uses this port/);
    assert.equal(bound.length, 20);
  });

  // IPv6 has no multicast over loopback; test/interop/networks/lsd.test.ts has it over a real interface.
  test('sockets of a group share a port, and hear each other through their interface', async () => {
    const [host, group] = ['127.0.0.1', '239.192.152.143'];
    const multicast = { group, interfaceName: 'lo', hopsMax: 1, loopsBack: true };
    const probe = await open({ host, port: 0 });
    probe.socket.close();
    const heard: string[] = [];
    const done = new Promise<void>((resolve) => {
      const note =
        (name: string): Received =>
        (packet, from) => {
          heard.push(`${name} ${packet.length} ${from.host}`);
          if (heard.length === 2) resolve();
        };
      const options = { host, port: probe.port, multicast };
      void Promise.all([open(options, note('a')), open(options, note('b'))]).then((opened) => {
        opened[0]!.socket.send(new Uint8Array(5), makeAddress(group, probe.port)!);
        void done.then(() => {
          for (const { socket } of opened) socket.close();
        });
      });
    });
    await done;
    assert.deepEqual(heard.sort(), [`a 5 ${host}`, `b 5 ${host}`]);
  });

  test('a group cannot be joined through an interface that is not there', async () => {
    const multicast = { group: 'ff15::efc0:988f', interfaceName: 'none0', hopsMax: 1, loopsBack: true };
    const error = await new Promise<DtorrentError>((resolve) => {
      const handler = { onListening: () => assert.fail(), onDatagram: () => {}, onError: resolve };
      newSocket({ host: '::1', port: 0, multicast }, handler);
    });
    assert.equal(error.code, 'ENETWORK');
  });

  test('a machine without IPv6, or without IPv4, gets a socket for the other', async () => {
    for (const absent of ['::', '0.0.0.0']) {
      const bind = Socket.prototype.bind;
      mock.method(Socket.prototype, 'bind', function (this: Socket, options: { address: string; port: number }) {
        if (options.address !== absent) return bind.call(this, options);
        return process.nextTick(() => this.emit('error', Object.assign(new Error('absent'), { code: 'EAFNOSUPPORT' })));
      });
      const { socket, port } = await open({ host: '', port: 0 });
      mock.restoreAll();
      assert.ok(port > 0);
      socket.close();
    }
  });

  test('a handler that throws loses its socket and hears why', async () => {
    const logged: string[] = [];
    const log = { isEnabled: () => true, write: (_level: string, message: string) => logged.push(message) };
    const error = await new Promise<DtorrentError>((resolve) => {
      const receiver = newSocket(
        { host: '127.0.0.1', port: 0 },
        {
          onListening: (port) => {
            void open({ host: '127.0.0.1', port: 0 }).then(({ socket }) => {
              socket.send(new Uint8Array(1), makeAddress('127.0.0.1', port)!);
              socket.close();
            });
          },
          onDatagram: () => {
            throw new Error('a bug');
          },
          onError: resolve,
        },
        log,
      );
      assert.ok(receiver);
    });
    assert.equal(error.code, 'EINTERNAL');
    assert.equal(logged.length, 1);
  });
});
