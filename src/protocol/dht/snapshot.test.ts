import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeAddress } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { encodeBencode } from '../../format/bencode.js';
import type { NodeContact } from './compact-nodes.js';
import { NODE_ID_BYTES } from './node-id.js';
import { decodeSnapshot, encodeSnapshot } from './snapshot.js';

const ID = new Uint8Array(NODE_ID_BYTES).fill(7);

function contacts(count: number, family: 4 | 6): NodeContact[] {
  return Array.from({ length: count }, (_, i) => ({
    id: new Uint8Array(NODE_ID_BYTES).fill(i),
    address: makeAddress(family === 4 ? `20.0.${i >>> 8}.${i & 255}` : `2001:db8::${i.toString(16)}`, 6881)!,
  }));
}

test('what is written is read', () => {
  const nodes = [
    { family: 4, id: ID, contacts: contacts(50, 4) },
    { family: 6, id: new Uint8Array(NODE_ID_BYTES), contacts: contacts(20, 6) },
    { family: 4, id: ID, contacts: [] },
  ] as const;
  assert.deepEqual(decodeSnapshot(encodeSnapshot(nodes)), nodes);
});

test('however much is known, a snapshot keeps its limit', () => {
  const node = { family: 6, id: ID, contacts: contacts(2000, 6) } as const;
  const snapshot = encodeSnapshot(Array.from({ length: 40 }, () => node));
  assert.ok(snapshot.length <= LIMITS.dhtSnapshotBytesMax, `${snapshot.length} bytes`);
  assert.equal(decodeSnapshot(snapshot)?.length, 8);
});

test('what is no snapshot, or one of another version, or too long, is not taken for one', () => {
  const empty = { nodes: [], version: 1 };
  assert.deepEqual(decodeSnapshot(encodeBencode(empty)), []);
  assert.equal(decodeSnapshot(encodeBencode({ ...empty, version: 2 })), null);
  assert.equal(decodeSnapshot(encodeBencode([])), null);
  assert.equal(decodeSnapshot(new Uint8Array(0)), null);
  const filler = { ...empty, zzz: new Uint8Array(LIMITS.dhtSnapshotBytesMax) };
  assert.equal(decodeSnapshot(encodeBencode(filler)), null);
});

test('what is wrong in a snapshot is left out', () => {
  const good = { contacts: new Uint8Array(0), family: 4, id: ID };
  const nodes = [{ ...good, family: 5 }, { ...good, id: 'short' }, { ...good, contacts: 3 }, 'node', good];
  assert.deepEqual(decodeSnapshot(encodeBencode({ nodes, version: 1 })), [{ family: 4, id: ID, contacts: [] }]);
  const nobody = new Uint8Array(26);
  assert.deepEqual(
    decodeSnapshot(encodeBencode({ nodes: [{ ...good, contacts: nobody }], version: 1 }))?.[0]?.contacts,
    [],
  );
});

test('whatever is read does not throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      decodeSnapshot(bytes);
    }),
    { seed: 1 },
  );
});
