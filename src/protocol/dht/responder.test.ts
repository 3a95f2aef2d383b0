import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { fromLatin1, fromUtf8, toHex } from '../../base/bytes.js';
import { sha1 } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import { encodeBencode, RawBencode } from '../../format/bencode.js';
import { BloomFilter } from './bloom-filter.js';
import { decodeNodes } from './compact-nodes.js';
import { signItem } from './item.js';
import type { KrpcFields, KrpcMessage, KrpcResponse } from './krpc.js';
import { peersIn } from './peer-search.js';
import { DhtNetwork, publicAddress, type TestDht } from './testing/dht-network.js';
import { RawNode } from './testing/raw-node.js';

const HASH = sha1(fromUtf8('a torrent'));
const OTHER_HASH = sha1(fromUtf8('another torrent'));
const SEED = new Uint8Array(32).fill(7);

interface Scene {
  readonly network: DhtNetwork;
  readonly server: TestDht;
  readonly client: RawNode;
}

/** A node that knows twelve others, and somebody who asks it. */
function scene(): Scene {
  const network = new DhtNetwork({ seed: 3, latencyMsMax: 20 });
  const [server] = network.addMany(13) as [TestDht];
  network.run(30_000);
  return { network, server, client: new RawNode(network, publicAddress(999)) };
}

function values(message: KrpcMessage | null): KrpcResponse['values'] {
  assert.equal(message?.kind, 'response', message?.kind === 'error' ? message.text : 'a response');
  return (message as KrpcResponse).values;
}

function code(message: KrpcMessage | null): number {
  assert.equal(message?.kind, 'error');
  return message?.kind === 'error' ? message.code : 0;
}

function tokenFor({ server, client }: Scene, infoHash: Uint8Array): Uint8Array {
  return values(client.ask(server, 'get_peers', { info_hash: infoHash }))
    .getBytes('token')!
    .slice();
}

/** Announces by `count` others. */
function fill({ network, server }: Scene, count: number): void {
  for (let i = 0; i < count; i++) {
    const peer = new RawNode(network, publicAddress(2000 + i));
    const token = values(peer.ask(server, 'get_peers', { info_hash: HASH })).getBytes('token')!;
    values(peer.ask(server, 'announce_peer', { info_hash: HASH, port: 7000, token, seed: i % 2 }));
    // No faster than what may be spent on answers.
    network.run(200);
  }
}

test('a ping is answered with our id, and with the address that it came from', () => {
  const { server, client } = scene();
  const answer = client.ask(server, 'ping') as KrpcResponse;
  assert.deepEqual(answer.id, server.node.id);
  assert.deepEqual(answer.transactionId, fromLatin1('aa'));
  assert.deepEqual(answer.seenAddress, client.address);
});

test('the eight nodes closest to a target are named, and never we ourselves', () => {
  const { server, client } = scene();
  const nodes = decodeNodes(
    values(client.ask(server, 'find_node', { target: HASH })).getBytes('nodes')!,
    4,
    client.address,
  );
  assert.equal(nodes.length, 8);
  assert.ok(nodes.every(({ id }) => toHex(id) !== toHex(server.node.id)));
});

test('nodes are named with peers, of the family that is wanted', () => {
  const all = scene();
  fill(all, 1);
  const ask = (args: KrpcFields): KrpcResponse['values'] =>
    values(all.client.ask(all.server, 'get_peers', { info_hash: HASH, ...args }));
  assert.deepEqual([ask({}).has('nodes'), ask({}).has('nodes6'), ask({}).has('values')], [true, false, true]);
  assert.deepEqual([ask({ want: ['n6'] }).has('nodes'), ask({ want: ['n4', 'x', 5] }).has('nodes')], [false, true]);
});

test('a query of a later specification is answered as find_node, and any other with 204', () => {
  const { server, client } = scene();
  assert.ok(values(client.ask(server, 'find_more', { target: HASH })).has('nodes'));
  assert.ok(values(client.ask(server, 'get_more', { info_hash: HASH })).has('nodes'));
  assert.equal(code(client.ask(server, 'dance')), 204);
});

test('a query that is malformed is answered with 203', () => {
  const { server, client } = scene();
  assert.equal(code(client.ask(server, 'find_node')), 203);
  assert.equal(code(client.ask(server, 'find_node', { target: fromUtf8('short') })), 203);
  assert.equal(code(client.ask(server, 'get_peers', { info_hash: 7 })), 203);
  assert.equal(code(client.ask(server, 'announce_peer', {})), 203);
  assert.equal(code(client.ask(server, 'get', {})), 203);
  assert.equal(code(client.ask(server, 'put', {})), 203);
  assert.equal(code(client.ask(server, 'sample_infohashes', {})), 203);
  assert.equal(code(client.ask(server, '')), 203);
  assert.equal(code(client.say(server, fromLatin1('d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe'))), 203);
});

