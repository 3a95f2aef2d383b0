import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressKey, makeAddress } from '../../base/address.js';
import { toLatin1 } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import {
  type AnnounceEvent,
  AnnounceFailure,
  type AnnounceRequest,
  type AnnounceResult,
} from '../../protocol/tracker/announce.js';
import { TrackerServer } from '../../protocol/tracker/server.js';
import { UdpTrackerServer } from '../../protocol/tracker/server-udp.js';
import { EXAMPLE_ANNOUNCE } from '../../protocol/tracker/testing/example-announce.js';
import { isUdpConnect } from '../../protocol/tracker/udp-packets.js';
import { ScriptedHost } from '../testing/scripted-network.js';
import type { TrackerExchange } from './tracker-client.js';
import { UdpTrackerClient } from './udp-tracker-client.js';

const US = makeAddress('192.0.2.100', 40_000)!;
const REQUEST: AnnounceRequest = EXAMPLE_ANNOUNCE;

/** The client, with our own tracker at tracker.test. */
class Scene {
  readonly host = new ScriptedHost();
  readonly results: AnnounceResult[] = [];
  readonly tracker = new TrackerServer({ intervalSeconds: 1800, random: new SeededRandom(1) });
  readonly udpTracker = new UdpTrackerServer(this.tracker, new SeededRandom(2));
  readonly client: UdpTrackerClient;

  constructor() {
    const { turn, network } = this.host;
    this.client = new UdpTrackerClient({ turn, network, random: new SeededRandom(3) });
    this.host.names.set('tracker.test', ['192.0.2.1']);
    this.host.onDatagram = ({ packet, to }) =>
      to.host === '192.0.2.1' ? this.udpTracker.receive(packet, US, this.host.now) : null;
  }

  announce(url = 'udp://tracker.test:6969/announce', event: AnnounceEvent = 'started'): TrackerExchange {
    let exchange: TrackerExchange | null = null;
    this.host.turn.run(() => {
      exchange = this.client.announce(url, { ...REQUEST, event }, 30_000, (result) => {
        assert.ok(this.host.turn.isRunning, 'answers enter through a turn');
        this.results.push(result);
      });
    });
    return exchange!;
  }

  get failureCode(): string | null {
    const result = this.results.at(-1);
    return result instanceof AnnounceFailure ? result.error.code : null;
  }

  get targets(): string[] {
    return [...new Set(this.host.datagrams.map(({ to }) => addressKey(to)))];
  }
}

test('an announce resolves the name, opens the socket and gets its answer', () => {
  const scene = new Scene();
  assert.equal(scene.host.sockets.length, 0);
  scene.announce();
  scene.host.settle();
  assert.deepEqual([scene.results.length, scene.failureCode], [1, null]);
  assert.deepEqual(scene.targets, ['192.0.2.1:6969']);
  assert.equal(scene.tracker.stats(0).announces, 1);
});

test('torrents share the socket and the connection id', () => {
  const scene = new Scene();
  scene.announce();
  scene.host.settle();
  scene.announce();
  scene.host.settle();
  assert.equal(scene.host.sockets.length, 1);
  assert.equal(scene.host.datagrams.filter(({ packet }) => isUdpConnect(packet)).length, 1);
  assert.equal(scene.results.length, 2);
});

test('the URL is told when it says more than /announce', () => {
  const scene = new Scene();
  scene.announce();
  scene.announce('udp://tracker.test:6969');
  scene.announce('udp://tracker.test:6969/announce?passkey=x');
  scene.host.settle();
  const announces = scene.host.datagrams.filter(({ packet }) => !isUdpConnect(packet));
  assert.deepEqual(
    announces.map(({ packet }) => toLatin1(packet.subarray(98))),
    ['', '', '\x02\x13/announce?passkey=x'],
  );
});

test('a tracker that is silent is given up, after one try at another of its addresses', () => {
  const scene = new Scene();
  scene.host.names.set('dead.test', ['192.0.2.7', '192.0.2.8', '192.0.2.9', '2001:db8::7']);
  scene.announce('udp://dead.test:1');
  scene.host.runTo(600_000);
  assert.deepEqual([scene.results.length, scene.failureCode], [1, 'ETIMEOUT']);
  assert.deepEqual(scene.targets, ['192.0.2.7:1', '[2001:db8::7]:1']);
  assert.equal(scene.targets.length, LIMITS.udpTrackerAddressesMax);
  assert.equal(scene.host.datagrams.length, scene.targets.length * (LIMITS.udpTrackerRetransmitsMax + 1));
});

test('a silent first address does not keep the second from answering', () => {
  const scene = new Scene();
  scene.host.names.set('tracker.test', ['192.0.2.7', '192.0.2.1']);
  scene.announce();
  scene.host.runTo(600_000);
  assert.deepEqual([scene.results.length, scene.failureCode], [1, null]);
});

