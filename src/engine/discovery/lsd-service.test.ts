/** Local discovery on whole engines: who finds whom on simulated local networks, and what is sent. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { wireHashes } from '../../format/infohash.js';
import type { DatagramHandler, DatagramOptions, LocalInterface, Network } from '../../host/network.js';
import { encodeLsdPacket, LSD_GROUPS, parseLsdPacket } from '../../protocol/lsd/lsd-packet.js';
import { Simulator } from '../../sim/simulator.js';
import { ScriptedHost } from '../testing/scripted-network.js';
import { makeSimTorrent, SimEngine, type SimTorrent } from '../testing/sim-swarm.js';
import { LsdService } from './lsd-service.js';

const MINUTE_MS = 60_000;
const SMALL = { lengths: { 'a.bin': 300_000 }, pieceLength: 32_768 };
const ONLY_LSD = { trackers: false, lsd: true };

function seedOf(simulator: Simulator, torrent: SimTorrent, lan?: string, settings = {}): SimEngine {
  const seed = new SimEngine(simulator, { ...ONLY_LSD, ...settings }, lan === undefined ? {} : { lan });
  seed.give(torrent);
  const seeding = seed.add(torrent.metainfo);
  assert.ok(simulator.run(() => seeding.phase === 'seeding', { maxVirtualMs: MINUTE_MS }));
  return seed;
}

/** What an engine sends to the groups from now on. */
function packetsOf(engine: SimEngine): { readonly host: string; readonly hashes: readonly string[] }[] {
  const packets: { host: string; hashes: string[] }[] = [];
  const { network } = engine.host;
  const open = network.openDatagramSocket.bind(network);
  network.openDatagramSocket = (options, handler) => {
    const socket = open(options, handler);
    const send = socket.send.bind(socket);
    socket.send = (packet, to) => {
      packets.push({ host: to.host, hashes: parseLsdPacket(packet)!.infoHashes.map(toHex) });
      send(packet, to);
    };
    return socket;
  };
  return packets;
}

describe('engines in local networks', () => {
  test('a magnet without trackers or peers completes, from the engine next door alone', () => {
    const simulator = new Simulator({ seed: 1 });
    const torrent = makeSimTorrent(SMALL);
    seedOf(simulator, torrent, 'home');
    const leecher = new SimEngine(simulator, ONLY_LSD, { lan: 'home' });
    const download = leecher.add(torrent.magnet);
    assert.ok(simulator.run(() => download.phase === 'seeding', { maxVirtualMs: 3 * MINUTE_MS }));
    assert.ok(leecher.has(torrent));
  });

  test('engines in different networks, without one, or with local discovery off do not find each other', () => {
    const simulator = new Simulator({ seed: 2 });
    const torrent = makeSimTorrent(SMALL);
    seedOf(simulator, torrent, 'home');
    seedOf(simulator, torrent);
    seedOf(simulator, torrent, 'office', { lsd: false });
    const downloads = ['office', undefined].map((lan) => {
      return new SimEngine(simulator, ONLY_LSD, lan === undefined ? {} : { lan }).add(torrent.magnet);
    });
    simulator.run(simulator.now + 10 * MINUTE_MS);
    assert.deepEqual(
      downloads.map(({ phase }) => phase),
      ['metadata', 'metadata'],
    );
  });

  test('a private torrent is not announced, not even by an engine that announces another', () => {
    const simulator = new Simulator({ seed: 3 });
    const open = makeSimTorrent(SMALL);
    const secret = makeSimTorrent({ lengths: { 'secret.bin': 100_000 }, pieceLength: 32_768, isPrivate: true });
    const engine = new SimEngine(simulator, ONLY_LSD, { lan: 'home' });
    // Opened by the next look only, so that all is seen.
    engine.host.network.setLink(false);
    const packets = packetsOf(engine);
    simulator.run(simulator.now + 10_000);
    engine.host.network.setLink(true);
    for (const torrent of [open, secret]) {
      engine.give(torrent);
      engine.add(torrent.metainfo);
    }
    simulator.run(simulator.now + 10 * MINUTE_MS);
    assert.deepEqual(new Set(packets.map(({ host }) => host)), new Set(Object.values(LSD_GROUPS)));
    const announced = new Set(packets.flatMap(({ hashes }) => hashes));
    assert.deepEqual([...announced], wireHashes(open.metainfo.infoHash).map(toHex));
  });

  test('an engine that has stopped has closed its sockets', () => {
    const simulator = new Simulator({ seed: 4 });
    const torrent = makeSimTorrent(SMALL);
    const seed = seedOf(simulator, torrent, 'home');
    assert.ok(seed.host.network.udp.size > 0);
    seed.stop(simulator);
    assert.equal(seed.host.network.openCount, 0);
  });

  test('in a network that loses every other packet they find each other all the same', () => {
    const simulator = new Simulator({ seed: 5, link: () => ({ latencyMs: 5, bytesPerMs: 1000, lossRatio: 0.5 }) });
    const torrent = makeSimTorrent(SMALL);
    seedOf(simulator, torrent, 'home');
    const leecher = new SimEngine(simulator, ONLY_LSD, { lan: 'home' });
    const download = leecher.add(torrent.magnet);
    assert.ok(simulator.run(() => download.phase !== 'metadata', { maxVirtualMs: 20 * MINUTE_MS }));
  });
});

