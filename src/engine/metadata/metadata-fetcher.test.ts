import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesEqual } from '../../base/bytes.js';
import { sha1, sha256 } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { infoHashOf } from '../../format/infohash.js';
import {
  decodeMetadataMessage,
  METADATA_BLOCK_BYTES,
  metadataBlockBytes,
  metadataBlockCount,
} from '../../protocol/wire/metadata.js';
import { MetadataFetcher, MetadataServer } from './metadata-fetcher.js';

/** Seven blocks, the last one short. */
const INFO = makeBytes(6 * METADATA_BLOCK_BYTES + 100, 1);
const ONE_BLOCK_INFO = makeBytes(500, 2);

function makeBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  new SeededRandom(seed).fill(bytes);
  return bytes;
}

function blockOf(info: Uint8Array, block: number): Uint8Array {
  return info.subarray(block * METADATA_BLOCK_BYTES, (block + 1) * METADATA_BLOCK_BYTES);
}

interface Request {
  readonly peer: number;
  readonly block: number;
}

/** A fetcher for `info`, and everything it said. */
class World {
  now = 1000;
  readonly requests: Request[] = [];
  readonly poisoned: number[] = [];
  readonly received: Uint8Array[] = [];
  readonly fetcher: MetadataFetcher;

  constructor(info: Uint8Array, { formats = { v1: true, v2: false }, seed = 1 } = {}) {
    this.fetcher = new MetadataFetcher({
      infoHash: infoHashOf(info, formats),
      random: new SeededRandom(seed),
      handler: {
        requestMetadataBlock: (peer, block) => this.requests.push({ peer, block }),
        onMetadata: (infoBytes) => this.received.push(infoBytes),
        onMetadataPoisoned: (peers) => {
          this.poisoned.push(...peers);
          // As the engine does: the connection is closed at once, which comes back as removePeer.
          for (const peer of peers) this.fetcher.removePeer(peer, this.now);
        },
      },
    });
  }

  add(peer: number, sizeBytes: number): void {
    this.fetcher.addPeer(peer, sizeBytes, this.now);
  }

  /** Takes the requests made so far. */
  take(): Request[] {
    return this.requests.splice(0);
  }

  data(peer: number, block: number, bytes: Uint8Array, totalBytes: number | null): void {
    this.fetcher.onData(peer, block, totalBytes, bytes, this.now);
  }

  /** `peer` answers from `info`, truthfully or not. */
  answer({ peer, block }: Request, info: Uint8Array): void {
    this.data(peer, block, blockOf(info, block), info.length);
  }

  /** Answers every request from what its peer has, until there are none; peers without an entry are silent. */
  answerAll(infoOf: ReadonlyMap<number, Uint8Array>): void {
    for (let requests = this.take(); requests.length > 0; requests = this.take()) {
      for (const request of requests) {
        const info = infoOf.get(request.peer);
        if (info !== undefined) this.answer(request, info);
      }
    }
  }

  advanceTo(now: number): void {
    this.now = now;
    this.fetcher.advance(now);
  }
}

test('metadata of several blocks is fetched from one peer, two requests at a time', () => {
  const world = new World(INFO);
  world.add(1, INFO.length);
  assert.deepEqual(world.take(), [
    { peer: 1, block: 0 },
    { peer: 1, block: 1 },
  ]);
  for (let block = 0; block < 7; block++) {
    assert.equal(world.received.length, 0);
    world.answer({ peer: 1, block }, INFO);
    assert.deepEqual(world.take(), block < 5 ? [{ peer: 1, block: block + 2 }] : []);
  }
  assert.equal(world.received.length, 1);
  assert.ok(bytesEqual(world.received[0]!, INFO));
  assert.equal(world.fetcher.nextDeadline(), Number.POSITIVE_INFINITY);
});

