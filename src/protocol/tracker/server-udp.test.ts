import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, addressKey, makeAddress } from '../../base/address.js';
import { EMPTY_BYTES, readUint32, toHex } from '../../base/bytes.js';
import type { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { AnnounceFailure, type AnnounceRequest, type AnnounceResult, type ScrapeAnswer } from './announce.js';
import { TrackerServer } from './server.js';
import { UdpTrackerServer } from './server-udp.js';
import { EXAMPLE_ANNOUNCE } from './testing/example-announce.js';
import { UdpTrackerCore } from './udp.js';
import {
  decodeUdpError,
  encodeUdpAnnounce,
  encodeUdpConnect,
  encodeUdpScrape,
  UDP_ACTION_ERROR,
} from './udp-packets.js';

const TRACKER = makeAddress('203.0.113.1', 6969)!;
const TRACKER_6 = makeAddress('2001:db8:ffff::1', 6969)!;
const CLIENT = makeAddress('192.0.2.1', 40_000)!;
const REQUEST: AnnounceRequest = { ...EXAMPLE_ANNOUNCE, left: 1000, numWant: 200, key: 1 };

class Scene {
  readonly tracker = new TrackerServer({ intervalSeconds: 1800, random: new SeededRandom(5) });
  readonly udp = new UdpTrackerServer(this.tracker, new SeededRandom(6));

  connect(from = CLIENT, now = 0): Uint8Array {
    return this.udp.receive(encodeUdpConnect(1), from, now)!.subarray(8);
  }

  announce(ip: string, given: Partial<AnnounceRequest> = {}): AnnounceResult {
    let result: AnnounceResult | null = null;
    const link = new Link(this.udp, makeAddress(ip, 40_000)!);
    link.core.announce(link.tracker, { ...REQUEST, ...given }, EMPTY_BYTES, 0, (answer) => {
      result = answer;
    });
    link.pump();
    assert.ok(result !== null);
    return result;
  }
}

/** Our own client, with our tracker on the other end of the wire. */
class Link {
  readonly #answers: Uint8Array[] = [];
  readonly core: UdpTrackerCore;
  readonly tracker: Address;

  constructor(udp: UdpTrackerServer, from: Address) {
    this.tracker = from.family === 4 ? TRACKER : TRACKER_6;
    this.core = new UdpTrackerCore({
      random: new SeededRandom(8),
      send: (packet) => {
        const answer = udp.receive(packet, from, 0);
        if (answer !== null) this.#answers.push(answer);
      },
    });
  }

  pump(): void {
    for (let answer = this.#answers.shift(); answer !== undefined; answer = this.#answers.shift()) {
      this.core.receive(answer, this.tracker, 0);
    }
  }
}

function isError(packet: Uint8Array | null): boolean {
  return packet !== null && readUint32(packet, 0) === UDP_ACTION_ERROR;
}

test('our client understands our tracker', () => {
  const scene = new Scene();
  scene.announce('192.0.2.1', { left: 0 });
  scene.announce('2001:db8::1');
  scene.announce('2001:db8::2', { port: 7000 });
  const response4 = scene.announce('192.0.2.2');
  assert.ok(!(response4 instanceof AnnounceFailure));
  assert.deepEqual(response4.peers.map(addressKey), ['192.0.2.1:6881']);
  assert.deepEqual([response4.seeds, response4.leechers, response4.intervalMs], [1, 3, 1_800_000]);
  const response6 = scene.announce('2001:db8::1');
  assert.ok(!(response6 instanceof AnnounceFailure));
  assert.deepEqual(response6.peers.map(addressKey), ['[2001:db8::2]:7000']);
});

test('our client understands our scrape', () => {
  const scene = new Scene();
  scene.announce('192.0.2.1');
  const link = new Link(scene.udp, CLIENT);
  const results: (ScrapeAnswer | DtorrentError)[] = [];
  link.core.scrape(TRACKER, [REQUEST.peerId, REQUEST.infoHash], 0, (result) => results.push(result));
  link.pump();
  const counts = [
    { seeds: 0, leechers: 0, completed: 0 },
    { seeds: 0, leechers: 1, completed: 0 },
  ];
  assert.deepEqual(results, [{ counts, minIntervalMs: null }]);
});

test('a connection id is good for its own window and the next, for its own IP only, and no table holds it', () => {
  const scene = new Scene();
  const id = scene.connect(CLIENT, 119_999);
  const announce = (from: Address, now: number): Uint8Array | null =>
    scene.udp.receive(encodeUdpAnnounce(id, 1, REQUEST, EMPTY_BYTES), from, now);
  assert.ok(!isError(announce(CLIENT, 119_999)));
  assert.ok(!isError(announce({ ...CLIENT, port: 5 }, 120_000)));
  assert.ok(!isError(announce(CLIENT, 239_999)));
  assert.ok(isError(announce(CLIENT, 240_000)));
  assert.ok(isError(announce(makeAddress('192.0.2.2', 40_000)!, 120_000)));
  assert.notEqual(toHex(scene.connect()), toHex(new Scene().connect(CLIENT, 200_000)));
});

test('another tracker has another secret', () => {
  const other = new UdpTrackerServer(new Scene().tracker, new SeededRandom(99));
  const id = other.receive(encodeUdpConnect(1), CLIENT, 0)!.subarray(8);
  assert.notEqual(toHex(id), toHex(new Scene().connect()));
});

test('a request with a wrong connection id changes nothing, and is answered with fewer bytes than it has', () => {
  const scene = new Scene();
  for (const packet of [
    encodeUdpAnnounce(new Uint8Array(8), 7, REQUEST, EMPTY_BYTES),
    encodeUdpScrape(new Uint8Array(8), 7, [REQUEST.infoHash]),
  ]) {
    const answer = scene.udp.receive(packet, CLIENT, 0);
    assert.ok(answer !== null && isError(answer));
    assert.equal(readUint32(answer, 4), 7);
    assert.match(decodeUdpError(answer), /connection id/);
    assert.ok(answer.length < packet.length);
  }
  const { peers, announces, scrapes } = scene.tracker.stats(0);
  assert.deepEqual([peers, announces, scrapes], [0, 0, 0]);
});

test('an announced port of 0 is refused', () => {
  const result = new Scene().announce('192.0.2.1', { port: 0 });
  assert.ok(result instanceof AnnounceFailure);
  assert.match(result.error.message, /port/);
});

test('an answer fits one packet', () => {
  const scene = new Scene();
  for (let i = 0; i < 250; i++) {
    scene.announce(`10.0.0.${i}`);
    scene.announce(`2001:db8::${i.toString(16)}`);
  }
  for (const from of [CLIENT, makeAddress('2001:db8:1::1', 1)!]) {
    const packet = encodeUdpAnnounce(scene.connect(from), 1, { ...REQUEST, numWant: 1000 }, EMPTY_BYTES);
    const { length } = scene.udp.receive(packet, from, 0)!;
    assert.ok(length <= LIMITS.trackerServerPacketBytesMax && length > 1200, `${length} bytes`);
  }
});

test('answers are written over each other, unless the bytes of one are left to who sends them', () => {
  const { udp } = new Scene();
  const connect = encodeUdpConnect(7);
  assert.equal(udp.answer(connect, CLIENT, 0), 16);
  const { reply } = udp;
  assert.equal(readUint32(reply, 4), 7);
  udp.answer(encodeUdpConnect(8), CLIENT, 0);
  assert.equal(udp.reply, reply);
  assert.equal(readUint32(reply, 4), 8);
  udp.leaveReply();
  udp.answer(encodeUdpConnect(9), CLIENT, 0);
  assert.equal(readUint32(reply, 4), 8);
  assert.equal(readUint32(udp.reply, 4), 9);
  const kept = udp.receive(connect, CLIENT, 0)!;
  udp.answer(encodeUdpConnect(9), CLIENT, 0);
  assert.equal(readUint32(kept, 4), 7);
});

test('what is no request is not answered', () => {
  const scene = new Scene();
  const id = scene.connect();
  const announce = encodeUdpAnnounce(id, 1, REQUEST, EMPTY_BYTES);
  const scrape = encodeUdpScrape(id, 1, [REQUEST.infoHash]);
  const unknownAction = announce.slice();
  unknownAction[11] = 9;
  const packets = [EMPTY_BYTES, encodeUdpConnect(1).subarray(0, 15), announce.subarray(0, 97), scrape.subarray(0, 35)];
  for (const packet of [...packets, unknownAction]) assert.equal(scene.udp.receive(packet, CLIENT, 0), null);
});

test('no packet makes the tracker throw', () => {
  const scene = new Scene();
  const id = scene.connect();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isConnected) => {
      if (isConnected) bytes.set(id.subarray(0, Math.min(8, bytes.length)));
      const answer = scene.udp.receive(bytes, CLIENT, 0);
      assert.ok(answer === null || answer.length <= LIMITS.trackerServerPacketBytesMax);
    }),
  );
});
