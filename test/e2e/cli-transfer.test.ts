/** The commands that talk to a network, on this machine only: processes of their own, as a user would run them. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCli, spawnCli } from './cli-process.js';

type Event = Readonly<Record<string, unknown>>;

const LOCAL = ['--json', '--port', '0', '--bind', '127.0.0.1'];
const CONTENT = randomBytes(3_000_000);

const children: ChildProcess[] = [];
let directory = '';
let content = '';

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'dtorrent-transfer-'));
  mkdirSync(join(directory, 'data'));
  content = join(directory, 'data', 'film.mkv');
  writeFileSync(content, CONTENT);
});
after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** Starts a command that goes on until told to end. @returns it, and its first event of `type`. */
async function startCli(args: readonly string[], type: string): Promise<{ child: ChildProcess; event: Event }> {
  const child = spawnCli(args, { cwd: directory });
  children.push(child);
  child.stderr!.resume();
  let rest = '';
  const event = await new Promise<Event>((resolve, reject) => {
    child.on('close', (exitCode) => reject(new Error(`dtorrent ${args.join(' ')} ended with ${exitCode}: ${rest}`)));
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const parsed = JSON.parse(line) as Event;
        if (parsed['type'] === type) resolve(parsed);
      }
    });
  });
  return { child, event };
}

function end(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.on('close', resolve);
    child.kill('SIGINT');
  });
}

test('what one seeds by PATH another gets by magnet link, over the tracker command', async () => {
  const tracker = await startCli(['tracker', ...LOCAL], 'listening');
  const url = `http://127.0.0.1:${tracker.event['port']}/announce`;
  const made = await runCli(['create', content, '-t', url, '-o', 'film.torrent', '--json'], { cwd: directory });
  assert.equal(made.exitCode, 0, made.stdout);
  const { magnet } = JSON.parse(made.stdout) as { magnet: string };
  const seed = await startCli(['seed', 'film.torrent', 'data', ...LOCAL], 'completed');
  const got = await runCli([magnet, ...LOCAL, '-o', 'by-tracker'], { cwd: directory });
  assert.equal(got.exitCode, 0, got.stdout);
  assert.deepEqual(readFileSync(join(directory, 'by-tracker', 'film.mkv')), CONTENT);
  const scraped = await runCli(['scrape', magnet, '--json']);
  assert.equal(scraped.exitCode, 0, scraped.stderr);
  const [counts] = JSON.parse(scraped.stdout).trackers;
  assert.deepEqual(counts, { url, tier: 0, seeds: 1, leechers: 0, completed: 1, error: null });
  const events = got.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  const completed = events.find(({ type }) => type === 'completed')!;
  assert.equal(completed['bytes'], CONTENT.length);
  assert.equal(completed['path'], join('by-tracker', 'film.mkv'));
  assert.equal(await end(seed.child), 0);
  assert.equal(await end(tracker.child), 0);
});

test('seed PATH prints a magnet link that --peer can download at once', async () => {
  const seed = spawnCli(['seed', content, ...LOCAL, '--no-trackers'], { cwd: directory });
  children.push(seed);
  let port = 0;
  const magnet = await new Promise<string>((resolve, reject) => {
    seed.on('close', (exitCode) => reject(new Error(`the seed ended with ${exitCode}`)));
    let text = '';
    seed.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      for (const line of text.split('\n').slice(0, -1)) {
        const event = JSON.parse(line) as Event;
        if (event['type'] === 'listening') port = Number(event['port']);
        if (event['type'] === 'metadata') resolve(String(event['magnet']));
      }
    });
  });
  const peer = ['--peer', `127.0.0.1:${port}`, '--no-trackers'];
  const got = await runCli(['-m', magnet, ...LOCAL, ...peer, '-o', 'by-peer'], { cwd: directory });
  assert.equal(got.exitCode, 0, got.stdout);
  assert.deepEqual(readFileSync(join(directory, 'by-peer', 'film.mkv')), CONTENT);
  assert.equal(await end(seed), 0);
});

