/** What a seed tells of the hashes of v2 files (BEP 52), to honest peers and others; in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes, fromHex, toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { wireHashes } from '../../format/infohash.js';
import { merkleRoot } from '../../format/merkle.js';
import { hashesAt, provenRoot } from '../../format/merkle-proof.js';
import type { HashRange } from '../../protocol/wire/hashes.js';
import { Simulator } from '../../sim/simulator.js';
import { BLOCK, dialled, downloading, type Scene, seeding, TORRENT, wait } from '../testing/peer-scenes.js';
import { RawPeer } from '../testing/raw-peer.js';
import type { SimTorrent } from '../testing/sim-swarm.js';
import { leavesOf, makeV2Torrent } from '../testing/v2-torrent.js';

/** Five pieces of four blocks, the last one of three of which the last is short: a tree of 32 leaves. */
const SHAPE = { lengthBytes: 19 * BLOCK - 100, pieceLength: 4 * BLOCK };
const V2 = makeV2Torrent({ kind: 'v2', ...SHAPE });
const HYBRID = makeV2Torrent({ kind: 'hybrid', ...SHAPE });
const ROOT = V2.metainfo.files[0]!.piecesRoot!;
const LEAVES = leavesOf(V2.files.get('a.bin')!);
const HEIGHT = 5;
const PIECE_HEIGHT = 2;

function range(changes: Partial<HashRange>): HashRange {
  return { piecesRoot: ROOT, baseLayer: 0, index: 0, length: 4, proofLayers: 0, ...changes };
}

/** Dials with one of the torrent's hashes, the last unless told otherwise, and says hello. */
function connect({ simulator, engine }: Scene, { metainfo }: SimTorrent, which = -1, v2 = true): RawPeer {
  const peer = new RawPeer(simulator, { fast: true, v2 }).dial(engine);
  peer.handshake(wireHashes(metainfo.infoHash).at(which)!);
  wait(simulator, 100);
  return peer;
}

/** The hashes and what comes behind them; null = a reject. */
function answer(scene: Scene, peer: RawPeer, asked: HashRange): Uint8Array | null {
  const before = peer.lines.length;
  peer.send((say) => say.hashRequest(asked));
  wait(scene.simulator, 1000);
  const lines = peer.lines.slice(before).filter((line) => line.startsWith('hash'));
  assert.equal(lines.length, 1, 'one answer');
  const [word, root, ...rest] = lines[0]!.split(' ');
  const { baseLayer, index, length, proofLayers } = asked;
  assert.deepEqual(
    [root, ...rest.slice(0, 4).map(Number)],
    [toHex(asked.piecesRoot), baseLayer, index, length, proofLayers],
  );
  return word === 'hashes' ? fromHex(rest[4]!) : null;
}

test('a seed tells the hashes of blocks, and what proves them', () => {
  for (const torrent of [V2, HYBRID]) {
    const scene = seeding({ torrent });
    const peer = connect(scene, torrent);
    for (const [index, length, proofLayers] of [
      [4, 4, 0],
      [16, 4, 4],
      [18, 2, 4],
      [2, 2, 2],
      [5, 1, 4],
    ] as const) {
      const hashes = answer(scene, peer, range({ index, length, proofLayers }))!;
      assert.deepEqual(hashes.subarray(0, 32 * length), hashesAt(LEAVES, 0, { index, length }));
      assert.equal(hashes.length / 32 - length, Math.max(0, proofLayers - Math.log2(length) + 1));
      if (proofLayers < HEIGHT - 1) continue;
      const root = provenRoot(hashes.subarray(0, 32 * length), 0, index, hashes.subarray(32 * length));
      assert.equal(toHex(root), toHex(ROOT));
    }
  }
});

test('a seed tells the piece layer, whole and in parts, padding behind it too', () => {
  const scene = seeding({ torrent: V2 });
  const peer = connect(scene, V2);
  const whole = answer(scene, peer, range({ baseLayer: PIECE_HEIGHT, length: 8 }))!;
  assert.equal(toHex(merkleRoot(whole, { height: PIECE_HEIGHT, width: 8 })), toHex(ROOT));
  const part = answer(scene, peer, range({ baseLayer: PIECE_HEIGHT, index: 4, length: 2, proofLayers: 2 }))!;
  assert.equal(toHex(provenRoot(part.subarray(0, 64), PIECE_HEIGHT, 4, part.subarray(64))), toHex(ROOT));
  assert.deepEqual(part.subarray(0, 64), whole.subarray(128, 192));
});

test('leaves behind the end of a file are padding', () => {
  const scene = seeding({ torrent: V2 });
  const hashes = answer(scene, connect(scene, V2), range({ index: 24, length: 4, proofLayers: 4 }))!;
  assert.equal(toHex(provenRoot(hashes.subarray(0, 128), 0, 24, hashes.subarray(128))), toHex(ROOT));
});

