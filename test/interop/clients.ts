/**
 * Which real clients this machine has. In CI (`CI=true`) a missing one fails its test; elsewhere the test is skipped,
 * and says so.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { NPM_PACKAGE } from '../harness/npm-package.js';

/** How to find out whether a client is there: a command that exits with 0. */
const PROBES = {
  libtorrent: ['/usr/bin/python3', '-c', 'import libtorrent'],
  'transmission-daemon': ['transmission-daemon', '--version'],
  aria2c: ['aria2c', '--version'],
  'qbittorrent-nox': ['qbittorrent-nox', '--version'],
  rtorrent: ['rtorrent', '-h'],
  deluged: ['deluged', '--version'],
  'npm package of the interop tests': ['test', '-f', join(NPM_PACKAGE, 'node_modules', '.package-lock.json')],
  opentracker: ['sh', '-c', 'command -v opentracker'],
  miniupnpd: ['miniupnpd', '--version'],
  bash: ['bash', '--version'],
  zsh: ['zsh', '--version'],
  fish: ['fish', '--version'],
  groff: ['groff', '--version'],
  'network namespaces': ['sh', '-c', 'ip netns add dtprobe$$ && ip netns delete dtprobe$$'],
} as const;

export type ClientName = keyof typeof PROBES;

/** @returns false after marking the test as skipped (or failed, in CI) because `name` is not to be had. */
export function requireClient(t: TestContext, name: ClientName): boolean {
  const [command, ...args] = PROBES[name];
  if (spawnSync(command, args, { stdio: 'ignore' }).status === 0) return true;
  const reason = `${name} is not available here; .ci/run says how to install it`;
  if (process.env['CI'] === 'true') throw new Error(reason);
  t.skip(reason);
  return false;
}
