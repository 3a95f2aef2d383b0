/** Reproducible test data on disk, and the comparison of what arrived. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { afterTest } from './cleanup.js';

/** A folder that is removed with the test; readable by clients that drop their privileges. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dtorrent-test-'));
  afterTest(t, () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Path within the torrent's folder -> length in bytes. A single '' entry is a single-file torrent. */
export type Tree = Readonly<Record<string, number>>;

/** Writes `tree` as `directory/name[/path]`. @returns the path to hand to `create`. */
export function writeTree(directory: string, name: string, tree: Tree): string {
  for (const [path, length] of Object.entries(tree)) {
    const file = join(directory, name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, noise(`${name}/${path}`, length));
  }
  return join(directory, name);
}

/** Fails unless every file of `tree` is in `directory` with the bytes that writeTree wrote. */
export function assertTree(directory: string, name: string, tree: Tree): void {
  for (const [path, length] of Object.entries(tree)) {
    const file = join(directory, name, path);
    assert.ok(existsSync(file), `${name}/${path} is missing`);
    const actual = readFileSync(file);
    assert.equal(actual.length, length, `${name}/${path} has the wrong length`);
    assert.ok(actual.equals(noise(`${name}/${path}`, length)), `${name}/${path} has the wrong content`);
  }
}

/** Incompressible bytes that depend on `seed` alone. */
export function noise(seed: string, length: number): Buffer {
  const data = Buffer.alloc(length);
  let block = createHash('sha512').update(seed).digest();
  for (let offset = 0; offset < length; offset += block.length) {
    block.copy(data, offset);
    if (offset % 1024 === 0) block = createHash('sha512').update(block).digest();
    block[0]! ^= 1 + ((offset / 64) & 0x7f);
  }
  return data;
}