test('who announces with our token is told to others', () => {
  const all = scene();
  const { server, client } = all;
  const token = tokenFor(all, HASH);
  values(client.ask(server, 'announce_peer', { info_hash: HASH, port: 7000, token }));
  assert.deepEqual(peersIn(client.ask(server, 'get_peers', { info_hash: HASH }) as KrpcResponse), [
    { ...client.address, port: 7000 },
  ]);
  values(client.ask(server, 'announce_peer', { info_hash: HASH, port: 7000, implied_port: 1, token }));
  assert.deepEqual(peersIn(client.ask(server, 'get_peers', { info_hash: HASH }) as KrpcResponse), [client.address]);
});

test('a token is good for one address and one torrent, and not for ever', () => {
  const all = scene();
  const { network, server, client } = all;
  const token = tokenFor(all, HASH);
  const thief = new RawNode(network, publicAddress(998));
  const announce = (by: RawNode, infoHash: Uint8Array, shown: KrpcFields): KrpcMessage | null =>
    by.ask(server, 'announce_peer', { info_hash: infoHash, port: 7000, ...shown });
  assert.equal(code(announce(thief, HASH, { token })), 203);
  assert.equal(code(announce(client, OTHER_HASH, { token })), 203);
  assert.equal(code(announce(client, HASH, {})), 203);
  assert.equal(code(announce(client, HASH, { token: fromUtf8('a guess!') })), 203);
  network.run(660_000);
  assert.equal(code(announce(client, HASH, { token })), 203);
});

test('nobody is announced at a port that no peer has', () => {
  const all = scene();
  const token = tokenFor(all, HASH);
  for (const port of [0, 1, -1, 65_536, 2 ** 40]) {
    assert.equal(code(all.client.ask(all.server, 'announce_peer', { info_hash: HASH, port, token })), 203, `${port}`);
  }
});

test('no token is given for a torrent that has as many peers as we keep', () => {
  const all = scene();
  fill(all, LIMITS.dhtStoredPeersPerHashMax);
  assert.equal(values(all.client.ask(all.server, 'get_peers', { info_hash: HASH })).has('token'), false);
});

test('who is not known to be where it says gets no more than a few times what it sent', () => {
  const all = scene();
  fill(all, 150);
  const ask = (by: RawNode): { sent: number; got: number; peers: number } => {
    let sent = 0;
    all.network.onPacket = (packet, from) => {
      if (from === by.address) sent = packet.length;
    };
    const answer = by.ask(all.server, 'get_peers', { info_hash: HASH, scrape: 1 }) as KrpcResponse;
    return { sent, got: by.answers.at(-1)!.bytes, peers: peersIn(answer).length };
  };
  const stranger = ask(all.client);
  assert.ok(stranger.got <= LIMITS.dhtReplyFactorMax * stranger.sent, `${stranger.got} for ${stranger.sent}`);
  // It answers a ping now, and is known.
  all.server.do((dht, now) => dht.addNode(all.client.address, now));
  all.network.run(5000);
  const known = ask(all.client);
  assert.ok(known.got > stranger.got && known.got <= LIMITS.dhtReplyBytesMax, `${known.got} bytes`);
  assert.ok(known.peers > stranger.peers && known.peers <= 100, `${known.peers} peers`);
});

test('a scrape is answered with filters of seeds and of others', () => {
  const all = scene();
  fill(all, 6);
  const { server, client } = all;
  server.do((dht, now) => dht.addNode(client.address, now));
  all.network.run(5000);
  const answer = values(client.ask(server, 'get_peers', { info_hash: HASH, scrape: 1 }));
  const estimate = (key: string): number => {
    const filter = new BloomFilter();
    assert.ok(filter.union(answer.getBytes(key)!));
    return Math.round(filter.estimate());
  };
  assert.deepEqual([estimate('BFsd'), estimate('BFpe')], [3, 3]);
  assert.equal(values(client.ask(server, 'get_peers', { info_hash: OTHER_HASH, scrape: 1 })).has('BFsd'), false);
  const leechers = client.ask(server, 'get_peers', { info_hash: HASH, noseed: 1 }) as KrpcResponse;
  assert.equal(peersIn(leechers).length, 3);
});

test('samples come with how many there are', () => {
  const all = scene();
  const ask = (): KrpcResponse['values'] => values(all.client.ask(all.server, 'sample_infohashes', { target: HASH }));
  assert.deepEqual([ask().getInteger('num'), ask().getBytes('samples')?.length], [0, 0]);
  fill(all, 1);
  assert.deepEqual([ask().getInteger('num'), ask().getBytes('samples')], [1, HASH]);
  assert.ok(ask().getInteger('interval')! >= 0);
});

