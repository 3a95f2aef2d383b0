/** How a connection begins and how silence ends it: handshakes, keep-alives, and what is said before the metadata. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { wireHashes } from '../../format/infohash.js';
import { parseMetainfo } from '../../format/metainfo.js';
import { HYBRID_TORRENT } from '../../format/testing/example-torrents.js';
import { encodeMetadataRequest } from '../../protocol/wire/metadata.js';
import { Simulator } from '../../sim/simulator.js';
import {
  assertWithin,
  dialled,
  downloading,
  fromMagnet,
  giveMetadata,
  HASH,
  join,
  lastExtensionHandshake,
  METADATA_REJECT,
  seeding,
  TORRENT,
  wait,
} from '../testing/peer-scenes.js';
import { RawPeer } from '../testing/raw-peer.js';
import { makeSimTorrent, SimEngine } from '../testing/sim-swarm.js';

/** Of the answer to a request for metadata, whatever its block. */
const REJECT_BEGINS = METADATA_REJECT.slice(0, 2 * 'd8:msg_typei2e'.length);

// ---- handshakes and silence ----

test('a peer that dials and says nothing is closed after the handshake time', () => {
  const { simulator, engine } = seeding();
  const peer = new RawPeer(simulator).dial(engine);
  wait(simulator, 30_000);
  assertWithin(peer.closedAtMs! - peer.openedAtMs!, LIMITS.handshakeTimeoutMs, 1100);
  assert.deepEqual(peer.lines, []);
});

test('a peer that trickles its handshake is closed all the same', () => {
  const { simulator, engine } = seeding();
  const slow = new RawPeer(simulator).dial(engine);
  for (let i = 0; i < 15 && !slow.isClosed; i++) {
    slow.sendBytes(Uint8Array.of('\x13BitTorrent protocol'.charCodeAt(i)));
    wait(simulator, 1000);
  }
  assertWithin(slow.closedAtMs! - slow.openedAtMs!, LIMITS.handshakeTimeoutMs, 1100);
});

test('a dialled peer that does not answer the handshake is closed after that time', () => {
  const { simulator, engine, added } = downloading();
  const peer = new RawPeer(simulator).listen(6881);
  dialled(engine, added, peer);
  wait(simulator, 10_500);
  assert.equal(peer.heard('handshake').length, 1);
  wait(simulator, 2000);
  assertWithin(peer.closedAtMs! - peer.openedAtMs!, LIMITS.handshakeTimeoutMs, 1100);
});

test('the handshake time begins when the connection is there, however long the dial took', () => {
  const link = { latencyMs: 4000, bytesPerMs: Number.POSITIVE_INFINITY, lossRatio: 0 };
  const { simulator, engine, added } = downloading({ simulator: new Simulator({ seed: 21, link: () => link }) });
  const peer = new RawPeer(simulator).listen(6881);
  peer.recorder.onLine = (line) => {
    if (line.startsWith('peer-id')) peer.handshake(HASH);
  };
  dialled(engine, added, peer);
  wait(simulator, 20_000);
  assert.equal(engine.count('peerConnected'), 1);
  assert.equal(peer.isClosed, false);
});

test('a dialled peer that answers for another torrent is closed', () => {
  const { simulator, engine, added } = downloading();
  const peer = new RawPeer(simulator);
  peer.listen(6881, () => peer.handshake(new Uint8Array(20)));
  dialled(engine, added, peer);
  wait(simulator, 2000);
  assert.equal(peer.isClosed, true);
  assert.equal(engine.count('peerConnected'), 0);
});

test('a peer that asks for a torrent that is not there is closed without an answer', () => {
  const { simulator, engine } = seeding();
  const peer = new RawPeer(simulator).dial(engine).handshake(new Uint8Array(20));
  wait(simulator, 1000);
  assert.equal(peer.isClosed, true);
  assert.deepEqual(peer.lines, []);
});

