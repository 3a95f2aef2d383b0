/** BEP 27 on whole sessions: whom a private torrent connects to, and what it stops telling once it knows that it is one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressKey, type HostPort, makeAddress, toCompact } from '../../base/address.js';
import { toHex } from '../../base/bytes.js';
import type { BencodeInput } from '../../format/bencode.js';
import { wireHashes } from '../../format/infohash.js';
import type { Magnet } from '../../format/magnet.js';
import type { Metainfo } from '../../format/metainfo.js';
import {
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  metadataBlockBytes,
} from '../../protocol/wire/metadata.js';
import { Simulator } from '../../sim/simulator.js';
import { lastExtensionHandshake } from '../testing/peer-scenes.js';
import { RawPeer } from '../testing/raw-peer.js';
import { RecordingTracker } from '../testing/recording-tracker.js';
import { makeSimTorrent, SimEngine, type SimTorrent } from '../testing/sim-swarm.js';
import type { Torrent } from '../torrent.js';

const PORT = 6881;
/** What our extension handshake says of ut_metadata; RawPeers choose 9. */
const OUR_METADATA_ID = 2;
const THEIR_METADATA_ID = 9;

class Scene {
  readonly simulator = new Simulator({ seed: 1 });
  readonly tracker = new RecordingTracker(this.simulator, 'tracker.test');
  readonly file: SimTorrent;
  engine: SimEngine;
  /** Hosts that the engine dials, in order. */
  readonly dialled: string[] = [];

  constructor(hasTracker: boolean) {
    const trackers = hasTracker ? [this.tracker.httpUrl] : [];
    this.file = makeSimTorrent({ lengths: { 'a.bin': 100_000 }, pieceLength: 32_768, trackers, isPrivate: true });
    this.engine = this.#boot();
  }

  #boot(before?: SimEngine): SimEngine {
    const left = before === undefined ? {} : { disk: before.host.disk, state: before.host.state.records };
    const engine = new SimEngine(this.simulator, {}, left);
    const { network } = engine.host;
    const dial = network.dial.bind(network);
    network.dial = (to, options, handler) => {
      this.dialled.push(to.host);
      return dial(to, options, handler);
    };
    return engine;
  }

  restart(): void {
    this.engine.stop(this.simulator);
    this.engine = this.#boot(this.engine);
  }

  /** A peer that says that it has everything, and has the metadata for whoever asks. */
  peer(): RawPeer {
    const peer = new RawPeer(this.simulator, { fast: true, extensions: true });
    const { infoBytes } = this.file.metainfo;
    const request = `extended ${THEIR_METADATA_ID} ${toHex(encodeMetadataRequest(0))}`;
    const { onLine } = peer.recorder;
    peer.recorder.onLine = (line) => {
      onLine(line);
      if (line !== request) return;
      const block = infoBytes.subarray(0, metadataBlockBytes(infoBytes.length, 0));
      const answer = encodeMetadataData(0, infoBytes.length, block);
      this.simulator.defer(() => peer.send((encoder) => encoder.extended(OUR_METADATA_ID, answer)));
    };
    return peer;
  }

  /** Waits to be dialled. */
  listening(): RawPeer {
    const peer = this.peer();
    peer.listen(PORT, () => this.greet(peer));
    return peer;
  }

  greet(peer: RawPeer): RawPeer {
    const { infoBytes, infoHash } = this.file.metainfo;
    const extensions = new Map([['ut_metadata', THEIR_METADATA_ID]]);
    peer.handshake(wireHashes(infoHash)[0]!).extensionHandshake({ extensions, metadataBytes: infoBytes.length });
    return peer.send((encoder) => encoder.haveAll());
  }

  add(source: Metainfo | Magnet, peers: readonly HostPort[] = []): Torrent {
    return this.engine.add(source, { peers });
  }

  magnet(peers: readonly HostPort[]): Magnet {
    return { ...this.file.magnet, peers };
  }

  answerWith(...peers: readonly RawPeer[]): void {
    const compact = peers.map((peer) => toCompact(makeAddress(peer.host.ipv4!, PORT)!));
    // Soon again: scripted peers send no keep-alives.
    this.tracker.answer = () => ({ interval: 60, peers: Buffer.concat(compact) as BencodeInput });
  }

  pass(seconds: number): this {
    this.simulator.run(this.simulator.now + seconds * 1000);
    return this;
  }

  get warnings(): string[] {
    return this.engine.events.flatMap((event) => (event.type === 'warning' ? [event.error.message] : []));
  }
}

function at(peer: RawPeer): HostPort {
  return { host: peer.host.ipv4!, port: PORT };
}

test('a magnet that turns out to be private lets go of whom its tracker did not name, for good', () => {
  const scene = new Scene(true);
  const [fromLink, byHand, named, namedTwice, dialler] = [0, 1, 2, 3, 4].map(() => scene.peer());
  for (const peer of [fromLink!, byHand!, named!, namedTwice!]) peer.listen(PORT);
  // Nobody tells the metadata before all of them are connected.
  scene.answerWith(named!, namedTwice!);
  const torrent = scene.add(scene.magnet([at(fromLink!), at(namedTwice!)]), [at(byHand!)]);
  scene.pass(2);
  dialler!.dial(scene.engine);
  for (const peer of [fromLink!, byHand!, named!, namedTwice!, dialler!]) scene.greet(peer);
  assert.ok(scene.simulator.run(() => torrent.phase === 'downloading'));
  scene.pass(1);
  for (const peer of [fromLink!, byHand!]) assert.deepEqual(peer.reasonsIn(scene.engine), ['not-from-tracker']);
  for (const peer of [named!, namedTwice!, dialler!]) assert.equal(peer.isClosed, false);
  assert.equal(scene.warnings.length, 1);
  assert.match(scene.warnings[0]!, /content is private: it takes peers from its trackers only/);
  scene.dialled.length = 0;
  scene.pass(3600);
  for (const peer of [fromLink!, byHand!]) assert.ok(!scene.dialled.includes(peer.host.ipv4!));
});

