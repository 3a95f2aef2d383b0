import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeAddress, toCompact } from '../../base/address.js';
import { fromLatin1, toLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import {
  decodeKrpc,
  encodeKrpcError,
  encodeKrpcQuery,
  encodeKrpcResponse,
  type KrpcError,
  type KrpcQuery,
  type KrpcResponse,
} from './krpc.js';

function query(text: string): KrpcQuery {
  const message = decodeKrpc(fromLatin1(text));
  assert.equal(message?.kind, 'query');
  return message as KrpcQuery;
}

function response(text: string): KrpcResponse {
  const message = decodeKrpc(fromLatin1(text));
  assert.equal(message?.kind, 'response');
  return message as KrpcResponse;
}

function text(bytes: Uint8Array | null | undefined): string | null {
  return bytes == null ? null : toLatin1(bytes);
}

test('the queries of BEP 5 are read', () => {
  const ping = query('d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe');
  assert.deepEqual([ping.method, text(ping.id), text(ping.transactionId)], ['ping', 'abcdefghij0123456789', 'aa']);
  assert.equal(ping.isReadOnly, false);
  const findNode = query(
    'd1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe',
  );
  assert.equal(text(findNode.args?.getBytes('target')), 'mnopqrstuvwxyz123456');
  const getPeers = query(
    'd1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe',
  );
  assert.equal(text(getPeers.args?.getBytes('info_hash')), 'mnopqrstuvwxyz123456');
  const announce = query(
    'd1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe',
  );
  assert.deepEqual(
    [
      announce.args?.getInteger('implied_port'),
      announce.args?.getInteger('port'),
      text(announce.args?.getBytes('token')),
    ],
    [1, 6881, 'aoeusnth'],
  );
});

test('the responses and the error of BEP 5 are read', () => {
  const pong = response('d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re');
  assert.deepEqual([text(pong.id), text(pong.transactionId), pong.seenAddress], ['mnopqrstuvwxyz123456', 'aa', null]);
  const nodes = response('d1:rd2:id20:0123456789abcdefghij5:nodes9:def456...e1:t2:aa1:y1:re');
  assert.equal(text(nodes.values.getBytes('nodes')), 'def456...');
  const peers = response('d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re');
  assert.deepEqual(
    peers.values.getList('values')?.items.map((item) => text(item as Uint8Array)),
    ['axje.u', 'idhtnm'],
  );
  const error = decodeKrpc(fromLatin1('d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee')) as KrpcError;
  assert.deepEqual([error.kind, error.code, error.text], ['error', 201, 'A Generic Error Ocurred']);
});

test('the read-only query of BEP 43 is read, and written', () => {
  const vector = 'd1:ad2:id20:abcdefghij0123456789e1:q4:ping2:roi1e1:t2:aa1:y1:qe';
  assert.equal(query(vector).isReadOnly, true);
  const ours = encodeKrpcQuery(
    fromLatin1('aa'),
    'ping',
    { id: fromLatin1('abcdefghij0123456789') },
    { isReadOnly: true },
  );
  assert.equal(toLatin1(ours).replace(/1:v4:DT../s, ''), vector);
});

test('what is written is canonical, and names who asked', () => {
  const ip = toCompact(makeAddress('192.0.2.1', 6881)!);
  const id = fromLatin1('abcdefghij0123456789');
  assert.match(
    toLatin1(encodeKrpcResponse(fromLatin1('aa'), { id }, ip)),
    /^d2:ip6:.{6}1:rd2:id20:abcdefghij0123456789e1:t2:aa1:v4:DT..1:y1:re$/s,
  );
  assert.match(
    toLatin1(encodeKrpcError(fromLatin1('aa'), { code: 203, text: 'no' }, ip)),
    /^d1:eli203e2:noe2:ip6:......1:t2:aa1:v4:DT..1:y1:ee$/s,
  );
  const { seenAddress } = decodeKrpc(encodeKrpcResponse(fromLatin1('aa'), { id }, ip)) as KrpcResponse;
  assert.deepEqual(seenAddress, makeAddress('192.0.2.1', 6881));
});

test('keys in another order, and more of them, are no reason not to read a packet', () => {
  assert.equal(query('d1:y1:q1:t2:aa1:q4:ping1:xi5e1:ad2:id20:abcdefghij0123456789ee').method, 'ping');
});

test('a malformed query can still be refused', () => {
  const noId = query('d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe');
  assert.equal(noId.id, null);
  assert.equal(query('d1:q4:ping1:t2:aa1:y1:qe').args, null);
  assert.equal(query('d1:ad2:id20:abcdefghij0123456789e1:t2:aa1:y1:qe').method, '');
});

test('what cannot be answered is met with silence', () => {
  for (const packet of [
    '',
    'd',
    'de',
    'hello',
    'le',
    'd1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aae',
    'd1:ad2:id20:abcdefghij0123456789e1:q4:ping1:y1:qe',
    'd1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:xe',
    'd1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y2:qqe',
    'd1:rd2:id3:abce1:t2:aa1:y1:re',
    'd1:t2:aa1:y1:re',
  ]) {
    assert.equal(decodeKrpc(fromLatin1(packet)), null, packet);
  }
});

test('the transaction id of another node may be of any length up to the limit', () => {
  const max = LIMITS.dhtTransactionIdBytesMax;
  const withId = (bytes: number): string =>
    `d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t${bytes}:${'t'.repeat(bytes)}1:y1:qe`;
  assert.equal(query(withId(0)).transactionId.length, 0);
  assert.equal(query(withId(max)).transactionId.length, max);
  assert.equal(decodeKrpc(fromLatin1(withId(max + 1))), null);
});

test('a packet is read up to limits of its length, its depth and the number of its values', () => {
  const filled = (bytes: number): Uint8Array => {
    const rest = 'd1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:q1:z0000:e'.length;
    const padding = bytes - rest;
    return fromLatin1(
      `d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:q1:z${String(padding).padStart(4, '0')}:${'z'.repeat(padding)}e`,
    );
  };
  assert.notEqual(decodeKrpc(filled(LIMITS.dhtPacketBytesMax)), null);
  assert.equal(decodeKrpc(filled(LIMITS.dhtPacketBytesMax + 1)), null);
  const nested = (depth: number): Uint8Array =>
    fromLatin1(`d1:q4:ping1:t2:aa1:y1:q1:z${'l'.repeat(depth)}${'e'.repeat(depth)}e`);
  assert.notEqual(decodeKrpc(nested(LIMITS.dhtPacketDepthMax - 1)), null);
  assert.equal(decodeKrpc(nested(LIMITS.dhtPacketDepthMax)), null);
  // Eight for the keys and values beside the list, two for the list and the dictionary.
  const many = (values: number): Uint8Array => fromLatin1(`d1:q4:ping1:t2:aa1:y1:q1:zl${'i1e'.repeat(values)}ee`);
  assert.notEqual(decodeKrpc(many(LIMITS.dhtPacketTokensMax - 10)), null);
  assert.equal(decodeKrpc(many(LIMITS.dhtPacketTokensMax)), null);
});

test('the text of an error is one line, and short', () => {
  const long = `two\r\nlines${'!'.repeat(1000)}`;
  const packet = fromLatin1(`d1:eli201e${long.length}:${long}e1:t2:aa1:y1:ee`);
  const error = decodeKrpc(packet) as KrpcError;
  assert.match(error.text, /^two lines!+$/);
  assert.ok(error.text.length <= 200);
  assert.equal((decodeKrpc(fromLatin1('d1:ele1:t2:aa1:y1:ee')) as KrpcError).code, 201);
});

test('whatever is written is read as it was, and whatever is read does not throw', () => {
  const ids = fc.uint8Array({ minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 16 }), ids, ids, fc.boolean(), (transactionId, id, target, isReadOnly) => {
      const packet = encodeKrpcQuery(transactionId, 'find_node', { id, target }, { isReadOnly });
      const read = decodeKrpc(packet) as KrpcQuery;
      assert.deepEqual([read.transactionId, read.id, read.isReadOnly], [transactionId, id, isReadOnly]);
      assert.deepEqual(read.args?.getBytes('target'), target);
    }),
    { seed: 5 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodeKrpc(bytes);
      decodeKrpc(Uint8Array.of(0x64, ...bytes, 0x65));
    }),
    { seed: 5 },
  );
});
