/** Torrents that a person or the disk pauses, and that come back: whole sessions in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { randomBelow, SeededRandom } from '../base/random.js';
import { Simulator } from '../sim/simulator.js';
import { MemoryDisk } from '../sim/storage/memory-disk.js';
import { type MemoryOperation, MemoryStorageFactory } from '../sim/storage/memory-storage.js';
import { DISK_RETRY_FIRST_MS, DISK_RETRY_MAX_MS } from './data/disk-retry.js';
import { DOWNLOADS, makeSimTorrent, SimEngine } from './testing/sim-swarm.js';
import type { Torrent } from './torrent.js';

const PIECE = 16_384;
const TORRENT = makeSimTorrent({ lengths: { 'a.bin': 30 * PIECE, 'b.bin': 10 * PIECE }, pieceLength: PIECE });
/** A torrent with fewer pieces: a fault of the others is not its own. */
const OTHER = makeSimTorrent({ lengths: { 'other.bin': 5 * PIECE }, pieceLength: PIECE });
const TOTAL = 40 * PIECE;
const HOUR_MS = 3_600_000;

/** A slow download whose disk does what a test tells it. */
class Scene {
  readonly simulator: Simulator;
  readonly seed: SimEngine;
  readonly disk = new MemoryDisk();
  readonly engine: SimEngine;
  readonly torrent: Torrent;
  fault: (operation: MemoryOperation, piece: number) => DtorrentError | null = () => null;

  constructor(options: { readonly seed?: number; readonly resumeIntervalMs?: number } = {}) {
    const link = { latencyMs: 5, bytesPerMs: 10, lossRatio: 0 };
    this.simulator = new Simulator({ seed: options.seed ?? 1, link: () => link });
    this.seed = new SimEngine(this.simulator);
    for (const torrent of [TORRENT, OTHER]) {
      this.seed.give(torrent);
      this.seed.add(torrent.metainfo);
    }
    const storage = new MemoryStorageFactory({
      defer: (fn) => this.simulator.defer(fn),
      disk: this.disk,
      fault: (operation, piece) => this.fault(operation, piece),
    });
    const settings = { resumeIntervalMs: options.resumeIntervalMs ?? 30_000 };
    this.engine = new SimEngine(this.simulator, settings, { disk: this.disk, storage });
    this.torrent = this.engine.add(TORRENT.metainfo, { from: [this.seed] });
  }

  get had(): number {
    return this.torrent.data?.have.count ?? 0;
  }

  get pauses(): (string | undefined)[] {
    return this.engine.events.flatMap((event) => (event.type === 'torrentPaused' ? [event.error?.message] : []));
  }

  runUntilHad(pieces: number): void {
    assert.ok(this.simulator.run(() => this.had >= pieces, { maxVirtualMs: HOUR_MS }));
  }

  runUntil(phase: Torrent['phase']): void {
    assert.ok(
      this.simulator.run(() => this.torrent.phase === phase, { maxVirtualMs: HOUR_MS }),
      this.torrent.phase,
    );
  }

  pass(durationMs: number): void {
    this.simulator.run(this.simulator.now + durationMs);
  }

  pause(): void {
    this.engine.session.pause(this.torrent, () => {});
  }

  resume(): void {
    this.engine.session.resume(this.torrent);
  }

  recheck(): void {
    this.engine.session.recheck(this.torrent);
  }

  has(): boolean {
    return this.engine.has(TORRENT);
  }
}

for (const [what, code] of [
  ['a full disk', 'EDISKFULL'],
  ['an I/O error', 'EFILEIO'],
  ['a read-only directory', 'EFILECREATE'],
] as const) {
  test(`${what} pauses its torrent, which goes on by itself when the disk allows; others go on all the time`, () => {
    const scene = new Scene();
    scene.runUntilHad(10);
    const error = new DtorrentError(code, 'what and where');
    scene.fault = (operation, piece) => (operation === 'write' && piece >= 5 ? error : null);
    scene.runUntil('paused');
    const other = scene.engine.add(OTHER.metainfo, { from: [scene.seed], downloadDir: '/other' });
    assert.ok(scene.simulator.run(() => other.phase === 'seeding', { maxVirtualMs: HOUR_MS }));
    scene.pass(HOUR_MS);
    scene.runUntil('paused');
    assert.equal(scene.torrent.error, error);
    assert.equal(scene.torrent.swarm.peers.size, 0);
    assert.equal(other.phase, 'seeding');
    const { had } = scene;
    assert.ok(had >= 10, 'nothing verified is lost');
    scene.fault = () => null;
    const before = scene.torrent.swarm.downloadedBytes;
    scene.runUntil('downloading');
    assert.equal(scene.had, had);
    assert.equal(scene.torrent.data!.bytesChecked, 0, 'what was saved at the pause is trusted');
    scene.runUntil('seeding');
    assert.equal(scene.torrent.error, null);
    assert.ok(scene.has());
    assert.ok(scene.torrent.swarm.downloadedBytes - before <= TOTAL - had * PIECE, 'nothing verified came again');
  });
}