test('a hybrid torrent answers with the info-hash that it was asked by', () => {
  const simulator = new Simulator({ seed: 24 });
  const engine = new SimEngine(simulator);
  const { infoHash } = parseMetainfo(HYBRID_TORRENT);
  const added = engine.add(parseMetainfo(HYBRID_TORRENT));
  simulator.run(() => added.phase === 'downloading');
  const hashes = wireHashes(infoHash);
  assert.equal(hashes.length, 2);
  for (const hash of hashes) {
    const peer = new RawPeer(simulator).dial(engine).handshake(hash);
    wait(simulator, 1000);
    assert.ok(peer.lines[0]!.endsWith(` ${toHex(hash)}`));
    assert.equal(peer.isClosed, false);
  }
});

test('of connections that have not said what they want, the one that is silent for longest gives way', () => {
  const { simulator, engine } = seeding();
  const host = simulator.createHost();
  const peers = Array.from({ length: LIMITS.incomingHandshakesMax }, () => {
    const peer = new RawPeer(simulator, { host }).dial(engine);
    wait(simulator, 1);
    return peer;
  });
  wait(simulator, 100);
  assert.ok(peers.every((peer) => !peer.isClosed));
  const late = new RawPeer(simulator).dial(engine);
  wait(simulator, 100);
  assert.deepEqual(
    peers.flatMap((peer, i) => (peer.isClosed ? [i] : [])),
    [0],
  );
  late.handshake(HASH);
  wait(simulator, 100);
  assert.equal(late.heard('handshake').length, 1);
  // It is a peer now, and has left its place to the next.
  const next = new RawPeer(simulator).dial(engine).handshake(HASH);
  wait(simulator, 100);
  assert.equal(next.heard('handshake').length, 1);
  assert.equal(peers[1]!.isClosed, false);
});

test('who has nothing to say says so in time, and who says nothing at all is closed', () => {
  const { simulator, engine } = seeding();
  const silent = join(simulator, engine);
  const alive = join(simulator, engine);
  const startMs = simulator.now;
  for (let i = 0; i < 4; i++) {
    assert.deepEqual(alive.heard('keep-alive').length, i * 50_000 > LIMITS.keepAliveAfterMs ? 1 : 0);
    alive.send((encoder) => encoder.keepAlive());
    wait(simulator, 50_000);
  }
  assert.equal(alive.heard('keep-alive').length, 1);
  assert.equal(alive.isClosed, false);
  assertWithin(silent.closedAtMs! - startMs, LIMITS.idleTimeoutMs, 1500);
  assert.deepEqual(silent.reasonsIn(engine), ['idle']);
});

// ---- metadata (BEP 9) ----

test('what peers say before the metadata is known gets its meaning afterwards', () => {
  const { simulator, engine, added } = fromMagnet();
  const all = join(simulator, engine, { fast: true }).send((encoder) => encoder.haveAll());
  const some = join(simulator, engine).bitfield(20, [4, 5]);
  const single = join(simulator, engine);
  for (const piece of [3, 7, 5000]) single.send((encoder) => encoder.have(piece));
  const wrong = join(simulator, engine).sendBitfield([0, 0, 0, 0]);
  wait(simulator, 100);
  assert.equal(added.phase, 'metadata');
  giveMetadata(simulator, engine, added);
  const piecesOf = (peer: RawPeer): number[] => {
    const { pieces } = peer.peerIn(added);
    return Array.from({ length: 20 }, (_, piece) => piece).filter((piece) => pieces.has(piece));
  };
  assert.equal(piecesOf(all).length, 20);
  assert.deepEqual(piecesOf(some), [4, 5]);
  assert.deepEqual(piecesOf(single), [3, 7]);
  assert.deepEqual(wrong.reasonsIn(engine), ['bad-bitfield']);
});

