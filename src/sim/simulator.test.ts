import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { type Address, makeAddress } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import type { ByteStream, ByteStreamHandler, HttpRequest, HttpResponse } from '../host/network.js';
import type { SimHost } from './sim-host.js';
import { Simulator, type SimulatorOptions } from './simulator.js';

const QUIET: ByteStreamHandler = { onOpen() {}, onData() {}, onWritten() {}, onClose() {} };
const GET: HttpRequest = {
  url: 'http://tracker.test/announce?info_hash=%aB%00',
  userAgent: 'test/1',
  timeoutMs: 1000,
  bodyBytesMax: 100,
  redirectsMax: 0,
  bindHost: '',
  family: 0,
};

function twoHosts(options: Partial<SimulatorOptions> = {}): { simulator: Simulator; a: SimHost; b: SimHost } {
  const simulator = new Simulator({ seed: 1, ...options });
  const a = simulator.createHost();
  return { simulator, a, b: simulator.createHost({ name: 'b.test' }) };
}

describe('Simulator', () => {
  test('time passes from event to event, and callbacks run in the order of their deadlines', () => {
    const simulator = new Simulator({ seed: 1 });
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name}@${simulator.now}`);
    simulator.after(30, note('c'));
    simulator.clock.wakeAt(10, note('a'));
    simulator.after(10, note('b'));
    simulator.clock.wakeAt(20, note('cancelled')).cancel();
    simulator.clock.wakeAt(-5, note('past'));
    simulator.clock.wakeAt(Number.POSITIVE_INFINITY, note('never'));
    simulator.defer(() => {
      seen.push('first');
      simulator.defer(note('deferred'));
    });
    assert.deepEqual(seen, []);
    assert.equal(simulator.run(25), true);
    assert.deepEqual(seen, ['past@0', 'first', 'deferred@0', 'a@10', 'b@10']);
    assert.equal(simulator.now, 25);
    simulator.run(1000);
    assert.equal(seen.at(-1), 'c@30');
    assert.equal(simulator.isIdle, true);
  });

  test('an event that is due can still be cancelled by the one before it', () => {
    const simulator = new Simulator({ seed: 1 });
    simulator.after(5, () => later.cancel());
    const later = simulator.after(5, () => assert.fail('it was cancelled'));
    simulator.run(10);
    assert.equal(later.isPending, false);
  });

  test('a run until a condition stops at the callback that makes it true', () => {
    const simulator = new Simulator({ seed: 1 });
    let count = 0;
    for (let i = 1; i <= 5; i++) simulator.after(i, () => count++);
    assert.equal(
      simulator.run(() => count === 3),
      true,
    );
    assert.equal(simulator.now, 3);
    assert.equal(
      simulator.run(() => count === 5, { maxVirtualMs: 1 }),
      false,
    );
    assert.equal(count, 4);
    assert.equal(
      simulator.run(() => count === 6),
      false,
    );
  });

  test('the wall clock follows virtual time', () => {
    const simulator = new Simulator({ seed: 1, unixTime: 1000 });
    simulator.run(2500);
    assert.equal(simulator.clock.unixTime(), 1002);
    assert.equal(simulator.clock.now(), 2500);
  });

  test('a callback that throws ends the run with its error, and running from within a callback is a bug', () => {
    const simulator = new Simulator({ seed: 1 });
    simulator.after(1, () => simulator.run(5));
    assert.throws(() => simulator.run(10), /run\(\) inside/);
    assert.equal(simulator.run(20), true);
  });

  test('events that follow each other without time passing end the run', () => {
    const simulator = new Simulator({ seed: 77 });
    const again = (): void => {
      simulator.defer(again);
    };
    again();
    assert.throws(() => simulator.run(1), /time stands still.*seed 77/);
  });

  test('the same seed gives the same run, another seed another', () => {
    assert.equal(traceOf(5), traceOf(5));
    assert.notEqual(traceOf(5), traceOf(6));
  });

  test('a host keeps its last remarks, with their time, for a test that fails', () => {
    const { simulator, a } = twoHosts();
    simulator.run(7);
    for (let i = 0; i < 300; i++) a.log.write('warn', `remark ${i}`);
    a.log.write('debug', 'nobody reads this');
    assert.equal(a.log.lines.length, 200);
    assert.equal(a.log.lines.at(-1), '7.0 ms warn remark 299');
  });

  test('two hosts cannot have one address', () => {
    const simulator = new Simulator({ seed: 1 });
    simulator.createHost({ ipv4: '1.2.3.4' });
    assert.throws(() => simulator.createHost({ ipv4: '1.2.3.4' }), /two simulated hosts/);
    assert.throws(() => simulator.createHost({ ipv4: 'nonsense' }), /not an IP address/);
  });
});

/** Every segment of a transfer, with its time. */
function traceOf(seed: number): string {
  const { simulator, a, b } = twoHosts({ seed });
  const trace = createHash('sha1');
  let receivedBytes = 0;
  b.network.listen(
    { host: '', port: 7 },
    {
      onListening() {},
      onError: (error) => assert.fail(error),
      onConnection: (stream) => {
        stream.handler = {
          ...QUIET,
          onData: (chunk) => {
            receivedBytes += chunk.length;
            trace.update(`${simulator.now} ${chunk.length};`);
          },
        };
      },
    },
  );
  a.network
    .dial({ family: 4, host: b.ipv4!, port: 7 }, { bindHost: '', timeoutMs: 1000 }, QUIET)
    .write(new Uint8Array(500_000));
  assert.ok(simulator.run(() => receivedBytes === 500_000));
  return trace.digest('hex');
}

describe('SimNetwork', () => {
  test('a chunk that is kept after onData is overwritten', () => {
    const { simulator, a, b } = twoHosts();
    const kept: Uint8Array[] = [];
    b.network.listen(
      { host: '', port: 7 },
      {
        onListening() {},
        onError() {},
        onConnection: (stream) => {
          stream.handler = { ...QUIET, onData: (chunk) => kept.push(chunk) };
        },
      },
    );
    a.network
      .dial({ family: 4, host: b.ipv4!, port: 7 }, { bindHost: '', timeoutMs: 1000 }, QUIET)
      .write(new Uint8Array(9));
    simulator.run(1000);
    assert.ok(kept.length > 0 && kept.every((chunk) => chunk.every((byte) => byte === 0xdb)));
  });

  test('a connection takes one round trip, and data half of one more', () => {
    const { simulator, a, b } = twoHosts({ link: () => ({ latencyMs: 40, bytesPerMs: 10, lossRatio: 0 }) });
    const times: Record<string, number> = {};
    b.network.listen(
      { host: '', port: 7 },
      {
        onListening() {},
        onError() {},
        onConnection: (stream) => {
          times['accepted'] = simulator.now;
          stream.handler = {
            ...QUIET,
            onData: () => {
              times['data'] = simulator.now;
            },
          };
        },
      },
    );
    const stream: ByteStream = a.network.dial(
      { family: 4, host: b.ipv4!, port: 7 },
      { bindHost: '', timeoutMs: 1000 },
      {
        ...QUIET,
        onOpen: () => {
          times['open'] = simulator.now;
          stream.write(new Uint8Array(1000));
        },
      },
    );
    simulator.run(1000);
    assert.deepEqual(times, { accepted: 40, open: 80, data: 80 + 40 + 100 });
  });

  test('a dial to nobody times out, to a host without that family has no route, and both leave nothing open', () => {
    const { simulator, a, b } = twoHosts();
    const lonely = simulator.createHost({ ipv6: null });
    const errors: string[] = [];
    const dial = (from: SimHost, to: Address): void => {
      from.network.dial(
        to,
        { bindHost: '', timeoutMs: 3000 },
        { ...QUIET, onClose: (error) => errors.push(`${error?.code} ${simulator.now}`) },
      );
    };
    dial(a, makeAddress('203.0.113.9', 6881)!);
    dial(lonely, makeAddress(b.ipv6!, 6881)!);
    simulator.run(10_000);
    assert.deepEqual(errors, ['ENETWORK 0', 'ETIMEOUT 3000']);
    assert.equal(a.network.openCount + lonely.network.openCount, 0);
    assert.equal(simulator.isIdle, true);
  });

  test('a paused stream learns of a reset when its unsent bytes meet a closed end', () => {
    const { simulator, a, b } = twoHosts();
    let accepted: ByteStream | null = null;
    b.network.listen(
      { host: '', port: 7 },
      {
        onListening() {},
        onError() {},
        onConnection: (stream) => {
          stream.handler = QUIET;
          accepted = stream;
        },
      },
    );
    const closedWith: (DtorrentError | null)[] = [];
    const dialled = a.network.dial(
      { family: 4, host: b.ipv4!, port: 7 },
      { bindHost: '', timeoutMs: 1000 },
      {
        ...QUIET,
        onClose: (error) => closedWith.push(error),
      },
    );
    assert.ok(simulator.run(() => accepted !== null));
    dialled.pause();
    accepted!.close();
    simulator.run(simulator.now + 1000);
    assert.equal(closedWith.length, 0);
    dialled.write(new Uint8Array(1));
    simulator.run(simulator.now + 1000);
    assert.match(closedWith[0]?.message ?? '', /connection reset/);
  });

  test('datagrams arrive with the sender’s address, are lent, and get lost as often as the link says', () => {
    let lossRatio = 0;
    const { simulator, a, b } = twoHosts({ link: () => ({ latencyMs: 5, bytesPerMs: 1, lossRatio }) });
    const received: string[] = [];
    let kept = new Uint8Array() as Uint8Array;
    b.network.openDatagramSocket(
      { host: '', port: 6881 },
      {
        onListening: (port) => assert.equal(port, 6881),
        onError: (error) => assert.fail(error),
        onDatagram: (packet, from) => {
          kept = packet;
          received.push(`${from.host}:${from.port} ${packet.join()}`);
        },
      },
    );
    let port = 0;
    const sender = a.network.openDatagramSocket(
      { host: '', port: 0 },
      {
        onListening: (bound) => {
          port = bound;
        },
        onError: (error) => assert.fail(error),
        onDatagram: () => {},
      },
    );
    const packet = new Uint8Array([1, 2, 3]);
    sender.send(packet, { family: 4, host: b.ipv4!, port: 6881 });
    sender.send(packet, { family: 6, host: b.ipv6!, port: 6881 });
    sender.send(packet, { family: 4, host: b.ipv4!, port: 1 });
    sender.send(new Uint8Array(70_000), { family: 4, host: b.ipv4!, port: 6881 });
    packet.fill(9);
    simulator.run(100);
    assert.deepEqual(received, [`${a.ipv4}:${port} 1,2,3`, `${a.ipv6}:${port} 1,2,3`]);
    assert.ok(kept.every((byte) => byte === 0xdb));
    lossRatio = 0.25;
    for (let i = 0; i < 1000; i++) sender.send(packet, { family: 4, host: b.ipv4!, port: 6881 });
    simulator.run(200);
    assert.ok(received.length > 700 && received.length < 800, `${received.length} of 1000 arrived`);
    sender.close();
    sender.send(packet, { family: 4, host: b.ipv4!, port: 6881 });
    assert.equal(a.network.openCount, 0);
  });

  test('a datagram port that is taken is an error, told later', () => {
    const { simulator, a } = twoHosts();
    const errors: DtorrentError[] = [];
    const handler = { onListening() {}, onDatagram() {}, onError: (error: DtorrentError) => errors.push(error) };
    a.network.openDatagramSocket({ host: '', port: 1000 }, handler);
    a.network.openDatagramSocket({ host: a.ipv4!, port: 1000 }, handler);
    a.network.openDatagramSocket({ host: '9.9.9.9', port: 1001 }, handler);
    assert.equal(errors.length, 0);
    simulator.run(1);
    assert.deepEqual(
      errors.map((error) => error.message),
      [
        'cannot bind UDP port 1000: another program uses this port; choose another',
        'cannot bind UDP port 1001: this machine does not have that address',
      ],
    );
  });

  test('names resolve to every address of a host, IP text to itself, anything else to an error', () => {
    const { simulator, a, b } = twoHosts();
    const results: unknown[] = [];
    for (const host of ['b.test', 'B.TEST', '1.2.3.4', '[::1]', 'nowhere.test']) {
      a.network.resolve(host, (result) => {
        results.push(result instanceof DtorrentError ? result.code : result.map((address) => address.host));
      });
    }
    assert.deepEqual(results, []);
    simulator.run(1);
    assert.deepEqual(results, [[b.ipv4, b.ipv6], [b.ipv4, b.ipv6], ['1.2.3.4'], ['::1'], 'ERESOLVE']);
  });

  test('a web service is asked with the exact target and answers in two round trips', () => {
    const { simulator, a, b } = twoHosts();
    simulator.internet.addName('tracker.test', [b.ipv4!, b.ipv6!]);
    const seen: string[] = [];
    simulator.internet.serveHttp('tracker.test:80', (request) => {
      seen.push(`${request.target} ${request.host} ${request.userAgent} ${request.from.host}`);
      return { status: 200, body: new Uint8Array([1, 2]) };
    });
    const results: unknown[] = [];
    const note = (result: HttpResponse | DtorrentError): void => {
      results.push(
        result instanceof DtorrentError ? result.code : `${result.status} ${result.body.join()} ${simulator.now}`,
      );
    };
    a.network.httpGet(GET, note);
    a.network.httpGet({ ...GET, family: 6 }, note);
    a.network.httpGet({ ...GET, bodyBytesMax: 1 }, note);
    a.network.httpGet(GET, note).cancel();
    assert.deepEqual(results, []);
    simulator.run(100);
    assert.deepEqual(results, ['200 1,2 20', '200 1,2 20', 'ENETWORK']);
    assert.deepEqual(seen.slice(0, 2), [
      `/announce?info_hash=%aB%00 tracker.test test/1 ${a.ipv4}`,
      `/announce?info_hash=%aB%00 tracker.test test/1 ${a.ipv6}`,
    ]);
  });

  test('a web service that is silent, absent or unresolvable ends in an error', () => {
    const { simulator, a, b } = twoHosts();
    simulator.internet.addName('tracker.test', [b.ipv4!]);
    simulator.internet.serveHttp('tracker.test:80', () => null);
    const results: string[] = [];
    for (const url of [GET.url, 'http://tracker.test:81/', 'http://nowhere.test/', 'ftp://b.test/']) {
      a.network.httpGet({ ...GET, url }, (result) => {
        results.push(`${result instanceof DtorrentError ? result.code : result.status} ${simulator.now}`);
      });
    }
    simulator.run(5000);
    assert.deepEqual(results, ['ENETWORK 0', 'ERESOLVE 0', 'ENETWORK 0', 'ETIMEOUT 1000']);
    assert.equal(simulator.isIdle, true);
  });

  test('a web service can take its time, send elsewhere, and go away', () => {
    const { simulator, a, b } = twoHosts();
    simulator.internet.addName('tracker.test', [b.ipv4!]);
    const asked: string[] = [];
    simulator.internet.serveHttp('tracker.test:80', ({ target }) => {
      asked.push(target);
      const answer = { status: 200, body: new Uint8Array([1]) };
      if (target === '/slow') return { ...answer, delayMs: 300 };
      return target === '/twice'
        ? { ...answer, status: 302, location: '/loop' }
        : { ...answer, status: 307, location: '' };
    });
    const results: string[] = [];
    const get = (target: string, redirectsMax: number): { cancel(): void } =>
      a.network.httpGet({ ...GET, url: `http://tracker.test${target}`, redirectsMax }, (result) => {
        results.push(`${target} ${result instanceof DtorrentError ? result.message : result.status} ${simulator.now}`);
      });
    get('/slow', 0);
    get('/twice', 3);
    const cancelled = get('/loop', 100);
    simulator.run(50);
    cancelled.cancel();
    simulator.run(1000);
    assert.deepEqual(results, ['/twice too many redirects, the last to http://tracker.test/loop 80', '/slow 200 320']);
    assert.equal(asked.filter((target) => target === '/loop').length, 3 + 3, 'nobody follows after a cancel');
    simulator.internet.serveHttp('tracker.test:80', null);
    get('/slow', 0);
    simulator.run(2000);
    assert.match(results.at(-1)!, /refused/);
  });

  test('a host reaches itself over loopback', () => {
    const { simulator, a } = twoHosts();
    let from = '';
    a.network.listen(
      { host: '127.0.0.1', port: 7 },
      {
        onListening() {},
        onError() {},
        onConnection: (stream) => {
          stream.handler = QUIET;
          from = stream.remote.host;
        },
      },
    );
    a.network.dial({ family: 4, host: '127.0.0.1', port: 7 }, { bindHost: '', timeoutMs: 1000 }, QUIET);
    simulator.run(10);
    assert.equal(from, '127.0.0.1');
  });
});
