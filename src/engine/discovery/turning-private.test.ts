/**
 * BEP 27 where everything is on: a magnet has found peers by its tracker, the DHT, local discovery and peer exchange when
 * its metadata says that it is private. From then on nobody but the tracker hears of it or names peers for it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, makeAddress, toCompact } from '../../base/address.js';
import { wireHashes } from '../../format/infohash.js';
import { EXTENSION_IDS } from '../../protocol/wire/extension-handshake.js';
import { encodeMetadataData } from '../../protocol/wire/metadata.js';
import { encodePex } from '../../protocol/wire/pex.js';
import type { CandidateSource } from '../swarm/candidates.js';
import { DhtNetwork } from '../testing/dht-network.js';
import { type Overheard, overhear } from '../testing/overheard.js';
import { lastExtensionHandshake } from '../testing/peer-scenes.js';
import { RawPeer } from '../testing/raw-peer.js';
import { RecordingTracker } from '../testing/recording-tracker.js';
import { makeSimTorrent, type SimEngine, type SimTorrent } from '../testing/sim-swarm.js';
import type { Torrent } from '../torrent.js';

const PORT = 6881;
const MINUTE_MS = 60_000;
/** Longer than it takes to find that an interface is gone or back. */
const LOOK_MS = 15_000;
const THEIR_PEX_ID = 7;
const THEIR_METADATA_ID = 8;
const NOBODY = makeAddress('203.0.113.9', 9)!;

class Scene {
  readonly network = new DhtNetwork();
  readonly tracker = new RecordingTracker(this.network.simulator, 'tracker.test');
  readonly file: SimTorrent = makeSimTorrent({
    lengths: { 'a.bin': 100_000 },
    pieceLength: 32_768,
    trackers: [this.tracker.httpUrl],
    isPrivate: true,
  });
  /** Has the metadata; the tracker names it. */
  readonly giver = new RawPeer(this.network.simulator, { fast: true, extensions: true });
  /** Only another peer has named it. */
  readonly hearsay = new RawPeer(this.network.simulator, { fast: true, extensions: true });
  /** Each looks for the torrent in one way, and is dialled. */
  readonly inDht: SimEngine;
  readonly nextDoor: SimEngine;
  readonly engine: SimEngine;
  readonly said: Overheard;
  readonly torrent: Torrent;
  readonly dialled: string[] = [];

  constructor() {
    this.tracker.answer = () => ({ interval: 1800, peers: toCompact(addressOf(this.giver)) });
    for (const peer of [this.giver, this.hearsay]) peer.listen(PORT, () => this.#greet(peer));
    this.inDht = this.#seeker({});
    this.nextDoor = this.#seeker({ dht: false, lsd: true }, 'home');
    this.engine = this.network.engine({ lsd: true, pex: true, trackers: true }, { lan: 'home' });
    const { network } = this.engine.host;
    // Its sockets are opened again by the next look, so that all is heard.
    network.setLink(false);
    this.said = overhear(this.engine, this.file.metainfo);
    this.network.pass(LOOK_MS);
    network.setLink(true);
    this.network.pass(LOOK_MS);
    const dial = network.dial.bind(network);
    network.dial = (to, options, handler) => {
      this.dialled.push(to.host);
      return dial(to, options, handler);
    };
    this.torrent = this.engine.add(this.file.magnet);
  }

  /** It dials nobody, so that it is the engine who dials. */
  #seeker(settings: Parameters<DhtNetwork['engine']>[0], lan?: string): SimEngine {
    const seeker = this.network.engine(settings, lan === undefined ? {} : { lan });
    const { network } = seeker.host;
    const dial = network.dial.bind(network);
    network.dial = (_to, options, handler) => dial(NOBODY, options, handler);
    seeker.add({ ...this.file.magnet, trackers: [] });
    return seeker;
  }

