/** libtorrent 2.0.8, Debian's, by the peer script that the interop tests use too. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { freePort } from '../../test/harness/ports.js';
import { SHARED } from '../../test/harness/repository.js';
import { PYTHON } from '../workbench/measured.js';
import type { Client } from './client.js';

const PEER = join(SHARED, 'peers', 'lt_peer.py');

export const LIBTORRENT: Client = {
  name: 'libtorrent',
  async seed(bench, content) {
    const port = await freePort();
    const process = bench.start([PYTHON, PEER, 'seed', content.torrent, content.dataDirectory, String(port)]);
    await process.match(/ready/);
    return { port, stop: () => process.stop() };
  },
  async download(bench, content, into, peers) {
    const named = peers.flatMap((port) => ['--peer', `127.0.0.1:${port}`]);
    const process = bench.start([PYTHON, PEER, 'leech', content.torrent, into, String(await freePort()), ...named]);
    return {
      process,
      seconds: async () => Number(await process.match(/"secs": ?([\d.]+)/)),
      end: () => process.end(),
    };
  },
};

/** @throws {Error} that says what to install. */
export function requireLibtorrent(): void {
  if (spawnSync(PYTHON, ['-c', 'import libtorrent']).status !== 0) {
    throw new Error('python3-libtorrent is missing: the benchmarks hold dtorrent against it');
  }
}
