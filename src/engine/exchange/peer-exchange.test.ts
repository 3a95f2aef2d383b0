/** Peer exchange between engines (BEP 11): who finds whom by it, and who never does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressKey, makeAddress } from '../../base/address.js';
import { fromHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import type { Magnet } from '../../format/magnet.js';
import { EXTENSION_IDS } from '../../protocol/wire/extension-handshake.js';
import { encodeMetadataData } from '../../protocol/wire/metadata.js';
import { decodePex, encodePex, PEX_FLAGS, type PexContact, type PexMessage } from '../../protocol/wire/pex.js';
import { Simulator } from '../../sim/simulator.js';
import type { Settings } from '../settings.js';
import {
  dialled,
  downloading,
  fromMagnet,
  HASH,
  join,
  lastExtensionHandshake,
  TORRENT,
  wait,
} from '../testing/peer-scenes.js';
import { RawPeer } from '../testing/raw-peer.js';
import { makeSimTorrent, SimEngine, type SimTorrent } from '../testing/sim-swarm.js';
import type { Torrent } from '../torrent.js';

const MINUTE_MS = 60_000;
const PRIVATE = makeSimTorrent({ lengths: { 'a.bin': 20 * 32_768 }, pieceLength: 32_768, isPrivate: true });
const HEARS_PEX = { extensions: new Map([['ut_pex', 9]]) };

test('A knows B, B knows C: A finds C by peer exchange alone', () => {
  const { simulator, torrents, engines } = chain(TORRENT);
  assert.ok(simulator.run(() => sourcesOf(torrents[0]!, engines[2]!).length > 0, { maxVirtualMs: 10_000 }));
  assert.deepEqual(sourcesOf(torrents[0]!, engines[2]!), ['pex']);
  assert.ok(simulator.run(() => engines[0]!.has(TORRENT), { maxVirtualMs: 2 * MINUTE_MS }));
});

test('a magnet gets its metadata from whom peer exchange names', () => {
  const { simulator, torrents, engines } = chain(TORRENT, { source: TORRENT.magnet });
  assert.ok(simulator.run(() => sourcesOf(torrents[0]!, engines[2]!).length > 0, { maxVirtualMs: 10_000 }));
  assert.deepEqual(sourcesOf(torrents[0]!, engines[2]!), ['pex']);
});

test('peers of a private torrent say and hear nothing of it', () => {
  const { simulator, torrents, engines } = chain(PRIVATE);
  wait(simulator, 5 * MINUTE_MS);
  assert.deepEqual(sourcesOf(torrents[0]!, engines[2]!), []);
});

test('with peer exchange switched off on either side nobody is found', () => {
  for (const off of [0, 1]) {
    const { simulator, torrents, engines } = chain(TORRENT, { off });
    wait(simulator, 2 * MINUTE_MS);
    assert.deepEqual(sourcesOf(torrents[0]!, engines[2]!), [], `${off}`);
  }
});

test('a private torrent neither offers peer exchange nor listens to it', () => {
  const { simulator, engine, added } = downloading({ torrent: PRIVATE });
  const peer = join(simulator, engine, { extensions: true }, PRIVATE).extensionHandshake(HEARS_PEX);
  tell(peer, { added: [contact('198.51.100.1')], dropped: [] });
  wait(simulator, 2 * MINUTE_MS);
  assert.equal(lastExtensionHandshake(peer).extensions.has('ut_pex'), false);
  assert.deepEqual(heardBy(peer), []);
  assert.equal(added.swarm.candidates.isKnown(makeAddress('198.51.100.1', 6881)!), false);
});

test('a contact is told where it listens, with what is known of it, and dropped when it is gone', () => {
  const { simulator, engine } = downloading();
  const reader = join(simulator, engine, { extensions: true }).extensionHandshake(HEARS_PEX);
  const silent = join(simulator, engine, { extensions: true });
  const seed = join(simulator, engine, { extensions: true, fast: true });
  seed.send((encoder) => encoder.haveAll()).extensionHandshake({ listenPort: 7777 });
  wait(simulator, 5000);
  const told = { address: makeAddress(seed.host.ipv4!, 7777)!, flags: PEX_FLAGS.isSeed };
  assert.deepEqual(heardBy(reader), [{ added: [told], dropped: [] }], 'but not who does not say where it listens');
  assert.equal(silent.isClosed, false);
  seed.close();
  wait(simulator, MINUTE_MS - 6000);
  assert.equal(heardBy(reader).length, 1);
  wait(simulator, MINUTE_MS / 2);
  assert.deepEqual(heardBy(reader)[1], { added: [], dropped: [told.address] });
});

test('who was dialled is told as one that can be reached; of IPv6 too', () => {
  const { simulator, engine, added } = downloading();
  const reader = join(simulator, engine, { extensions: true }).extensionHandshake(HEARS_PEX);
  const reachable = new RawPeer(simulator);
  reachable.listen(6881, () => reachable.handshake(HASH));
  dialled(engine, added, reachable);
  const six = new RawPeer(simulator, { extensions: true }).dial(engine, { family: 6 }).handshake(HASH);
  six.extensionHandshake({ listenPort: 6666 });
  wait(simulator, 2 * MINUTE_MS);
  const told = heardBy(reader).flatMap((message) => message.added);
  assert.deepEqual(
    new Map(told.map(({ address, flags }) => [addressKey(address), flags])),
    new Map([
      [`${reachable.host.ipv4}:6881`, PEX_FLAGS.isReachable],
      [`[${six.host.ipv6}]:6666`, 0],
    ]),
  );
});

test('what a peer tells becomes candidates, and what it takes back before it was dialled is forgotten', () => {
  const { simulator, engine, added } = downloading({ settings: { maxPeersPerTorrent: 1 } });
  const peer = join(simulator, engine, { extensions: true }).extensionHandshake(HEARS_PEX);
  const [kept, dropped] = [contact('198.51.100.1'), contact('198.51.100.2')];
  tell(peer, { added: [kept, dropped], dropped: [] });
  wait(simulator, 1000);
  assert.equal(added.swarm.candidates.isKnown(dropped.address), true);
  tell(peer, { added: [], dropped: [dropped.address] });
  wait(simulator, 1000);
  assert.deepEqual(
    [kept, dropped].map(({ address }) => added.swarm.candidates.isKnown(address)),
    [true, false],
  );
});

test('what another peer names too stays known when one takes it back', () => {
  const { simulator, engine, added } = downloading({ settings: { maxPeersPerTorrent: 2 } });
  const peers = [1, 2].map(() => join(simulator, engine, { extensions: true }).extensionHandshake(HEARS_PEX));
  const told = contact('198.51.100.1');
  for (const peer of peers) tell(peer, { added: [told], dropped: [] });
  wait(simulator, 1000);
  tell(peers[0]!, { added: [], dropped: [told.address] });
  wait(simulator, 1000);
  assert.equal(added.swarm.candidates.isKnown(told.address), true);
});

test('a peer that talks without end is let go', () => {
  const { simulator, engine } = downloading();
  const peer = join(simulator, engine, { extensions: true }).extensionHandshake(HEARS_PEX);
  for (let i = 0; i <= LIMITS.pexMessagesPerMinuteMax; i++) tell(peer, { added: [], dropped: [] });
  wait(simulator, 1000);
  assert.deepEqual(peer.reasonsIn(engine), ['too-many-pex-messages']);
});

test('a magnet that turns out private takes peer exchange back, and lets go of whom it had found by it', () => {
  const simulator = new Simulator({ seed: 5 });
  const engine = new SimEngine(simulator);
  const added = engine.add(PRIVATE.magnet);
  const peer = join(simulator, engine, { extensions: true }, PRIVATE).extensionHandshake(HEARS_PEX);
  const found = new SimEngine(simulator);
  found.add(PRIVATE.magnet);
  const idle = contact('198.51.100.1');
  const met = { address: makeAddress(found.host.ipv4!, found.session.listenPort)!, flags: 0 };
  tell(peer, { added: [idle, met], dropped: [] });
  assert.ok(simulator.run(() => sourcesOf(added, found).length === 1, { maxVirtualMs: MINUTE_MS }));
  assert.equal(added.swarm.candidates.isKnown(idle.address), true);
  assert.equal(lastExtensionHandshake(peer).extensions.get('ut_pex'), EXTENSION_IDS.ut_pex);

  serveMetadata(peer, PRIVATE);
  assert.ok(simulator.run(() => added.phase === 'downloading', { maxVirtualMs: MINUTE_MS }));
  wait(simulator, 1000);
  assert.equal(lastExtensionHandshake(peer).extensions.get('ut_pex'), 0);
  assert.deepEqual(sourcesOf(added, found), []);
  tell(peer, { added: [idle, met], dropped: [] });
  wait(simulator, 1000);
  for (const { address } of [idle, met]) assert.equal(added.swarm.candidates.isKnown(address), false);
  assert.equal(peer.isClosed, false, 'who dialled us is let in all the same');
});

test('what a peer says our address is counts as its vote', () => {
  const { simulator, engine } = downloading();
  const votes: unknown[][] = [];
  engine.session.context.externalAddress.vote = (...vote) => votes.push(vote.slice(0, 3));
  const peer = join(simulator, engine, { extensions: true });
  peer.extensionHandshake({ yourIp: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 8, 8, 4, 4) });
  wait(simulator, 1000);
  assert.deepEqual(
    votes.map(([ip, voter, witness]) => [ip, (voter as Address).host, witness]),
    [['8.8.4.4', peer.host.ipv4, 'peer']],
  );
});

test('a peer that asked for no lists is sent none', () => {
  const { simulator, engine } = fromMagnet();
  const peer = join(simulator, engine, { extensions: true }).extensionHandshake({ listenPort: 1 });
  join(simulator, engine, { extensions: true }).extensionHandshake({ listenPort: 2 });
  wait(simulator, 2 * MINUTE_MS);
  assert.deepEqual(peer.heard('extended 9'), []);
});

/** A has B, B has C, C has everything and sends it slowly. */
function chain(
  torrent: SimTorrent,
  { source, off }: { readonly source?: Magnet; readonly off?: number } = {},
): { readonly simulator: Simulator; readonly engines: readonly SimEngine[]; readonly torrents: readonly Torrent[] } {
  const simulator = new Simulator({ seed: 4 });
  // C is told of nobody, so that it is A who dials.
  const settings: Partial<Settings>[] = [{}, {}, { uploadLimit: 20_000, pex: false }];
  const engines = settings.map((own, i) => new SimEngine(simulator, { ...own, ...(i === off ? { pex: false } : {}) }));
  const [a, b, c] = engines as [SimEngine, SimEngine, SimEngine];
  c.give(torrent);
  const last = c.add(torrent.metainfo);
  const middle = b.add(torrent.metainfo, { from: [c] });
  const first = a.add(source ?? torrent.metainfo, { from: [b] });
  return { simulator, engines, torrents: [first, middle, last] };
}

