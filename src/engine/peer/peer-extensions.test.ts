/** Extension messages that change what a peer is good for: scripted peers against a whole session. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import { EXTENSION_IDS } from '../../protocol/wire/extension-handshake.js';
import { encodeDontHave, encodeUploadOnly } from '../../protocol/wire/extension-messages.js';
import { encodeMetadataRequest } from '../../protocol/wire/metadata.js';
import {
  BLOCK,
  downloading,
  fromMagnet,
  giveMetadata,
  join,
  lastExtensionHandshake,
  ONE_SLOT,
  occupySlot,
  seeding,
  TORRENT,
  TWELVE,
  wait,
} from '../testing/peer-scenes.js';
import type { RawPeer } from '../testing/raw-peer.js';
import { makeSimTorrent } from '../testing/sim-swarm.js';

/** The ids that the scripted peers assign. */
const IDS = new Map([
  ['upload_only', 50],
  ['lt_donthave', 70],
]);

function dontHave(peer: RawPeer, piece: number): void {
  peer.send((encoder) => encoder.extended(EXTENSION_IDS.lt_donthave, encodeDontHave(piece)));
}

function uploadOnly(peer: RawPeer, isUploadOnly: boolean): void {
  peer.send((encoder) => encoder.extended(EXTENSION_IDS.upload_only, encodeUploadOnly(isUploadOnly)));
}

test('extension handshakes may be repeated, but not without end', () => {
  const { simulator, engine, added } = downloading();
  const peer = join(simulator, engine, { extensions: true });
  for (let i = 1; i <= LIMITS.extensionHandshakesMax + 50; i++) peer.extensionHandshake({ clientName: `client ${i}` });
  wait(simulator, 1000);
  assert.equal(peer.peerIn(added).extensions.clientName, `client ${LIMITS.extensionHandshakesMax}`);
});

test('who asks for metadata that it is refused, on and on, is let go', () => {
  for (const { simulator, engine } of [seeding(), fromMagnet()]) {
    const peer = join(simulator, engine, { extensions: true });
    peer.extensionHandshake({ extensions: new Map([['ut_metadata', 9]]) });
    for (let i = 0; i < LIMITS.invalidRequestsMax; i++) {
      peer.send((say) => say.extended(EXTENSION_IDS.ut_metadata, encodeMetadataRequest(99)));
    }
    wait(simulator, 1000);
    assert.equal(peer.isClosed, false);
    assert.equal(peer.heard('extended 9').length, LIMITS.invalidRequestsMax);
    peer.send((say) => say.extended(EXTENSION_IDS.ut_metadata, encodeMetadataRequest(99)));
    wait(simulator, 1000);
    assert.deepEqual(peer.reasonsIn(engine), ['too-many-invalid-requests']);
  }
});

// ---- lt_donthave (BEP 54) ----

test('we say that we want to hear of both', () => {
  const { simulator, engine } = downloading();
  const peer = join(simulator, engine, { extensions: true });
  wait(simulator, 100);
  const { extensions } = lastExtensionHandshake(peer);
  assert.equal(extensions.get('lt_donthave'), EXTENSION_IDS.lt_donthave);
  assert.equal(extensions.get('upload_only'), EXTENSION_IDS.upload_only);
});

test('a piece that a peer has no longer is not counted, and when it was the last one interest ends', () => {
  const { simulator, engine, added } = downloading();
  const peer = join(simulator, engine, { extensions: true }).bitfield(20, [4, 5]);
  wait(simulator, 100);
  const { picker } = added.data!;
  assert.deepEqual([picker.availability(4), picker.availability(5)], [1, 1]);
  dontHave(peer, 4);
  wait(simulator, 100);
  assert.deepEqual([picker.availability(4), picker.availability(5)], [0, 1]);
  assert.deepEqual(peer.heard('not-interested'), []);
  dontHave(peer, 5);
  dontHave(peer, 5);
  wait(simulator, 100);
  assert.deepEqual(peer.heard('not-interested'), ['not-interested']);
  peer.send((encoder) => encoder.have(5));
  wait(simulator, 100);
  assert.equal(picker.availability(5), 1);
  assert.equal(peer.heard('interested').length, 2);
});

test('a seed that loses a piece is a seed no longer, and is asked for the rest', () => {
  const { simulator, engine, added } = downloading();
  const peer = join(simulator, engine, { fast: true, extensions: true }).serve(TORRENT);
  peer.send((encoder) => encoder.haveAll());
  dontHave(peer, 7);
  wait(simulator, 100);
  assert.equal(engine.session.stats(added).seeds, 0);
  peer.send((encoder) => encoder.unchoke());
  wait(simulator, 5000);
  assert.equal(added.data!.have.count, 19);
  assert.equal(added.data!.have.has(7), false);
  assert.deepEqual(peer.heard('request 7'), []);
});