test('blocks are spread over the peers, and none is asked for twice while it is fresh', () => {
  const world = new World(INFO);
  for (const peer of [1, 2, 3, 4, 5]) world.add(peer, INFO.length);
  const requests = world.take();
  assert.deepEqual(requests.map(({ block }) => block).sort(), [0, 1, 2, 3, 4, 5, 6]);
  for (const peer of [1, 2, 3, 4, 5]) {
    const count = requests.filter((request) => request.peer === peer).length;
    assert.ok(count <= LIMITS.metadataRequestsPerPeerMax);
  }
});

test('a block that a slow peer holds up is asked of an idle one, but never twice of the same', () => {
  const world = new World(ONE_BLOCK_INFO);
  world.add(1, ONE_BLOCK_INFO.length);
  world.add(2, ONE_BLOCK_INFO.length);
  assert.deepEqual(world.take(), [{ peer: 1, block: 0 }]);
  assert.equal(world.fetcher.nextDeadline(), 1000 + LIMITS.metadataDuplicateAfterMs);
  world.advanceTo(1000 + LIMITS.metadataDuplicateAfterMs - 1);
  assert.deepEqual(world.take(), []);
  world.advanceTo(1000 + LIMITS.metadataDuplicateAfterMs);
  assert.deepEqual(world.take(), [{ peer: 2, block: 0 }]);
  world.advanceTo(1000 + 2 * LIMITS.metadataDuplicateAfterMs);
  assert.deepEqual(world.take(), []);
  world.answer({ peer: 2, block: 0 }, ONE_BLOCK_INFO);
  assert.equal(world.received.length, 1);
});

test('a request is given up after its timeout, and its peer rests', () => {
  const world = new World(ONE_BLOCK_INFO);
  world.add(1, ONE_BLOCK_INFO.length);
  world.take();
  const timeout = 1000 + LIMITS.metadataRequestTimeoutMs;
  assert.equal(world.fetcher.nextDeadline(), timeout);
  world.advanceTo(timeout);
  assert.deepEqual(world.take(), []);
  assert.equal(world.fetcher.nextDeadline(), timeout + LIMITS.metadataRejectPauseMs);
  world.advanceTo(timeout + LIMITS.metadataRejectPauseMs);
  assert.deepEqual(world.take(), [{ peer: 1, block: 0 }]);
});

test('an answer that comes late still counts, ends the rest, and what had come before is kept', () => {
  const world = new World(INFO);
  world.add(1, INFO.length);
  world.answer({ peer: 1, block: 0 }, INFO);
  world.take();
  world.advanceTo(1000 + LIMITS.metadataRequestTimeoutMs);
  assert.deepEqual(world.take(), []);
  world.answer({ peer: 1, block: 1 }, INFO);
  // Block 2 is still under way: it has been given up as well, so it is asked for again in the end.
  for (let request = world.requests.shift(); request !== undefined; request = world.requests.shift()) {
    assert.ok(request.block >= 2);
    world.answer(request, INFO);
  }
  assert.equal(world.received.length, 1);
  assert.equal(world.now, 1000 + LIMITS.metadataRequestTimeoutMs);
});

test('of the requests that were given up only the latest may still be answered', () => {
  const world = new World(INFO);
  world.add(1, INFO.length);
  assert.deepEqual(
    world.take().map(({ block }) => block),
    [0, 1],
  );
  world.advanceTo(1000 + LIMITS.metadataRequestTimeoutMs);
  world.advanceTo(world.now + LIMITS.metadataRejectPauseMs);
  assert.deepEqual(
    world.take().map(({ block }) => block),
    [2, 3],
  );
  world.advanceTo(world.now + LIMITS.metadataRequestTimeoutMs);
  world.answer({ peer: 1, block: 0 }, INFO);
  assert.deepEqual(world.take(), []);
  world.answer({ peer: 1, block: 2 }, INFO);
  assert.equal(world.take().length, 2);
});

test('of the blocks that may be asked for again, the one asked for least often comes first', () => {
  const info = makeBytes(2 * METADATA_BLOCK_BYTES, 3);
  for (const rejected of [0, 1]) {
    const world = new World(info);
    world.add(1, info.length);
    world.fetcher.onReject(1, rejected, world.now);
    world.add(2, info.length);
    world.fetcher.onReject(2, rejected, world.now);
    world.take();
    world.advanceTo(world.now + LIMITS.metadataDuplicateAfterMs);
    world.add(3, info.length);
    assert.deepEqual(world.take(), [
      { peer: 3, block: 1 - rejected },
      { peer: 3, block: rejected },
    ]);
  }
});

