#!/usr/bin/env node
/**
 * Runs the compiled tests with node:test. Node 20 takes no globs, so the files are listed here.
 * usage: node scripts/test.js unit|e2e|interop ... [-- name-part ...]
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const roots = {
  unit: ['build/src', 'build/bench'],
  e2e: ['build/test/e2e'],
  interop: ['build/test/interop'],
};
const args = process.argv.slice(2);
const split = args.indexOf('--');
const suites = split < 0 ? args : args.slice(0, split);
const filters = split < 0 ? [] : args.slice(split + 1);

const files = suites
  .flatMap((suite) => {
    if (roots[suite] === undefined) throw new Error(`unknown suite ${suite}: one of ${Object.keys(roots).join(', ')}`);
    return roots[suite].flatMap((root) =>
      readdirSync(root, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith('.test.js'))
        .map((name) => join(root, name)),
    );
  })
  .filter((file) => filters.length === 0 || filters.some((part) => file.includes(part)))
  .sort();
if (files.length === 0) throw new Error(`no test files for ${suites.join(' ')}`);

// Interop tests own ports, namespaces and both cores: one file at a time.
const concurrency = suites.includes('interop') ? 1 : 2;
const child = spawn(
  process.execPath,
  ['--test', '--enable-source-maps', `--test-concurrency=${concurrency}`, '--test-reporter=spec', ...files],
  { stdio: 'inherit' },
);
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