/** How the torrent came to know the engine, of each connection that there is. */
function sourcesOf(torrent: Torrent, engine: SimEngine): string[] {
  const peers = [...torrent.swarm.peers].filter(
    ({ remote, isHandshakeDone }) => isHandshakeDone && remote.host === engine.host.ipv4,
  );
  return peers.map(({ source }) => source);
}

function contact(host: string): PexContact {
  return { address: makeAddress(host, 6881)!, flags: 0 };
}

function tell(peer: RawPeer, message: PexMessage): void {
  peer.send((encoder) => encoder.extended(EXTENSION_IDS.ut_pex, encodePex(message)));
}

/** It asked for messages with the id 9. */
function heardBy(peer: RawPeer): PexMessage[] {
  return peer.heard('extended 9').map((line) => decodePex(fromHex(line.split(' ')[2]!)!)!);
}

/** It has one block. */
function serveMetadata(peer: RawPeer, { metainfo: { infoBytes } }: SimTorrent): void {
  peer.recorder.onLine = (line) => {
    if (!line.startsWith('extended 8 ')) return;
    const data = encodeMetadataData(0, infoBytes.length, infoBytes);
    peer.send((encoder) => encoder.extended(EXTENSION_IDS.ut_metadata, data));
  };
  peer.extensionHandshake({ extensions: new Map([['ut_metadata', 8]]), metadataBytes: infoBytes.length });
}
