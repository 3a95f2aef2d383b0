/** WebTorrent 3, of the npm package of the interop tests; downloads only. */
import { join } from 'node:path';
import { NPM_PACKAGE } from '../../test/harness/npm-package.js';
import { freePort } from '../../test/harness/ports.js';
import { SHARED } from '../../test/harness/repository.js';
import type { Client } from './client.js';

const PEER = join(SHARED, 'peers', 'wt_peer.mjs');

export const WEBTORRENT: Pick<Client, 'name' | 'download'> = {
  name: 'webtorrent',
  async download(bench, content, into, peers) {
    const named = peers.map((port) => `127.0.0.1:${port}`);
    const script = [PEER, NPM_PACKAGE, 'leech', content.torrent, into, String(await freePort()), ...named];
    const measured = bench.start([process.execPath, ...script]);
    return {
      process: measured,
      seconds: async () => Number(await measured.match(/"secs":([\d.]+)/)),
      end: () => measured.end(),
    };
  },
};
