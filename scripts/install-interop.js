#!/usr/bin/env node
/**
 * Installs the npm package of the interop tests, test/interop/npm, unless what its lock file names is there already.
 * Nothing of it runs at install.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('../test/interop/npm', import.meta.url));
const lock = join(directory, 'package-lock.json');
// Copied after an installation that succeeded.
const installed = join(directory, 'node_modules', '.installed-lock.json');

if (!existsSync(installed) || !readFileSync(installed).equals(readFileSync(lock))) {
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: directory,
    stdio: 'inherit',
  });
  if (npm.status !== 0) process.exit(npm.status ?? 1);
  copyFileSync(lock, installed);
}