test('a peer that rejects is left alone for a while, and another is asked at once', () => {
  const world = new World(ONE_BLOCK_INFO);
  world.add(1, ONE_BLOCK_INFO.length);
  world.add(2, ONE_BLOCK_INFO.length);
  world.take();
  world.fetcher.onReject(1, 0, world.now);
  assert.deepEqual(world.take(), [{ peer: 2, block: 0 }]);
  world.fetcher.onReject(2, 0, world.now);
  assert.deepEqual(world.take(), []);
  assert.equal(world.fetcher.nextDeadline(), 1000 + LIMITS.metadataRejectPauseMs);
  world.advanceTo(1000 + LIMITS.metadataRejectPauseMs);
  assert.equal(world.take().length, 1);
});

test('what a peer that leaves was asked for is asked of another at once', () => {
  const world = new World(ONE_BLOCK_INFO);
  world.add(1, ONE_BLOCK_INFO.length);
  world.add(2, ONE_BLOCK_INFO.length);
  world.take();
  world.fetcher.removePeer(1, world.now);
  assert.deepEqual(world.take(), [{ peer: 2, block: 0 }]);
});

test('what was not asked for is ignored, and so is a reject of it', () => {
  const world = new World(ONE_BLOCK_INFO);
  world.add(1, ONE_BLOCK_INFO.length);
  world.take();
  const garbage = new Uint8Array(ONE_BLOCK_INFO.length);
  for (const block of [1, 2, 0xffffffff, 2 ** 53]) {
    world.data(1, block, garbage, garbage.length);
    world.fetcher.onReject(1, block, world.now);
  }
  world.data(2, 0, garbage, garbage.length);
  world.fetcher.onReject(2, 0, world.now);
  assert.deepEqual([world.poisoned, world.received], [[], []]);
  world.answer({ peer: 1, block: 0 }, ONE_BLOCK_INFO);
  assert.equal(world.received.length, 1);
});

test('every hash that is known has to match', () => {
  const forged = makeBytes(ONE_BLOCK_INFO.length, 9);
  for (const formats of [
    { v1: true, v2: false },
    { v1: false, v2: true },
    { v1: true, v2: true },
  ]) {
    const world = new World(ONE_BLOCK_INFO, { formats });
    world.add(1, ONE_BLOCK_INFO.length);
    world.answerAll(new Map([[1, forged]]));
    assert.deepEqual([world.poisoned, world.received.length], [[1], 0]);
    world.add(2, ONE_BLOCK_INFO.length);
    world.answerAll(new Map([[2, ONE_BLOCK_INFO]]));
    assert.deepEqual([world.poisoned, world.received.length], [[1], 1]);
  }
  // A hybrid magnet: the v1 half matches, the v2 half belongs to something else.
  const poisoned: number[] = [];
  const requests: number[] = [];
  const fetcher = new MetadataFetcher({
    infoHash: { v1: sha1(ONE_BLOCK_INFO), v2: sha256(forged) },
    random: new SeededRandom(1),
    handler: {
      requestMetadataBlock: (_peer, block) => requests.push(block),
      onMetadata: () => assert.fail('half a match is none'),
      onMetadataPoisoned: (peers) => poisoned.push(...peers),
    },
  });
  fetcher.addPeer(1, ONE_BLOCK_INFO.length, 0);
  fetcher.onData(1, 0, ONE_BLOCK_INFO.length, ONE_BLOCK_INFO, 0);
  assert.deepEqual([requests, poisoned], [[0], [1]]);
});