interface Opened {
  readonly options: DatagramOptions;
  readonly handler: DatagramHandler;
  isOpen: boolean;
}

/** A service on interfaces that the test chooses. */
class Scene {
  readonly host = new ScriptedHost();
  readonly opened: Opened[] = [];
  readonly found: string[] = [];
  interfaces: LocalInterface[] = [];
  readonly service: LsdService;

  constructor() {
    const network: Network = {
      ...this.host.network,
      interfaces: () => this.interfaces,
      openDatagramSocket: (options, handler) => {
        const opened: Opened = { options, handler, isOpen: true };
        this.opened.push(opened);
        return {
          send: () => {},
          close: () => {
            opened.isOpen = false;
          },
        };
      },
    };
    const { turn } = this.host;
    this.service = new LsdService({ turn, network, random: new SeededRandom(1), port: () => 6881 });
  }

  /** Addresses as `192.0.2.1/24`. */
  setInterfaces(interfaces: Readonly<Record<string, readonly string[]>>): void {
    this.interfaces = Object.entries(interfaces).map(([name, texts]) => ({
      name,
      isLoopback: name === 'lo',
      canMulticast: name !== 'lo',
      addresses: texts.map((text) => {
        const [ip, prefix] = text.split('/');
        const { family, host } = makeAddress(ip!, 0)!;
        return { family, host, prefixBits: Number(prefix) };
      }),
    }));
  }

  start(): void {
    this.host.act(() => this.service.start());
  }

  /** What is open now: interface, group and address. */
  get open(): string[] {
    return this.opened
      .filter(({ isOpen }) => isOpen)
      .map(({ options: { host, multicast } }) => `${multicast!.interfaceName} ${multicast!.group} ${host}`);
  }
}

describe('LsdService', () => {
  test('there is a socket for each interface and family that has a local network', () => {
    const scene = new Scene();
    scene.setInterfaces({
      lo: ['127.0.0.1/8', '::1/128'],
      eth0: ['192.0.2.1/24', '192.0.2.7/24', 'fe80::1/64', '2001:db8::1/64'],
      wg0: ['10.2.0.2/32'],
      wlan0: ['fe80::2/64'],
    });
    scene.start();
    assert.deepEqual(scene.open, ['eth0 239.192.152.143 192.0.2.1', 'eth0 ff15::efc0:988f 2001:db8::1']);
  });

  test('interfaces that come and go, and addresses that change, are noticed within seconds', () => {
    const scene = new Scene();
    scene.start();
    scene.setInterfaces({ eth0: ['192.0.2.1/24'] });
    scene.host.runTo(5000);
    assert.deepEqual(scene.open, ['eth0 239.192.152.143 192.0.2.1']);
    scene.setInterfaces({ eth0: ['192.0.2.2/24'] });
    scene.host.runTo(10_000);
    assert.deepEqual(scene.open, ['eth0 239.192.152.143 192.0.2.2']);
    scene.setInterfaces({});
    scene.host.runTo(15_000);
    assert.deepEqual(scene.open, []);
  });

  test('a socket that fails is opened again by the next look', () => {
    const scene = new Scene();
    scene.setInterfaces({ eth0: ['192.0.2.1/24'] });
    scene.start();
    scene.opened[0]!.isOpen = false;
    scene.opened[0]!.handler.onError(new Error('no such device') as never);
    scene.host.runTo(4000);
    assert.deepEqual(scene.open, []);
    scene.host.runTo(5000);
    assert.deepEqual(scene.open, ['eth0 239.192.152.143 192.0.2.1']);
  });

  test('a machine with more networks than there may be sockets announces on the first ones', () => {
    const scene = new Scene();
    const names = Array.from({ length: LIMITS.lsdNetworksMax + 5 }, (_, i) => [`br${i}`, [`10.0.${i}.1/24`]] as const);
    scene.setInterfaces(Object.fromEntries(names));
    scene.start();
    assert.equal(scene.open.length, LIMITS.lsdNetworksMax);
    assert.equal(scene.open[0], 'br0 239.192.152.143 10.0.0.1');
  });

  test('a hybrid torrent is found by either hash, a v2 torrent by its hash cut to 20 bytes', () => {
    const scene = new Scene();
    scene.setInterfaces({ eth0: ['192.0.2.1/24'] });
    scene.start();
    const v1 = new Uint8Array(20).fill(1);
    const v2 = new Uint8Array(32).fill(2);
    scene.host.act(() => {
      scene.service.join({
        infoHash: { v1, v2 },
        isSeeding: false,
        dhtNodes: [],
        addPeers: ([peer], source) => scene.found.push(`${peer!.host} ${source}`),
      });
    });
    for (const [host, infoHash] of [
      ['192.0.2.8', v1],
      ['192.0.2.9', v2.subarray(0, 20)],
      ['192.0.2.10', new Uint8Array(20)],
    ] as const) {
      const packet = encodeLsdPacket({ port: 1, infoHashes: [infoHash], cookie: '' }, 4);
      scene.opened[0]!.handler.onDatagram(packet, makeAddress(host, 6771)!);
    }
    assert.deepEqual(scene.found, ['192.0.2.8 lsd', '192.0.2.9 lsd']);
  });
});
