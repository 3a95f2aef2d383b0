/** A download that is killed, stopped, or finds its files changed: the command line, run again as a user would. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { randomBelow, SeededRandom } from '../../src/base/random.js';
import { runCli, spawnCli } from './cli-process.js';
import { RecordingSeed } from './recording-seed.js';

type Event = Readonly<Record<string, unknown>>;

const KILLS = 20;
const PIECE = 65_536;
/** Pieces that one slow peer has us begun, received or written at one moment; two or three as a rule. */
const IN_FLIGHT_MAX = 10;

let directory = '';
let seed: RecordingSeed;
let content = Buffer.alloc(0);
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dtorrent-resume-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await seed.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Makes a torrent `content` of files with random bytes, and seeds it. */
async function offer(files: Readonly<Record<string, number>>): Promise<void> {
  for (const [path, length] of Object.entries(files)) {
    const file = join(directory, 'data', 'content', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, randomBytes(length));
  }
  const from = join(directory, 'data', 'content');
  const made = await runCli(['create', from, '-o', 'x.torrent', '--v1', '--piece-length', '64K'], { cwd: directory });
  assert.equal(made.exitCode, 0, made.stderr);
  content = Buffer.concat(Object.keys(files).map((path) => readFileSync(join(from, path))));
  seed = await RecordingSeed.start({ torrent: readFileSync(join(directory, 'x.torrent')), content });
}

function getArgs(): string[] {
  return ['get', 'x.torrent', '-o', 'out', '--json', '--port', '0', '--bind', '127.0.0.1', '--peer', seed.address];
}

function environment(): { readonly cwd: string; readonly env: Readonly<Record<string, string>> } {
  return { cwd: directory, env: { DTORRENT_STATE_DIR: join(directory, 'state') } };
}

function startGet(): ChildProcess {
  const child = spawnCli(getArgs(), environment());
  children.push(child);
  child.stdout!.resume();
  child.stderr!.resume();
  return child;
}

function exited(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.on('close', resolve);
  });
}

/** Runs the download to its end. @returns its last progress event. */
async function finish(): Promise<Event> {
  const { exitCode, stdout, stderr } = await runCli(getArgs(), environment());
  assert.equal(exitCode, 0, stdout + stderr);
  for (const { path, from, to } of layoutFiles()) {
    assert.ok(readFileSync(join(directory, 'out', path)).equals(content.subarray(from, to)), path);
  }
  const events = stdout.trimEnd().split('\n');
  return events.map((line) => JSON.parse(line) as Event).findLast(({ type }) => type === 'progress')!;
}

function layoutFiles(): { readonly path: string; readonly from: number; readonly to: number }[] {
  return seed.layout.files.map(({ path, offsetBytes, lengthBytes }) => ({
    path: join(...path),
    from: offsetBytes,
    to: offsetBytes + lengthBytes,
  }));
}

/** Pieces whose bytes are on disk and right, whatever anyone remembers of them. */
function piecesOnDisk(): Set<number> {
  const disk = Buffer.alloc(content.length);
  for (const { path, from } of layoutFiles()) {
    const file = join(directory, 'out', path);
    if (existsSync(file)) readFileSync(file).copy(disk, from);
  }
  const good = new Set<number>();
  for (let begin = 0; begin < content.length; begin += PIECE) {
    if (disk.subarray(begin, begin + PIECE).equals(content.subarray(begin, begin + PIECE))) good.add(begin / PIECE);
  }
  return good;
}

function pieceOf(block: string): number {
  return Number(block.split(':')[0]);
}

