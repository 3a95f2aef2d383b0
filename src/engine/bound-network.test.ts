/** A network that is bound: nothing leaves from anywhere but what is bound, and what is gone is closed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Address, formatHostPort, makeAddress } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import { Timer, TimerQueue } from '../base/timer-queue.js';
import type { Clock } from '../host/clock.js';
import type {
  ByteStreamHandler,
  DatagramHandler,
  Gateway,
  HttpRequest,
  HttpResponse,
  ListenerHandler,
  LocalInterface,
  Network,
} from '../host/network.js';
import { Simulator } from '../sim/simulator.js';
import { BoundNetwork } from './bound-network.js';
import type { EngineEvent } from './events.js';
import { makeSimTorrent, SimEngine } from './testing/sim-swarm.js';

interface Opened {
  readonly what: string;
  readonly handler: ListenerHandler | DatagramHandler;
  isOpen: boolean;
  isTold: boolean;
}

/** Below it a network that notes what it is asked for. Time passes a second with each step. */
class Scene {
  now = 0;
  readonly log: string[] = [];
  readonly opened: Opened[] = [];
  interfaces: LocalInterface[] = [];
  gateways: Gateway[] = [];
  names: Readonly<Record<string, readonly string[]>> = {};
  readonly network: BoundNetwork;
  readonly #timers = new TimerQueue();

