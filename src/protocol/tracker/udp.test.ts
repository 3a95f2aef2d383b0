import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, makeAddress } from '../../base/address.js';
import { EMPTY_BYTES, fromUtf8, readUint32, toHex } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { AnnounceFailure, type AnnounceRequest, type AnnounceResult, type ScrapeAnswer } from './announce.js';
import { EXAMPLE_ANNOUNCE } from './testing/example-announce.js';
import { UdpTrackerCore } from './udp.js';
import {
  encodeUdpAnnounceAnswer,
  encodeUdpConnectAnswer,
  encodeUdpError,
  encodeUdpScrapeAnswer,
  isUdpConnect,
} from './udp-packets.js';

const TRACKER = makeAddress('192.0.2.1', 6969)!;
const SAME_HOST = makeAddress('192.0.2.1', 6970)!;
const COUNTS = { intervalSeconds: 1800, leechers: 5, seeds: 7 };
const REQUEST: AnnounceRequest = EXAMPLE_ANNOUNCE;

interface Sent {
  readonly packet: Uint8Array;
  readonly to: Address;
  readonly at: number;
  readonly transactionId: number;
  readonly kind: 'connect' | 'announce' | 'scrape';
}

/** A core whose time and packets are the test's. */
class Scene {
  now = 0;
  readonly sent: Sent[] = [];
  readonly results: AnnounceResult[] = [];
  readonly core = new UdpTrackerCore({
    random: new SeededRandom(7),
    send: (packet, to) => {
      const kind = isUdpConnect(packet) ? 'connect' : packet[11] === 1 ? 'announce' : 'scrape';
      this.sent.push({ packet, to, at: this.now, transactionId: readUint32(packet, 12), kind });
    },
  });

  announce(to = TRACKER, urlData: Uint8Array = EMPTY_BYTES): { cancel(): void } {
    return this.core.announce(to, REQUEST, urlData, this.now, (result) => this.results.push(result));
  }

  get last(): Sent {
    return this.sent.at(-1)!;
  }

  get kinds(): string {
    return this.sent.map(({ kind }) => kind).join(' ');
  }

  receive(packet: Uint8Array, from = TRACKER): boolean {
    return this.core.receive(packet, from, this.now);
  }

  /** Answers the last packet as a tracker would. */
  answer(connectionId = 'connect1'): void {
    const { kind, transactionId, to } = this.last;
    if (kind === 'connect') this.receive(encodeUdpConnectAnswer(transactionId, fromUtf8(connectionId)), to);
    else this.receive(encodeUdpAnnounceAnswer(transactionId, COUNTS, EMPTY_BYTES), to);
  }

  /** Lets time pass, acting at each deadline. */
  runTo(time: number): void {
    while (this.core.nextDeadline() <= time) {
      this.now = Math.max(this.now, this.core.nextDeadline());
      this.core.advance(this.now);
    }
    this.now = time;
  }

  get failureCode(): string | null {
    const result = this.results.at(-1);
    return result instanceof AnnounceFailure ? result.error.code : null;
  }
}

test('an announce connects first, then asks with the connection id', () => {
  const scene = new Scene();
  scene.announce(TRACKER, fromUtf8('/x?y'));
  assert.equal(scene.kinds, 'connect');
  assert.deepEqual(scene.last.to, TRACKER);
  scene.answer();
  assert.equal(scene.kinds, 'connect announce');
  assert.equal(toHex(scene.last.packet.subarray(0, 8)), toHex(fromUtf8('connect1')));
  assert.equal(scene.last.packet.length, 98 + 2 + 4);
  assert.notEqual(scene.sent[0]!.transactionId, scene.sent[1]!.transactionId);
  scene.answer();
  const [response] = scene.results;
  assert.ok(response !== undefined && !(response instanceof AnnounceFailure));
  assert.equal(response.seeds, 7);
  assert.equal(scene.core.nextDeadline(), Number.POSITIVE_INFINITY);
});