test('twenty kills at random moments cost only what was in flight, and the file is right in the end', async () => {
  const randomSeed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  const random = new SeededRandom(randomSeed);
  const context = `SEED=${randomSeed}`;
  await offer({ 'film.mkv': 12_000_000 });
  let good = new Set<number>();
  let lostBytes = 0;
  let sentBytes = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    seed.blockPauseMs = 8;
    const child = startGet();
    // Now and then in the middle of the start: of the check, or of the first save.
    if (randomBelow(random, 5) > 0) await Promise.race([seed.firstBlock(), exited(child)]);
    await new Promise((resolve) => setTimeout(resolve, randomBelow(random, 300)));
    child.kill('SIGKILL');
    await exited(child);
    sentBytes += seed.sentBytes;
    const sent = seed.newRun();
    for (const block of sent.keys())
      assert.ok(!good.has(pieceOf(block)), `${context}: ${block} again, after kill ${kill}`);
    const now = piecesOnDisk();
    for (const piece of good) assert.ok(now.has(piece), `${context}: piece ${piece} was lost by kill ${kill}`);
    const inFlight = [...sent.keys()].filter((block) => !now.has(pieceOf(block)));
    for (const block of inFlight) lostBytes += sent.get(block)!;
    const pieces = new Set(inFlight.map(pieceOf));
    assert.ok(pieces.size <= IN_FLIGHT_MAX, `${context}: ${pieces.size} pieces in flight at kill ${kill}`);
    good = now;
  }
  seed.blockPauseMs = 0;
  await finish();
  sentBytes += seed.sentBytes;
  for (const block of seed.newRun().keys()) assert.ok(!good.has(pieceOf(block)), `${context}: ${block} in the end`);
  assert.equal(seed.repeats, 0, context);
  assert.equal(sentBytes, content.length + lostBytes, `${context}: all once, and again only what was in flight`);
});

test('Ctrl-C, then the same command: nothing verified is fetched or hashed again', async () => {
  await offer({ 'film.mkv': 4_000_000 });
  seed.blockPauseMs = 5;
  const child = startGet();
  await seed.firstBlock();
  await new Promise((resolve) => setTimeout(resolve, 500));
  child.kill('SIGINT');
  assert.equal(await exited(child), 7);
  const good = piecesOnDisk();
  assert.ok(good.size > 0);
  seed.newRun();
  seed.blockPauseMs = 0;
  const { bytesChecked } = await finish();
  assert.equal(bytesChecked, 0);
  for (const block of seed.newRun().keys()) assert.ok(!good.has(pieceOf(block)), `${block} again`);
});

const FILES = { 'a.bin': 10 * PIECE, 'b.bin': 5 * PIECE, 'c.bin': 10 * PIECE };

for (const [what, spoil, checkedPieces, fetchedPieces] of [
  ['changed', (path: string) => writeFileSync(path, Buffer.alloc(5 * PIECE)), 5, 5],
  ['truncated', (path: string) => truncateSync(path, 2 * PIECE), 2, 3],
  ['removed', (path: string) => rmSync(path), 0, 5],
] as const) {
  test(`between two runs a file was ${what}: what it touches is checked again, and what is missing fetched`, async () => {
    await offer(FILES);
    await finish();
    seed.newRun();
    spoil(join(directory, 'out', 'content', 'b.bin'));
    const { bytesChecked } = await finish();
    assert.equal(bytesChecked, checkedPieces * PIECE);
    assert.equal(seed.sentBytes, fetchedPieces * PIECE);
  });
}

test('complete files that nothing is remembered of are verified, not downloaded', async () => {
  await offer(FILES);
  await finish();
  seed.newRun();
  rmSync(join(directory, 'state'), { recursive: true });
  const { bytesChecked } = await finish();
  assert.equal(bytesChecked, content.length);
  assert.equal(seed.sentBytes, 0);
});

test('what is complete and unchanged is not read again, unless with --recheck', async () => {
  await offer(FILES);
  await finish();
  assert.equal((await finish())['bytesChecked'], 0);
  const { exitCode, stdout } = await runCli([...getArgs(), '--recheck'], environment());
  assert.equal(exitCode, 0, stdout);
  assert.match(stdout, new RegExp(`"bytesChecked":${content.length}`));
});