  constructor(bind: string, interfaces: Readonly<Record<string, readonly string[]>>) {
    this.set(interfaces);
    const clock: Clock = {
      now: () => this.now,
      unixTime: () => 0,
      wakeAt: (deadline, fn) => {
        const timer = new Timer(fn);
        this.#timers.set(timer, deadline);
        return { cancel: () => this.#timers.cancel(timer) };
      },
    };
    this.network = new BoundNetwork(this.#below(), clock, bind);
  }

  set(interfaces: Readonly<Record<string, readonly string[]>>): void {
    this.interfaces = Object.entries(interfaces).map(([name, ips]) => ({
      name,
      isLoopback: false,
      canMulticast: true,
      addresses: ips.map((ip) => ({ ...makeAddress(ip, 0)!, prefixBits: ip.includes(':') ? 64 : 24 })),
    }));
  }

  step(): void {
    this.now += 1000;
    this.#timers.advance(this.now);
  }

  /** Tells the sockets, one after the other as they are opened, that they are bound. */
  bind(port: number): void {
    for (const opened of this.opened) {
      if (!opened.isOpen || opened.isTold) continue;
      opened.isTold = true;
      opened.handler.onListening(port);
    }
  }

  refuse(opened: Opened): void {
    opened.isOpen = false;
    opened.handler.onError(new DtorrentError('ENETWORK', 'cannot bind'));
  }

  get open(): string[] {
    return this.opened.filter(({ isOpen }) => isOpen).map(({ what }) => what);
  }

  take(): string[] {
    return this.log.splice(0);
  }

  #below(): Network {
    const open = (what: string, handler: ListenerHandler | DatagramHandler): { close(): void } => {
      const opened = { what, handler, isOpen: true, isTold: false };
      this.opened.push(opened);
      return {
        close: () => {
          opened.isOpen = false;
        },
      };
    };
    return {
      gateways: () => this.gateways,
      interfaces: () => this.interfaces,
      dial: (to, { bindHost }, handler) => {
        this.log.push(`dial ${formatHostPort(to)} from ${bindHost}`);
        return { handler, remote: to, bufferedBytes: 0 } as never;
      },
      listen: ({ host, port }, handler) => open(`tcp ${formatHostPort({ host, port })}`, handler),
      openDatagramSocket: ({ host, port }, handler) => ({
        ...open(`udp ${formatHostPort({ host, port })}`, handler),
        send: (_packet, to) => this.log.push(`send ${formatHostPort(to)} from ${host}`),
      }),
      resolve: (host, done, from = []) => {
        this.log.push(`resolve ${host} from ${from.join(' ')}`);
        done((this.names[host] ?? []).map((ip) => makeAddress(ip, 0)!));
      },
      resolveText: (host, done, from = []) => {
        this.log.push(`resolve text of ${host} from ${from.join(' ')}`);
        done([]);
      },
      httpGet: ({ url, bindHost, family }) => {
        this.log.push(`get ${url} from ${bindHost} ${family}`);
        return { cancel: () => this.log.push('cancelled') };
      },
      abandon: (host) => this.log.push(`abandon ${host}`),
    };
  }
}

const V4 = makeAddress('198.51.100.7', 80)!;
const V6 = makeAddress('2001:db8:7::7', 80)!;
const BOTH = { wg0: ['10.2.0.2', 'fd00::2'], eth0: ['192.0.2.1'] };
const ONLY_ETH0 = { eth0: ['192.0.2.1'] };
const GET: HttpRequest = {
  url: 'http://tracker.test/announce',
  userAgent: '',
  timeoutMs: 1000,
  bodyBytesMax: 1,
  redirectsMax: 0,
  bindHost: '',
  family: 0,
};

function streamHandler(ends: (DtorrentError | null)[]): ByteStreamHandler {
  return { onOpen() {}, onData() {}, onWritten() {}, onClose: (error) => ends.push(error) };
}

function datagramHandler(heard: string[]): DatagramHandler {
  return {
    onListening: (port) => heard.push(`bound ${port}`),
    onDatagram: () => heard.push('packet'),
    onError: (error) => heard.push(error.message),
  };
}

describe('BoundNetwork', () => {
  test('everything leaves from the bound address of its family', () => {
    const scene = new Scene('wg0', BOTH);
    const ends: (DtorrentError | null)[] = [];
    for (const to of [V4, V6]) scene.network.dial(to, { bindHost: '', timeoutMs: 1 }, streamHandler(ends));
    scene.network.resolve('tracker.test', () => {});
    scene.names = { 'tracker.test': ['198.51.100.7'] };
    scene.network.httpGet(GET, () => {});
    scene.network.httpGet({ ...GET, family: 6 }, () => {});
    assert.deepEqual(scene.take(), [
      'dial 198.51.100.7:80 from 10.2.0.2',
      'dial [2001:db8:7::7]:80 from fd00::2',
      'resolve tracker.test from 10.2.0.2 fd00::2',
      'resolve tracker.test from 10.2.0.2 fd00::2',
      'get http://tracker.test/announce from 10.2.0.2 4',
      'get http://tracker.test/announce from fd00::2 6',
    ]);
  });

  test('a listener and a datagram socket are on every bound address, at one port; packets leave by family', () => {
    const scene = new Scene('192.0.2.1,wg0', BOTH);
    const heard: string[] = [];
    const socket = scene.network.openDatagramSocket({ host: '', port: 0 }, datagramHandler(heard));
    scene.bind(5000);
    assert.deepEqual(scene.open, ['udp 192.0.2.1:0', 'udp 10.2.0.2:5000', 'udp [fd00::2]:5000']);
    assert.deepEqual(heard, ['bound 5000']);
    socket.send(new Uint8Array(1), V4);
    socket.send(new Uint8Array(1), V6);
    assert.deepEqual(scene.take(), ['send 198.51.100.7:80 from 192.0.2.1', 'send [2001:db8:7::7]:80 from fd00::2']);
    socket.close();
    assert.deepEqual(scene.open, []);
  });

  test('without what is bound nothing is asked of the system, and whoever wanted something hears why', () => {
    const scene = new Scene('wg0', BOTH);
    scene.set(ONLY_ETH0);
    scene.step();
    const ends: (DtorrentError | null)[] = [];
    const results: unknown[] = [];
    const heard: string[] = [];
    const note = (result: readonly Address[] | HttpResponse | DtorrentError): void => void results.push(result);
    scene.network.dial(V4, { bindHost: '', timeoutMs: 1 }, streamHandler(ends));
    scene.network.resolve('tracker.test', note);
    scene.network.httpGet(GET, note);
    scene.network.openDatagramSocket({ host: '', port: 0 }, datagramHandler(heard));
    assert.deepEqual([ends, results, heard], [[], [], []], 'nothing is told inside the call');
    scene.step();
    assert.equal(ends.length, 1);
    assert.match(
      ends[0]!.message,
      /^cannot connect to 198\.51\.100\.7:80: the interface wg0 is gone, and nothing is sent/,
    );
    assert.ok(results.length === 2 && results.every((result) => result instanceof DtorrentError));
    assert.match(heard.join(), /the interface wg0 is gone/);
    assert.deepEqual(scene.take(), ['abandon 10.2.0.2', 'abandon fd00::2']);
    assert.deepEqual(scene.open, []);
  });

  test('what is gone is closed by the next thing that is sent, without waiting for a look', () => {
    const scene = new Scene('wg0,eth0', BOTH);
    const heard: string[] = [];
    const socket = scene.network.openDatagramSocket({ host: '', port: 7 }, datagramHandler(heard));
    scene.bind(7);
    scene.set(ONLY_ETH0);
    scene.step();
    socket.send(new Uint8Array(1), V4);
    assert.deepEqual(scene.take(), ['abandon 10.2.0.2', 'abandon fd00::2', 'send 198.51.100.7:80 from 192.0.2.1']);
    assert.deepEqual(scene.open, ['udp 192.0.2.1:7']);
  });

  test('what comes back is bound again at the same port, as often as it takes, and the owner hears nothing', () => {
    const scene = new Scene('wg0', BOTH);
    const heard: string[] = [];
    scene.network.listen(
      { host: '', port: 0 },
      {
        onListening: (port) => heard.push(`bound ${port}`),
        onConnection() {},
        onError: (error) => heard.push(error.message),
      },
    );
    scene.bind(7);
    scene.set(ONLY_ETH0);
    scene.network.look();
    assert.deepEqual(scene.network.takeChange(), { gone: ['wg0'], back: [] });
    assert.equal(scene.network.takeChange(), null);
    assert.deepEqual(scene.open, []);
    scene.set(BOTH);
    scene.network.look();
    assert.deepEqual(scene.network.takeChange(), { gone: [], back: ['wg0'] });
    assert.deepEqual(scene.open, ['tcp 10.2.0.2:7', 'tcp [fd00::2]:7']);
    scene.refuse(scene.opened.at(-1)!);
    scene.network.look();
    assert.deepEqual(scene.open, ['tcp 10.2.0.2:7', 'tcp [fd00::2]:7']);
    assert.deepEqual(heard, ['bound 7']);
  });

  test('a port that is chosen is another one when it is taken on a second address', () => {
    const scene = new Scene('wg0', BOTH);
    const heard: string[] = [];
    scene.network.openDatagramSocket({ host: '', port: 0 }, datagramHandler(heard));
    scene.opened[0]!.handler.onListening(5000);
    scene.refuse(scene.opened[1]!);
    assert.deepEqual(scene.open, ['udp 10.2.0.2:0']);
    scene.opened[2]!.handler.onListening(5001);
    scene.opened[3]!.handler.onListening(5001);
    assert.deepEqual(scene.open, ['udp 10.2.0.2:0', 'udp [fd00::2]:5001']);
    assert.deepEqual(heard, ['bound 5001']);
  });

  test('an address that goes while it is being bound does not hold up the others', () => {
    const scene = new Scene('eth0,wg0', BOTH);
    const heard: string[] = [];
    scene.network.openDatagramSocket({ host: '', port: 9 }, datagramHandler(heard));
    scene.set({ wg0: BOTH.wg0 });
    scene.network.look();
    scene.step();
    scene.bind(9);
    assert.deepEqual(scene.open, ['udp 10.2.0.2:9', 'udp [fd00::2]:9']);
    assert.deepEqual(heard, ['bound 9']);
  });

  test('an address of its own may be asked for when it is bound, and no other', () => {
    const scene = new Scene('wg0', BOTH);
    const heard: string[] = [];
    scene.network.openDatagramSocket({ host: 'fd00::2', port: 1 }, datagramHandler(heard));
    scene.network.openDatagramSocket({ host: '192.0.2.1', port: 1 }, datagramHandler(heard));
    scene.step();
    assert.deepEqual(scene.open, ['udp [fd00::2]:1']);
    assert.match(heard.join(), /^cannot bind: /);
    scene.network.dial(V4, { bindHost: '192.0.2.1', timeoutMs: 1 }, streamHandler([]));
    assert.deepEqual(scene.take(), []);
  });

  test('only what is bound is seen of the interfaces; every address of a family is all of that family', () => {
    const seen = (bind: string): string =>
      new Scene(bind, BOTH).network
        .interfaces()
        .map(({ name, addresses }) => `${name} ${addresses.map(({ host }) => host).join(' ')}`)
        .join(', ');
    assert.equal(seen('wg0'), 'wg0 10.2.0.2 fd00::2');
    assert.equal(seen('0.0.0.0'), 'wg0 10.2.0.2, eth0 192.0.2.1');
    assert.equal(seen('none0'), '');
  });
});

describe('an engine that is bound to an interface', () => {
  const messages = (events: readonly EngineEvent[]): string[] =>
    events.filter((event) => event.type === 'warning').map(({ error }) => error.message);

  test('loses its peers with it, tells so, sends nothing, and goes on when it is back', () => {
    const simulator = new Simulator({ seed: 6, link: () => ({ latencyMs: 5, bytesPerMs: 100, lossRatio: 0 }) });
    const torrent = makeSimTorrent({ lengths: { 'a.bin': 6_000_000 }, pieceLength: 65_536 });
    const seed = new SimEngine(simulator);
    seed.give(torrent);
    seed.add(torrent.metainfo);
    const leecher = new SimEngine(simulator, { bind: 'eth0' });
    const download = leecher.add(torrent.metainfo, { from: [seed] });
    const bytesDone = (): number => leecher.session.stats(download).bytesDone;
    assert.ok(simulator.run(() => bytesDone() > 1_000_000, { maxVirtualMs: 60_000 }));
    leecher.host.network.setLink(false);
    simulator.run(simulator.now + 1000);
    assert.deepEqual(messages(leecher.events), [
      'the interface eth0 is gone: nothing is sent or received until it is back',
    ]);
    assert.equal(leecher.host.network.openCount, 0);
    const before = bytesDone();
    simulator.run(simulator.now + 600_000);
    assert.equal(bytesDone(), before);
    assert.equal(leecher.host.network.openCount, 0);
    leecher.host.network.setLink(true);
    assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: 1_200_000 }));
    assert.ok(leecher.has(torrent));
    leecher.stop(simulator);
    assert.equal(leecher.host.network.openCount, 0);
  });
});

