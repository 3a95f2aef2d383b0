/**
 * Inputs that failed once, one file each in `test/fuzz/corpus/<target>/`, replayed by every run: made by us, small, and
 * named after what was wrong or, when fresh, after their hash.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { REPOSITORY } from '../harness/repository.js';

const CORPUS = join(REPOSITORY, 'test', 'fuzz', 'corpus');

export interface CorpusEntry {
  /** Relative to the repository. */
  readonly path: string;
  readonly input: Uint8Array;
}

/** @returns the entries of a target, in the order of their names. */
export function readCorpus(target: string): CorpusEntry[] {
  const directory = join(CORPUS, target);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .sort()
    .map((name) => readEntry(join(directory, name)));
}

export function readEntry(file: string): CorpusEntry {
  return { path: relative(REPOSITORY, file), input: new Uint8Array(readFileSync(file)) };
}

/** @returns where it was put, relative to the repository. */
export function keepInput(target: string, input: Uint8Array): string {
  const directory = join(CORPUS, target);
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${createHash('sha1').update(input).digest('hex').slice(0, 12)}.bin`);
  writeFileSync(file, input);
  return relative(REPOSITORY, file);
}
