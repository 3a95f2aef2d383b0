/** aria2 by its command line; downloads only. It takes peers from trackers alone, so it gets a tracker that names them. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '../../test/harness/ports.js';
import type { Client } from './client.js';

export const ARIA2: Pick<Client, 'name' | 'download'> = {
  name: 'aria2',
  async download(bench, content, into, peers) {
    const tracker = await startTracker(peers);
    const { port } = tracker.address() as AddressInfo;
    const process = bench.start([
      'aria2c',
      `--dir=${into}`,
      `--listen-port=${await freePort()}`,
      `--bt-tracker=http://127.0.0.1:${port}/announce`,
      '--no-conf',
      '--enable-dht=false',
      '--enable-dht6=false',
      '--bt-enable-lpd=false',
      '--enable-peer-exchange=false',
      '--file-allocation=none',
      '--summary-interval=0',
      '--seed-time=0',
      content.torrent,
    ]);
    const usage = process.end().finally(() => tracker.close());
    return { process, seconds: async () => (await usage).wallSeconds, end: () => usage };
  },
};

/** Names the same peers to whoever asks (BEP 23). */
async function startTracker(ports: readonly number[]): Promise<Server> {
  const compact = Buffer.concat(ports.map((port) => Buffer.from([127, 0, 0, 1, port >> 8, port & 0xff])));
  const answer = Buffer.concat([Buffer.from(`d8:intervali1800e5:peers${compact.length}:`), compact, Buffer.from('e')]);
  const server = createServer((_request, response) => response.end(answer));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
