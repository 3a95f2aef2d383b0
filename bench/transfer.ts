/**
 * dtorrent and libtorrent side by side on loopback: each downloads from the same libtorrent seed, and each seeds to
 * the same libtorrent leecher. Runs alternate, and so does who goes first, so that a machine that slows down slows both; what counts is the ratio
 * within a run. Wall time is what the downloader reports, CPU and memory are the operating system's, whole process.
 * usage: node build/bench/transfer.js [--mib 1024] [--piece 1048576] [--runs 3] [--only download|seed]
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { arch, cpus, platform, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { noise } from '../test/harness/content.js';
import { freePort } from '../test/harness/ports.js';
import { CLI, REPOSITORY, SHARED } from '../test/harness/repository.js';

const PYTHON = '/usr/bin/python3';
const PEER = join(SHARED, 'peers', 'lt_peer.py');
const MEASURED = join(REPOSITORY, 'bench', 'measured.py');
const MIB = 1024 * 1024;

const CLIENTS = ['dtorrent', 'libtorrent'] as const;
type Client = (typeof CLIENTS)[number];

interface Sample {
  /** Seconds from start to the last verified piece, as the downloader saw it. */
  readonly wall: number;
  /** CPU seconds of the measured process, start to end. */
  readonly cpu: number;
  readonly rssMb: number;
}

const options = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    piece: { type: 'string', default: String(MIB) },
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
  },
}).values;
const mib = Number(options.mib);
const runs = Number(options.runs);

const directory = mkdtempSync(join(tmpdir(), 'dtorrent-bench-'));
const children = new Set<ChildProcess>();
let started = 0;
try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}

async function main(): Promise<void> {
  if (spawnSync(PYTHON, ['-c', 'import libtorrent']).status !== 0) throw new Error('python3-libtorrent is missing');
  const torrent = await makeTorrent();
  console.log(`${mib} MiB, pieces of ${Number(options.piece) / 1024} KiB, one peer, loopback; median of ${runs}`);
  console.log(`${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`);
  console.log(
    `${platform()} ${release()} ${arch()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n`,
  );
  console.log('| scenario | client | wall s | CPU-s per GiB | peak RSS MiB |');
  console.log('|---|---|---|---|---|');
  if (options.only !== 'seed') await scenario('download from libtorrent', (client) => download(client, torrent));
  if (options.only !== 'download') await scenario('seed to libtorrent', (client) => seed(client, torrent));
}

async function scenario(title: string, once: (client: Client) => Promise<Sample>): Promise<void> {
  const samples: Record<Client, Sample[]> = { dtorrent: [], libtorrent: [] };
  for (let run = 0; run < runs; run++) {
    for (const client of run % 2 === 0 ? CLIENTS : [...CLIENTS].reverse()) {
      const sample = await once(client);
      samples[client].push(sample);
      console.error(`${title}, run ${run + 1}, ${client}: ${JSON.stringify(sample)}`);
    }
  }
  for (const client of CLIENTS) {
    const of = (pick: (sample: Sample) => number): string => median(samples[client].map(pick)).toFixed(2);
    const rss = median(samples[client].map((sample) => sample.rssMb)).toFixed(0);
    console.log(`| ${title} | ${client} | ${of((s) => s.wall)} | ${of((s) => (s.cpu * 1024) / mib)} | ${rss} |`);
  }
  const ratio = (pick: (sample: Sample) => number): string =>
    median(samples.dtorrent.map((ours, run) => pick(ours) / pick(samples.libtorrent[run]!))).toFixed(2);
  console.log(
    `| ${title} | ratio, run by run | ${ratio((s) => s.wall)} | ${ratio((s) => s.cpu)} | ${ratio((s) => s.rssMb)} |`,
  );
}

/** What the run before left for the disk to do is not this run's. */
function settleDisk(): void {
  spawnSync('sync');
}

