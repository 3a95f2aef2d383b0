import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Address, makeAddress } from '../../base/address.js';
import { toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { LsdCore, type LsdNetwork } from './lsd.js';
import { encodeLsdPacket, LSD_HASHES_PER_PACKET, parseLsdPacket } from './lsd-packet.js';

function hashOf(number: number): Uint8Array {
  const infoHash = new Uint8Array(20);
  new DataView(infoHash.buffer).setUint32(0, number);
  return infoHash;
}

/** A core in one network or more, and what it says and finds. */
class Scene {
  now = 1_000_000;
  port = 6881;
  readonly found: string[] = [];
  /** When each packet was sent, and where. */
  readonly sent: {
    readonly at: number;
    readonly name: string;
    readonly hashes: readonly string[];
    packet: Uint8Array;
  }[] = [];
  readonly core: LsdCore;

  constructor(seed = 1) {
    this.core = new LsdCore({
      random: new SeededRandom(seed),
      port: () => this.port,
      onPeer: (infoHash, { host, port }) => this.found.push(`${toHex(infoHash).slice(0, 8)} ${host} ${port}`),
    });
  }

  network(name: string, host = '192.0.2.1', prefixBits = 24): LsdNetwork {
    const network: LsdNetwork = {
      family: host.includes(':') ? 6 : 4,
      addresses: [{ host, prefixBits }],
      send: (packet) => {
        const hashes = parseLsdPacket(packet)!.infoHashes.map(toHex);
        this.sent.push({ at: this.now, name, hashes, packet });
      },
    };
    this.core.addNetwork(network, this.now);
    return network;
  }

  run(forMs: number): void {
    const end = this.now + forMs;
    while (this.core.nextDeadline <= end) {
      this.now = Math.max(this.now, this.core.nextDeadline);
      this.core.advance(this.now);
    }
    this.now = end;
  }

  hear(network: LsdNetwork, host: string, port: number, infoHashes: readonly Uint8Array[], cookie = ''): void {
    const packet = encodeLsdPacket({ port: 1, infoHashes, cookie }, network.family);
    // Its port in the packet is what counts, not the one that it comes from.
    const text = Buffer.from(packet).toString('latin1').replace('Port: 1', `Port: ${port}`);
    const from: Address = makeAddress(host, 6771)!;
    this.core.receive(Buffer.from(text, 'latin1'), from, network, this.now);
  }
}

describe('announcing', () => {
  test('a torrent is announced within a second of joining, again after a minute, and then every five minutes', () => {
    const scene = new Scene();
    scene.network('a');
    scene.run(100_000);
    const joinedAt = scene.now;
    scene.core.join([hashOf(1)], scene.now);
    scene.run(1_000_000);
    const waits = scene.sent.map(({ at }, i) => at - (scene.sent[i - 1]?.at ?? joinedAt));
    assert.ok(waits[0]! > 0 && waits[0]! <= 1000);
    assert.equal(waits[1], 60_000);
    assert.ok(waits.length >= 4 && waits.slice(2).every((wait) => wait >= 300_000 && wait < 315_000));
  });

  test('no network gets more than one packet a minute, whenever torrents join', () => {
    const scene = new Scene(5);
    scene.network('a');
    scene.network('b', '2001:db8::1', 64);
    const random = new SeededRandom(7);
    for (let i = 0; i < 200; i++) {
      scene.core.join([hashOf(i)], scene.now);
      scene.run(random.uint32() % 20_000);
    }
    scene.run(3_600_000);
    for (const name of ['a', 'b']) {
      const times = scene.sent.filter((one) => one.name === name).map(({ at }) => at);
      assert.ok(times.length > 60);
      assert.ok(times.every((at, i) => i === 0 || at - times[i - 1]! >= 60_000));
    }
  });

  test('what joins together shares a packet; what there is no room for comes in the next, and none is left out', () => {
    const scene = new Scene();
    scene.network('a');
    const count = 3 * LSD_HASHES_PER_PACKET + 1;
    for (let i = 0; i < count; i++) scene.core.join([hashOf(i)], scene.now);
    scene.run(1000);
    assert.equal(scene.sent[0]!.hashes.length, LSD_HASHES_PER_PACKET);
    scene.run(1_200_000);
    assert.ok(scene.sent.every(({ hashes }) => hashes.length <= LSD_HASHES_PER_PACKET));
    assert.equal(new Set(scene.sent.flatMap(({ hashes }) => hashes)).size, count);
  });

  test('of a torrent with two info-hashes the first comes first in every packet, whatever else joins', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const scene = new Scene(seed);
      scene.network('a');
      scene.core.join([hashOf(9)], scene.now);
      scene.core.join([hashOf(2), hashOf(1)], scene.now);
      scene.run(20_000);
      scene.core.join([hashOf(5), hashOf(3)], scene.now);
      scene.run(1_500_000);
      for (const [first, second] of [
        [hashOf(2), hashOf(1)],
        [hashOf(5), hashOf(3)],
      ] as const) {
        const places = scene.sent.map(({ hashes }) => [hashes.indexOf(toHex(first)), hashes.indexOf(toHex(second))]);
        assert.ok(places.some(([place]) => place! >= 0));
        assert.ok(places.every(([a, b]) => (a! < 0 && b! < 0) || (a! >= 0 && a! < b!)));
      }
    }
  });

  test('a torrent that has left is not announced any more; one that joins twice is announced as if it had once', () => {
    const scene = new Scene();
    scene.network('a');
    scene.core.join([hashOf(1)], scene.now);
    scene.core.join([hashOf(1)], scene.now);
    scene.core.join([hashOf(2)], scene.now);
    scene.run(120_000);
    scene.core.leave(hashOf(1));
    const before = scene.sent.length;
    scene.run(600_000);
    assert.ok(scene.sent.length > before);
    assert.ok(scene.sent.slice(before).every(({ hashes }) => !hashes.includes(toHex(hashOf(1)))));
    scene.core.leave(hashOf(1));
    scene.core.leave(hashOf(2));
    const after = scene.sent.length;
    scene.run(600_000);
    assert.equal(scene.sent.length, after);
    assert.equal(scene.core.nextDeadline, Number.POSITIVE_INFINITY);
  });

  test('a network that comes later hears of every torrent, one that is gone of none; without a port nothing is said', () => {
    const scene = new Scene();
    scene.core.join([hashOf(1)], scene.now);
    assert.equal(scene.core.nextDeadline, Number.POSITIVE_INFINITY);
    scene.port = 0;
    const network = scene.network('a');
    scene.run(2000);
    assert.equal(scene.sent.length, 0);
    scene.port = 6881;
    scene.run(400_000);
    assert.ok(scene.sent.length > 0);
    scene.core.removeNetwork(network);
    assert.equal(scene.core.nextDeadline, Number.POSITIVE_INFINITY);
  });
});

