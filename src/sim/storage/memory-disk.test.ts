import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '../../base/random.js';
import type { DiskOperation } from './disk-journal.js';
import { MemoryDisk } from './memory-disk.js';

const PATH = '/d/file';
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);
const DONE: DiskOperation = { isDone: true };

describe('a crash of a simulated disk', () => {
  test('leaves what was flushed, whatever came after it', () => {
    for (const seed of SEEDS) {
      const disk = new MemoryDisk();
      write(disk, 0, filled(2000, 1));
      disk.beginFlush([PATH])();
      const { modifiedUs } = disk.stamp(PATH);
      write(disk, 3000, filled(2000, 2));
      disk.crash(new SeededRandom(seed), 'power');
      const left = disk.read(PATH)!;
      assert.deepEqual(left.subarray(0, 2000), filled(2000, 1), `seed ${seed}`);
      assert.ok(left.length === 2000 || left.length === 5000);
      assert.ok(
        left.length === 2000 || disk.stamp(PATH).modifiedUs > modifiedUs,
        'a length is never newer than its time',
      );
    }
  });

  test('keeps, loses or tears by the sector what was not flushed when power failed', () => {
    const seen = new Set<string>();
    for (const seed of SEEDS) {
      const disk = new MemoryDisk();
      write(disk, 0, filled(4096, 1));
      disk.beginFlush([PATH])();
      const before = disk.stamp(PATH).modifiedUs;
      write(disk, 100, filled(2000, 2));
      disk.crash(new SeededRandom(seed), 'power');
      const left = disk.read(PATH)!;
      assert.equal(left.length, 4096);
      const sectors = [100, 512, 1024, 1536, 2048].map((at) => left[at]!);
      for (const [index, value] of sectors.entries()) {
        const from = Math.max(100, index * 512);
        const to = Math.min(2100, (index + 1) * 512);
        assert.deepEqual(left.subarray(from, to), filled(to - from, value), 'a sector is whole');
      }
      const isNew = disk.stamp(PATH).modifiedUs > before;
      const count = sectors.filter((value) => value === 2).length;
      seen.add(`${count === 5 ? 'kept' : count === 0 ? 'lost' : 'torn'}, ${isNew ? 'new' : 'old'} time`);
    }
    const all = ['kept', 'lost', 'torn'].flatMap((what) => [`${what}, new time`, `${what}, old time`]);
    assert.deepEqual([...seen].sort(), all.sort());
  });

  test('may leave nothing of a new file, or zeros where its data was', () => {
    const seen = new Set<string>();
    for (const seed of SEEDS) {
      const disk = new MemoryDisk();
      write(disk, 0, filled(1024, 1));
      write(disk, 2048, filled(1024, 2));
      disk.crash(new SeededRandom(seed), 'power');
      const left = disk.read(PATH);
      if (left === null) seen.add('absent');
      else if (left.every((byte) => byte === 0)) seen.add(`${left.length} zeros`);
      else seen.add(left.length === 3072 && left[0] === 1 && left[2048] === 2 ? 'all' : 'some');
      // What was lost is lost: it is not there again when the file grows.
      if (left === null || left.length < 3072) {
        write(disk, 3072, filled(1, 3));
        assert.deepEqual(disk.read(PATH)!.subarray(left?.length ?? 0, 3072), filled(3072 - (left?.length ?? 0), 0));
      }
    }
    assert.deepEqual([...seen].sort(), ['0 zeros', '1024 zeros', '3072 zeros', 'absent', 'all', 'some']);
  });

  test('of a process that is killed loses nothing that was done, and cuts short what was under way', () => {
    const seen = new Set<string>();
    for (const seed of SEEDS) {
      const disk = new MemoryDisk();
      write(disk, 0, filled(1000, 1));
      write(disk, 1000, filled(1000, 2), { isDone: false });
      disk.crash(new SeededRandom(seed), 'killed');
      const left = disk.read(PATH)!;
      assert.deepEqual(left.subarray(0, 1000), filled(1000, 1));
      assert.deepEqual(left.subarray(1000), filled(left.length - 1000, 2), 'short, not torn');
      seen.add(left.length === 1000 ? 'not begun' : left.length === 2000 ? 'done' : 'short');
    }
    assert.deepEqual([...seen].sort(), ['done', 'not begun', 'short']);
  });

  test('what a killed process wrote may still be lost when power fails', () => {
    let lost = 0;
    for (const seed of SEEDS) {
      const disk = new MemoryDisk();
      write(disk, 0, filled(1000, 1));
      const random = new SeededRandom(seed);
      disk.crash(random, 'killed');
      assert.deepEqual(disk.read(PATH), filled(1000, 1));
      disk.crash(random, 'power');
      if (disk.read(PATH)?.[0] !== 1) lost++;
      const after = disk.read(PATH);
      disk.crash(random, 'power');
      assert.deepEqual(disk.read(PATH), after, 'what power has left lasts');
    }
    assert.ok(lost > 0 && lost < SEEDS.length, String(lost));
  });

  test('a write over one that was not flushed leaves the one, the other or what was there before', () => {
    const seen = new Set<number>();
    for (const seed of SEEDS) {
      const disk = new MemoryDisk();
      write(disk, 0, filled(512, 1));
      disk.beginFlush([PATH])();
      write(disk, 0, filled(512, 2));
      write(disk, 0, filled(512, 3));
      disk.crash(new SeededRandom(seed), 'power');
      const left = disk.read(PATH)!;
      assert.deepEqual(left, filled(512, left[0]!));
      seen.add(left[0]!);
    }
    assert.deepEqual([...seen].sort(), [1, 2, 3]);
  });

  test('files that are moved out of the parts file are in one place or in both, never in none', () => {
    const seen = new Set<string>();
    for (const kind of ['killed', 'power'] as const) {
      for (const isDone of [true, false]) {
        for (const seed of SEEDS) {
          const disk = new MemoryDisk();
          disk.write('/d/parts', filled(100, 7));
          const operation = { isDone };
          for (const name of ['/d/a', '/d/b']) disk.moveIn(name, filled(100, 7), operation);
          disk.unlink('/d/parts', operation);
          disk.crash(new SeededRandom(seed), kind);
          assert.equal(disk.has('/d/a'), disk.has('/d/b'));
          assert.ok(disk.has('/d/a') || disk.has('/d/parts'));
          if (isDone) assert.ok(disk.has('/d/a'));
          seen.add(`${kind}, ${isDone ? 'done' : 'under way'}: ${disk.has('/d/a')} ${disk.has('/d/parts')}`);
        }
      }
    }
    const underWay = ['false true', 'true false', 'true true'];
    assert.deepEqual(
      [...seen].sort(),
      [
        'killed, done: true false',
        ...underWay.map((places) => `killed, under way: ${places}`),
        'power, done: true false',
        'power, done: true true',
        ...underWay.map((places) => `power, under way: ${places}`),
      ].sort(),
    );
  });

  test('the same seed leaves the same', () => {
    for (const seed of SEEDS.slice(0, 20)) {
      const [first, second] = [1, 2].map(() => {
        const disk = new MemoryDisk();
        for (let i = 0; i < 10; i++) write(disk, i * 700, filled(700, i + 1));
        disk.crash(new SeededRandom(seed), 'power');
        return [disk.read(PATH), disk.stamp(PATH)];
      });
      assert.deepEqual(first, second);
    }
  });
});

