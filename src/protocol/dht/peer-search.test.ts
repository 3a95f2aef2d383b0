import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressFromIp, formatHostPort, makeAddress, toCompact } from '../../base/address.js';
import { EMPTY_BYTES } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import type { BencodeInput } from '../../format/bencode.js';
import { decodeKrpc, encodeKrpcResponse, type KrpcResponse } from './krpc.js';
import { NODE_ID_BYTES } from './node-id.js';
import { PeerAnnounce, PeerSearch, peersIn } from './peer-search.js';

const HASH = new Uint8Array(NODE_ID_BYTES);

function response(values: readonly BencodeInput[]): KrpcResponse {
  return decodeKrpc(encodeKrpcResponse(EMPTY_BYTES, { id: HASH, values }, EMPTY_BYTES)) as KrpcResponse;
}

function peer(index: number): Address {
  return addressFromIp(Uint8Array.of(20 + (index >>> 16), index >>> 8, index, 1), 6881)!;
}

test('peers of both families are read, and what no peer can have is left out', () => {
  const v4 = makeAddress('192.0.2.1', 6881)!;
  const v6 = makeAddress('2001:db8::1', 6881)!;
  const unspecified = toCompact(makeAddress('0.0.0.0', 1)!);
  const multicast = toCompact(makeAddress('224.0.0.1', 1)!);
  const noPort = toCompact(makeAddress('192.0.2.2', 0)!);
  const found = peersIn(
    response([toCompact(v4), toCompact(v6), unspecified, multicast, noPort, 'short', 7, [], EMPTY_BYTES]),
  );
  assert.deepEqual(found, [v4, v6]);
});

test('each address is told once, what we keep ourselves with the first of others', () => {
  const told: string[][] = [];
  let peers = 0;
  const search = new PeerSearch(
    HASH,
    { isSeed: false },
    {
      onPeers: (addresses) => told.push(addresses.map(formatHostPort)),
      onDone: (summary) => {
        peers = summary.peers;
      },
    },
  );
  search.own = [peer(1)];
  search.onResponse(response([toCompact(peer(2)), toCompact(peer(1))]));
  search.onResponse(response([toCompact(peer(2))]));
  search.onResponse(response([toCompact(peer(3))]));
  search.onEnd({ queries: 3, answers: 3, elapsedMs: 1 });
  assert.deepEqual(told, [['20.0.1.1:6881', '20.0.2.1:6881'], ['20.0.3.1:6881']]);
  assert.equal(peers, 3);
});

test('one search finds so many peers and no more', () => {
  let peers = 0;
  const search = new PeerSearch(
    HASH,
    { isSeed: false },
    {
      onPeers: (addresses) => {
        peers += addresses.length;
      },
      onDone: () => {},
    },
  );
  for (let start = 0; start < LIMITS.dhtLookupPeersMax + 500; start += 200) {
    search.onResponse(response(Array.from({ length: 200 }, (_, i) => toCompact(peer(start + i)))));
  }
  assert.equal(peers, LIMITS.dhtLookupPeersMax);
});

test('a seed asks for no other seeds, and says that it is one', () => {
  const listener = { onPeers: () => {}, onDone: () => {} };
  const seed = new PeerAnnounce(HASH, { port: 7000, isImpliedPort: true, isSeed: true }, listener);
  assert.deepEqual(seed.args, { info_hash: HASH, noseed: 1 });
  assert.deepEqual(seed.writeTo(), {
    method: 'announce_peer',
    args: { info_hash: HASH, port: 7000, implied_port: 1, seed: 1 },
  });
  const leecher = new PeerAnnounce(HASH, { port: 7000, isImpliedPort: false, isSeed: false }, listener);
  assert.deepEqual(leecher.args, { info_hash: HASH, noseed: undefined });
});
