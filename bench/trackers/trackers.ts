/** The trackers that are compared: how each is started on a port of loopback. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { freePort } from '../../test/harness/ports.js';
import { CLI } from '../../test/harness/repository.js';
import type { MeasuredProcess } from '../workbench/measured.js';
import { programCommand } from '../workbench/programs.js';
import type { Workbench } from '../workbench/workbench.js';
import { HASH_BYTES, infoHashesOf, type Population } from './peers.js';

export interface RunningTracker {
  /** Of HTTP and UDP both. */
  readonly port: number;
  readonly process: MeasuredProcess;
}

export interface Tracker {
  readonly name: string;
  start(bench: Workbench, population: Population): Promise<RunningTracker>;
}

const STARTS_WITHIN_MS = 20_000;

export const DTORRENT_TRACKER: Tracker = {
  name: 'dtorrent',
  async start(bench) {
    const port = await freePort();
    const process_ = bench.start([process.execPath, CLI, 'tracker', '--port', `${port}`, '--bind', '127.0.0.1']);
    await process_.match(/announce/);
    return { port, process: process_ };
  },
};

export const NPM_TRACKER: Tracker = {
  name: 'bittorrent-tracker',
  async start(bench) {
    const port = await freePort();
    const process_ = bench.start(programCommand('npm-tracker', [`${port}`]));
    await process_.match(/listening/);
    return { port, process: process_ };
  },
};

/** Debian's build serves only the info-hashes of its whitelist, and wants to run as nobody. */
export const OPENTRACKER: Tracker = {
  name: 'opentracker',
  async start(bench, population) {
    const directory = join(bench.newPath('opentracker'));
    mkdirSync(directory);
    for (const path of [directory, dirname(directory)]) chmodSync(path, 0o755);
    const hashes = infoHashesOf(population);
    const lines = Array.from({ length: population.swarms }, (_, swarm) =>
      hashes.toString('hex', swarm * HASH_BYTES, (swarm + 1) * HASH_BYTES),
    );
    writeFileSync(join(directory, 'whitelist'), `${lines.join('\n')}\n`);
    const port = await freePort();
    const where = ['-i', '127.0.0.1', '-p', `${port}`, '-P', `${port}`];
    const process_ = bench.start(['opentracker', ...where, '-u', 'nobody', '-d', directory, '-w', '/whitelist']);
    await answersHttp(port);
    return { port, process: process_ };
  },
};

/** It says nothing when it serves. */
async function answersHttp(port: number): Promise<void> {
  for (const untilMs = performance.now() + STARTS_WITHIN_MS; performance.now() < untilMs; ) {
    try {
      await fetch(`http://127.0.0.1:${port}/stats`);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('opentracker does not answer');
}