test('of the haves before the metadata only so many are kept', () => {
  const { simulator, engine, added } = fromMagnet();
  const peers = [LIMITS.earlyHavesMax - 1, LIMITS.earlyHavesMax].map((count) =>
    join(simulator, engine).send((encoder) => {
      for (let i = 0; i < count; i++) encoder.have(1000 + i);
      encoder.have(3);
    }),
  );
  wait(simulator, 1000);
  giveMetadata(simulator, engine, added);
  assert.deepEqual(
    peers.map((peer) => peer.peerIn(added).pieces.has(3)),
    [true, false],
  );
});

test('peers of a magnet are told, once its files are checked, what is there and that the metadata is', () => {
  const { simulator, engine, added } = fromMagnet(true);
  const peer = join(simulator, engine, { fast: true, extensions: true }).bitfield(20, [4]);
  wait(simulator, 100);
  assert.deepEqual(peer.heard('have-none'), ['have-none']);
  giveMetadata(simulator, engine, added);
  wait(simulator, 100);
  assert.equal(peer.heard('have').length, 18, 'all but the one that is damaged and the one that the peer has');
  assert.equal(lastExtensionHandshake(peer).metadataBytes, TORRENT.metainfo.infoBytes.length);
});

test('metadata is served, but a peer that does not read what it asked for hears a reject', () => {
  const names = Array.from({ length: 900 }, (_, i) => [`${'n'.repeat(100)}${i}`, 100]);
  const torrent = makeSimTorrent({ lengths: Object.fromEntries(names), pieceLength: 16_384 });
  const { infoBytes } = torrent.metainfo;
  // All that is served to one peer is a little more than may be waiting to be sent to it.
  assert.ok(LIMITS.metadataServedPerBlockMax * infoBytes.length > 1.2 * LIMITS.outgoingMessageBytesMax);
  const { simulator, engine } = seeding({ torrent });
  const peer = join(simulator, engine, { fast: true, extensions: true }, torrent);
  peer.extensionHandshake({ extensions: new Map([['ut_metadata', 9]]) }).send((encoder) => encoder.interested());
  peer.send((encoder) => encoder.extended(2, encodeMetadataRequest(0)));
  wait(simulator, 1000);
  assert.equal(peer.heard('extended 9').length, 1);
  assert.ok(peer.heard('extended 9')[0]!.endsWith(toHex(infoBytes.subarray(0, 16_384))));
  peer.stream!.pause();
  const blocks = Math.ceil(infoBytes.length / 16_384);
  for (let i = 1; i < LIMITS.metadataServedPerBlockMax; i++) {
    for (let block = 0; block < blocks; block++) {
      peer.send((encoder) => encoder.extended(2, encodeMetadataRequest(block)));
    }
  }
  wait(simulator, 1000);
  peer.stream!.resume();
  wait(simulator, 5000);
  const answers = peer.heard('extended 9');
  assert.equal(answers.length, 1 + (LIMITS.metadataServedPerBlockMax - 1) * blocks);
  const rejected = answers.filter((line) => line.startsWith(`extended 9 ${REJECT_BEGINS}`));
  assert.ok(rejected.length > 0 && rejected.length < answers.length / 2, `${rejected.length} of ${answers.length}`);
  assert.equal(answers.at(-1), rejected.at(-1));
});

test('a private torrent offers no metadata, and gives none', () => {
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 100_000 }, pieceLength: 32_768, isPrivate: true });
  const { simulator, engine } = seeding({ torrent });
  const peer = join(simulator, engine, { fast: true, extensions: true }, torrent);
  peer.extensionHandshake({ extensions: new Map([['ut_metadata', 9]]) });
  peer.send((encoder) => encoder.extended(2, encodeMetadataRequest(0)));
  wait(simulator, 1000);
  const handshake = lastExtensionHandshake(peer);
  assert.equal(handshake.extensions.has('ut_metadata'), false);
  assert.equal(handshake.metadataBytes, null);
  assert.deepEqual(peer.heard('extended 9'), [`extended 9 ${METADATA_REJECT}`]);
});