test('a request that no tree has an answer for is refused, and the peer stays', () => {
  const scene = seeding({ torrent: V2 });
  const peer = connect(scene, V2);
  const refused: Partial<HashRange>[] = [
    { piecesRoot: new Uint8Array(32) },
    { baseLayer: 1, length: 2 },
    { baseLayer: 6, length: 1 },
    { baseLayer: 0xffffffff },
    { index: 2 },
    { index: 32 },
    { index: 0xfffffffc },
    { length: 0 },
    { length: 3 },
    { length: 8 },
    { length: 2 ** 31 },
    { proofLayers: HEIGHT },
    { proofLayers: 0xffffffff },
  ];
  for (const changes of refused) assert.equal(answer(scene, peer, range(changes)), null, JSON.stringify(changes));
  assert.ok(!peer.isClosed);
});

test('the hashes of blocks that we do not have are refused, the piece layer is told', () => {
  const scene = downloading({ torrent: V2 });
  const peer = connect(scene, V2);
  assert.equal(answer(scene, peer, range({})), null);
  assert.ok(answer(scene, peer, range({ baseLayer: PIECE_HEIGHT, length: 8 })) !== null);
});

test('a torrent without v2 hashes refuses every request', () => {
  const scene = seeding({ torrent: TORRENT });
  assert.equal(answer(scene, connect(scene, TORRENT), range({})), null);
});

test('a flood of requests for hashes ends the connection', () => {
  const scene = seeding({ torrent: V2 });
  const asked = (count: number): RawPeer => {
    const peer = connect(scene, V2);
    peer.send((say) => {
      for (let i = 0; i < count; i++) say.hashRequest(range({ index: 4 }));
    });
    wait(scene.simulator, 1000);
    return peer;
  };
  const patient = asked(LIMITS.hashRequestsQueuedMax);
  assert.equal(patient.heard('hashes').length, LIMITS.hashRequestsQueuedMax);
  assert.ok(!patient.isClosed);
  const flooding = asked(LIMITS.hashRequestsQueuedMax + 1);
  assert.deepEqual(flooding.reasonsIn(scene.engine), ['too-many-hash-requests']);
});

test('requests for hashes of a peer that does not read are not answered without end', () => {
  const scene = seeding({ torrent: TORRENT });
  const peer = connect(scene, TORRENT);
  peer.stream!.pause();
  for (let i = 0; i < 200 && !peer.isClosed; i++) {
    peer.send((say) => {
      for (let j = 0; j < 2000; j++) say.hashRequest(range({}));
    });
    wait(scene.simulator, 1000);
  }
  assert.deepEqual(peer.reasonsIn(scene.engine), ['too-many-hash-requests']);
});

test('a peer of the v1 swarm that says it can is moved to the v2 swarm of a hybrid torrent, and nobody else is', () => {
  const scene = seeding({ torrent: HYBRID });
  const [v1, v2] = wireHashes(HYBRID.metainfo.infoHash).map(toHex);
  const answered = (peer: RawPeer): string => peer.heard('handshake')[0]!;
  assert.equal(answered(connect(scene, HYBRID, 0, true)), `handshake 0000000000100014 ${v2}`);
  assert.equal(answered(connect(scene, HYBRID, 0, false)), `handshake 0000000000100014 ${v1}`);
  assert.equal(answered(connect(scene, HYBRID, 1, false)), `handshake 0000000000100014 ${v2}`);
});

test('the bit of BEP 52 is not set for a torrent of v1 alone', () => {
  const scene = seeding({ torrent: TORRENT });
  const hash = toHex(wireHashes(TORRENT.metainfo.infoHash)[0]!);
  assert.deepEqual(connect(scene, TORRENT).heard('handshake'), [`handshake 0000000000100004 ${hash}`]);
});

test('whom we dial may answer with the v2 hash of a hybrid torrent, and with no other', () => {
  const [v1, v2] = wireHashes(HYBRID.metainfo.infoHash);
  for (const [hash, speaksV2] of [
    [v1!, false],
    [v2!, true],
  ] as const) {
    const scene = downloading({ torrent: HYBRID, simulator: new Simulator({ seed: 52 }) });
    const peer = new RawPeer(scene.simulator, { fast: true });
    peer.listen(6881, () => peer.handshake(hash));
    dialled(scene.engine, scene.added, peer);
    wait(scene.simulator, 1000);
    assert.equal(peer.peerIn(scene.added).speaksV2, speaksV2);
  }
  const scene = downloading({ torrent: HYBRID });
  const stranger = new RawPeer(scene.simulator, { fast: true });
  stranger.listen(6881, () => stranger.handshake(concatBytes([v2!.subarray(0, 19), Uint8Array.of(v2![19]! ^ 1)])));
  dialled(scene.engine, scene.added, stranger);
  wait(scene.simulator, 1000);
  assert.ok(stranger.isClosed);
});