test('a sync that fails pauses the torrent: nothing is claimed that may not be on disk', () => {
  const scene = new Scene({ resumeIntervalMs: 1000 });
  scene.runUntilHad(5);
  const error = new DtorrentError('EFILEIO', 'the disk is broken');
  scene.fault = (operation) => (operation === 'flush' ? error : null);
  scene.runUntil('paused');
  assert.equal(scene.torrent.error, error);
  scene.pass(100);
  scene.fault = () => null;
  scene.runUntil('downloading');
  assert.ok(scene.torrent.data!.bytesChecked > 0, 'what was written since the last good save is looked at');
  scene.runUntil('seeding');
  assert.ok(scene.has());
});

test('who resumes at once is not paused again by what still fails of the run before', () => {
  const scene = new Scene();
  scene.runUntilHad(5);
  const full = new DtorrentError('EDISKFULL', 'full');
  scene.fault = (operation) => (operation === 'write' ? full : null);
  scene.runUntil('paused');
  let lateFailures = 0;
  scene.fault = (operation) => {
    if (operation !== 'flush') return null;
    lateFailures++;
    return full;
  };
  scene.resume();
  assert.ok(
    scene.simulator.run(() => scene.torrent.phase === 'downloading', { maxVirtualMs: DISK_RETRY_FIRST_MS / 2 }),
  );
  assert.equal(lateFailures, 1);
  assert.deepEqual(scene.pauses, ['full']);
  scene.fault = () => null;
  scene.runUntil('seeding');
  assert.ok(scene.has());
});

test('the disk is tried again soon, and then less and less often', () => {
  const scene = new Scene();
  scene.runUntilHad(5);
  const full = new DtorrentError('EDISKFULL', 'full');
  scene.fault = (operation) => (operation === 'write' || operation === 'stamp' ? full : null);
  scene.runUntil('paused');
  const atMs = scene.simulator.now;
  scene.pass(DISK_RETRY_FIRST_MS - 1);
  assert.equal(scene.pauses.length, 1);
  scene.pass(2);
  assert.equal(scene.pauses.length, 2, 'looked at, and paused again');
  scene.simulator.run(atMs + 70_000);
  assert.equal(scene.pauses.length, 4);
  assert.equal(scene.engine.count('torrentResumed'), 0);
});

test('files that vanish are noticed at the next save, and waited for', () => {
  const scene = new Scene({ resumeIntervalMs: 1000 });
  scene.runUntilHad(10);
  scene.pass(1500);
  const kept = new Map([...TORRENT.files.keys()].map((path) => [path, scene.disk.read(`${DOWNLOADS}/${path}`)]));
  for (const path of kept.keys()) scene.disk.remove(`${DOWNLOADS}/${path}`);
  // What is open goes on taking writes: keep it from making the file anew.
  const gone = new DtorrentError('EFILEIO', 'no such file');
  scene.fault = (operation) => (operation === 'write' ? gone : null);
  scene.runUntil('paused');
  scene.pass(HOUR_MS);
  assert.equal(scene.torrent.phase, 'paused', 'an empty directory may be a disk that is not mounted');
  assert.match(scene.torrent.error!.message, /the files are gone from \/downloads/);
  scene.fault = () => null;
  for (const [path, bytes] of kept) if (bytes !== null) scene.disk.write(`${DOWNLOADS}/${path}`, bytes);
  scene.pass(DISK_RETRY_MAX_MS);
  scene.runUntil('seeding');
  assert.ok(scene.has());
});

test('files that vanish may be fetched anew, when a person says so', () => {
  const scene = new Scene({ resumeIntervalMs: 1000 });
  scene.runUntilHad(10);
  scene.pass(1500);
  for (const path of TORRENT.files.keys()) scene.disk.remove(`${DOWNLOADS}/${path}`);
  let isGone = true;
  const gone = new DtorrentError('EFILEIO', 'no such file');
  scene.fault = (operation) => (isGone && operation === 'write' ? gone : null);
  scene.runUntil('paused');
  isGone = false;
  scene.pass(DISK_RETRY_MAX_MS);
  assert.equal(scene.torrent.phase, 'paused');
  scene.resume();
  scene.runUntil('seeding');
  assert.ok(scene.has());
});

