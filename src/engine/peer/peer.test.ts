/** What one peer may ask of an engine, allow it, and say it has: a scripted peer against a whole session. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp } from '../../base/address.js';
import { toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { wireHashes } from '../../format/infohash.js';
import { parseMetainfo } from '../../format/metainfo.js';
import { contentOf as fileContentOf, V2_TORRENT } from '../../format/testing/example-torrents.js';
import { allowedFastSet } from '../../protocol/wire/allowed-fast.js';
import { EXTENSION_IDS } from '../../protocol/wire/extension-handshake.js';
import { encodeDontHave } from '../../protocol/wire/extension-messages.js';
import { Simulator } from '../../sim/simulator.js';
import {
  askOften,
  BLOCK,
  downloading,
  HASH,
  join,
  lastExtensionHandshake,
  ONE_SLOT,
  occupySlot,
  SLOW,
  seeding,
  TORRENT,
  TWELVE,
  unchokedPeer,
  wait,
} from '../testing/peer-scenes.js';
import { contentOf, RawPeer } from '../testing/raw-peer.js';
import { DOWNLOADS, makeSimTorrent, SimEngine } from '../testing/sim-swarm.js';
import type { ExtensionName } from './peer-extensions.js';

// ---- requests, chokes and slots ----

test('a choked peer is told nothing about its requests without the fast extension', () => {
  const { simulator, engine } = seeding({ settings: ONE_SLOT });
  occupySlot(simulator, engine);
  const peer = join(simulator, engine).bitfield(20, TWELVE);
  peer.send((encoder) => encoder.interested()).send((encoder) => encoder.request(15, 0, BLOCK));
  wait(simulator, 3000);
  assert.deepEqual(peer.lines.slice(3), [], 'nothing after handshake, peer id and bitfield');
  assert.equal(peer.isClosed, false);
});

test('a choked peer hears a reject of each request with the fast extension', () => {
  const { simulator, engine } = seeding({ settings: ONE_SLOT });
  occupySlot(simulator, engine);
  const peer = join(simulator, engine, { fast: true }).bitfield(20, TWELVE);
  peer.send((encoder) => encoder.request(15, BLOCK, BLOCK));
  wait(simulator, 3000);
  assert.deepEqual(peer.heard('reject'), [`reject 15 ${BLOCK} ${BLOCK}`]);
  assert.deepEqual(peer.heard('block-end'), []);
});

test('a request that is cancelled while it waits is rejected, and no block comes', () => {
  const { simulator, engine } = seeding({ simulator: new Simulator({ seed: 3, link: () => SLOW }) });
  const peer = unchokedPeer(simulator, engine);
  askOften(peer, 120);
  peer.send((encoder) => {
    encoder.request(7, 0, 1000);
    encoder.cancel(7, 0, 1000);
  });
  wait(simulator, 60_000);
  assert.equal(peer.heard('block-end').length, 120);
  assert.deepEqual(peer.heard('block-start 7'), []);
  assert.deepEqual(peer.heard('reject'), ['reject 7 0 1000']);
});

test('little is given to a slow connection ahead of what it sends: the rest can still be taken back', () => {
  const { simulator, engine } = seeding({ simulator: new Simulator({ seed: 3, link: () => SLOW }) });
  const peer = unchokedPeer(simulator, engine);
  askOften(peer, 70);
  wait(simulator, 500);
  peer.send((encoder) => {
    for (let i = 0; i < 70; i++) encoder.cancel(15, 0, BLOCK);
  });
  wait(simulator, 60_000);
  const [sent, rejected] = [peer.heard('block-end').length, peer.heard('reject').length];
  assert.equal(sent + rejected, 70);
  assert.ok(sent < 35, `${sent} blocks were beyond recall`);
});

test('a choke is followed by a reject of each request that waited, and no request is left without an answer', () => {
  const { simulator, engine, added } = seeding({ simulator: new Simulator({ seed: 4, link: () => SLOW }) });
  const peer = unchokedPeer(simulator, engine);
  askOften(peer, 150);
  wait(simulator, 1000);
  engine.isAudited = false; // its slot stays free
  engine.session.context.turn.run(() => peer.peerIn(added).choke());
  wait(simulator, 60_000);
  const choked = peer.lines.indexOf('choke');
  const rejects = peer.heard('reject').length;
  assert.ok(rejects > 0);
  assert.ok(peer.lines.findIndex((line) => line.startsWith('reject')) > choked);
  assert.equal(peer.heard('block-end').length + rejects, 150);
});

test('an unchoked peer that loses interest frees its slot at once, and what it had asked for is gone', () => {
  const link = (): typeof SLOW => SLOW;
  const scene = seeding({ settings: ONE_SLOT, simulator: new Simulator({ seed: 5, link }) });
  const { simulator, engine, added } = scene;
  const first = unchokedPeer(simulator, engine);
  const second = join(simulator, engine, { fast: true }).bitfield(20, TWELVE);
  second.send((encoder) => encoder.interested());
  wait(simulator, 100);
  assert.deepEqual(second.heard('unchoke'), []);
  askOften(first, 150);
  wait(simulator, 500);
  assert.ok(first.peerIn(added).upload.queuedRequests > 0);
  first.send((encoder) => encoder.notInterested());
  wait(simulator, 100);
  assert.equal(first.peerIn(added).upload.queuedRequests, 0);
  assert.deepEqual(second.heard('unchoke'), ['unchoke']);
  wait(simulator, 60_000);
  assert.ok(first.heard('reject').length > 0);
  assert.equal(first.heard('block-end').length + first.heard('reject').length, 150);
});

test('requests beyond the queue of a peer are rejected', () => {
  const { simulator, engine } = seeding({ simulator: new Simulator({ seed: 6, link: () => SLOW }) });
  const peer = unchokedPeer(simulator, engine);
  askOften(peer, LIMITS.peerRequestsQueuedMax + 200);
  wait(simulator, 300_000);
  assert.ok(peer.heard('reject').length > 0);
  assert.ok(peer.heard('block-end').length >= LIMITS.peerRequestsQueuedMax);
  assert.equal(peer.heard('block-end').length + peer.heard('reject').length, LIMITS.peerRequestsQueuedMax + 200);
});

test('a peer is told to ask for no more than is queued', () => {
  for (const [maxRequestsPerPeer, told] of [
    [5000, LIMITS.peerRequestsQueuedMax],
    [50, 50],
  ] as const) {
    const { simulator, engine } = seeding({ settings: { maxRequestsPerPeer } });
    const peer = join(simulator, engine, { fast: true, extensions: true });
    wait(simulator, 100);
    assert.equal(lastExtensionHandshake(peer).requestQueue, told);
  }
});

test('a peer that asks on and on and does not read is closed before its rejects fill the memory', () => {
  const { simulator, engine, added } = seeding({ settings: ONE_SLOT });
  occupySlot(simulator, engine);
  const peer = join(simulator, engine, { fast: true }).bitfield(20, TWELVE);
  wait(simulator, 100);
  peer.stream!.pause();
  for (let round = 0; round < 40 && !peer.isClosed; round++) {
    peer.send((encoder) => {
      for (let i = 0; i < 10_000; i++) encoder.request(15, 0, BLOCK);
    });
    wait(simulator, 500);
  }
  assert.deepEqual(peer.reasonsIn(engine), ['too-many-invalid-requests']);
  assert.equal(added.swarm.peers.size, 1, 'the other one stays');
});

test('requests that can never be served are refused, and too many of them end the connection', () => {
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 4 * 262_144 }, pieceLength: 262_144 });
  const { simulator, engine } = seeding({ torrent });
  const peer = join(simulator, engine, { fast: true }, torrent).bitfield(4, []);
  peer.send((encoder) => encoder.interested());
  wait(simulator, 100);
  const refused = [
    [4, 0, BLOCK],
    [0xffff_ffff, 0, BLOCK],
    [0, 262_144 - BLOCK + 1, BLOCK],
    [0, 0xffff_ffff, BLOCK],
    [0, 0, 0],
    [0, 0, LIMITS.requestBytesMax + 1],
  ] as const;
  peer.send((encoder) => {
    for (const [piece, begin, length] of refused) encoder.request(piece, begin, length);
  });
  wait(simulator, 100);
  assert.deepEqual(
    peer.heard('reject'),
    refused.map((request) => `reject ${request.join(' ')}`),
  );
  const left = LIMITS.invalidRequestsMax - refused.length;
  peer.send((encoder) => {
    for (let i = 0; i < left; i++) encoder.request(0, 0, 0);
    encoder.request(0, 0, LIMITS.requestBytesMax);
  });
  wait(simulator, 1000);
  assert.equal(peer.isClosed, false);
  assert.equal(peer.heard('block-end').length, 1);
  peer.send((encoder) => encoder.request(0, 0, 0));
  wait(simulator, 1000);
  assert.deepEqual(peer.reasonsIn(engine), ['too-many-invalid-requests']);
});

test('a request for a piece that we lack is refused', () => {
  const { simulator, engine } = downloading();
  const peer = join(simulator, engine, { fast: true }).bitfield(20, []);
  peer.send((encoder) => encoder.interested());
  wait(simulator, 100);
  assert.deepEqual(peer.heard('unchoke'), ['unchoke']);
  peer.send((encoder) => encoder.request(3, 0, BLOCK));
  wait(simulator, 100);
  assert.deepEqual(peer.heard('reject'), [`reject 3 0 ${BLOCK}`]);
});

// ---- the bytes of a block ----

test('a request that spans two chunks of the read cache is served with the right bytes', () => {
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 3 * 524_288 }, pieceLength: 524_288 });
  const { simulator, engine } = seeding({ torrent });
  const peer = join(simulator, engine, { fast: true }, torrent).send((encoder) => encoder.interested());
  peer.recorder.buffer = new Uint8Array(524_288);
  wait(simulator, 100);
  const begin = 262_144 - 777;
  peer.send((encoder) => encoder.request(1, begin, BLOCK));
  wait(simulator, 1000);
  const bytes = toHex(contentOf(torrent, 1, begin, BLOCK));
  assert.deepEqual(peer.heard('block-end'), [`block-end 1 ${begin} ${BLOCK} ${bytes}`]);
});

test('the padding behind a file of a v2 torrent is served as zeros', () => {
  const simulator = new Simulator({ seed: 10 });
  const metainfo = parseMetainfo(V2_TORRENT);
  const engine = new SimEngine(simulator);
  for (const file of metainfo.files) {
    const path = file.path.slice(1).join('/');
    engine.host.disk.write(`${DOWNLOADS}/${file.path.join('/')}`, fileContentOf(path, file.lengthBytes));
  }
  const added = engine.add(metainfo);
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 10_000 }));
  const peer = new RawPeer(simulator).dial(engine).handshake(wireHashes(metainfo.infoHash)[0]!);
  peer.send((encoder) => encoder.interested());
  wait(simulator, 100);
  // a.txt has 1000 bytes in piece 0.
  peer.send((encoder) => encoder.request(0, 0, BLOCK)).send((encoder) => encoder.request(0, BLOCK, BLOCK));
  wait(simulator, 1000);
  const first = `${toHex(fileContentOf('a.txt', 1000))}${'00'.repeat(BLOCK - 1000)}`;
  assert.deepEqual(peer.heard('block-end'), [
    `block-end 0 0 ${BLOCK} ${first}`,
    `block-end 0 ${BLOCK} ${BLOCK} ${'00'.repeat(BLOCK)}`,
  ]);
});

// ---- allowed fast (BEP 6) ----

for (const opening of ['have-none', 'an empty bitfield'] as const) {
  test(`a newcomer that opens with ${opening} is told the canonical set and may fetch it while choked, three times`, () => {
    const { simulator, engine } = seeding({ settings: ONE_SLOT });
    occupySlot(simulator, engine);
    const peer = join(simulator, engine, { fast: true });
    if (opening === 'have-none') peer.send((encoder) => encoder.haveNone());
    else peer.bitfield(20, []);
    wait(simulator, 100);
    const set = allowedFastSet(parseIp(peer.host.ipv4!)!, HASH, 20, LIMITS.allowedFastCount);
    assert.equal(set.length, LIMITS.allowedFastCount);
    assert.deepEqual(
      peer.heard('allowed-fast'),
      set.map((piece) => `allowed-fast ${piece}`),
    );
    const piece = set[0]!;
    // Saying once more that it has nothing does not begin the count again.
    for (let i = 0; i < 7; i++) peer.bitfield(20, []).send((encoder) => encoder.request(piece, 0, BLOCK));
    wait(simulator, 1000);
    assert.equal(peer.heard('block-end').length, 6);
    assert.deepEqual(peer.heard('reject'), [`reject ${piece} 0 ${BLOCK}`]);
    assert.deepEqual(peer.heard('unchoke'), []);
    assert.equal(peer.heard('allowed-fast').length, LIMITS.allowedFastCount);
  });
}

test('over IPv6, for which BEP 6 defines no set, and to peers that have pieces, nothing is allowed', () => {
  const { simulator, engine } = seeding();
  const overIpv6 = new RawPeer(simulator, { fast: true }).dial(engine, { family: 6 }).handshake(HASH);
  overIpv6.send((encoder) => encoder.haveNone());
  const experienced = join(simulator, engine, { fast: true }).bitfield(20, TWELVE);
  wait(simulator, 1000);
  for (const peer of [overIpv6, experienced]) {
    assert.deepEqual(peer.heard('have-all'), ['have-all']);
    assert.deepEqual(peer.heard('allowed-fast'), []);
  }
});

test('pieces that a choking peer allows are fetched from it, and no others', () => {
  const { simulator, engine, added } = downloading();
  const peer = join(simulator, engine, { fast: true }).serve(TORRENT);
  peer.send((encoder) => {
    encoder.haveAll();
    encoder.allowedFast(3);
    encoder.allowedFast(17);
    encoder.allowedFast(99); // there is no such piece
  });
  wait(simulator, 5000);
  assert.deepEqual(new Set(peer.heard('request').map((line) => line.split(' ')[1])), new Set(['3', '17']));
  assert.equal(added.data!.have.count, 2);
  assert.equal(peer.isClosed, false);
});

test('of the pieces that a peer allows only so many are remembered', () => {
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 150 * BLOCK }, pieceLength: BLOCK });
  const { simulator, engine, added } = downloading({ torrent });
  const peer = join(simulator, engine, { fast: true }, torrent).serve(torrent);
  peer.send((encoder) => {
    encoder.haveAll();
    for (let piece = 0; piece < 150; piece++) encoder.allowedFast(piece);
  });
  wait(simulator, 60_000);
  assert.equal(added.data!.have.count, LIMITS.allowedFastAcceptedMax);
});

// ---- what a peer says it has ----

test('who has a piece is not told that we have it too, unless it may be a super-seed, or cannot be told of our end', () => {
  const { simulator, engine, added } = downloading();
  const uploadOnly: [ExtensionName, number][] = [['upload_only', 3]];
  const watcher = (options: { readonly isInterested: boolean; readonly extensions: [ExtensionName, number][] }) => {
    const peer = join(simulator, engine, { fast: true, extensions: true }).bitfield(20, TWELVE);
    peer.extensionHandshake({ extensions: new Map(options.extensions) });
    if (options.isInterested) peer.send((encoder) => encoder.interested());
    return peer;
  };
  const leecher = watcher({ isInterested: true, extensions: uploadOnly });
  const superSeed = watcher({ isInterested: false, extensions: uploadOnly });
  const simple = watcher({ isInterested: true, extensions: [] });
  const source = join(simulator, engine, { fast: true }).send((encoder) => encoder.haveAll());
  source.onRequest = (piece, begin, length) => source.sendBlock(TORRENT, piece, begin, length);
  source.send((encoder) => encoder.unchoke());
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
  wait(simulator, 100);
  const told = (peer: RawPeer): number[] =>
    peer
      .heard('have')
      .filter((line) => /^have \d+$/.test(line))
      .map((line) => Number(line.slice(5)));
  assert.deepEqual(told(leecher).sort(), [12, 13, 14, 15, 16, 17, 18, 19]);
  assert.equal(told(superSeed).length, 20);
  assert.equal(told(simple).length, 20);
  leecher.send((encoder) => encoder.extended(EXTENSION_IDS.lt_donthave, encodeDontHave(4)));
  wait(simulator, 100);
  assert.equal(told(leecher).at(-1), 4, 'it lacks it now');
});

test('a piece is told at once to those whom we serve, and to all others with what comes in the next moments', () => {
  const { simulator, engine } = downloading();
  const served = join(simulator, engine, { fast: true }).send((encoder) => encoder.haveNone());
  const other = join(simulator, engine, { fast: true }).send((encoder) => encoder.haveNone());
  served.send((encoder) => encoder.interested());
  const source = join(simulator, engine, { fast: true }).send((encoder) => encoder.haveAll());
  source.send((encoder) => encoder.unchoke());
  wait(simulator, 1000);
  const asked = [...new Set(source.heard('request').map((line) => Number(line.split(' ')[1])))];
  const give = (piece: number): void => {
    for (const begin of [0, BLOCK]) source.sendBlock(TORRENT, piece, begin, BLOCK);
    wait(simulator, 50);
  };
  give(asked[0]!);
  give(asked[1]!);
  const told = asked.slice(0, 2).map((piece) => `have ${piece}`);
  assert.deepEqual(served.heard('have'), told);
  assert.deepEqual(other.heard('have'), []);
  wait(simulator, 200);
  assert.deepEqual(other.heard('have'), told);
});

test('a have that waits goes before whatever else is said', () => {
  const { simulator, engine } = downloading();
  const other = join(simulator, engine, { fast: true }).send((encoder) => encoder.haveNone());
  const source = join(simulator, engine, { fast: true }).send((encoder) => encoder.haveAll());
  source.send((encoder) => encoder.unchoke());
  wait(simulator, 1000);
  const piece = Number(source.heard('request')[0]!.split(' ')[1]);
  for (const begin of [0, BLOCK]) source.sendBlock(TORRENT, piece, begin, BLOCK);
  wait(simulator, 50);
  other.send((encoder) => encoder.interested());
  wait(simulator, 50);
  assert.deepEqual(other.lines.slice(-2), [`have ${piece}`, 'unchoke']);
});

test('a have of a piece that there is not ends the connection', () => {
  const { simulator, engine } = downloading();
  const peer = join(simulator, engine).send((encoder) => encoder.have(19));
  wait(simulator, 100);
  assert.equal(peer.isClosed, false);
  peer.send((encoder) => encoder.have(20));
  wait(simulator, 100);
  assert.deepEqual(peer.reasonsIn(engine), ['piece-out-of-range']);
});

test('a bitfield of the wrong length or with spare bits ends the connection', () => {
  const { simulator, engine } = downloading();
  const long = join(simulator, engine).sendBitfield([0, 0, 0, 0]);
  const spare = join(simulator, engine).sendBitfield([0, 0, 0x08]);
  const last = join(simulator, engine).sendBitfield([0, 0, 0x10]);
  wait(simulator, 100);
  assert.deepEqual(long.reasonsIn(engine), ['bad-length']);
  assert.deepEqual(spare.reasonsIn(engine), ['bad-bitfield']);
  assert.equal(last.isClosed, false);
});

test('a late bitfield, as aria2 sends it, adds pieces and takes none away', () => {
  const { simulator, engine, added } = downloading();
  const peer = join(simulator, engine).bitfield(20, [1, 2]);
  peer.send((encoder) => encoder.have(5)).bitfield(20, [2, 9]);
  wait(simulator, 100);
  const { pieces } = peer.peerIn(added);
  assert.deepEqual(
    TWELVE.filter((piece) => pieces.has(piece)),
    [1, 2, 5, 9],
  );
});

test('blocks that nobody asked for are skipped, and too many of them end the connection', () => {
  const { simulator, engine, added } = downloading();
  const peer = join(simulator, engine);
  for (let i = 0; i < LIMITS.unrequestedBlocksMax; i++) peer.sendBlock(TORRENT, 0, 0, i === 0 ? BLOCK : 1);
  wait(simulator, 1000);
  assert.equal(peer.isClosed, false);
  assert.equal(engine.session.stats(added).wastedBytes, BLOCK + LIMITS.unrequestedBlocksMax - 1);
  peer.sendBlock(TORRENT, 0, 0, 1);
  wait(simulator, 1000);
  assert.deepEqual(peer.reasonsIn(engine), ['too-many-unrequested-blocks']);
  assert.equal(added.data!.have.count, 0);
});

test('in the end game the block that came from one peer is cancelled at the other', () => {
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 2 * BLOCK }, pieceLength: 2 * BLOCK });
  const { simulator, engine, added } = downloading({ torrent });
  const silent = join(simulator, engine, {}, torrent).bitfield(1, [0]);
  silent.send((encoder) => encoder.unchoke());
  wait(simulator, 100);
  assert.equal(silent.heard('request').length, 2);
  const other = join(simulator, engine, {}, torrent).bitfield(1, [0]);
  other.send((encoder) => encoder.unchoke());
  wait(simulator, 100);
  assert.deepEqual(other.heard('request'), [], 'the first may still send it');
  wait(simulator, 3000);
  assert.deepEqual(other.heard('request'), [`request 0 ${BLOCK} ${BLOCK}`], 'asked again');
  assert.deepEqual(silent.heard('cancel'), []);
  other.sendBlock(torrent, 0, BLOCK, BLOCK);
  wait(simulator, 100);
  assert.deepEqual(silent.heard('cancel'), [`cancel 0 ${BLOCK} ${BLOCK}`]);
  // It may have been on its way already: that is waste.
  silent.sendBlock(torrent, 0, BLOCK, BLOCK);
  wait(simulator, 100);
  assert.equal(engine.session.stats(added).wastedBytes, BLOCK);
  other.sendBlock(torrent, 0, 0, BLOCK);
  wait(simulator, 100);
  assert.equal(added.phase, 'seeding');
});

test('what a peer that stops answering is not waited for any more is taken back, so that it does not send it twice', () => {
  const { simulator, engine, added } = downloading();
  const peer = join(simulator, engine, { fast: true }).send((encoder) => encoder.haveAll());
  let answers = 4;
  peer.onRequest = (piece, begin, length) => {
    if (--answers >= 0) peer.sendBlock(TORRENT, piece, begin, length);
  };
  peer.send((encoder) => encoder.unchoke());
  wait(simulator, 20_000);
  const { pipeline } = peer.peerIn(added).download;
  assert.equal(pipeline.isSnubbed, true);
  const [requests, cancels] = ['request', 'cancel'].map((word) =>
    peer.heard(word).map((line) => line.slice(word.length)),
  );
  for (const block of cancels!) assert.ok(requests!.includes(block));
  assert.equal(requests!.length - 4 - cancels!.length, pipeline.count, 'all but what is waited for');
});

test('a block that was taken back and comes all the same is kept, if nobody else has brought it', () => {
  const torrent = makeSimTorrent({ lengths: { 'a.bin': 2 * BLOCK }, pieceLength: 2 * BLOCK });
  const { simulator, engine, added } = downloading({ torrent });
  const slow = join(simulator, engine, { fast: true }, torrent).send((encoder) => encoder.haveAll());
  slow.send((encoder) => encoder.unchoke());
  // Silent until all of it is given up; then everything comes at once.
  simulator.run(() => slow.heard('cancel').length === 2, { maxVirtualMs: 600_000 });
  assert.equal(slow.heard('cancel').length, 2);
  for (const begin of [0, BLOCK]) slow.sendBlock(torrent, 0, begin, BLOCK);
  wait(simulator, 1000);
  assert.equal(added.phase, 'seeding');
  assert.deepEqual([added.swarm.downloadedBytes, added.swarm.wastedBytes], [2 * BLOCK, 0]);
});
