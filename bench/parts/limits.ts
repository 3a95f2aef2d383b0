/**
 * How well the rate limits are kept in reality: two engines of this process on loopback, one with a limit; payload over
 * ten seconds, after two to settle. No test asserts a time, so this only reports.
 * usage: node build/bench/parts/limits.js [--seconds 10]
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { arch, cpus, platform, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createTorrent, Engine, type Settings, type Torrent } from '../../src/index.js';
import { noise } from '../../test/harness/content.js';

const LIMITS_BYTES_PER_SECOND = [20_000, 100_000, 1_000_000, 10_000_000, 50_000_000];
const SETTLE_SECONDS = 2;

const options = parseArgs({ options: { seconds: { type: 'string', default: '10' } } }).values;
const seconds = Number(options.seconds);
const directory = mkdtempSync(join(tmpdir(), 'dtorrent-limits-'));
try {
  await main();
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function main(): Promise<void> {
  console.log(
    `${cpus().length} × ${cpus()[0]?.model.trim()}, ${platform()} ${release()} ${arch()}, ${process.version}\n`,
  );
  console.log(`| limit of | bytes/s | measured over ${seconds} s | error |`);
  console.log('|---|---|---|---|');
  for (const limit of LIMITS_BYTES_PER_SECOND) {
    for (const side of ['download', 'upload'] as const) {
      const measured = await measure(side, limit);
      const error = (100 * (measured - limit)) / limit;
      console.log(`| ${side} | ${limit} | ${Math.round(measured)} | ${error.toFixed(2)} % |`);
    }
  }
}

/** @returns payload bytes per second. */
async function measure(side: 'download' | 'upload', limit: number): Promise<number> {
  const work = mkdtempSync(join(directory, 'run-'));
  // Twice what is measured: a machine that stalls must not see the end of it.
  const bytes = Math.ceil(limit * 2 * (seconds + SETTLE_SECONDS));
  mkdirSync(join(work, 'from'));
  writeContent(join(work, 'from', 'content.bin'), bytes);
  const created = await createTorrent(join(work, 'from', 'content.bin'), {});
  const common: Partial<Settings> = {
    port: 0,
    bind: '127.0.0.1',
    trackers: false,
    dht: false,
    lsd: false,
    portMapping: false,
  };
  const seed = await Engine.start({ ...common, ...(side === 'upload' ? { uploadLimit: limit } : {}) });
  const leecher = await Engine.start({ ...common, ...(side === 'download' ? { downloadLimit: limit } : {}) });
  try {
    await seed.add(created.bytes, { downloadDir: join(work, 'from'), trust: true });
    const peers = [`127.0.0.1:${seed.listenPort}`];
    const torrent = await leecher.add(created.bytes, { downloadDir: join(work, 'to'), peers });
    await sleep(SETTLE_SECONDS * 1000);
    return await rateOf(torrent);
  } finally {
    await leecher.stop();
    await seed.stop();
    rmSync(work, { recursive: true });
  }
}

function writeContent(path: string, bytes: number): void {
  const chunk = noise('limits', 1024 * 1024);
  const file = openSync(path, 'w');
  for (let left = bytes; left > 0; left -= chunk.length) writeSync(file, chunk, 0, Math.min(left, chunk.length));
  closeSync(file);
}

async function rateOf(torrent: Torrent): Promise<number> {
  const startMs = performance.now();
  const before = torrent.stats().downloadedBytes;
  await sleep(seconds * 1000);
  const moved = torrent.stats().downloadedBytes - before;
  return (moved * 1000) / (performance.now() - startMs);
}
