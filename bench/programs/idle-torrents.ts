/**
 * A program that embeds the library and seeds thousands of small torrents that nobody asks for; what it costs is told
 * as one line of JSON. bench/clients/idle_torrents.py is the same for libtorrent, and makes the folder.
 * usage: idle-torrents.js prepare FOLDER                              checks all data, leaves resume data in FOLDER/dtorrent
 *        idle-torrents.js measure FOLDER SETTLE_SECONDS IDLE_SECONDS  adds all torrents with it
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Engine } from '../../src/index.js';

/** An engine without torrents is at rest after this long. */
const START_SECONDS = 1;

const [mode, folder = '', settleSeconds, idleSeconds] = process.argv.slice(2);
const engine = await Engine.start({
  port: 0,
  bind: '127.0.0.1',
  dht: false,
  lsd: false,
  portMapping: false,
  downloadDir: join(folder, 'data'),
  stateDir: join(folder, 'dtorrent'),
  trackers: false,
});
if (mode === 'prepare') {
  await addAll();
  await engine.stop();
} else {
  await measure(Number(settleSeconds), Number(idleSeconds));
  // Without a stop, which would save: every run starts from what the preparation left.
  process.exit();
}

async function measure(settle: number, idle: number): Promise<void> {
  await sleep(1000 * START_SECONDS);
  const rssBeforeKib = rssKib();
  const startedMs = performance.now();
  const count = await addAll();
  const startMs = performance.now() - startedMs;
  await sleep(1000 * settle);
  const beganMs = performance.now();
  const before = process.cpuUsage();
  await sleep(1000 * idle);
  const { user, system } = process.cpuUsage(before);
  const idleCpuPercent = (100 * (user + system)) / 1000 / (performance.now() - beganMs);
  // At the end: what a start needed for a while is given back to the system only after a while.
  const memoryPerTorrentKib = (rssKib() - rssBeforeKib) / count;
  console.log(JSON.stringify({ startMs, memoryPerTorrentKib, idleCpuPercent }));
}

/** Resolves once all of them seed. @returns how many there are. */
async function addAll(): Promise<number> {
  const torrents = join(folder, 'torrents');
  const names = readdirSync(torrents);
  let seeding = 0;
  const allSeed = new Promise<void>((resolve) => {
    engine.on('phase', ({ phase }) => {
      if (phase === 'seeding' && ++seeding === names.length) resolve();
    });
  });
  for (const name of names) await engine.add(readFileSync(join(torrents, name)));
  await allSeed;
  return names.length;
}

/** What is in memory now, as the operating system counts it. */
function rssKib(): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
}