  /** Nobody tells the metadata yet. */
  #greet(peer: RawPeer): void {
    peer.handshake(wireHashes(this.file.metainfo.infoHash)[0]!);
    peer.extensionHandshake({ extensions: new Map([['ut_pex', THEIR_PEX_ID]]) });
    peer.send((encoder) => encoder.haveAll());
  }

  tellPex(): void {
    const message = encodePex({ added: [{ address: addressOf(this.hearsay), flags: 0 }], dropped: [] });
    this.giver.send((encoder) => encoder.extended(EXTENSION_IDS.ut_pex, message));
  }

  tellMetadata(): void {
    const { infoBytes } = this.file.metainfo;
    const { giver } = this;
    const { onLine } = giver.recorder;
    giver.recorder.onLine = (line) => {
      onLine(line);
      if (!line.startsWith(`extended ${THEIR_METADATA_ID} `)) return;
      const data = encodeMetadataData(0, infoBytes.length, infoBytes);
      giver.send((encoder) => encoder.extended(EXTENSION_IDS.ut_metadata, data));
    };
    const extensions = new Map([
      ['ut_pex', THEIR_PEX_ID],
      ['ut_metadata', THEIR_METADATA_ID],
    ]);
    giver.extensionHandshake({ extensions, metadataBytes: infoBytes.length });
  }

  get sources(): CandidateSource[] {
    return this.engine.session.peers(this.torrent).map(({ source }) => source);
  }

  run(isDone: () => boolean): boolean {
    return this.network.simulator.run(isDone, { maxVirtualMs: 5 * MINUTE_MS });
  }

  /** Lets time pass; the giver says that it is there. */
  pass(ms: number): void {
    for (let passedMs = 0; passedMs < ms; passedMs += MINUTE_MS) {
      if (!this.giver.isClosed) this.giver.send((encoder) => encoder.keepAlive());
      this.network.pass(Math.min(MINUTE_MS, ms - passedMs));
    }
  }
}

function addressOf({ host }: RawPeer): Address {
  return makeAddress(host.ipv4!, PORT)!;
}

test('a magnet that turns out private leaves the DHT, local discovery and peer exchange, and those whom they named', () => {
  const scene = new Scene();
  const { giver, hearsay, inDht, nextDoor, engine, torrent, said } = scene;
  assert.ok(scene.run(() => scene.sources.includes('tracker')));
  scene.tellPex();
  assert.ok(
    scene.run(() => scene.sources.length === 4),
    `${scene.sources}`,
  );
  assert.deepEqual(scene.sources.sort(), ['dht', 'lsd', 'pex', 'tracker']);
  assert.ok(said.dht > 0 && said.lsd > 0, JSON.stringify(said));
  assert.equal(lastExtensionHandshake(giver).extensions.get('ut_pex'), EXTENSION_IDS.ut_pex);

  scene.tellMetadata();
  assert.ok(scene.run(() => torrent.phase === 'downloading'));
  scene.pass(1000);
  assert.deepEqual(scene.sources, ['tracker']);
  const left = engine.events.flatMap((event) => (event.type === 'peerDisconnected' ? [event] : []));
  // Local discovery tells of both families: which comes first is left to chance.
  const theirs = [hearsay, inDht, nextDoor].map(({ host }) => [host.ipv4!, `[${host.ipv6}]`]);
  const leftFrom = left.map(({ address }) => theirs.findIndex((hosts) => hosts.includes(address.replace(/:\d+$/, ''))));
  assert.deepEqual(leftFrom.sort(), [0, 1, 2]);
  assert.ok(left.every(({ reason }) => reason === 'not-from-tracker'));
  assert.equal(lastExtensionHandshake(giver).extensions.get('ut_pex'), 0, 'peer exchange is taken back');

  Object.assign(said, { dht: 0, lsd: 0 });
  scene.dialled.length = 0;
  const toldBefore = giver.heard(`extended ${THEIR_PEX_ID}`).length;
  scene.tellPex();
  scene.pass(60 * MINUTE_MS);
  assert.deepEqual(said, { dht: 0, lsd: 0 });
  assert.equal(giver.heard(`extended ${THEIR_PEX_ID}`).length, toldBefore);
  for (const { host } of [hearsay, inDht, nextDoor]) {
    assert.ok(!scene.dialled.some((to) => to === host.ipv4 || to === host.ipv6), host.ipv4!);
  }
  const { tracker, ...others } = torrent.swarm.candidates.countBySource();
  assert.deepEqual([tracker, Object.values(others).some((count) => count > 0)], [1, false]);
  assert.ok(engine.session.dhtStats()!.goodNodes > 0, 'the engine itself is a node all the same');
});