test('a download whose file was removed before its last piece is not called complete', () => {
  const scene = new Scene({ resumeIntervalMs: 3_600_000 });
  let writes = 0;
  // Between the last write and its answer: no write is left that could tell.
  scene.fault = (operation) => {
    if (operation === 'write' && ++writes === 40)
      scene.simulator.defer(() => scene.disk.remove(`${DOWNLOADS}/content/a.bin`));
    return null;
  };
  scene.runUntil('paused');
  assert.equal(scene.engine.count('completed'), 0);
  assert.match(scene.pauses[0]!, /a\.bin (?:is gone|was there)/);
  scene.fault = () => null;
  scene.pass(DISK_RETRY_MAX_MS);
  scene.runUntil('seeding');
  assert.ok(scene.has());
});

test('a paused torrent lets peers and files go, and is not hashed again when it is resumed', () => {
  const scene = new Scene();
  scene.runUntilHad(10);
  let isPaused = false;
  scene.engine.session.pause(scene.torrent, () => {
    isPaused = true;
  });
  scene.simulator.run(() => isPaused);
  const { had } = scene;
  assert.equal(scene.torrent.phase, 'paused');
  assert.equal(scene.engine.session.context.writeBudget.usedBytes, 0);
  scene.pass(HOUR_MS);
  assert.equal(scene.torrent.swarm.peers.size, 0);
  assert.equal(scene.had, had, 'what is known of it can still be asked for');
  scene.resume();
  scene.runUntil('downloading');
  assert.equal(scene.torrent.data!.bytesChecked, 0);
  scene.runUntil('seeding');
  assert.ok(scene.has());
  const types = scene.engine.events.map(({ type }) => type).filter((type) => /Paused|Resumed|completed/.test(type));
  assert.deepEqual(types, ['torrentPaused', 'torrentResumed', 'completed']);
  assert.ok(scene.torrent.swarm.downloadedBytes <= TOTAL + 20 * PIECE);
});

test('a check of what is there finds what has rotted, while the torrent runs', () => {
  const scene = new Scene();
  scene.runUntil('seeding');
  scene.disk.corrupt(`${DOWNLOADS}/content/a.bin`, 3 * PIECE);
  scene.recheck();
  assert.equal(scene.torrent.phase, 'checking');
  scene.runUntil('downloading');
  assert.equal(scene.torrent.data!.bytesChecked, TOTAL);
  assert.equal(scene.had, 39);
  scene.runUntil('seeding');
  assert.ok(scene.has());
});

test('a pause by a person outlives what the disk says', () => {
  const scene = new Scene();
  scene.runUntilHad(5);
  const full = new DtorrentError('EDISKFULL', 'full');
  scene.fault = (operation) => (operation === 'write' ? full : null);
  scene.runUntil('paused');
  scene.pause();
  scene.fault = () => null;
  scene.pass(HOUR_MS);
  assert.equal(scene.torrent.phase, 'paused');
  assert.equal(scene.torrent.error, null);
  scene.resume();
  scene.runUntil('seeding');
});

test('an error that is not the disk’s ends the torrent', () => {
  const scene = new Scene();
  scene.runUntilHad(5);
  const bad = new DtorrentError('ETORRENT', 'its hashes contradict each other');
  scene.fault = (operation) => (operation === 'write' ? bad : null);
  scene.runUntil('failed');
  scene.resume();
  scene.pause();
  scene.recheck();
  scene.pass(HOUR_MS);
  assert.equal(scene.torrent.phase, 'failed');
});

test('paused, resumed, rechecked and failed at random, a download ends complete and stops cleanly', () => {
  const first = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  for (let seed = first; seed < first + 20; seed++) {
    const random = new SeededRandom(seed);
    const scene = new Scene({ seed, resumeIntervalMs: 1000 });
    const error = new DtorrentError('EFILEIO', 'a bad moment');
    let faultRatio = 20;
    scene.fault = (operation) => (operation !== 'open' && randomBelow(random, 100) < faultRatio ? error : null);
    const acts = [() => scene.pause(), () => scene.resume(), () => scene.recheck(), () => scene.resume()];
    for (let step = 0; step < 60; step++) {
      scene.pass(randomBelow(random, randomBelow(random, 3) === 0 ? 20_000 : 50));
      acts[randomBelow(random, acts.length)]!();
    }
    faultRatio = 0;
    scene.resume();
    const isDone = scene.simulator.run(() => scene.torrent.phase === 'seeding', { maxVirtualMs: HOUR_MS });
    assert.ok(isDone && scene.has(), `SEED=${seed}: ${scene.torrent.phase}`);
    scene.engine.stop(scene.simulator);
    scene.seed.stop(scene.simulator);
    scene.pass(HOUR_MS);
    assert.ok(scene.simulator.isIdle, `SEED=${seed}: something is left`);
  }
});