test('what was asked of a lost piece is asked of others at once without the fast extension, after a reject with it', () => {
  for (const fast of [false, true]) {
    const torrent = makeSimTorrent({ lengths: { 'a.bin': 2 * BLOCK }, pieceLength: 2 * BLOCK });
    const { simulator, engine, added } = downloading({ torrent });
    const first = join(simulator, engine, { fast, extensions: true }, torrent).bitfield(1, [0]);
    first.send((encoder) => encoder.unchoke());
    wait(simulator, 100);
    assert.equal(first.heard('request').length, 2);
    dontHave(first, 0);
    wait(simulator, 100);
    const { pipeline } = first.peerIn(added).download;
    assert.equal(pipeline.count, fast ? 2 : 0);
    if (!fast) continue;
    for (const begin of [0, BLOCK]) first.send((encoder) => encoder.reject(0, begin, BLOCK));
    wait(simulator, 1500);
    assert.equal(pipeline.count, 0);
    assert.equal(first.heard('request').length, 2, 'it is not asked again');
  }
});

test('a piece that there is not cannot be lost', () => {
  const { simulator, engine } = downloading();
  const peer = join(simulator, engine, { extensions: true });
  dontHave(peer, 20);
  wait(simulator, 100);
  assert.deepEqual(peer.reasonsIn(engine), ['piece-out-of-range']);
});

test('pieces lost before the metadata is known are not had after it', () => {
  const { simulator, engine, added } = fromMagnet();
  const all = join(simulator, engine, { fast: true, extensions: true }).send((encoder) => encoder.haveAll());
  const some = join(simulator, engine, { extensions: true }).bitfield(20, [4, 5]);
  wait(simulator, 100);
  dontHave(all, 3);
  dontHave(some, 5);
  dontHave(some, 1000);
  some.send((encoder) => encoder.have(6));
  wait(simulator, 100);
  giveMetadata(simulator, engine, added);
  assert.equal(all.peerIn(added).pieces.count, 19);
  const { pieces } = some.peerIn(added);
  assert.deepEqual(
    TWELVE.filter((piece) => pieces.has(piece)),
    [4, 6],
  );
});

test('while we seed, a peer that says it downloads no more is let go; while we download it stays', () => {
  for (const scene of [seeding(), downloading()]) {
    const peer = join(scene.simulator, scene.engine, { extensions: true }).bitfield(20, [1]);
    wait(scene.simulator, 100);
    uploadOnly(peer, false);
    wait(scene.simulator, 100);
    assert.equal(peer.isClosed, false);
    uploadOnly(peer, true);
    wait(scene.simulator, 100);
    const isSeeding = scene.added.phase === 'seeding';
    assert.deepEqual(peer.reasonsIn(scene.engine), isSeeding ? ['both-complete'] : []);
    if (!isSeeding) assert.equal(peer.peerIn(scene.added).isUploadOnly, true);
  }
});

test('peers hear that we are done: by the message if they know it, by a second handshake if not', () => {
  const { simulator, engine, added } = downloading();
  const [modern, old] = [1, 2].map(() => join(simulator, engine, { extensions: true }).bitfield(20, [1])) as [
    RawPeer,
    RawPeer,
  ];
  modern.extensionHandshake({ extensions: IDS });
  old.extensionHandshake({});
  const seed = join(simulator, engine, { fast: true }).serve(TORRENT);
  seed.send((encoder) => encoder.haveAll()).send((encoder) => encoder.unchoke());
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
  wait(simulator, 100);
  assert.deepEqual(modern.heard('extended 50'), ['extended 50 01']);
  assert.equal(modern.heard('extended 0').length, 1);
  assert.equal(old.heard('extended 0').length, 2);
  assert.equal(lastExtensionHandshake(old).isUploadOnly, true);
});

test('peers hear that we want more again', () => {
  const { simulator, engine, added } = seeding({ settings: ONE_SLOT });
  occupySlot(simulator, engine);
  const modern = join(simulator, engine, { extensions: true })
    .bitfield(20, [1])
    .extensionHandshake({ extensions: IDS });
  const old = join(simulator, engine, { extensions: true }).bitfield(20, [1]).extensionHandshake({});
  wait(simulator, 100);
  assert.equal(lastExtensionHandshake(old).isUploadOnly, true);
  engine.session.context.turn.run(() => {
    added.phase = 'downloading';
    added.swarm.onUnfinished();
  });
  wait(simulator, 100);
  assert.deepEqual(modern.heard('extended 50'), ['extended 50 00']);
  assert.equal(lastExtensionHandshake(old).isUploadOnly, false);
});
