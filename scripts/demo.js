#!/usr/bin/env node
/**
 * The main job, for real and on this machine only: the embedded tracker and a seed as processes of their own, then a
 * 64 MiB torrent downloaded by magnet with the live display, compared byte for byte. Leaves nothing behind.
 * usage: node scripts/demo.js [MEBIBYTES]
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../bin/dtorrent.js', import.meta.url));
const mebibytes = Number(process.argv[2] ?? 64);
// On this machine only: nobody else is asked for peers.
const local = ['--port', '0', '--bind', '127.0.0.1', '--no-dht', '--no-lsd', '--no-port-mapping'];
const directory = mkdtempSync(join(tmpdir(), 'dtorrent-demo-'));
const running = new Set();

try {
  await main();
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
} finally {
  await Promise.all([...running].map(stop));
  rmSync(directory, { recursive: true, force: true });
}

async function main() {
  const seedDirectory = join(directory, 'seed');
  const outDirectory = join(directory, 'out');
  mkdirSync(seedDirectory);
  mkdirSync(outDirectory);
  writeFileSync(join(seedDirectory, 'demo.bin'), content(mebibytes));

  say('starting the embedded tracker');
  const tracker = start(['tracker', '--port', '0', '--bind', '127.0.0.1', '--json']);
  const { port } = await tracker.event('listening');

  say(`creating a torrent of ${mebibytes} MiB, announced at http://127.0.0.1:${port}/announce`);
  const torrent = join(directory, 'demo.torrent');
  run([
    'create',
    join(seedDirectory, 'demo.bin'),
    '-o',
    torrent,
    '-t',
    `http://127.0.0.1:${port}/announce`,
    '--no-date',
  ]);
  const shown = JSON.parse(run(['show', torrent, '--json']));

  say('starting a seed');
  const seed = start(['seed', torrent, seedDirectory, ...local, '--json']);
  await seed.event('listening');
  await seedIsAnnounced(port, shown.infoHash.v1 ?? shown.infoHash.v2.slice(0, 40));

  say(`downloading by magnet: ${shown.magnet}\n`);
  const startedAt = performance.now();
  const get = spawn(process.execPath, [cli, 'get', shown.magnet, '-o', outDirectory, ...local], {
    stdio: 'inherit',
  });
  running.add(get);
  const code = await exited(get);
  if (code !== 0) throw new Error(`the download ended with exit code ${code}`);
  const seconds = (performance.now() - startedAt) / 1000;

  const [sent, received] = await Promise.all([
    sha256(join(seedDirectory, 'demo.bin')),
    sha256(join(outDirectory, 'demo.bin')),
  ]);
  if (sent !== received) throw new Error('the downloaded file differs from the seeded one');
  await Promise.all([stop(seed.child), stop(tracker.child)]);
  say(
    `\nverified: ${mebibytes} MiB by magnet in ${seconds.toFixed(1)} s, SHA-256 ${received.slice(0, 16)}… on both sides`,
  );
}

/** A child process whose stdout is one JSON object a line. */
function start(args) {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  const seen = [];
  let wake = () => {};
  createInterface({ input: child.stdout }).on('line', (line) => {
    seen.push(JSON.parse(line));
    wake();
  });
  child.on('exit', () => wake());
  const event = async (type) => {
    for (;;) {
      const found = seen.find((object) => object.type === type);
      if (found !== undefined) return found;
      const failure = seen.find((object) => object.type === 'error');
      if (failure !== undefined) throw new Error(`dtorrent ${args[0]}: ${failure.message}`);
      if (child.exitCode !== null) throw new Error(`dtorrent ${args[0]} ended with exit code ${child.exitCode}`);
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
  };
  return { child, event };
}

function run(args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`dtorrent ${args[0]} ended with exit code ${status}: ${stderr}`);
  return stdout;
}

/** The seed hashes its data before it announces; asking the tracker is how a stranger would know. */
async function seedIsAnnounced(port, infoHash) {
  const query = infoHash.replace(/../g, '%$&');
  for (let attempt = 0; attempt < 300; attempt++) {
    const response = await fetch(`http://127.0.0.1:${port}/scrape?info_hash=${query}`);
    if (/8:completei[1-9]/.test(Buffer.from(await response.arrayBuffer()).toString('latin1'))) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the seed did not announce itself within 30 s');
}

function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  child.kill('SIGINT');
  const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
  return exited(child).finally(() => clearTimeout(force));
}

function exited(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.on('exit', (code) => resolve(code));
  }).finally(() => running.delete(child));
}

/** Bytes that do not compress and are the same on every run. */
function content(count) {
  const data = Buffer.alloc(count * 1024 * 1024);
  let block = createHash('sha512').update('dtorrent demo').digest();
  for (let offset = 0; offset < data.length; offset += block.length) {
    block.copy(data, offset);
    // One hash a kibibyte is random enough, and quick.
    if (offset % 1024 === 0) block = createHash('sha512').update(block).digest();
  }
  return data;
}

function sha256(path) {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    createReadStream(path)
      .on('data', (chunk) => hash.update(chunk))
      .on('end', () => resolve(hash.digest('hex')))
      .on('error', reject);
  });
}

function say(text) {
  console.log(text);
}