test('sizes that no metadata has are ignored', () => {
  const world = new World(INFO);
  for (const size of [0, -1, 1.5, Number.NaN, LIMITS.metadataBytesMax + 1, 2 ** 53]) world.add(1, size);
  assert.deepEqual(world.take(), []);
  world.add(1, LIMITS.metadataBytesMax);
  assert.equal(world.take().length, LIMITS.metadataRequestsPerPeerMax);
});

test('a claimed size costs no memory before a block has come', () => {
  const world = new World(INFO);
  const before = process.memoryUsage().arrayBuffers;
  for (let peer = 0; peer < 50; peer++) world.add(peer, LIMITS.metadataBytesMax - peer);
  assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024);
});

test('a block of the wrong length is refused, and the third wrong answer is the last', () => {
  const world = new World(INFO);
  world.add(1, INFO.length);
  const wrong = [METADATA_BLOCK_BYTES - 1, METADATA_BLOCK_BYTES + 1, 0];
  assert.equal(wrong.length, LIMITS.metadataFailuresMax);
  wrong.forEach((length, i) => {
    assert.deepEqual(world.poisoned, [], `answer ${i}`);
    world.data(1, world.requests.shift()!.block, new Uint8Array(length), INFO.length);
  });
  assert.deepEqual(world.poisoned, [1]);
  world.take();
  world.add(2, INFO.length);
  world.answerAll(new Map([[2, INFO]]));
  assert.equal(world.received.length, 1);
});

test('a last block with bytes too many is refused', () => {
  const world = new World(ONE_BLOCK_INFO);
  world.add(1, ONE_BLOCK_INFO.length);
  world.take();
  world.data(1, 0, new Uint8Array(METADATA_BLOCK_BYTES), ONE_BLOCK_INFO.length);
  assert.equal(world.received.length, 0);
  assert.deepEqual(world.take(), [{ peer: 1, block: 0 }]);
  world.answer({ peer: 1, block: 0 }, ONE_BLOCK_INFO);
  assert.equal(world.received.length, 1);
});

test('a total_size that contradicts the handshake is refused; none, or that of the block, is let pass', () => {
  const world = new World(INFO);
  world.add(1, INFO.length);
  const block = (): number => world.requests.shift()!.block;
  for (const total of [INFO.length + 1, 2 ** 40]) world.data(1, block(), makeBytes(METADATA_BLOCK_BYTES, 9), total);
  assert.deepEqual(world.poisoned, []);
  for (let left = 7; left > 0; left--) {
    const next = block();
    const bytes = blockOf(INFO, next);
    world.data(1, next, bytes, left % 2 === 0 ? null : bytes.length);
  }
  assert.equal(world.received.length, 1);
});

test('a peer that keeps changing its size is found out', () => {
  const world = new World(INFO);
  world.add(1, 100);
  for (let i = 1; i <= LIMITS.metadataFailuresMax; i++) {
    assert.deepEqual(world.poisoned, []);
    world.add(1, 100 + i);
  }
  assert.deepEqual(world.poisoned, [1]);
  world.take();
  world.add(2, INFO.length);
  world.answerAll(new Map([[2, INFO]]));
  assert.equal(world.received.length, 1);
});

test('a repeated handshake with the same size changes nothing', () => {
  const world = new World(INFO);
  for (let i = 0; i < 10; i++) world.add(1, INFO.length);
  assert.equal(world.take().length, LIMITS.metadataRequestsPerPeerMax);
  assert.deepEqual(world.poisoned, []);
});

test('a proven liar that stays connected is not asked again, whatever it claims', () => {
  const forged = makeBytes(ONE_BLOCK_INFO.length, 9);
  const requests: Request[] = [];
  const fetcher = new MetadataFetcher({
    infoHash: infoHashOf(ONE_BLOCK_INFO, { v1: true, v2: false }),
    random: new SeededRandom(1),
    handler: {
      requestMetadataBlock: (peer, block) => requests.push({ peer, block }),
      onMetadata: () => {},
      onMetadataPoisoned: () => {},
    },
  });
  fetcher.addPeer(1, forged.length, 0);
  fetcher.onData(1, 0, forged.length, forged, 0);
  requests.length = 0;
  fetcher.addPeer(1, forged.length, 1);
  fetcher.addPeer(1, forged.length + 1, 2);
  fetcher.advance(1_000_000);
  assert.deepEqual(requests, []);
  assert.equal(fetcher.nextDeadline(), Number.POSITIVE_INFINITY);
});

