/**
 * What is being uploaded, read from storage in chunks of up to 512 KiB and kept, least recently used first out, within
 * a byte budget for the whole engine. A chunk that a socket still borrows is pinned: its memory is not reused.
 * Invariant: usedBytes <= limitBytes; a chunk is loading, ready or gone; only ready, unpinned chunks are evicted.
 */
import { assert } from '../../base/assert.js';
import type { DtorrentError } from '../../base/errors.js';
import { newReadBuffer } from '../../base/read-buffer.js';
import type { Storage } from '../../host/storage.js';
import type { Turn } from '../turn.js';

/** Each read wakes a thread, which costs about as much as the copy of so many bytes: with half of them a fifth more CPU. */
export const READ_CHUNK_BYTES: number = 512 * 1024;

/** Someone waiting for a chunk; told in a turn of its own. */
export interface ChunkWaiter {
  onChunkReady(): void;
}

/** One torrent's side of the cache: what its chunks are read from. */
export interface ChunkSource {
  readonly storage: Storage;
  pieceBytes(piece: number): number;
  /** A read failed: the torrent decides what that means for it. */
  onReadError(error: DtorrentError): void;
  /** Owned by the cache: chunks of this source by piece × chunksPerPiece + index. */
  readonly chunks: Pick<Map<number, Chunk>, 'get' | 'has' | 'delete' | 'clear' | 'values' | 'size'> & {
    set(key: number, chunk: Chunk): void;
  };
  readonly chunksPerPiece: number;
}

export class Chunk {
  readonly source: ChunkSource;
  readonly key: number;
  readonly bytes: Uint8Array;
  pins = 0;
  isReady = false;
  /** Neighbours in the least-recently-used ring. */
  older: Chunk | null = null;
  newer: Chunk | null = null;
  readonly waiters: ChunkWaiter[] = [];

  constructor(source: ChunkSource, key: number, bytes: Uint8Array) {
    this.source = source;
    this.key = key;
    this.bytes = bytes;
  }
}

export class ReadCache {
  readonly limitBytes: number;
  readonly #turn: Turn;
  /** Whole-chunk buffers to reuse. */
  readonly #spare: Uint8Array[] = [];
  #usedBytes = 0;
  #oldest: Chunk | null = null;
  #newest: Chunk | null = null;
  /** Waiters that found the budget spent by pinned or loading chunks. */
  #starved: ChunkWaiter[] = [];

