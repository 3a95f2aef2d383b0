import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../../base/errors.js';
import type { Storage } from '../../host/storage.js';
import { Turn } from '../turn.js';
import { type Chunk, type ChunkSource, READ_CHUNK_BYTES, ReadCache } from './read-cache.js';

const NEVER: () => never = () => {
  throw new Error('not part of this test');
};

/** A storage whose reads the test answers by hand; byte i of piece p is (p + chunk index) mod 256. */
class HandStorage {
  readonly pending: { piece: number; begin: number; into: Uint8Array; done: (e: DtorrentError | null) => void }[] = [];
  readonly storage: Storage = {
    isEmpty: false,
    directoryIdentity: null,
    read: (piece, begin, into, done) => this.pending.push({ piece, begin, into, done }),
    writePiece: NEVER,
    writeUnverified: NEVER,
    setWantedFiles: NEVER,
    stampFiles: NEVER,
    verifyPiece: NEVER,
    flush: NEVER,
    close: NEVER,
  };
  answerAll(error: DtorrentError | null = null): void {
    for (const { piece, begin, into, done } of this.pending.splice(0)) {
      into.fill(piece + begin / READ_CHUNK_BYTES);
      done(error);
    }
  }
}

function scene(limitChunks: number, pieceBytes = 4 * READ_CHUNK_BYTES) {
  const clock = { now: () => 0, unixTime: () => 0, wakeAt: () => ({ cancel: () => {} }) };
  const turn = new Turn(clock, assert.ifError);
  const cache = new ReadCache(limitChunks * READ_CHUNK_BYTES, turn);
  const hand = new HandStorage();
  const errors: DtorrentError[] = [];
  const source: ChunkSource = {
    storage: hand.storage,
    pieceBytes: () => pieceBytes,
    onReadError: (error) => errors.push(error),
    chunks: new Map<number, Chunk>(),
    chunksPerPiece: Math.ceil(pieceBytes / READ_CHUNK_BYTES),
  };
  const told = { count: 0, onChunkReady: () => void told.count++ };
  const load = (piece: number, begin: number): Chunk => {
    assert.equal(cache.get(source, piece, begin, told), null);
    hand.answerAll();
    const chunk = cache.get(source, piece, begin, told);
    assert.ok(chunk !== null);
    return chunk;
  };
  return { cache, hand, source, told, errors, load };
}

test('the first request reads, the waiter is told, the second finds the chunk', () => {
  const { cache, hand, source, told } = scene(4);
  assert.equal(cache.get(source, 3, READ_CHUNK_BYTES + 5, told), null);
  assert.equal(cache.get(source, 3, READ_CHUNK_BYTES + 9, told), null);
  assert.equal(hand.pending.length, 1);
  hand.answerAll();
  assert.equal(told.count, 1);
  const chunk = cache.get(source, 3, READ_CHUNK_BYTES, told);
  assert.equal(chunk?.bytes[0], 4);
  assert.equal(hand.pending.length, 0);
});

test('a short last chunk is read at its own length', () => {
  const { load } = scene(4, READ_CHUNK_BYTES + 100);
  assert.equal(load(0, READ_CHUNK_BYTES).bytes.length, 100);
});

test('the least recently used chunk goes first, and memory stays within the limit', () => {
  const { cache, source, load, told } = scene(3);
  load(0, 0);
  load(1, 0);
  load(2, 0);
  assert.ok(cache.get(source, 0, 0, told) !== null);
  load(3, 0);
  assert.ok(cache.usedBytes <= cache.limitBytes);
  assert.ok(source.chunks.has(0), 'recently used');
  assert.ok(!source.chunks.has(source.chunksPerPiece), 'piece 1 was the oldest');
});

test('a pinned chunk is never reused: a request that finds only pinned ones waits for an unpin', () => {
  const { cache, hand, source, load, told } = scene(2);
  const first = load(0, 0);
  const second = load(1, 0);
  cache.pin(first);
  cache.pin(second);
  assert.equal(cache.get(source, 2, 0, told), null);
  assert.equal(hand.pending.length, 0);
  assert.deepEqual([first.bytes[0], second.bytes[0]], [0, 1]);
  const before = told.count;
  cache.unpin(first);
  assert.equal(told.count, before + 1);
  assert.equal(cache.get(source, 2, 0, told), null);
  assert.equal(hand.pending.length, 1);
});

test('a failed read is reported and leaves nothing behind', () => {
  const { cache, hand, source, errors, told } = scene(2);
  cache.get(source, 0, 0, told);
  hand.answerAll(new DtorrentError('EFILEIO', 'broken disk'));
  assert.equal(errors[0]?.code, 'EFILEIO');
  assert.equal(cache.usedBytes, 0);
  assert.equal(source.chunks.size, 0);
});

test('a dropped source gives its memory back, borrowed chunks with their last unpin, loading ones with their reply', () => {
  const { cache, hand, source, load, told } = scene(4);
  const chunk = load(0, 0);
  cache.pin(chunk);
  cache.get(source, 1, 0, told);
  cache.dropSource(source);
  assert.equal(cache.usedBytes, 2 * READ_CHUNK_BYTES);
  cache.unpin(chunk);
  assert.equal(cache.usedBytes, READ_CHUNK_BYTES);
  hand.answerAll();
  assert.equal(cache.usedBytes, 0);
});

test('who found the budget spent by what another source was loading is told when that is dropped, or fails', () => {
  for (const error of [null, new DtorrentError('EFILEIO', 'broken disk')]) {
    const { cache, hand, source, told } = scene(2);
    const other = { ...source, chunks: new Map<number, Chunk>() };
    const starved = { count: 0, onChunkReady: () => void starved.count++ };
    for (const piece of [0, 1]) cache.get(other, piece, 0, told);
    assert.equal(cache.get(source, 0, 0, starved), null);
    if (error === null) cache.dropSource(other);
    hand.answerAll(error);
    assert.equal(cache.usedBytes, 0);
    assert.ok(starved.count > 0, 'there is room, and nobody says so');
  }
});