test('when one of two peers sends garbage, only that one is blamed, and the metadata arrives', () => {
  const forged = makeBytes(INFO.length, 9);
  for (let seed = 1; seed <= 20; seed++) {
    const world = new World(INFO, { seed });
    world.add(1, INFO.length);
    world.add(2, INFO.length);
    const liar = 1 + (seed % 2);
    world.answerAll(
      new Map([
        [3 - liar, INFO],
        [liar, forged],
      ]),
    );
    assert.equal(world.received.length, 1, `seed ${seed}`);
    assert.ok(bytesEqual(world.received[0]!, INFO));
    assert.ok(!world.poisoned.includes(3 - liar), `seed ${seed}`);
  }
});

test('many liars with the right size are found out one by one', () => {
  const forged = makeBytes(INFO.length, 9);
  const world = new World(INFO);
  const infoOf = new Map<number, Uint8Array>();
  for (let peer = 1; peer <= 30; peer++) {
    infoOf.set(peer, peer === 17 ? INFO : forged);
    world.add(peer, INFO.length);
  }
  world.answerAll(infoOf);
  assert.equal(world.received.length, 1);
  assert.ok(!world.poisoned.includes(17));
});

test('peers with another size wait while the first size works, and are asked when it fails', () => {
  const forged = makeBytes(3 * METADATA_BLOCK_BYTES, 9);
  const world = new World(INFO);
  world.add(1, forged.length);
  world.answer(world.requests[0]!, forged);
  world.add(2, INFO.length);
  world.add(3, INFO.length);
  assert.ok(world.requests.every(({ peer }) => peer === 1));
  world.answerAll(
    new Map([
      [1, forged],
      [2, INFO],
      [3, INFO],
    ]),
  );
  assert.deepEqual(world.poisoned, [1]);
  assert.equal(world.received.length, 1);
});

test('while nothing has come yet, the size that most peers claim wins', () => {
  const world = new World(INFO);
  world.add(1, 100);
  assert.deepEqual(world.take(), [{ peer: 1, block: 0 }]);
  world.add(2, INFO.length);
  assert.deepEqual(world.take(), []);
  world.add(3, INFO.length);
  assert.deepEqual([...new Set(world.take().map(({ peer }) => peer))], [2, 3]);
});

test('a size that has run dry makes way at once, even when some of it has come', () => {
  const world = new World(ONE_BLOCK_INFO);
  const forged = makeBytes(INFO.length, 9);
  world.add(1, forged.length);
  world.answer({ peer: 1, block: 0 }, forged);
  world.add(2, ONE_BLOCK_INFO.length);
  assert.ok(world.take().every(({ peer }) => peer === 1));
  world.fetcher.onReject(1, 1, world.now);
  assert.deepEqual(world.take(), [{ peer: 2, block: 0 }]);
});

test('once all who claimed a size have left, newcomers that claim it are asked together', () => {
  const forged = makeBytes(INFO.length, 9);
  const world = new World(INFO);
  world.add(1, INFO.length);
  world.add(2, INFO.length);
  const infoOf = new Map([
    [1, INFO],
    [2, forged],
  ]);
  // Up to the mismatch: from there on one peer at a time.
  for (let request = world.requests.shift(); request !== undefined; request = world.requests.shift()) {
    world.answer(request, infoOf.get(request.peer)!);
    if (request.block === 6) break;
  }
  for (const request of world.take()) world.answer(request, infoOf.get(request.peer)!);
  assert.equal(new Set(world.take().map(({ peer }) => peer)).size, 1);
  world.fetcher.removePeer(1, world.now);
  world.fetcher.removePeer(2, world.now);
  world.take();
  world.add(3, INFO.length);
  world.add(4, INFO.length);
  assert.deepEqual([...new Set(world.take().map(({ peer }) => peer))], [3, 4]);
});

