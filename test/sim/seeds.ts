/**
 * `npm run sim:seeds`: the worlds of seeds 1 to 200, in two processes. Says what broke and how it is replayed, and exits
 * with 1 if anything did. As a worker (--worker FROM STEP COUNT) it runs every STEP-th seed and reports on its output;
 * with --first it ends with the first failure.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { runSeed, SEED_COUNT, type SeedReport } from './seed-worlds.js';

const PROCESSES = 2;
const [mode, ...rest] = process.argv.slice(2);

if (mode === '--worker') {
  const [from, step, count] = rest.map(Number);
  for (let seed = from!; seed <= count!; seed += step!) {
    const report = runSeed(seed);
    process.stdout.write(`${JSON.stringify(report)}\n`);
    if (report.failure !== null && rest.includes('--first')) break;
  }
} else {
  const startMs = performance.now();
  const workers = Array.from({ length: PROCESSES }, (_, i) => work(i + 1));
  const results = await Promise.all(workers);
  const reports = results.flatMap((result) => result.reports);
  const failures = reports.filter(({ failure }) => failure !== null).sort((a, b) => a.seed - b.seed);
  for (const { failure, replay } of failures) {
    print(`BROKEN: ${failure!.invariant}`);
    print(`  at ${failure!.member ?? 'the world'}, after ${failure!.atMs.toFixed(3)} virtual ms: ${failure!.words}`);
    print(`  ${replay}`);
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  print(`${reports.length} of ${SEED_COUNT} simulated worlds in ${seconds} s, ${failures.length} with a failure`);
  const isWhole = results.every(({ code }) => code === 0) && reports.length === SEED_COUNT;
  process.exitCode = isWhole && failures.length === 0 ? 0 : 1;
}

/** One child's share. */
function work(from: number): Promise<{ readonly reports: SeedReport[]; readonly code: number | null }> {
  const args = ['--enable-source-maps', fileURLToPath(import.meta.url), '--worker'];
  const child = spawn(process.execPath, [...args, ...[from, PROCESSES, SEED_COUNT].map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const reports: SeedReport[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => reports.push(JSON.parse(line) as SeedReport));
  return new Promise((resolve) => child.on('close', (code) => resolve({ reports, code })));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
