/** Torrents that change (BEP 46), from the publisher's put to the follower's files: engines in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ed25519PublicKey } from '../base/crypto.js';
import { infoHashHex, wireHashes } from '../format/infohash.js';
import { formatMutableMagnet, type MutableMagnet } from '../format/magnet.js';
import { encodeTorrentPointer } from '../format/torrent-pointer.js';
import { SimEngine as PromisingEngine } from '../lab/sim-engine.js';
import { Dht } from '../protocol/dht/dht.js';
import type { DhtNode } from '../protocol/dht/dht-node.js';
import { signItem } from '../protocol/dht/item.js';
import { DhtNetwork } from './testing/dht-network.js';
import { DOWNLOADS, makeSimTorrent, type SimTorrent } from './testing/sim-swarm.js';

const SEED = new Uint8Array(32).fill(3);
const SALT = new Uint8Array([0x6e]);
const LINK: MutableMagnet = {
  publicKey: ed25519PublicKey(SEED),
  salt: SALT,
  infoHash: null,
  name: null,
  trackers: [],
  webSeeds: [],
  peers: [],
  select: null,
};
const PIECE = 16_384;
/** The same files but for one, which is a piece longer. */
const FIRST = makeSimTorrent({ lengths: { 'a.bin': 4 * PIECE, 'b.bin': PIECE }, pieceLength: PIECE });
const SECOND = makeSimTorrent({ lengths: { 'a.bin': 4 * PIECE, 'b.bin': 2 * PIECE }, pieceLength: PIECE });

test('a followed torrent is downloaded, and so is what takes its place', async () => {
  const network = new DhtNetwork();
  const publisher = new Publisher(network);
  network.seed(FIRST);
  publisher.put(FIRST, 1n);
  const host = network.simulator.createHost({ ipv4: network.address() });
  const engine = await network.simulator.settle(
    PromisingEngine.start(host, { ...network.settings(), downloadDir: DOWNLOADS }),
  );
  const versions: string[] = [];
  const followed = engine.follow(formatMutableMagnet(LINK), {}, (torrent) => {
    versions.push(infoHashHex(torrent.infoHash));
  });
  const first = await network.simulator.settle(followed.found, { maxVirtualMs: 60_000 });
  await network.simulator.settle(first.completed, { maxVirtualMs: 300_000 });
  assert.equal(followed.sequence, 1n);

  network.seed(SECOND);
  publisher.put(SECOND, 2n);
  await network.simulator.runAsync(() => followed.sequence === 2n, { maxVirtualMs: 40 * 60_000 });
  await network.simulator.runAsync(network.simulator.now + 10);
  const second = followed.torrent!;
  await network.simulator.settle(second.completed, { maxVirtualMs: 300_000 });
  assert.deepEqual(
    versions,
    [FIRST, SECOND].map(({ metainfo }) => infoHashHex(metainfo.infoHash)),
  );
  assert.deepEqual(engine.torrents, [second]);
  for (const [path, bytes] of SECOND.files) assert.deepEqual(host.disk.read(`${DOWNLOADS}/${path}`), bytes);
  assert.ok(second.stats().downloadedBytes <= 2 * PIECE, 'what has not changed is not fetched again');
  await network.simulator.settle(engine.stop());
});

test('a follower keeps an item alive whose publisher is gone', async () => {
  const network = new DhtNetwork();
  const publisher = new Publisher(network);
  publisher.put(FIRST, 1n);
  publisher.stop();
  const follower = network.engine();
  follower.session.follow(LINK);
  network.pass(5 * 3_600_000);
  const late = network.engine();
  late.session.follow(LINK);
  network.pass(60_000);
  assert.equal(late.count('versionFound'), 1);
});

/** Somebody with the key, who is no engine. */
class Publisher {
  readonly #network: DhtNetwork;
  readonly #dht: Dht;
  readonly #stop: () => void;

  constructor(network: DhtNetwork) {
    this.#network = network;
    const { simulator } = network;
    const host = simulator.createHost({ ipv4: network.address() });
    this.#dht = new Dht({ random: host.random });
    let node: DhtNode | null = null;
    const socket = host.network.openDatagramSocket(
      { host: '', port: 6881 },
      {
        onListening: () => {
          const now = host.clock.now();
          const send = (packet: Uint8Array, to: Parameters<typeof socket.send>[1]): void => socket.send(packet, to);
          node = this.#dht.open({ family: 4, externalIp: null, send }, now);
          const { host: router, session } = network.router;
          this.#dht.addBootstrap([{ family: 4, host: router.ipv4!, port: session.listenPort }], now);
        },
        onDatagram: (packet, from) => node?.receive(packet, from, host.clock.now()),
        onError: (error) => {
          throw error;
        },
      },
    );
    this.#stop = () => socket.close();
    this.#advanceFor(10_000);
  }

  put({ metainfo }: SimTorrent, sequence: bigint): void {
    const value = encodeTorrentPointer(wireHashes(metainfo.infoHash)[0]!);
    const item = signItem(SEED, { salt: SALT, sequence, value });
    let stored = -1;
    const onDone = (summary: { readonly stored: number }): void => {
      stored = summary.stored;
    };
    this.#dht.putMutable(item, null, { onDone }, this.#network.simulator.now);
    this.#advanceFor(20_000);
    assert.ok(stored > 0, 'somebody keeps it');
  }

  stop(): void {
    this.#stop();
  }

  #advanceFor(ms: number): void {
    const { simulator } = this.#network;
    const endMs = simulator.now + ms;
    while (simulator.now < endMs) {
      simulator.run(simulator.now + 50);
      this.#dht.advance(simulator.now);
    }
  }
}