test('a connection id is shared by torrents for 60 seconds, but not by ports', () => {
  const scene = new Scene();
  scene.announce();
  scene.announce();
  assert.equal(scene.kinds, 'connect');
  scene.answer();
  assert.equal(scene.kinds, 'connect announce announce');
  scene.announce(SAME_HOST);
  assert.equal(scene.last.kind, 'connect');
  scene.now = 59_999;
  scene.announce();
  assert.equal(scene.last.kind, 'announce');
  scene.now = 60_000;
  scene.announce();
  assert.equal(scene.last.kind, 'connect');
});

test('a packet is sent again after 15 · 2ⁿ seconds, and the announce fails when that many were lost', () => {
  const scene = new Scene();
  scene.announce();
  scene.runTo(3_600_000);
  const attempts = LIMITS.udpTrackerRetransmitsMax + 1;
  assert.deepEqual(
    scene.sent.map(({ at, kind, transactionId }) => [at, kind, transactionId]),
    Array.from({ length: attempts }, (_, n) => [15_000 * (2 ** n - 1), 'connect', scene.sent[0]!.transactionId]),
  );
  assert.deepEqual([scene.results.length, scene.failureCode], [1, 'ETIMEOUT']);
  assert.equal(scene.core.nextDeadline(), Number.POSITIVE_INFINITY);
});

test('a lost answer is asked for again with the same transaction id', () => {
  const scene = new Scene();
  scene.announce();
  scene.answer();
  const { transactionId } = scene.last;
  scene.runTo(15_000);
  assert.equal(scene.kinds, 'connect announce announce');
  assert.equal(scene.last.transactionId, transactionId);
  scene.answer();
  assert.equal(scene.results.length, 1);
});

test('a connection id that expires while an answer is awaited is renewed before asking again', () => {
  const scene = new Scene();
  scene.announce();
  scene.answer('connect1');
  scene.answer();
  scene.now = 50_000;
  scene.announce();
  scene.runTo(65_000);
  assert.equal(scene.kinds, 'connect announce announce connect');
  scene.answer('connect2');
  assert.equal(scene.last.kind, 'announce');
  assert.equal(toHex(scene.last.packet.subarray(0, 8)), toHex(fromUtf8('connect2')));
  scene.answer();
  assert.equal(scene.results.length, 2);
});

test('a forged answer is not heard: wrong transaction, address, port or action', () => {
  const scene = new Scene();
  scene.announce();
  const { transactionId } = scene.last;
  const good = encodeUdpConnectAnswer(transactionId, fromUtf8('connect1'));
  assert.equal(scene.receive(encodeUdpConnectAnswer(transactionId ^ 1, fromUtf8('connect1'))), false);
  assert.equal(scene.receive(good, makeAddress('192.0.2.2', 6969)!), false);
  assert.equal(scene.receive(good, SAME_HOST), false);
  assert.equal(scene.receive(encodeUdpError(transactionId, fromUtf8('no')), SAME_HOST), false);
  assert.equal(scene.receive(encodeUdpAnnounceAnswer(transactionId, COUNTS, EMPTY_BYTES)), false);
  assert.equal(scene.kinds, 'connect');
  assert.equal(scene.receive(good), true);
  assert.equal(scene.kinds, 'connect announce');
  assert.equal(scene.receive(good), false); // once only
});

test('an answer that is cut short is not heard, and the retransmit gets another chance', () => {
  const scene = new Scene();
  scene.announce();
  const connectAnswer = encodeUdpConnectAnswer(scene.last.transactionId, fromUtf8('connect1'));
  for (let length = 0; length < connectAnswer.length; length++) scene.receive(connectAnswer.subarray(0, length));
  assert.equal(scene.kinds, 'connect');
  scene.answer();
  const announceAnswer = encodeUdpAnnounceAnswer(scene.last.transactionId, COUNTS, EMPTY_BYTES);
  for (let length = 0; length < announceAnswer.length; length++) {
    if (length !== 8) scene.receive(announceAnswer.subarray(0, length));
  }
  assert.equal(scene.results.length, 0);
  scene.runTo(15_000);
  scene.answer();
  assert.equal(scene.results.length, 1);
});