test('routers that only an address leads to which is not bound are none', () => {
  const scene = new Scene('eth0', { eth0: ['192.0.2.1'], wg0: ['10.0.0.1'] });
  scene.gateways = [
    { family: 4, host: '10.0.0.254', localHost: '10.0.0.1', prefixBits: 24 },
    { family: 4, host: '192.0.2.254', localHost: '192.0.2.1', prefixBits: 24 },
  ];
  assert.deepEqual(
    scene.network.gateways().map(({ host }) => host),
    ['192.0.2.254'],
  );
});

test('TXT records are asked for from what is bound, and not at all when that is gone', () => {
  const scene = new Scene('eth0', { eth0: ['192.0.2.1'], wg0: ['10.0.0.1'] });
  const results: unknown[] = [];
  scene.network.resolveText('tracker.example', (result) => results.push(result));
  assert.deepEqual(scene.log, ['resolve text of tracker.example from 192.0.2.1']);
  scene.set({ wg0: ['10.0.0.1'] });
  scene.step();
  scene.network.resolveText('tracker.example', (result) => results.push(result));
  scene.step();
  assert.equal(scene.log.filter((line) => line.startsWith('resolve text')).length, 1);
  assert.deepEqual(results[0], []);
  assert.ok(results[1] instanceof DtorrentError);
});