/** both.test has an address of each family; `answering` of them answer. */
function dualStack(answering: readonly string[]): Scene {
  const scene = new Scene();
  scene.host.names.set('both.test', ['192.0.2.1', '2001:db8::1']);
  const us6 = makeAddress('2001:db8::100', 40_000)!;
  scene.host.onDatagram = ({ packet, to }) =>
    answering.includes(to.host) ? scene.udpTracker.receive(packet, to.family === 4 ? US : us6, scene.host.now) : null;
  return scene;
}

const BOTH = 'udp://both.test:6969/announce';

test('a tracker of both families hears of us over both, one after the other, and its answers are one', () => {
  const scene = dualStack(['192.0.2.1', '2001:db8::1']);
  scene.announce(BOTH);
  scene.host.settle();
  assert.deepEqual([scene.results.length, scene.failureCode], [1, null]);
  assert.deepEqual(scene.targets, ['192.0.2.1:6969', '[2001:db8::1]:6969']);
  assert.deepEqual([scene.tracker.stats(0).announces, scene.tracker.stats(0).peers], [2, 2]);
});

test('completed is said over one family', () => {
  const scene = dualStack(['192.0.2.1', '2001:db8::1']);
  scene.announce(BOTH, 'completed');
  scene.host.settle();
  assert.deepEqual([scene.results.length, scene.tracker.stats(0).announces], [1, 1]);
});

for (const [silent, works] of [
  ['2001:db8::1', '192.0.2.1'],
  ['192.0.2.1', '2001:db8::1'],
] as const) {
  test(`where ${silent} is silent the other family is enough, and for an hour it is asked no more`, () => {
    const scene = dualStack([works]);
    scene.announce(BOTH);
    scene.host.runTo(60_000);
    assert.deepEqual([scene.results.length, scene.failureCode], [1, null]);
    const before = scene.host.datagrams.length;
    scene.announce(BOTH, '');
    scene.host.settle();
    assert.equal(scene.results.length, 2);
    assert.ok(scene.host.datagrams.slice(before).every(({ to }) => to.host === works));
    scene.host.runTo(3_700_000);
    scene.announce(BOTH, '');
    scene.host.runTo(3_800_000);
    assert.equal(scene.results.length, 3);
    assert.ok(
      scene.host.datagrams.slice(before).some(({ to }) => to.host === silent),
      'tried again',
    );
  });
}

test('the second family gets so much time, and who cancels meanwhile hears nothing', () => {
  const scene = dualStack(['192.0.2.1']);
  scene.announce(BOTH);
  scene.host.runTo(LIMITS.trackerSecondFamilyTimeoutMs - 1);
  assert.equal(scene.results.length, 0);
  scene.host.runTo(LIMITS.trackerSecondFamilyTimeoutMs + 1);
  assert.deepEqual([scene.results.length, scene.failureCode], [1, null]);
  const other = dualStack(['192.0.2.1']);
  const exchange = other.announce(BOTH);
  other.host.runTo(1000);
  other.host.turn.run(() => exchange.cancel());
  other.host.runTo(600_000);
  assert.equal(other.results.length, 0);
});

test('a name that does not exist and a URL that is none fail the announce', () => {
  const scene = new Scene();
  scene.announce('udp://nowhere.test:1');
  scene.host.settle();
  assert.equal(scene.failureCode, 'ERESOLVE');
  scene.announce('udp://no-port.test');
  scene.host.settle();
  assert.equal(scene.failureCode, 'ETRACKER');
  assert.equal(scene.host.sockets.length, 0);
});

test('a socket that fails fails its announces, and the next announce opens another', () => {
  const scene = new Scene();
  scene.host.socketError = new DtorrentError('ENETWORK', 'no ports left');
  scene.announce();
  scene.announce();
  scene.host.settle();
  assert.deepEqual([scene.results.length, scene.failureCode], [2, 'ENETWORK']);
  scene.announce();
  scene.host.settle();
  assert.deepEqual([scene.results.length, scene.failureCode], [3, null]);
  assert.equal(scene.host.sockets.length, 2);
});

test('a cancelled announce is not told of, whether it is being resolved or asked', () => {
  const scene = new Scene();
  scene.announce().cancel();
  scene.host.settle();
  assert.equal(scene.host.datagrams.length, 0);
  scene.host.onDatagram = () => null;
  const asking = scene.announce();
  scene.host.settle();
  asking.cancel();
  scene.host.runTo(600_000);
  assert.equal(scene.results.length, 0);
});

test('a closed client has no socket and no timer', () => {
  const scene = new Scene();
  scene.host.onDatagram = () => null;
  scene.announce();
  scene.host.settle();
  scene.host.act(() => scene.client.close());
  assert.equal(scene.host.sockets[0]!.isOpen, false);
  assert.equal(scene.host.turn.timers.size, 0);
  scene.announce();
  scene.host.runTo(600_000);
  assert.deepEqual([scene.results.length, scene.host.sockets.length], [0, 1]);
});