async function download(client: Client, torrent: string): Promise<Sample> {
  settleDisk();
  const out = join(directory, 'out');
  mkdirSync(out);
  const port = await freePort();
  const seeding = await startLibtorrentSeed(torrent, port);
  const peer = `127.0.0.1:${port}`;
  const measured = start(
    client === 'dtorrent'
      ? [process.execPath, CLI, 'get', torrent, '-o', out, '--port', '0', '--peer', peer, '--json']
      : [PYTHON, PEER, 'leech', torrent, out, String(await freePort()), '--peer', peer],
  );
  const wall = await measured.seconds();
  const usage = await measured.end();
  await seeding.stop();
  rmSync(out, { recursive: true });
  return { wall, ...usage };
}

async function seed(client: Client, torrent: string): Promise<Sample> {
  settleDisk();
  const out = join(directory, 'out');
  mkdirSync(out);
  const data = join(directory, 'data');
  let port = await freePort();
  const measured = start(
    client === 'dtorrent'
      ? [process.execPath, CLI, 'seed', torrent, data, '--port', '0', '--trust', '--json']
      : [PYTHON, PEER, 'seed', torrent, data, String(port)],
  );
  if (client === 'dtorrent') port = await measured.port();
  else await measured.ready();
  const leecher = start([PYTHON, PEER, 'leech', torrent, out, String(await freePort()), '--peer', `127.0.0.1:${port}`]);
  const wall = await leecher.seconds();
  await leecher.end();
  const usage = await measured.stop();
  rmSync(out, { recursive: true });
  return { wall, ...usage };
}

async function startLibtorrentSeed(torrent: string, port: number): Promise<Measured> {
  const seeding = start([PYTHON, PEER, 'seed', torrent, join(directory, 'data'), String(port)]);
  await seeding.ready();
  return seeding;
}

interface Measured {
  /** The result line of a downloader. */
  seconds(): Promise<number>;
  ready(): Promise<void>;
  port(): Promise<number>;
  end(): Promise<{ cpu: number; rssMb: number }>;
  stop(): Promise<{ cpu: number; rssMb: number }>;
}

function start(command: readonly string[]): Measured {
  const result = join(directory, `usage-${started++}.json`);
  const child = spawn(PYTHON, [MEASURED, result, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  let output = '';
  let wake = (): void => {};
  child.stdout.on('data', (chunk) => {
    output += String(chunk);
    wake();
  });
  const exited = new Promise<void>((resolve) => {
    child.on('exit', () => {
      children.delete(child);
      resolve();
      wake();
    });
  });
  const match = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = pattern.exec(output);
      if (found !== null) return found[1] ?? '';
      if (child.exitCode !== null) throw new Error(`${command.join(' ')} ended early: ${output.slice(-500)}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const end = async (): Promise<{ cpu: number; rssMb: number }> => {
    await exited;
    const usage = JSON.parse(readFileSync(result, 'utf8'));
    return { cpu: usage.cpu, rssMb: usage.rss_mb };
  };
  return {
    seconds: async () => Number(await match(/"sec(?:ond)?s": ?([\d.]+)/)),
    ready: async () => {
      await match(/(ready)/);
    },
    port: async () => Number(await match(/"listening","port":(\d+)/)),
    end,
    stop: () => {
      child.kill('SIGTERM');
      return end();
    },
  };
}

async function makeTorrent(): Promise<string> {
  const data = join(directory, 'data');
  mkdirSync(data);
  const file = createWriteStream(join(data, 'bench.bin'));
  for (let i = 0; i < mib; i++) {
    if (!file.write(noise(`bench ${i}`, MIB)))
      await new Promise<void>((resolve) => file.once('drain', () => resolve()));
  }
  await new Promise<void>((resolve) => file.end(() => resolve()));
  const torrent = join(directory, 'bench.torrent');
  const args = [join(SHARED, 'peers', 'lt_create.py'), join(data, 'bench.bin'), torrent, String(options.piece), 'v1'];
  const made = spawnSync(PYTHON, args, { encoding: 'utf8' });
  if (made.status !== 0 || !existsSync(torrent)) throw new Error(made.stderr);
  return torrent;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
