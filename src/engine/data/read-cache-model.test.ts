/**
 * The cache under random readers of several torrents, while their disks answer in any order, fail, and torrents go:
 * memory is bounded, what is borrowed stays as it was, and whoever waits is told. A seed in the test's name replays it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../../base/errors.js';
import { randomBelow, SeededRandom } from '../../base/random.js';
import type { Storage } from '../../host/storage.js';
import { Turn } from '../turn.js';
import { type Chunk, type ChunkSource, type ChunkWaiter, READ_CHUNK_BYTES, ReadCache } from './read-cache.js';

interface Read {
  readonly source: ModelSource;
  readonly piece: number;
  readonly begin: number;
  readonly into: Uint8Array;
  readonly done: (error: DtorrentError | null) => void;
}

class ModelSource implements ChunkSource {
  readonly storage: Storage;
  readonly chunks = new Map<number, Chunk>();
  readonly chunksPerPiece = 3;
  isDropped = false;
  errors = 0;

  constructor(
    readonly name: number,
    reads: Read[],
  ) {
    const read: Storage['read'] = (piece, begin, into, done) => reads.push({ source: this, piece, begin, into, done });
    this.storage = { read } as Storage;
  }

  /** Two chunks and a part of one. */
  pieceBytes(): number {
    return 2 * READ_CHUNK_BYTES + 1000;
  }

  onReadError(): void {
    this.errors++;
  }

  /** What is to be in a chunk. */
  byteOf(piece: number, begin: number): number {
    return (this.name * 50 + piece * 3 + Math.floor(begin / READ_CHUNK_BYTES)) % 256;
  }
}

/** One that sends: it borrows chunks, and is told when one that it waits for is there. */
class Sender implements ChunkWaiter {
  readonly borrowed: { readonly chunk: Chunk; readonly byte: number }[] = [];
  /** What it was refused and has not been told of since. */
  waitsFor: { readonly source: ModelSource; readonly piece: number; readonly begin: number } | null = null;
  isTold = false;

  onChunkReady(): void {
    this.isTold = true;
  }
}

class Model {
  readonly random: SeededRandom;
  readonly cache: ReadCache;
  readonly reads: Read[] = [];
  readonly all: ModelSource[] = [];
  sources: ModelSource[];
  readonly senders: readonly Sender[];

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    const clock = { now: () => 0, unixTime: () => 0, wakeAt: () => ({ cancel: () => {} }) };
    const turn = new Turn(clock, (error) => assert.fail(String(error)));
    this.cache = new ReadCache((1 + randomBelow(this.random, 6)) * READ_CHUNK_BYTES, turn);
    this.sources = [this.#makeSource(), this.#makeSource()];
    this.senders = Array.from({ length: 1 + randomBelow(this.random, 6) }, () => new Sender());
  }

  step(): void {
    const { random } = this;
    const sender = this.senders[randomBelow(random, this.senders.length)]!;
    const action = randomBelow(random, 100);
    if (action < 40) this.#send(sender);
    else if (action < 65) this.#written(sender);
    else if (action < 70) this.#prefetch();
    else if (action < 98) this.#answer();
    else this.#replaceSource();
    this.check();
  }

  check(): void {
    const isQuiet = this.all.every((source) => !source.isDropped || this.#isDone(source));
    this.cache.verify(this.sources, { isQuiet });
    for (const { borrowed } of this.senders) {
      for (const { chunk, byte } of borrowed) {
        assert.ok(chunk.pins > 0);
        assert.equal(chunk.bytes[0], byte, 'what is borrowed has been overwritten');
        assert.equal(chunk.bytes.at(-1), byte);
      }
    }
  }

  /** Everything is written and read, and everyone asks again when told: in the end everyone has what it waits for. */
  settle(): void {
    for (let round = 0; round < 1000; round++) {
      for (const sender of this.senders) {
        while (sender.borrowed.length > 0) this.#written(sender);
        if (sender.isTold && sender.waitsFor !== null) this.#ask(sender, sender.waitsFor);
        sender.isTold &&= sender.waitsFor !== null;
      }
      const isQuiet = this.senders.every(({ isTold, borrowed }) => !isTold && borrowed.length === 0);
      if (this.reads.length === 0 && isQuiet) break;
      while (this.reads.length > 0) this.#answer({ canFail: false });
    }
    for (const { waitsFor } of this.senders) assert.equal(waitsFor, null, 'someone waits, and is not told');
  }

  #send(sender: Sender): void {
    if (sender.waitsFor !== null) {
      if (sender.isTold) this.#ask(sender, sender.waitsFor);
      return;
    }
    const source = this.sources[randomBelow(this.random, this.sources.length)]!;
    const begin = randomBelow(this.random, source.pieceBytes());
    this.#ask(sender, { source, piece: randomBelow(this.random, 3), begin });
  }

  #ask(sender: Sender, wanted: NonNullable<Sender['waitsFor']>): void {
    const { source, piece, begin } = wanted;
    sender.isTold = false;
    const chunk = this.cache.get(source, piece, begin, sender);
    sender.waitsFor = chunk === null ? wanted : null;
    if (chunk === null) return;
    const byte = source.byteOf(piece, begin);
    assert.ok(chunk.isReady && chunk.bytes[0] === byte, 'another chunk than was asked for');
    this.cache.pin(chunk);
    sender.borrowed.push({ chunk, byte });
  }

  #written(sender: Sender): void {
    const [first] = sender.borrowed.splice(0, 1);
    if (first !== undefined) this.cache.unpin(first.chunk);
  }

  #prefetch(): void {
    const source = this.sources[randomBelow(this.random, this.sources.length)]!;
    this.cache.prefetch(source, randomBelow(this.random, 3), randomBelow(this.random, source.pieceBytes()));
  }

  #answer({ canFail = true } = {}): void {
    if (this.reads.length === 0) return;
    const [read] = this.reads.splice(randomBelow(this.random, this.reads.length), 1);
    const { source, piece, begin, into, done } = read!;
    if (canFail && randomBelow(this.random, 20) === 0) {
      const before = source.errors;
      done(new DtorrentError('EFILEIO', 'a bad moment'));
      assert.equal(source.errors, before + (source.isDropped ? 0 : 1));
      // A torrent whose disk fails lets its peers go.
      if (!source.isDropped) this.#drop(source);
    } else {
      into.fill(source.byteOf(piece, begin));
      done(null);
    }
  }

  #replaceSource(): void {
    this.#drop(this.sources[randomBelow(this.random, this.sources.length)]!);
  }

  #drop(source: ModelSource): void {
    this.cache.dropSource(source);
    source.isDropped = true;
    this.sources = [...this.sources.filter((other) => other !== source), this.#makeSource()];
    for (const sender of this.senders) if (sender.waitsFor?.source === source) sender.waitsFor = null;
  }

  #makeSource(): ModelSource {
    const source = new ModelSource(this.all.length, this.reads);
    this.all.push(source);
    return source;
  }

  #isDone(source: ModelSource): boolean {
    const isReading = this.reads.some((read) => read.source === source);
    return !isReading && !this.senders.some(({ borrowed }) => borrowed.some(({ chunk }) => chunk.source === source));
  }
}

for (let seed = 1; seed <= 30; seed++) {
  test(`memory is bounded, nothing borrowed is touched, and whoever waits is told (seed ${seed})`, () => {
    const model = new Model(seed);
    for (let step = 0; step < 1500; step++) model.step();
    model.settle();
  });
}
