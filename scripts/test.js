#!/usr/bin/env node
/**
 * Runs the compiled tests with node:test. Node 20 takes no globs, so the files are listed here.
 * usage: node scripts/test.js unit|e2e|interop|networks ... [-- name-part ...]
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const roots = {
  unit: ['build/src', 'build/bench'],
  e2e: ['build/test/e2e'],
  interop: ['build/test/interop'],
  // What waits for others in network namespaces of its own, and needs neither ports nor much of a processor.
  networks: ['build/test/interop/networks'],
};
const args = process.argv.slice(2);
const split = args.indexOf('--');
const suites = split < 0 ? args : args.slice(0, split);
const filters = split < 0 ? [] : args.slice(split + 1);

for (const suite of suites) {
  if (roots[suite] === undefined) throw new Error(`unknown suite ${suite}: one of ${Object.keys(roots).join(', ')}`);
}
const beside = suites.includes('networks') && suites.length > 1 ? filesOf(['networks']) : [];
const files = filesOf(suites.filter((suite) => suite !== 'networks' || beside.length === 0));
if (files.length + beside.length === 0) throw new Error(`no test files for ${suites.join(' ')}`);

// Interop tests own ports and both cores: one file at a time.
const isAlone = suites.includes('interop') || suites.includes('networks');
const codes = await Promise.all([
  beside.length === 0 ? 0 : run(beside, { concurrency: 1, stdout: 'pipe' }),
  files.length === 0 ? 0 : run(files, { concurrency: isAlone ? 1 : 2, stdout: 'inherit' }),
]);
process.exitCode = codes.find((code) => code !== 0) ?? 0;

function filesOf(names) {
  return names
    .flatMap((suite) =>
      roots[suite].flatMap((root) =>
        readdirSync(root, { recursive: true })
          .map(String)
          .filter((name) => name.endsWith('.test.js'))
          .map((name) => join(root, name))
          .filter((file) => suite === 'networks' || !file.startsWith(roots.networks[0])),
      ),
    )
    .filter((file) => filters.length === 0 || filters.some((part) => file.includes(part)))
    .sort();
}

/** Resolves with the exit code. What is piped is shown when it has ended, in one piece. */
function run(paths, { concurrency, stdout }) {
  const child = spawn(
    process.execPath,
    ['--test', '--enable-source-maps', `--test-concurrency=${concurrency}`, '--test-reporter=spec', ...paths],
    { stdio: ['inherit', stdout, 'inherit'] },
  );
  const chunks = [];
  child.stdout?.on('data', (chunk) => chunks.push(chunk));
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      for (const chunk of chunks) process.stdout.write(chunk);
      resolve(signal === null ? (code ?? 1) : 1);
    });
  });
}
