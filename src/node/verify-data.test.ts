import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { SeededRandom } from '../base/random.js';
import { type Metainfo, parseMetainfo } from '../format/metainfo.js';
import { createTorrent } from './create-torrent.js';
import { verifyData } from './verify-data.js';

const KIB = 1024;
const LENGTHS = { 'a.bin': 100 * KIB, 'b.bin': 7, 'sub/c.bin': 60 * KIB } as const;
const TOTAL = Object.values(LENGTHS).reduce((sum, length) => sum + length, 0);
const directories: string[] = [];
let directory = '';
let v1: Metainfo;
let hybrid: Metainfo;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'dtorrent-verify-'));
  directories.push(directory);
  mkdirSync(join(directory, 'data', 'sub'), { recursive: true });
  const random = new SeededRandom(7);
  for (const [path, length] of Object.entries(LENGTHS)) {
    const bytes = new Uint8Array(length);
    random.fill(bytes);
    writeFileSync(join(directory, 'data', path), bytes);
  }
  const make = async (kind: 'v1' | 'hybrid'): Promise<Metainfo> =>
    parseMetainfo((await createTorrent(join(directory, 'data'), { kind, pieceLength: 32 * KIB })).bytes);
  v1 = await make('v1');
  hybrid = await make('hybrid');
});
after(() => {
  for (const made of directories) rmSync(made, { recursive: true, force: true });
});

describe('verifyData', () => {
  for (const workers of [0, 2]) {
    test(`complete data is complete, with its progress told up to the end (${workers} workers)`, async () => {
      for (const metainfo of [v1, hybrid]) {
        const told: number[] = [];
        const report = await verifyData(metainfo, directory, {
          workers,
          onProgress: ({ bytesHashed }) => told.push(bytesHashed),
        });
        assert.equal(report.isComplete, true);
        assert.equal(report.good, report.pieces);
        assert.equal(report.bytes, TOTAL);
        assert.deepEqual(
          report.files.map(({ path }) => path),
          ['data/a.bin', 'data/b.bin', 'data/sub/c.bin'],
        );
        assert.ok(report.files.every(({ isComplete }) => isComplete));
        assert.deepEqual(
          told,
          [...told].sort((a, b) => a - b),
        );
        assert.equal(told.at(-1), TOTAL);
      }
    });
  }

  test('a missing, a short and a damaged file are named, and nothing is written', async () => {
    unlinkSync(join(directory, 'data', 'b.bin'));
    truncateSync(join(directory, 'data', 'sub', 'c.bin'), 33 * KIB);
    const report = await verifyData(hybrid, directory, { workers: 0 });
    assert.equal(report.isComplete, false);
    assert.deepEqual(
      report.files.map(({ isComplete }) => isComplete),
      [true, false, false],
    );
    assert.equal(report.bytes, 100 * KIB + 32 * KIB);
    assert.deepEqual(readdirSync(join(directory, 'data')), ['a.bin', 'sub']);
  });

  test('a directory without any of it has nothing, and stays empty', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'dtorrent-verify-'));
    directories.push(empty);
    const report = await verifyData(v1, empty, { workers: 0 });
    assert.equal(report.good, 0);
    assert.equal(report.bytes, 0);
    assert.deepEqual(readdirSync(empty), []);
  });

  test('it can be stopped', async () => {
    const signal = AbortSignal.abort();
    await assert.rejects(verifyData(v1, directory, { signal, workers: 0 }), (error) => {
      return error instanceof DtorrentError && error.code === 'ESTOPPED';
    });
  });
});