describe('hearing', () => {
  test('somebody with a torrent of ours is a peer, at the port that the packet names', () => {
    const scene = new Scene();
    const network = scene.network('a');
    scene.core.join([hashOf(1)], scene.now);
    scene.core.join([hashOf(3)], scene.now);
    scene.hear(network, '192.0.2.9', 51_413, [hashOf(1), hashOf(2), hashOf(3)]);
    assert.deepEqual(scene.found, ['00000001 192.0.2.9 51413', '00000003 192.0.2.9 51413']);
  });

  test('torrents that we do not have, or have no more, lead to nobody', () => {
    const scene = new Scene();
    const network = scene.network('a');
    scene.core.join([hashOf(1)], scene.now);
    scene.core.leave(hashOf(1));
    scene.hear(network, '192.0.2.9', 1, [hashOf(1), hashOf(2)]);
    assert.deepEqual(scene.found, []);
  });

  test('our own packets are known by their cookie; another client on this machine is a peer', () => {
    const scene = new Scene(1);
    const network = scene.network('a');
    scene.core.join([hashOf(1)], scene.now);
    scene.run(1000);
    scene.core.receive(scene.sent[0]!.packet, makeAddress('192.0.2.1', 6771)!, network, scene.now);
    assert.deepEqual(scene.found, []);
    const other = new Scene(2);
    other.network('a');
    other.core.join([hashOf(1)], other.now);
    other.run(1000);
    scene.core.receive(other.sent[0]!.packet, makeAddress('192.0.2.1', 6771)!, network, scene.now);
    assert.deepEqual(scene.found, ['00000001 192.0.2.1 6881']);
  });

  test('only who is in the network that the packet was heard on is believed, and port 0 is nobody', () => {
    const scene = new Scene();
    const network = scene.network('a');
    const network6 = scene.network('b', '2001:db8::1', 64);
    scene.core.join([hashOf(1)], scene.now);
    scene.hear(network, '192.0.3.9', 1, [hashOf(1)]);
    scene.hear(network6, '2001:db8:0:1::9', 1, [hashOf(1)]);
    scene.hear(network6, '192.0.2.9', 1, [hashOf(1)]);
    scene.hear(network, '192.0.2.9', 0, [hashOf(1)]);
    assert.deepEqual(scene.found, []);
    scene.hear(network6, '2001:db8::9', 7, [hashOf(1)]);
    assert.deepEqual(scene.found, ['00000001 2001:db8::9 7']);
  });

  test('a sender is heard so often a minute and no more, and again in the next', () => {
    const scene = new Scene();
    const network = scene.network('a');
    scene.core.join([hashOf(1)], scene.now);
    for (let i = 0; i <= LIMITS.lsdPacketsPerSenderPerMinuteMax; i++) scene.hear(network, '192.0.2.9', 1, [hashOf(1)]);
    assert.equal(scene.found.length, LIMITS.lsdPacketsPerSenderPerMinuteMax);
    scene.hear(network, '192.0.2.10', 1, [hashOf(1)]);
    assert.equal(scene.found.length, LIMITS.lsdPacketsPerSenderPerMinuteMax + 1);
    scene.run(60_000);
    scene.hear(network, '192.0.2.9', 1, [hashOf(1)]);
    assert.equal(scene.found.length, LIMITS.lsdPacketsPerSenderPerMinuteMax + 2);
  });

  test('of more senders than are remembered, the oldest is forgotten', () => {
    const scene = new Scene();
    const network = scene.network('a', '10.0.0.1', 8);
    scene.core.join([hashOf(1)], scene.now);
    const fill = (host: string): void => {
      for (let i = 0; i <= LIMITS.lsdPacketsPerSenderPerMinuteMax; i++) scene.hear(network, host, 1, [hashOf(1)]);
    };
    const isHeard = (host: string): boolean => {
      const before = scene.found.length;
      scene.hear(network, host, 1, [hashOf(1)]);
      return scene.found.length > before;
    };
    fill('10.0.0.2');
    for (let i = 0; i < LIMITS.lsdSendersMax - 1; i++) scene.hear(network, `10.1.${i >> 8}.${i & 255}`, 1, [hashOf(1)]);
    assert.ok(!isHeard('10.0.0.2'), 'it is remembered as one of as many as there may be');
    scene.hear(network, '10.9.9.9', 1, [hashOf(1)]);
    assert.ok(isHeard('10.0.0.2'));
  });
});
