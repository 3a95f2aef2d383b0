import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, addressFromIp, toCompact } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import type { NodeContact } from './compact-nodes.js';
import type { DhtNode } from './dht-node.js';
import { InfohashIndex } from './infohash-index.js';
import { NODE_ID_BYTES } from './node-id.js';
import type { LookupSummary } from './operations.js';
import type { OutstandingQuery, QueryListener } from './transactions.js';

const ID = new Uint8Array(NODE_ID_BYTES);

function contact(index: number): NodeContact {
  return { id: ID, address: addressFromIp(Uint8Array.of(20 + (index >>> 16), index >>> 8, index, 1), 6881)! };
}

test('however many nodes are named, so many are asked', () => {
  const open: OutstandingQuery[] = [];
  const known = Array.from({ length: LIMITS.dhtIndexNodesMax + 100 }, (_, i) => contact(i));
  const node = {
    id: ID,
    closest: () => known,
    bootstrap: () => [],
    ask: (to: Address, _method: string, _args: object, listener: QueryListener) => {
      const query = { transactionId: 0, to, endpoint: toCompact(to), isBootstrap: false, sentAtMs: 0, listener };
      open.push(query);
      return query;
    },
  } as unknown as DhtNode;
  let summary: LookupSummary | null = null;
  const listener = {
    onSamples: () => {},
    onDone: (done: LookupSummary) => {
      summary = done;
    },
  };
  const index = new InfohashIndex(node, new SeededRandom(1), listener, 0);
  index.start(0);
  assert.ok(open.length < 20, 'not all at once');
  for (let query = open.shift(); query !== undefined; query = open.shift()) query.listener.onFailure(null, query, 5);
  assert.deepEqual(summary, { queries: LIMITS.dhtIndexNodesMax, answers: 0, elapsedMs: 5 });
});
