/** libtorrent 2.0.8, Debian's, by the peer script that the interop tests use too. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { freePort, freePorts } from '../../test/harness/ports.js';
import { REPOSITORY, SHARED } from '../../test/harness/repository.js';
import type { Content } from '../workbench/content.js';
import { PYTHON, type Usage } from '../workbench/measured.js';
import type { Workbench } from '../workbench/workbench.js';
import type { Client } from './client.js';

const PEER = join(SHARED, 'peers', 'lt_peer.py');
const SEEDS = join(REPOSITORY, 'bench', 'clients', 'lt_seeds.py');

export const LIBTORRENT: Client = {
  name: 'libtorrent',
  async seed(bench, content) {
    const port = await freePort();
    const process = bench.start([PYTHON, PEER, 'seed', content.torrent, content.dataDirectory, String(port)]);
    await process.match(/ready/);
    return { port, stop: () => process.stop() };
  },
  async download(bench, content, into, peers) {
    const process = bench.start(leech(content, into, await freePort(), peers));
    return {
      process,
      seconds: async () => Number(await process.match(/"secs": ?([\d.]+)/)),
      end: () => process.end(),
    };
  },
  join(bench, content, into, { port, peers }) {
    const process = bench.start([...leech(content, into, port, peers), '--stay']);
    return {
      completed: async () => void (await process.match(/"secs"/)),
      stop: () => process.stop(),
    };
  },
};

export interface LibtorrentSeedsOptions {
  /** Each at a port of its own. */
  readonly seeds: number;
  /** Of each of them. */
  readonly uploadSlots: number;
}

export interface LibtorrentSeeds {
  readonly ports: readonly number[];
  /** All of them are one process. */
  stop(): Promise<Usage>;
}

/** Several seeds of the same content, for scenarios with many peers. */
export async function seedWithLibtorrent(
  bench: Workbench,
  content: Content,
  { seeds, uploadSlots }: LibtorrentSeedsOptions,
): Promise<LibtorrentSeeds> {
  const ports = await freePorts(seeds);
  const args = [content.torrent, content.dataDirectory, String(uploadSlots), ...ports.map(String)];
  const process = bench.start([PYTHON, SEEDS, ...args]);
  await process.match(/ready/);
  return { ports, stop: () => process.stop() };
}

function leech(content: Content, into: string, port: number, peers: readonly number[]): string[] {
  const named = peers.flatMap((other) => ['--peer', `127.0.0.1:${other}`]);
  return [PYTHON, PEER, 'leech', content.torrent, into, String(port), ...named];
}

/** @throws {Error} that says what to install. */
export function requireLibtorrent(): void {
  if (spawnSync(PYTHON, ['-c', 'import libtorrent']).status !== 0) {
    throw new Error('python3-libtorrent is missing: the benchmarks hold dtorrent against it');
  }
}
