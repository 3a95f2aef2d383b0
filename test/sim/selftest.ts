/**
 * `npm run sim:selftest`: the test of the test. Plants one bug after the other (mutations.ts) in a copy of build/ and runs
 * seeds there until an invariant breaks; it has to be one that is meant to. Exits with 1 when a bug goes unnoticed, is
 * noticed by the wrong invariant, or cannot be planted.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { REPOSITORY } from '../harness/repository.js';
import { MUTATIONS, type Mutation } from './mutations.js';
import type { SeedReport } from './seed-worlds.js';

const PROCESSES = 2;
/** A bug that so many worlds do not show is not caught. */
const SEEDS_MAX = 120;

const startMs = performance.now();
const waiting = [...MUTATIONS];
const complaints: string[] = [];
await Promise.all(Array.from({ length: PROCESSES }, () => takeTurns()));
const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
print(
  `${MUTATIONS.length - complaints.length} of ${MUTATIONS.length} planted bugs caught as they should be, in ${seconds} s`,
);
process.exitCode = complaints.length === 0 ? 0 : 1;

async function takeTurns(): Promise<void> {
  for (let mutation = waiting.shift(); mutation !== undefined; mutation = waiting.shift()) {
    const directory = mkdtempSync(join(tmpdir(), 'dtorrent-selftest-'));
    try {
      const complaint = plant(mutation, directory) ?? (await hunt(mutation, directory));
      if (complaint === null) continue;
      complaints.push(complaint);
      print(`NOT CAUGHT: ${mutation.bug}: ${complaint}`);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

/** @returns why it cannot be planted, or null. */
function plant({ file, from, to }: Mutation, directory: string): string | null {
  for (const part of ['src', join('test', 'sim')]) {
    cpSync(join(REPOSITORY, 'build', part), join(directory, part), { recursive: true });
  }
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}\n');
  const path = join(directory, file);
  const text = readFileSync(path, 'utf8');
  const count = text.split(from).length - 1;
  if (count !== 1) return `its text occurs ${count} times in ${file}`;
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  return null;
}

/** @returns null when it was caught by whom it should be. */
function hunt({ bug, caughtBy }: Mutation, directory: string): Promise<string | null> {
  const args = [join(directory, 'test', 'sim', 'seeds.js'), '--worker', '1', '1', String(SEEDS_MAX), '--first'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let verdict: string | null = `nothing broke in ${SEEDS_MAX} worlds`;
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { seed, failure } = JSON.parse(line) as SeedReport;
    if (failure === null) return;
    const isMeant = caughtBy.includes(failure.invariant);
    verdict = isMeant ? null : `"${failure.invariant}" broke instead, with seed ${seed}: ${failure.words}`;
    if (isMeant) print(`caught by "${failure.invariant}", seed ${seed}: ${bug}`);
  });
  return new Promise((resolve) => {
    child.on('close', (code) => resolve(code === 0 ? verdict : `its worlds ended with code ${code}: ${errors}`));
  });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