test('what rots is known until it is written again', () => {
  const disk = new MemoryDisk();
  disk.write(PATH, filled(1000, 1));
  const place = disk.rot(new SeededRandom(1))!;
  assert.equal(place.path, PATH);
  assert.equal(disk.read(PATH)![place.offset], 0xfe);
  assert.equal(disk.isRotten(PATH, 0, 1000), true);
  assert.equal(disk.isRotten(PATH, 0, place.offset), false);
  write(disk, place.offset, filled(1, 1));
  assert.equal(disk.isRotten(PATH, 0, 1000), false);
  assert.equal(new MemoryDisk().rot(new SeededRandom(1)), null);
});

test('a disk that is full takes what fits', () => {
  const disk = new MemoryDisk();
  disk.capacityBytes = 1500;
  assert.equal(write(disk, 0, filled(1000, 1)), 1000);
  assert.equal(write(disk, 1000, filled(1000, 2)), 500);
  assert.equal(write(disk, 1500, filled(1000, 3)), 0);
  assert.equal(write(disk, 0, filled(1000, 4)), 1000, 'what is there can be written over');
  assert.equal(disk.lengthBytes(PATH), 1500);
  assert.equal(disk.freeBytes, 0);
  disk.capacityBytes = 5000;
  assert.equal(write(disk, 1500, filled(1000, 3)), 1000);
});

function write(disk: MemoryDisk, offset: number, bytes: Uint8Array, operation: DiskOperation = DONE): number {
  return disk.writeAt(PATH, { operation, offset, bytes, lengthMin: 0, lengthMax: 10_000 });
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}
