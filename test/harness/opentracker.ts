/** Debian's opentracker. That build serves only the info-hashes of its whitelist, and wants to run as nobody. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from './content.js';
import { freePort } from './ports.js';
import { Process, until } from './process.js';

/** @returns the port it serves HTTP and UDP on. `infoHashes` are hex. */
export async function startOpentracker(t: TestContext, infoHashes: readonly string[]): Promise<number> {
  const directory = join(temporaryDirectory(t), 'tracker');
  mkdirSync(directory);
  chmodSync(join(directory, '..'), 0o755);
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, 'whitelist'), infoHashes.map((hash) => `${hash}\n`).join(''));
  const port = await freePort();
  const args = [
    '-i',
    '127.0.0.1',
    '-p',
    `${port}`,
    '-P',
    `${port}`,
    '-u',
    'nobody',
    '-d',
    directory,
    '-w',
    '/whitelist',
  ];
  const tracker = new Process(t, 'opentracker', args);
  await until('answer of opentracker', 10_000, async () => {
    if (tracker.hasExited) throw new Error(`opentracker ended: ${tracker.errors}${tracker.lines.join('\n')}`);
    try {
      await fetch(`http://127.0.0.1:${port}/stats`);
      return true;
    } catch {
      return false;
    }
  });
  return port;
}