test('a tracker that refuses fails the announce with its words, and is connected to anew', () => {
  const scene = new Scene();
  scene.announce();
  scene.answer();
  scene.receive(encodeUdpError(scene.last.transactionId, fromUtf8('connection id mismatch')));
  const [failure] = scene.results;
  assert.ok(failure instanceof AnnounceFailure);
  assert.equal(failure.error.code, 'ETRACKER');
  assert.match(failure.error.message, /connection id mismatch/);
  scene.announce();
  assert.equal(scene.last.kind, 'connect');
});

test('an announce answer without a body is a refusal: opentracker sends it for torrents that it does not serve', () => {
  const scene = new Scene();
  scene.announce();
  scene.answer();
  scene.receive(encodeUdpAnnounceAnswer(scene.last.transactionId, COUNTS, EMPTY_BYTES).subarray(0, 8));
  assert.equal(scene.failureCode, 'ETRACKER');
});

test('a refused connect fails all that wait for it', () => {
  const scene = new Scene();
  scene.announce();
  scene.announce();
  scene.receive(encodeUdpError(scene.last.transactionId, EMPTY_BYTES));
  assert.equal(scene.results.length, 2);
  assert.equal(scene.failureCode, 'ETRACKER');
  scene.announce();
  assert.equal(scene.kinds, 'connect connect');
});

test('a cancelled announce hears nothing and leaves nothing behind', () => {
  const scene = new Scene();
  scene.announce().cancel();
  scene.answer();
  assert.equal(scene.kinds, 'connect');
  const asking = scene.announce();
  assert.equal(scene.kinds, 'connect announce');
  asking.cancel();
  scene.answer();
  assert.deepEqual(scene.results, []);
  assert.equal(scene.core.nextDeadline(), Number.POSITIVE_INFINITY);
});

test('when the socket is gone everything fails, and a later announce works', () => {
  const scene = new Scene();
  scene.announce();
  scene.announce(SAME_HOST);
  scene.core.failAll(new DtorrentError('ENETWORK', 'gone'));
  assert.equal(scene.results.length, 2);
  assert.equal(scene.failureCode, 'ENETWORK');
  scene.announce();
  scene.answer();
  scene.answer();
  assert.equal(scene.results.length, 3);
  assert.equal(scene.failureCode, null);
});

test('an announce may be begun from the callback of another', () => {
  const scene = new Scene();
  scene.core.announce(TRACKER, REQUEST, EMPTY_BYTES, 0, () => scene.announce(SAME_HOST));
  scene.core.failAll(new DtorrentError('ENETWORK', 'gone'));
  assert.deepEqual(scene.last.to, SAME_HOST);
  scene.answer();
  scene.answer();
  assert.equal(scene.results.length, 1);
});

test('a scrape gives counts in the order of its hashes', () => {
  const scene = new Scene();
  const results: (ScrapeAnswer | DtorrentError)[] = [];
  scene.core.scrape(TRACKER, [REQUEST.infoHash, REQUEST.peerId], 0, (result) => results.push(result));
  scene.answer();
  assert.equal(scene.kinds, 'connect scrape');
  const counts = [
    { seeds: 7, completed: 42, leechers: 5 },
    { seeds: 0, completed: 0, leechers: 1 },
  ];
  scene.receive(encodeUdpScrapeAnswer(scene.last.transactionId, counts.slice(1)));
  assert.deepEqual(results, []);
  scene.receive(encodeUdpScrapeAnswer(scene.last.transactionId, counts));
  assert.deepEqual(results, [{ counts, minIntervalMs: null }]);
});

test('only so many trackers are remembered: idle ones make room, busy ones do not', () => {
  const scene = new Scene();
  const max = LIMITS.udpTrackerEndpointsMax;
  const address = (i: number): Address => makeAddress(`10.0.${i >>> 8}.${i & 255}`, 6969)!;
  for (let i = 0; i < max; i++) scene.announce(address(i));
  scene.announce(address(max));
  assert.equal(scene.sent.length, max);
  scene.runTo(0);
  assert.equal(scene.failureCode, 'ETRACKER');
  // One is answered and idle now.
  scene.answer();
  scene.answer();
  scene.announce(address(max));
  assert.deepEqual([scene.last.kind, scene.last.to.host], ['connect', address(max).host]);
  scene.announce(address(max - 1));
  scene.runTo(scene.now);
  assert.equal(scene.failureCode, 'ETRACKER');
});
