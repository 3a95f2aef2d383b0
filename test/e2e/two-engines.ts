/**
 * Two engines in one process, unlike in their settings: one seeds, the other finds it by the tracker, downloads, reads
 * a file as a stream and checks it. Prints one line of JSON when everything has been stopped, and then has to end by
 * itself: library.test.ts runs it. usage: node two-engines.js DIRECTORY
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTorrent, Engine, startTracker } from '../../src/index.js';

const directory = process.argv[2]!;
const resources = (): string[] => process.getActiveResourcesInfo().sort();
// What loading the modules opened is closed by then.
await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const before = resources();

const alone = { dhtBootstrap: '', lsd: false, portMapping: false };
const idle = await Engine.start({ ...alone, bind: '127.0.0.1', port: 0, diskWorkers: 0 });
await idle.stop();
const afterIdle = resources();

const tracker = await startTracker({ port: 0, host: '127.0.0.1' });
const { bytes } = await createTorrent(join(directory, 'album'), {
  trackers: [[`http://127.0.0.1:${tracker.port}/announce`], [`udp://127.0.0.1:${tracker.port}`]],
});
const loopback = { ...alone, bind: '127.0.0.1', port: 0 };
const seeder = await Engine.start({ ...loopback, downloadDir: directory, diskWorkers: 0, uploadLimit: 50_000_000 });
const leecher = await Engine.start({
  ...loopback,
  downloadDir: join(directory, 'out'),
  stateDir: join(directory, 'state'),
  diskWorkers: 2,
  maxPeers: 7,
});
const seed = await seeder.add(bytes);
await seed.completed;
const torrent = await leecher.add(bytes, { peers: [`127.0.0.1:${seeder.listenPort}`], select: ['a.bin'] });
const hash = createHash('sha256');
for await (const chunk of torrent.files[1]!.stream({ start: 1000 })) hash.update(chunk);
await torrent.completed;
const during = resources();
await Promise.all([leecher.stop(), seeder.stop()]);
const afterEngines = resources();
await tracker.close();

const wanted = createHash('sha256').update(readFileSync(join(directory, 'album', 'b.bin')).subarray(1000));
console.log(
  JSON.stringify({
    before,
    afterIdle,
    during,
    afterEngines,
    after: resources(),
    isStreamRight: hash.digest('hex') === wanted.digest('hex'),
    settings: [
      seeder.settings.diskWorkers,
      leecher.settings.diskWorkers,
      seeder.settings.maxPeers,
      leecher.settings.maxPeers,
    ],
  }),
);