test('a size whose peers all reject or fall silent makes way', () => {
  const world = new World(ONE_BLOCK_INFO);
  world.add(1, 100);
  world.add(2, ONE_BLOCK_INFO.length);
  assert.deepEqual(world.take(), [{ peer: 1, block: 0 }]);
  world.fetcher.onReject(1, 0, world.now);
  assert.deepEqual(world.take(), [{ peer: 2, block: 0 }]);

  const silent = new World(ONE_BLOCK_INFO);
  silent.add(1, 100);
  silent.add(2, ONE_BLOCK_INFO.length);
  silent.take();
  silent.advanceTo(silent.fetcher.nextDeadline());
  assert.deepEqual(silent.take(), [{ peer: 2, block: 0 }]);
  assert.equal(silent.now, 1000 + LIMITS.metadataRequestTimeoutMs);
});

/** Peer 1 sends garbage without end, peer 2 the metadata; each answers its oldest request every so many seconds. */
function runDragged(info: Uint8Array, honestEveryMs: number): { isReceived: boolean; firstHonestAtMs: number } {
  const forged = makeBytes(1900 * METADATA_BLOCK_BYTES, 9);
  const world = new World(info);
  const open: Request[] = [];
  let firstHonestAtMs = 0;
  world.add(1, forged.length);
  world.add(2, info.length);
  for (let second = 0; second < 400 && world.received.length === 0; second++) {
    open.push(...world.take());
    for (const [peer, source, everyMs] of [
      [1, forged, 1000],
      [2, info, honestEveryMs],
    ] as const) {
      const index = open.findIndex((request) => request.peer === peer);
      if (index < 0) continue;
      if (peer === 2 && firstHonestAtMs === 0) firstHonestAtMs = world.now;
      if ((second * 1000) % everyMs === 0) world.answer(open.splice(index, 1)[0]!, source);
    }
    world.advanceTo(world.now + 1000);
  }
  return { isReceived: world.received.length === 1, firstHonestAtMs };
}

test('a peer that drags on, block by block in time, gets one turn when others wait', () => {
  const { isReceived, firstHonestAtMs } = runDragged(INFO, 1000);
  assert.ok(isReceived);
  assert.equal(firstHonestAtMs, 1000 + LIMITS.metadataTurnMs);
});

test('a slow honest peer that shares time with one that drags on gets longer turns until one is long enough', () => {
  const blockEveryMs = 4000;
  const info = makeBytes(12 * METADATA_BLOCK_BYTES, 4);
  assert.ok(12 * blockEveryMs > LIMITS.metadataTurnMs);
  assert.ok(runDragged(info, blockEveryMs).isReceived);
});

test('a slow peer that is all there is may take as long as it needs', () => {
  const world = new World(INFO);
  world.add(1, INFO.length);
  let asked = 0;
  while (world.received.length === 0 && world.now < 500_000) {
    const request = world.requests.shift();
    if (request !== undefined) {
      asked++;
      world.answer(request, INFO);
    }
    world.advanceTo(world.now + LIMITS.metadataRequestTimeoutMs / 2 - 1);
  }
  assert.equal(asked, 7);
  assert.ok(world.now > 1000 + LIMITS.metadataTurnMs);
});

test('a deadline always lies ahead once it has been served', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed);
    const world = new World(INFO, { seed });
    for (let peer = 0; peer < 6; peer++) world.add(peer, random.uint32() % 3 === 0 ? 40_000 : INFO.length);
    for (let i = 0; i < 200 && world.received.length === 0; i++) {
      const request = world.requests.shift();
      if (request !== undefined && random.uint32() % 4 === 0)
        world.fetcher.onReject(request.peer, request.block, world.now);
      const deadline = world.fetcher.nextDeadline();
      if (deadline === Number.POSITIVE_INFINITY) break;
      assert.ok(deadline > world.now, `seed ${seed}: ${deadline} at ${world.now}`);
      world.advanceTo(deadline);
    }
  }
});