test('a magnet that turns out to be private takes its offer of metadata back, and serves none', () => {
  const scene = new Scene(true);
  const peer = scene.listening();
  scene.answerWith(peer);
  const torrent = scene.add(scene.magnet([]));
  assert.ok(scene.simulator.run(() => torrent.phase === 'downloading'));
  scene.pass(1);
  const [first] = peer.heard('extended 0');
  assert.ok(Buffer.from(first!.split(' ')[2]!, 'hex').includes('ut_metadatai2e'), 'it was offered as long as need be');
  const last = lastExtensionHandshake(peer);
  assert.deepEqual([last.extensions.get('ut_metadata'), last.metadataBytes], [0, null]);
  peer.send((encoder) => encoder.extended(OUR_METADATA_ID, encodeMetadataRequest(0)));
  scene.pass(1);
  assert.equal(peer.heard('extended').at(-1), `extended ${THEIR_METADATA_ID} ${toHex(encodeMetadataReject(0))}`);
});

test('a private torrent with a tracker dials nobody that a person names, and says so', () => {
  const scene = new Scene(true);
  const [byHand, named] = [scene.listening(), scene.listening()];
  scene.answerWith(named);
  scene.add(scene.file.metainfo, [at(byHand)]);
  scene.pass(600);
  assert.deepEqual([...new Set(scene.dialled)], [named.host.ipv4]);
  assert.equal(scene.warnings.length, 1);
});

test('without a tracker a private torrent takes whom it is told of, until it gets one', () => {
  const scene = new Scene(false);
  const [byHand, named] = [scene.listening(), scene.listening()];
  scene.answerWith(named);
  const torrent = scene.add(scene.file.metainfo, [at(byHand)]);
  scene.pass(5);
  assert.deepEqual(
    [[...torrent.swarm.peers].map(({ remote }) => remote.host), scene.warnings],
    [[at(byHand).host], []],
  );
  scene.engine.session.context.turn.run(() => torrent.addTrackers([scene.tracker.httpUrl]));
  scene.pass(5);
  assert.deepEqual(
    [...torrent.swarm.peers].map(({ remote }) => remote.host),
    [at(named).host],
  );
});

test('a magnet of a private torrent without a tracker is fetched from the peers that it names', () => {
  const scene = new Scene(false);
  const peer = scene.listening();
  peer.serve(scene.file);
  const torrent = scene.add(scene.magnet([at(peer)]));
  scene.pass(5);
  peer.send((encoder) => encoder.unchoke());
  assert.ok(scene.simulator.run(() => torrent.isSeeding, { maxVirtualMs: 60_000 }));
});

test('an incoming peer of a private torrent is served, and not dialled', () => {
  const scene = new Scene(true);
  scene.answerWith();
  const torrent = scene.add(scene.file.metainfo);
  scene.pass(5);
  const peer = scene.listening().dial(scene.engine);
  scene.greet(peer).extensionHandshake({ listenPort: PORT });
  scene.pass(5);
  assert.equal(torrent.swarm.peers.size, 1);
  peer.close();
  scene.pass(3600);
  assert.deepEqual(scene.dialled, []);
});

test('when another tracker takes over, a private torrent parts with everyone before it knows others', () => {
  const scene = new Scene(true);
  const other = new RecordingTracker(scene.simulator, 'other.test');
  const [old, incoming, fresh] = [scene.listening(), scene.peer(), scene.listening()];
  scene.answerWith(old);
  const compact = toCompact(makeAddress(fresh.host.ipv4!, PORT)!);
  other.answer = () => ({ interval: 1800, peers: compact });
  const torrent = scene.add({ ...scene.file.metainfo, trackers: [[scene.tracker.httpUrl], [other.httpUrl]] });
  scene.pass(5);
  scene.greet(incoming.dial(scene.engine));
  scene.pass(5);
  assert.equal(torrent.swarm.peers.size, 2);
  assert.deepEqual(other.events, []);
  scene.tracker.answer = () => ({ 'failure reason': 'moved' });
  scene.pass(65);
  for (const peer of [old, incoming]) assert.deepEqual(peer.reasonsIn(scene.engine), ['tracker-switched']);
  assert.deepEqual(
    [...torrent.swarm.peers].map(({ remote }) => addressKey(remote)),
    [`${fresh.host.ipv4}:${PORT}`],
  );
  assert.deepEqual([scene.tracker.events.at(-1), other.events[0]], ['stopped', 'started']);
});

test('a private torrent that is started again dials those whom its tracker named, without asking it too early', () => {
  for (const isMagnet of [false, true]) {
    const scene = new Scene(true);
    const [named, byHand] = [scene.listening(), scene.listening()];
    scene.answerWith(named);
    const source = isMagnet ? scene.magnet([at(byHand)]) : scene.file.metainfo;
    const torrent = scene.add(source, [at(byHand)]);
    assert.ok(scene.simulator.run(() => torrent.phase === 'downloading'));
    scene.pass(5);
    const { events } = scene.tracker;
    scene.restart();
    scene.dialled.length = 0;
    const again = scene.add(source);
    scene.pass(5);
    assert.equal(again.phase, 'downloading');
    assert.deepEqual([...new Set(scene.dialled)], [named.host.ipv4], isMagnet ? 'magnet' : 'file');
    assert.deepEqual(scene.tracker.events, [...events, 'stopped']);
  }
});