  constructor(limitBytes: number, turn: Turn) {
    // At least one chunk in use and one being loaded, or nothing could ever be served.
    this.limitBytes = Math.max(limitBytes, 2 * READ_CHUNK_BYTES);
    this.#turn = turn;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * @returns the chunk that holds byte `begin` of `piece` when it is in memory. Otherwise null: its load has begun and
   * `waiter` is told once it is there.
   */
  get(source: ChunkSource, piece: number, begin: number, waiter: ChunkWaiter): Chunk | null {
    const index = Math.floor(begin / READ_CHUNK_BYTES);
    const key = piece * source.chunksPerPiece + index;
    const chunk = source.chunks.get(key);
    if (chunk === undefined) {
      if (!this.#load(source, piece, index, key, waiter) && !this.#starved.includes(waiter)) this.#starved.push(waiter);
      return null;
    }
    if (!chunk.isReady) {
      if (!chunk.waiters.includes(waiter)) chunk.waiters.push(waiter);
      return null;
    }
    this.#touch(chunk);
    return chunk;
  }

  /** Starts loading the chunk at `begin` if it is absent and there is room; nobody waits for it. */
  prefetch(source: ChunkSource, piece: number, begin: number): void {
    const index = Math.floor(begin / READ_CHUNK_BYTES);
    const key = piece * source.chunksPerPiece + index;
    if (!source.chunks.has(key)) this.#load(source, piece, index, key, null);
  }

  pin(chunk: Chunk): void {
    chunk.pins++;
  }

  unpin(chunk: Chunk): void {
    chunk.pins--;
    assert(chunk.pins >= 0, 'chunk unpinned more often than pinned');
    if (chunk.pins === 0) {
      // Dropped while it was borrowed: its memory is free only now.
      if (chunk.source.chunks.get(chunk.key) !== chunk) this.#free(chunk);
      this.#wakeStarved();
    }
  }

  /** Forgets a torrent's chunks (it stopped). Borrowed ones are freed by their last unpin. */
  dropSource(source: ChunkSource): void {
    for (const chunk of source.chunks.values()) {
      if (!chunk.isReady) continue;
      this.#unlink(chunk);
      if (chunk.pins === 0) this.#free(chunk);
    }
    source.chunks.clear();
  }

  /** Whether somebody found the budget spent and waits for room in it. */
  isStarved(waiter: ChunkWaiter): boolean {
    return this.#starved.includes(waiter);
  }

  /**
   * Asserts the invariant; for tests and audits.
   * @param sources all there are. `isQuiet`: none of them has been dropped with reads under way or chunks pinned.
   */
  verify(sources: Iterable<ChunkSource>, { isQuiet }: { readonly isQuiet: boolean }): void {
    let bytes = 0;
    let ready = 0;
    for (const { chunks } of sources) {
      for (const chunk of chunks.values()) {
        bytes += chunk.bytes.length;
        if (chunk.isReady) ready++;
        assert(chunk.isReady || chunk.pins === 0, 'a chunk is borrowed that has not been read');
        assert(!chunk.isReady || chunk.waiters.length === 0, 'someone waits for a chunk that is there');
      }
    }
    let freeBytes = this.limitBytes - this.#usedBytes;
    for (let chunk = this.#oldest; chunk !== null; chunk = chunk.newer) {
      ready--;
      if (chunk.pins === 0) freeBytes += chunk.bytes.length;
      assert((chunk.newer === null ? this.#newest : chunk.newer.older) === chunk, 'the order of use is broken');
      assert(chunk.source.chunks.get(chunk.key) === chunk, 'a chunk is kept that was dropped');
    }
    assert(this.#starved.length === 0 || freeBytes < READ_CHUNK_BYTES, 'someone waits for room, and there is some');
    assert(ready === 0, 'the order of use has not every chunk that is there');
    assert(this.#usedBytes <= this.limitBytes, 'more is kept than may be');
    assert(isQuiet ? bytes === this.#usedBytes : bytes <= this.#usedBytes, 'bytes are counted wrong');
  }

  #load(source: ChunkSource, piece: number, index: number, key: number, waiter: ChunkWaiter | null): boolean {
    const begin = index * READ_CHUNK_BYTES;
    const length = Math.min(READ_CHUNK_BYTES, source.pieceBytes(piece) - begin);
    if (!this.#makeRoom(length)) return false;
    this.#usedBytes += length;
    const spare = length === READ_CHUNK_BYTES ? this.#spare.pop() : undefined;
    const chunk = new Chunk(source, key, spare ?? newReadBuffer(length));
    if (waiter !== null) chunk.waiters.push(waiter);
    source.chunks.set(key, chunk);
    source.storage.read(piece, begin, chunk.bytes, (error) => {
      this.#turn.run(() => this.#loaded(chunk, error));
    });
    return true;
  }

  #loaded(chunk: Chunk, error: DtorrentError | null): void {
    const isDropped = chunk.source.chunks.get(chunk.key) !== chunk;
    if (isDropped || error !== null) {
      if (!isDropped) chunk.source.chunks.delete(chunk.key);
      this.#free(chunk);
      // Others, of other torrents too, may have found the budget spent by this.
      this.#wakeStarved();
      if (!isDropped && error !== null) chunk.source.onReadError(error);
      return;
    }
    chunk.isReady = true;
    this.#link(chunk);
    for (const waiter of chunk.waiters) waiter.onChunkReady();
    chunk.waiters.length = 0;
    this.#wakeStarved();
  }

  /** Evicts until `bytes` fit. @returns false when what is pinned or loading leaves no room. */
  #makeRoom(bytes: number): boolean {
    let chunk = this.#oldest;
    while (this.#usedBytes + bytes > this.limitBytes && chunk !== null) {
      const next = chunk.newer;
      if (chunk.pins === 0) {
        this.#unlink(chunk);
        chunk.source.chunks.delete(chunk.key);
        this.#free(chunk);
      }
      chunk = next;
    }
    return this.#usedBytes + bytes <= this.limitBytes;
  }

  #free(chunk: Chunk): void {
    this.#usedBytes -= chunk.bytes.length;
    if (chunk.bytes.length === READ_CHUNK_BYTES && this.#spare.length < 16) this.#spare.push(chunk.bytes);
  }

  #wakeStarved(): void {
    if (this.#starved.length === 0) return;
    const starved = this.#starved;
    this.#starved = [];
    for (const waiter of starved) waiter.onChunkReady();
  }

  #touch(chunk: Chunk): void {
    if (chunk === this.#newest) return;
    this.#unlink(chunk);
    this.#link(chunk);
  }

  #link(chunk: Chunk): void {
    chunk.older = this.#newest;
    chunk.newer = null;
    if (this.#newest !== null) this.#newest.newer = chunk;
    this.#newest = chunk;
    this.#oldest ??= chunk;
  }

  #unlink(chunk: Chunk): void {
    if (chunk.older !== null) chunk.older.newer = chunk.newer;
    else if (this.#oldest === chunk) this.#oldest = chunk.newer;
    if (chunk.newer !== null) chunk.newer.older = chunk.older;
    else if (this.#newest === chunk) this.#newest = chunk.older;
    chunk.older = null;
    chunk.newer = null;
  }
}