test('--json and -v tell from which sources the peers are', async () => {
  const tracker = await startCli(['tracker', ...LOCAL], 'listening');
  const url = `http://127.0.0.1:${tracker.event['port']}/announce`;
  const made = await runCli(['create', content, '-t', url, '-o', 'sources.torrent'], { cwd: directory });
  assert.equal(made.exitCode, 0, made.stderr);
  const announced = await startCli(['seed', 'sources.torrent', 'data', ...LOCAL], 'completed');
  const silent = await startCli(['seed', 'sources.torrent', 'data', ...LOCAL, '--no-trackers'], 'listening');
  const alone = ['--no-lsd', '--no-dht', '--no-pex'];
  const slowly = ['--download-limit', '500K', '--peer', `127.0.0.1:${silent.event['port']}`, ...alone];
  const [json, plain] = await Promise.all([
    runCli(['sources.torrent', ...LOCAL, ...slowly, '-o', 'sources-json'], { cwd: directory }),
    runCli(['sources.torrent', '--port', '0', '--bind', '127.0.0.1', ...slowly, '-o', 'sources-plain', '-v'], {
      cwd: directory,
    }),
  ]);
  assert.equal(json.exitCode, 0, json.stdout);
  assert.equal(plain.exitCode, 0, plain.stdout + plain.stderr);
  const progress = json.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event)
    .filter(({ type }) => type === 'progress');
  type Counts = Readonly<Record<string, number>>;
  const both = progress.find((event) => {
    const { tracker, user } = event['peersBySource'] as Counts;
    return tracker! > 0 && user! > 0;
  });
  assert.ok(both !== undefined, json.stdout);
  for (const { peers, peersBySource } of progress) {
    assert.equal(
      Object.values(peersBySource as Counts).reduce((sum, count) => sum + count, 0),
      peers,
    );
  }
  const known = both['candidatesBySource'] as Counts;
  assert.ok(known['tracker']! > 0 && known['user'] === 1 && known['dht'] === 0, JSON.stringify(known));
  assert.match(plain.stdout, /\(connected: tracker \d.*, user 1; known: tracker \d.*, user 1\)/);
  for (const { child } of [announced, silent, tracker]) assert.equal(await end(child), 0);
});

test('--select fetches the files that are named and writes no other; the others follow when they are asked for', async () => {
  const album = join(directory, 'data', 'album');
  mkdirSync(album);
  const tracks = ['1.flac', '2.flac', '3.flac', 'cover.jpg'];
  for (const [i, track] of tracks.entries()) writeFileSync(join(album, track), CONTENT.subarray(i, 300_000 + 7 * i));
  const made = await runCli(['create', album, '--v1', '--piece-length', '64K', '-o', 'album.torrent'], {
    cwd: directory,
  });
  assert.equal(made.exitCode, 0, made.stderr);
  const seed = await startCli(['seed', 'album.torrent', 'data', ...LOCAL, '--no-trackers'], 'listening');
  const from = [...LOCAL, '--no-trackers', '--peer', `127.0.0.1:${seed.event['port']}`, '-o', 'some'];
  const get = async (...select: string[]): Promise<void> => {
    const { exitCode, stdout } = await runCli(['album.torrent', ...from, ...select], { cwd: directory });
    assert.equal(exitCode, 0, stdout);
  };
  const there = (): string[] => readdirSync(join(directory, 'some', 'album')).sort();
  await get('--select', '2', '--select', '*.jpg');
  assert.deepEqual(there(), ['2.flac', 'cover.jpg']);
  await get('--select', '1-2,4');
  assert.deepEqual(there(), ['1.flac', '2.flac', 'cover.jpg']);
  await get();
  assert.deepEqual(there(), tracks);
  for (const track of tracks) {
    assert.deepEqual(readFileSync(join(directory, 'some', 'album', track)), readFileSync(join(album, track)), track);
  }
  assert.deepEqual(readdirSync(join(directory, 'some')), ['album'], 'what was kept aside is gone');
  const none = await runCli(['album.torrent', ...from, '--select', '9'], { cwd: directory });
  assert.equal(none.exitCode, 28);
  assert.equal(await end(seed.child), 0);
});

test('a seed whose data is damaged exits 1 with EINCOMPLETE', async () => {
  const made = await runCli(['create', content, '-o', 'damaged.torrent'], { cwd: directory });
  assert.equal(made.exitCode, 0, made.stderr);
  mkdirSync(join(directory, 'damaged'));
  const damaged = Buffer.from(CONTENT);
  damaged[1_000_000]! ^= 1;
  writeFileSync(join(directory, 'damaged', 'film.mkv'), damaged);
  const { exitCode, stdout } = await runCli(['seed', 'damaged.torrent', 'damaged', ...LOCAL, '--no-trackers'], {
    cwd: directory,
  });
  assert.equal(exitCode, 1, stdout);
  assert.match(stdout, /"code":"EINCOMPLETE"/);
});
