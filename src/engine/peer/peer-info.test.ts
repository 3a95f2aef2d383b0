/** What the engine says of its peers: scripted ones against a whole session. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromLatin1 } from '../../base/bytes.js';
import {
  BLOCK,
  dialled,
  downloading,
  HASH,
  join,
  seeding,
  TWELVE,
  unchokedPeer,
  wait,
} from '../testing/peer-scenes.js';
import { RawPeer } from '../testing/raw-peer.js';
import type { Torrent } from '../torrent.js';
import type { PeerInfo } from './peer-info.js';

function infoOf(torrent: Torrent, now: number): PeerInfo {
  const [info, ...others] = torrent.swarm.peerInfos(now);
  assert.equal(others.length, 0);
  return info!;
}

test('a peer that dialled: what it has, what it was sent, and who wants what', () => {
  const { simulator, engine, added } = seeding();
  const peer = unchokedPeer(simulator, engine);
  peer.send((encoder) => encoder.request(15, 0, BLOCK));
  wait(simulator, 1000);
  const { address, client, downloadRate, uploadRate, ...rest } = infoOf(added, simulator.now);
  assert.match(address, new RegExp(`^${peer.host.ipv4!.replaceAll('.', '\\.')}:\\d+$`));
  assert.equal(client, 'RW 0.0.0.1');
  assert.equal(downloadRate, 0);
  assert.ok(uploadRate > 0);
  assert.deepEqual(rest, {
    isOutgoing: false,
    source: 'incoming',
    progress: TWELVE.length / 20,
    downloadedBytes: 0,
    uploadedBytes: BLOCK,
    isChokedByUs: false,
    isChokingUs: true,
    isInterestingToUs: false,
    isInterested: true,
  });
});

test('a peer that was dialled says how it is known, and its own words count more than its peer id', () => {
  const { simulator, engine, added } = downloading();
  const peer = new RawPeer(simulator, { extensions: true });
  peer.listen(6881, () => {
    peer.handshake(HASH, fromLatin1('-TR4050-0123456789ab')).bitfield(20, [0]);
  });
  dialled(engine, added, peer);
  wait(simulator, 1000);
  const before = infoOf(added, simulator.now);
  assert.equal(before.address, `${peer.host.ipv4}:6881`);
  assert.deepEqual([before.client, before.isOutgoing, before.source], ['Transmission 4.0.5', true, 'user']);
  assert.equal(before.isInterestingToUs, true);
  peer.extensionHandshake({ clientName: 'Transmission 4.0.5-beta \u001b[31m' });
  wait(simulator, 100);
  assert.equal(infoOf(added, simulator.now).client, 'Transmission 4.0.5-beta [31m');
});

test('a peer that has not said its handshake is not told of', () => {
  const { simulator, engine, added } = downloading();
  const silent = new RawPeer(simulator).listen(6881);
  dialled(engine, added, silent);
  join(simulator, engine);
  wait(simulator, 1000);
  assert.equal(added.swarm.peers.size, 2);
  assert.equal(added.swarm.peerInfos(simulator.now).length, 1);
});