test('a value is kept under its hash, as the bytes that were sent', () => {
  const { server, client } = scene();
  const value = encodeBencode('Hello World!');
  const target = sha1(value);
  assert.equal(toHex(target), 'e5f96f6f38320f0f33959cb4d3d656452117aadb');
  const token = values(client.ask(server, 'get', { target }))
    .getBytes('token')!
    .slice();
  values(client.ask(server, 'put', { v: new RawBencode(value), token }));
  const answer = client.ask(server, 'get', { target }) as KrpcResponse;
  const span = answer.values.span('v')!;
  assert.deepEqual(answer.packet.slice(span.start, span.end), value);
  assert.equal(code(client.ask(server, 'put', { v: 'something else', token })), 203);
});

test('a mutable item is kept when its signature is right, and its version newer', () => {
  const { server, client } = scene();
  const item = (sequence: bigint, text: string) =>
    signItem(SEED, { salt: new Uint8Array(0), sequence, value: encodeBencode(text) });
  const { publicKey } = item(1n, '');
  const target = sha1(publicKey);
  const token = values(client.ask(server, 'get', { target }))
    .getBytes('token')!
    .slice();
  const put = (sequence: bigint, text: string, changes: KrpcFields = {}): number => {
    const { signature, value } = item(sequence, text);
    const args = { k: publicKey, seq: sequence, sig: signature, v: new RawBencode(value), token, ...changes };
    const answer = client.ask(server, 'put', args);
    return answer?.kind === 'response' ? 0 : code(answer);
  };
  assert.equal(put(5n, 'five'), 0);
  assert.equal(put(4n, 'four'), 302);
  assert.equal(put(6n, 'six', { cas: 4 }), 301);
  assert.equal(put(6n, 'six', { cas: 'five' }), 203);
  assert.equal(put(6n, 'six', { v: 'forged' }), 206);
  assert.equal(put(6n, 'six', { token: fromUtf8('a guess!') }), 203);
  assert.equal(put(6n, 'six', { k: fromUtf8('short') }), 203);
  assert.equal(put(-1n, 'minus'), 203);
  assert.equal(put(2n ** 63n, 'beyond'), 203);
  assert.equal(put(6n, 'six', { salt: new Uint8Array(LIMITS.dhtSaltBytesMax + 1) }), 207);
  assert.equal(put(6n, 'six', { v: new Uint8Array(LIMITS.dhtValueBytesMax) }), 205);
  assert.equal(put(6n, 'six', { v: new RawBencode(fromLatin1('d1:b0:1:a0:e')) }), 203);
  assert.equal(put(6n, 'six', { cas: 5 }), 0);
  const answer = values(client.ask(server, 'get', { target }));
  assert.deepEqual([answer.getInteger('seq'), answer.getText('v'), answer.has('salt')], [6, 'six', false]);
  const known = values(client.ask(server, 'get', { target, seq: 6 }));
  assert.deepEqual(
    [known.getInteger('seq'), known.has('v'), known.has('sig'), known.has('k')],
    [6, false, false, false],
  );
});

test('a value of the largest size fits an answer to who is known, and to who is not does not', () => {
  const { network, server, client } = scene();
  client.answer = () => null;
  const value = encodeBencode(new Uint8Array(LIMITS.dhtValueBytesMax - 4));
  assert.equal(value.length, LIMITS.dhtValueBytesMax);
  const target = sha1(value);
  const token = values(client.ask(server, 'get', { target }))
    .getBytes('token')!
    .slice();
  values(client.ask(server, 'put', { v: new RawBencode(value), token }));
  assert.equal(values(client.ask(server, 'get', { target })).has('v'), false);
  client.answer = () => ({});
  server.do((dht, now) => dht.addNode(client.address, now));
  network.run(5000);
  assert.equal(values(client.ask(server, 'get', { target })).has('v'), true);
  assert.ok(client.answers.at(-1)!.bytes <= LIMITS.dhtReplyBytesMax);
});

test('answers go to IPv6 as well, and a node of one family leaves packets of the other alone', () => {
  const network = new DhtNetwork({ seed: 6 });
  const server = network.add(makeAddress('2001:db8::1', 6881)!);
  const client = new RawNode(network, makeAddress('2001:db8:1::2', 6881)!);
  const token = values(client.ask(server, 'get_peers', { info_hash: HASH }))
    .getBytes('token')!
    .slice();
  values(client.ask(server, 'announce_peer', { info_hash: HASH, port: 7000, token }));
  assert.deepEqual(peersIn(client.ask(server, 'get_peers', { info_hash: HASH }) as KrpcResponse), [
    { ...client.address, port: 7000 },
  ]);
  assert.equal(new RawNode(network, publicAddress(1)).ask(server, 'ping'), null);
});