test('with honest, silent, rejecting, slow and lying peers that come and go, the metadata arrives and no honest one is blamed', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new SeededRandom(seed);
    const world = new World(INFO, { seed });
    const forged = [makeBytes(INFO.length, 9), makeBytes(40_000, 9), makeBytes(200_000, 9)];
    const kinds = ['silent', 'rejecting', 'lying', 'malformed'] as const;
    const honest = new Set<number>();
    let nextPeer = 1;
    const kindOf = new Map<number, string>();
    const join = (isHonest: boolean): void => {
      const peer = nextPeer++;
      kindOf.set(peer, isHonest ? 'honest' : kinds[random.uint32() % kinds.length]!);
      if (isHonest) honest.add(peer);
      world.add(peer, isHonest ? INFO.length : forged[random.uint32() % forged.length]!.length);
    };
    for (let i = 0; i < 8; i++) join(i === seed % 8);
    for (let step = 0; step < 3000 && world.received.length === 0; step++) {
      if (random.uint32() % 40 === 0) join(false);
      const request = world.requests.splice(random.uint32() % Math.max(1, world.requests.length), 1)[0];
      if (request !== undefined) {
        const { peer, block } = request;
        const kind = kindOf.get(peer);
        if (kind === 'honest') world.answer(request, INFO);
        else if (kind === 'rejecting') world.fetcher.onReject(peer, block, world.now);
        else if (kind === 'malformed') world.data(peer, block, new Uint8Array(random.uint32() % 17_000), null);
        else if (kind === 'lying') {
          const info = forged.find((bytes) => metadataBlockBytes(bytes.length, block) > 0) ?? INFO;
          world.answer(request, info);
        }
      }
      world.advanceTo(world.now + (random.uint32() % 1000));
    }
    assert.equal(world.received.length, 1, `seed ${seed}`);
    assert.ok(bytesEqual(world.received[0]!, INFO), `seed ${seed}`);
    assert.ok(!world.poisoned.some((peer) => honest.has(peer)), `seed ${seed}`);
  }
});

test('nothing happens after the metadata has arrived', () => {
  const world = new World(ONE_BLOCK_INFO);
  world.add(1, ONE_BLOCK_INFO.length);
  world.add(2, ONE_BLOCK_INFO.length);
  world.answerAll(new Map([[1, ONE_BLOCK_INFO]]));
  world.add(3, ONE_BLOCK_INFO.length);
  world.answer({ peer: 1, block: 0 }, ONE_BLOCK_INFO);
  world.fetcher.onReject(2, 0, world.now);
  world.fetcher.removePeer(2, world.now);
  world.advanceTo(1_000_000);
  assert.equal(world.received.length, 1);
  assert.deepEqual(world.take(), []);
});

test('a server answers with the block, the last one short, and rejects what is not there', () => {
  const server = new MetadataServer(INFO);
  for (let block = 0; block < metadataBlockCount(INFO.length); block++) {
    assert.deepEqual(decodeMetadataMessage(server.answer(1, block)!), {
      type: 'data',
      block,
      totalBytes: INFO.length,
      bytes: blockOf(INFO, block),
    });
  }
  for (const block of [7, 0xffffffff, Number.MAX_SAFE_INTEGER]) {
    assert.equal(server.answer(1, block), null);
  }
  assert.deepEqual(decodeMetadataMessage(MetadataServer.reject(3)), { type: 'reject', block: 3 });
});

test('a peer that asks for everything again and again is rejected, others are not', () => {
  const server = new MetadataServer(INFO);
  const blocks = metadataBlockCount(INFO.length);
  for (let i = 0; i < blocks * LIMITS.metadataServedPerBlockMax; i++) {
    assert.equal(decodeMetadataMessage(server.answer(1, i % blocks)!)?.type, 'data');
  }
  assert.equal(server.answer(1, 0), null);
  assert.equal(decodeMetadataMessage(server.answer(2, 0)!)?.type, 'data');
  server.removePeer(1);
  assert.equal(decodeMetadataMessage(server.answer(1, 0)!)?.type, 'data');
});
