/** A torrent over several runs: whole sessions in virtual time, one after the other, over one disk and one state. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { decodeResumeData, encodeResumeData, type ResumeData } from '../format/resume-data.js';
import type { Link } from '../sim/network/internet.js';
import { Simulator } from '../sim/simulator.js';
import type { MemoryDisk } from '../sim/storage/memory-disk.js';
import { auditSession } from './audit/audit-session.js';
import type { Settings } from './settings.js';
import { DOWNLOADS, makeSimTorrent, SimEngine, type SimTorrent } from './testing/sim-swarm.js';
import type { Torrent } from './torrent.js';

const PIECE = 16_384;
const TORRENT = makeSimTorrent({
  lengths: { 'a.bin': 20 * PIECE, 'b.bin': 10 * PIECE + 5, 'c.bin': 10 * PIECE - 5 },
  pieceLength: PIECE,
});
const TOTAL = 40 * PIECE;
const A = `${DOWNLOADS}/content/a.bin`;
const B = `${DOWNLOADS}/content/b.bin`;

/** One person's computer: its disk and its state outlive the engines on it. */
class Computer {
  readonly simulator: Simulator;
  readonly seed: SimEngine;
  disk: MemoryDisk;
  state = new Map<string, Uint8Array>();
  engine: SimEngine;
  readonly #settings: Partial<Settings>;

  /** `bytesPerMs` from the seed: a download of TORRENT takes 650 kB divided by it. */
  constructor(options: { readonly settings?: Partial<Settings>; readonly bytesPerMs?: number } = {}) {
    const link: Link = { latencyMs: 5, bytesPerMs: options.bytesPerMs ?? 100, lossRatio: 0 };
    this.simulator = new Simulator({ seed: 1, link: () => link });
    this.seed = new SimEngine(this.simulator);
    this.seed.give(TORRENT);
    this.seed.add(TORRENT.metainfo);
    this.#settings = options.settings ?? {};
    this.engine = this.#boot();
    this.disk = this.engine.host.disk;
  }

  get record(): ResumeData | null {
    const [record] = this.state.values();
    return record === undefined ? null : decodeResumeData(record);
  }

  /** Changes what is remembered. */
  forge(change: (record: ResumeData) => Partial<ResumeData>): void {
    const [key, bytes] = [...this.state][0]!;
    const record = decodeResumeData(bytes);
    this.state.set(key, encodeResumeData({ ...record, ...change(record) }));
  }

  download(source: SimTorrent['metainfo'] | SimTorrent['magnet'] = TORRENT.metainfo): Torrent {
    return this.engine.add(source, { from: [this.seed] });
  }

  runUntilDone(torrent: Torrent): void {
    assert.ok(
      this.simulator.run(() => torrent.phase === 'seeding', { maxVirtualMs: 3_600_000 }),
      torrent.phase,
    );
    assert.ok(this.engine.has(TORRENT));
  }

  runUntilHad(torrent: Torrent, pieces: number): void {
    assert.ok(this.simulator.run(() => (torrent.data?.have.count ?? 0) >= pieces, { maxVirtualMs: 3_600_000 }));
  }

  /** An orderly stop, and the next run. */
  restart(): void {
    this.engine.stop(this.simulator);
    this.engine = this.#boot();
  }

  /** The next run begins with what disk and state hold now; the last one ends without a word. */
  crash(): void {
    const [disk, state] = [this.disk.clone(), new Map(this.state)];
    this.engine.stop(this.simulator);
    this.disk = disk;
    this.state = state;
    this.engine = this.#boot();
  }

  #boot(): SimEngine {
    const disk = this.disk === undefined ? {} : { disk: this.disk };
    return new SimEngine(this.simulator, this.#settings, { ...disk, state: this.state });
  }
}

function hashedBytes(torrent: Torrent): number {
  return torrent.data!.bytesChecked;
}

function countSaves({ engine }: Computer): { count: number } {
  const saves = { count: 0 };
  engine.host.state.fault = (operation) => {
    if (operation === 'save') saves.count++;
    return null;
  };
  return saves;
}

test('a stopped download goes on without fetching or hashing anything again', () => {
  const computer = new Computer();
  computer.runUntilHad(computer.download(), 15);
  computer.restart();
  const { have, isClean } = computer.record!;
  assert.ok(isClean && have.some((byte) => byte !== 0));
  const torrent = computer.download();
  computer.simulator.run(() => torrent.phase === 'downloading');
  const had = torrent.data!.have.count;
  assert.ok(had >= 15);
  assert.equal(hashedBytes(torrent), 0);
  computer.runUntilDone(torrent);
  assert.equal(torrent.swarm.downloadedBytes, TOTAL - had * PIECE);
});

test('blocks of unfinished pieces outlive an orderly stop', () => {
  const big = makeSimTorrent({ lengths: { 'big.bin': 8 * 64 * 16_384 }, pieceLength: 64 * 16_384 });
  const computer = new Computer({ bytesPerMs: 10 });
  computer.seed.give(big);
  computer.seed.add(big.metainfo);
  const first = computer.download(big.metainfo);
  computer.simulator.run(() => first.swarm.downloadedBytes >= 40 * 16_384);
  const receivedBytes = first.swarm.downloadedBytes;
  assert.equal(first.data!.have.count, 0);
  computer.restart();
  assert.ok(computer.record!.partials.length > 0);
  const torrent = computer.download(big.metainfo);
  assert.ok(computer.simulator.run(() => torrent.phase === 'seeding', { maxVirtualMs: 3_600_000 }));
  assert.ok(computer.engine.has(big));
  const { downloadedBytes, wastedBytes } = torrent.swarm;
  assert.equal(downloadedBytes - wastedBytes, 8 * 64 * 16_384 - receivedBytes, 'what had come is used');
  assert.equal(torrent.data!.hashFailures, 0);
});

test('after a crash everything that was verified is found again, and fetched only once', () => {
  const computer = new Computer({ bytesPerMs: 10, settings: { resumeIntervalMs: 10_000 } });
  const first = computer.download();
  computer.runUntilHad(first, 10);
  const had = first.data!.have.count;
  computer.crash();
  const torrent = computer.download();
  computer.simulator.run(() => torrent.phase === 'downloading');
  assert.equal(torrent.data!.have.count, had);
  computer.runUntilDone(torrent);
  assert.equal(torrent.swarm.downloadedBytes, TOTAL - had * PIECE);
});

test('a crash after a save, and nothing written since: what was had is trusted, the rest is looked at', () => {
  const computer = new Computer({ bytesPerMs: 10, settings: { resumeIntervalMs: 1000 } });
  const first = computer.download();
  computer.runUntilHad(first, 10);
  computer.seed.stop(computer.simulator);
  computer.simulator.run(computer.simulator.now + 60_000);
  const had = first.data!.have.count;
  assert.equal(computer.record!.isClean, false);
  computer.crash();
  const torrent = computer.download();
  computer.simulator.run(() => torrent.phase === 'downloading');
  assert.equal(torrent.data!.have.count, had);
  // The disk in memory makes no holes: a file reaches as far as was written.
  assert.ok(hashedBytes(torrent) <= TOTAL - had * PIECE);
});

for (const [what, spoil, hashed, missing] of [
  ['changed', (disk: MemoryDisk) => disk.write(B, new Uint8Array(10 * PIECE + 5)), 11, 11],
  ['truncated', (disk: MemoryDisk) => disk.write(B, disk.read(B)!.subarray(0, 4 * PIECE)), 4, 7],
  ['removed', (disk: MemoryDisk) => disk.remove(B), 1, 11],
  ['touched', (disk: MemoryDisk) => disk.write(B, disk.read(B)!), 11, 0],
] as const) {
  test(`of a ${what} file, and of no other, the pieces are checked, and what is missing is fetched`, () => {
    const computer = new Computer();
    computer.runUntilDone(computer.download());
    computer.restart();
    spoil(computer.disk);
    const torrent = computer.download();
    computer.runUntilDone(torrent);
    assert.equal(hashedBytes(torrent), hashed * PIECE);
    assert.equal(torrent.swarm.downloadedBytes, missing * PIECE);
  });
}

test('complete and unchanged data is seeded at once; with a recheck all of it is hashed', () => {
  const computer = new Computer();
  computer.runUntilDone(computer.download());
  computer.restart();
  computer.disk.corrupt(A, 0);
  const trusted = computer.engine.add(TORRENT.metainfo);
  computer.simulator.run(() => trusted.phase === 'seeding');
  assert.equal(hashedBytes(trusted), 0);
  computer.restart();
  const checked = computer.engine.add(TORRENT.metainfo, { isRecheck: true });
  computer.simulator.run(() => checked.phase === 'downloading');
  assert.equal(hashedBytes(checked), TOTAL);
  assert.equal(checked.data!.have.count, 39);
});

test('what an earlier run has completed is not saved again when it is found as it was', () => {
  const computer = new Computer();
  computer.runUntilDone(computer.download());
  computer.restart();
  const saves = countSaves(computer);
  const torrent = computer.engine.add(TORRENT.metainfo);
  computer.simulator.run(() => torrent.phase === 'seeding');
  computer.simulator.run(computer.simulator.now + 300_000);
  assert.equal(saves.count, 0);
  computer.restart();
  assert.equal(saves.count, 1, 'the time it has seeded is');
});

test('a torrent that is complete has what fetches pieces only while somebody is there', () => {
  const computer = new Computer();
  computer.runUntilDone(computer.download());
  computer.restart();
  computer.forge(() => ({ peers: [] }));
  computer.seed.stop(computer.simulator);
  const torrent = computer.engine.add(TORRENT.metainfo);
  computer.simulator.run(() => torrent.phase === 'seeding');
  computer.simulator.run(computer.simulator.now + 60_000);
  assert.equal(torrent.data!.fetching, null);
  assert.equal(auditSession(computer.engine.session), null);
  const other = new SimEngine(computer.simulator);
  const fetched = other.add(TORRENT.metainfo, { from: [computer.engine] });
  let wasMade = false;
  computer.simulator.run(() => {
    wasMade ||= torrent.data!.fetching !== null;
    return fetched.phase === 'seeding';
  });
  assert.ok(other.has(TORRENT) && wasMade);
  computer.simulator.run(computer.simulator.now + 10_000);
  assert.deepEqual(
    [torrent.swarm.peers.size, torrent.data!.fetching],
    [0, null],
    'those that are complete have parted',
  );
});

test('a person’s word that everything is there is saved', () => {
  const computer = new Computer();
  computer.engine.give(TORRENT);
  const first = computer.engine.add(TORRENT.metainfo, { isPaused: true });
  computer.simulator.run(() => first.phase === 'paused');
  computer.restart();
  const saves = countSaves(computer);
  const torrent = computer.engine.add(TORRENT.metainfo, { isPaused: false, isTrusted: true });
  computer.simulator.run(() => torrent.phase === 'seeding');
  computer.simulator.run(computer.simulator.now + 1000);
  assert.ok(saves.count > 0);
  assert.equal(computer.record!.have.filter((byte) => byte === 0xff).length, TOTAL / PIECE / 8);
});

test('complete files that nothing is remembered of are verified, not downloaded', () => {
  const computer = new Computer();
  computer.engine.give(TORRENT);
  const torrent = computer.download();
  computer.runUntilDone(torrent);
  assert.equal(hashedBytes(torrent), TOTAL);
  assert.equal(torrent.swarm.downloadedBytes, 0);
});

test('a check that was interrupted goes on where it was', () => {
  const computer = new Computer();
  computer.engine.give(TORRENT);
  const first = computer.download();
  computer.simulator.run(() => (first.data?.bytesChecked ?? 0) >= 20 * PIECE);
  assert.equal(first.phase, 'checking');
  const checked = hashedBytes(first);
  computer.restart();
  const torrent = computer.download();
  computer.runUntilDone(torrent);
  assert.ok(hashedBytes(torrent) <= TOTAL - checked, `${hashedBytes(torrent)} after ${checked}`);
  assert.equal(torrent.swarm.downloadedBytes, 0);
});

test('a download that is stopped before it looked for its record keeps it', () => {
  const computer = new Computer();
  computer.runUntilDone(computer.download());
  computer.restart();
  computer.download();
  computer.restart();
  const torrent = computer.download();
  computer.runUntilDone(torrent);
  assert.equal(hashedBytes(torrent), 0);
});

for (const [what, record] of [
  ['damaged', Uint8Array.of(1, 2, 3)],
  ['empty', new Uint8Array(0)],
] as const) {
  test(`a record that is ${what} is a warning and a full check`, () => {
    const computer = new Computer();
    computer.runUntilDone(computer.download());
    computer.restart();
    for (const key of computer.state.keys()) computer.state.set(key, record);
    const torrent = computer.download();
    computer.runUntilDone(torrent);
    assert.equal(hashedBytes(torrent), TOTAL);
    const warnings = computer.engine.events.flatMap((event) => (event.type === 'warning' ? [event.error] : []));
    assert.equal(warnings.length, 1);
    assert.equal(warnings[0]!.code, 'ESTATE');
    assert.match(warnings[0]!.message, /damaged.*all data is checked/);
  });
}

test('a record that does not fit the torrent is not believed', () => {
  for (const change of [
    { have: new Uint8Array(3) },
    { files: [] },
    { have: new Uint8Array(5).fill(0xff), files: [] },
  ]) {
    const computer = new Computer();
    computer.runUntilDone(computer.download());
    computer.restart();
    computer.forge(() => change);
    const torrent = computer.download();
    computer.runUntilDone(torrent);
    assert.equal(hashedBytes(torrent), TOTAL);
  }
});

test('in another directory the same torrent is another download', () => {
  const computer = new Computer();
  computer.runUntilDone(computer.download());
  computer.restart();
  const torrent = computer.engine.add(TORRENT.metainfo, { downloadDir: '/elsewhere' });
  computer.simulator.run(() => torrent.phase === 'downloading');
  assert.equal(torrent.data!.have.count, 0);
});

test('a magnet is not asked for its metadata again', () => {
  const computer = new Computer();
  const first = computer.download(TORRENT.magnet);
  computer.simulator.run(() => first.phase === 'checking');
  computer.simulator.run(computer.simulator.now + 100);
  assert.deepEqual(computer.record!.infoBytes, TORRENT.metainfo.infoBytes, 'saved as soon as it is there');
  computer.crash();
  computer.seed.stop(computer.simulator);
  const torrent = computer.engine.add(TORRENT.magnet);
  assert.ok(computer.simulator.run(() => torrent.phase === 'downloading', { maxVirtualMs: 1000 }));
  assert.equal(torrent.metainfo!.name, 'content');
});

test('metadata in a record that is not the torrent’s is passed over', () => {
  const computer = new Computer();
  computer.runUntilDone(computer.download(TORRENT.magnet));
  computer.restart();
  computer.forge(() => ({ infoBytes: makeSimTorrent({ lengths: { x: 1 }, pieceLength: PIECE }).metainfo.infoBytes }));
  const torrent = computer.engine.add(TORRENT.magnet);
  computer.simulator.run(computer.simulator.now + 1000);
  assert.equal(torrent.phase, 'metadata');
});

test('peers are remembered, those of a private torrent are not', () => {
  const computer = new Computer();
  computer.runUntilHad(computer.download(), 5);
  computer.restart();
  assert.deepEqual(
    computer.record!.peers.map(({ host }) => host),
    [computer.seed.host.ipv4],
  );
  const torrent = computer.engine.add(TORRENT.metainfo);
  computer.runUntilDone(torrent);

  const secret = makeSimTorrent({ lengths: { x: 5 * PIECE }, pieceLength: PIECE, isPrivate: true });
  const other = new Computer();
  other.engine.add(secret.metainfo, { from: [other.seed] });
  other.simulator.run(other.simulator.now + 1000);
  other.restart();
  assert.deepEqual(other.record!.peers, []);
});

test('a removed torrent is forgotten, though its data stays', () => {
  const computer = new Computer();
  const torrent = computer.download();
  computer.runUntilDone(torrent);
  computer.simulator.run(computer.simulator.now + 1000);
  assert.equal(computer.state.size, 1);
  let isRemoved = false;
  computer.engine.session.remove(torrent, () => {
    isRemoved = true;
  });
  computer.simulator.run(() => isRemoved);
  computer.restart();
  assert.equal(computer.state.size, 0);
  assert.ok(computer.engine.has(TORRENT));
});

test('while a download moves, it is saved as often as the interval says, and at once when it is complete', () => {
  const computer = new Computer({ bytesPerMs: 2, settings: { resumeIntervalMs: 60_000 } });
  const savedAtMs: number[] = [];
  computer.engine.host.state.fault = (operation) => {
    if (operation === 'save') savedAtMs.push(computer.simulator.now);
    return null;
  };
  const torrent = computer.download();
  computer.runUntilDone(torrent);
  const doneAtMs = computer.simulator.now;
  computer.simulator.run(doneAtMs + 600_000);
  const whileDownloading = savedAtMs.filter((at) => at < doneAtMs);
  assert.equal(whileDownloading.length, Math.floor(doneAtMs / 60_000), `${savedAtMs}`);
  for (const [i, at] of whileDownloading.slice(1).entries()) assert.ok(at - whileDownloading[i]! >= 60_000);
  assert.deepEqual(savedAtMs.slice(whileDownloading.length), [doneAtMs], 'then nothing changes any more');
});

test('what is uploaded is worth a save, and totals grow over all runs', () => {
  const computer = new Computer({ settings: { resumeIntervalMs: 5000 } });
  const first = computer.download();
  computer.runUntilDone(first);
  // It is to fetch everything from here, and not find the seed that this one had.
  const other = new SimEngine(computer.simulator, { pex: false });
  const fetched = other.add(TORRENT.metainfo, { from: [computer.engine] });
  computer.simulator.run(() => fetched.phase === 'seeding');
  computer.simulator.run(computer.simulator.now + 100_000);
  assert.equal(computer.record!.uploadedBytes, TOTAL);
  const { addedUnixTime, completedUnixTime, seedingSeconds } = computer.record!;
  assert.ok(completedUnixTime !== null && seedingSeconds < 10, 'a minute more or less of seeding is not');
  computer.simulator.run(computer.simulator.now + 700_000);
  assert.ok(computer.record!.seedingSeconds >= 600, 'ten are');

  computer.restart();
  const torrent = computer.engine.add(TORRENT.metainfo);
  computer.simulator.run(() => torrent.phase === 'seeding');
  computer.simulator.run(computer.simulator.now + 50_000);
  computer.restart();
  const record = computer.record!;
  assert.deepEqual([record.uploadedBytes, record.downloadedBytes], [TOTAL, TOTAL]);
  assert.deepEqual([record.addedUnixTime, record.completedUnixTime], [addedUnixTime, completedUnixTime]);
  assert.ok(record.seedingSeconds >= 850 && record.seedingSeconds < 860, `${record.seedingSeconds}`);
});

test('where nothing can be saved, downloads go on with one warning', () => {
  const computer = new Computer({ bytesPerMs: 5, settings: { resumeIntervalMs: 1000 } });
  const fault = new DtorrentError('ESTATE', 'the state directory is read-only');
  computer.engine.host.state.fault = (operation) => (operation === 'load' ? null : fault);
  computer.runUntilDone(computer.download());
  computer.engine.stop(computer.simulator);
  assert.equal(computer.engine.count('warning'), 1);
  assert.equal(computer.state.size, 0);
});

test('what was paused by a person begins paused, unless it is added to go on', () => {
  const computer = new Computer();
  const first = computer.download();
  computer.runUntilHad(first, 5);
  computer.engine.session.pause(first, () => {});
  computer.restart();
  const paused = computer.download();
  computer.simulator.run(computer.simulator.now + 60_000);
  assert.equal(paused.phase, 'paused');
  computer.restart();
  const torrent = computer.engine.add(TORRENT.metainfo, { from: [computer.seed], isPaused: false });
  computer.runUntilDone(torrent);
  assert.equal(hashedBytes(torrent), 0);
});

test('what was resumed is not paused again after a crash, however soon that comes', () => {
  const computer = new Computer();
  const first = computer.download();
  computer.runUntilDone(first);
  for (const isResumedByAdding of [false, true]) {
    const torrent = [...computer.engine.session.torrents][0]!;
    computer.engine.session.pause(torrent, () => {});
    computer.simulator.run(computer.simulator.now + 1000);
    assert.equal(computer.record!.isPaused, true);
    if (isResumedByAdding) {
      computer.restart();
      computer.engine.add(TORRENT.metainfo, { from: [computer.seed], isPaused: false });
    } else {
      computer.engine.session.resume(torrent);
    }
    computer.simulator.run(computer.simulator.now + 1000);
    computer.crash();
    computer.runUntilDone(computer.download());
  }
});

test('what was selected is still selected after a crash, however soon that comes', () => {
  const computer = new Computer();
  const torrent = computer.download();
  computer.runUntilDone(torrent);
  computer.simulator.run(computer.simulator.now + 60_000);
  computer.engine.session.inTurn(() => torrent.setFilePriorities(Uint8Array.of(1, 0, 5)));
  computer.simulator.run(computer.simulator.now + 1000);
  computer.crash();
  const again = computer.download();
  computer.runUntilDone(again);
  assert.deepEqual(again.files!.ofFile, Uint8Array.of(1, 0, 5));
});

test('trackers that were added are there in the next run, as long as the torrent is not removed', () => {
  const computer = new Computer();
  const urls = ['http://one.test/announce', 'udp://two.test:6969/announce'];
  const of = ({ announcer }: Torrent): string[] => announcer.trackers(0).map(({ url }) => url);
  const first = computer.download();
  computer.runUntilDone(first);
  computer.engine.session.inTurn(() => first.addTrackers(urls));
  computer.restart();
  const second = computer.download();
  computer.runUntilDone(second);
  assert.deepEqual(of(second), urls);
  computer.restart();
  const third = computer.download();
  computer.runUntilDone(third);
  assert.deepEqual(of(third), urls, 'and in the one after');
  computer.engine.session.remove(third, () => {});
  computer.restart();
  const fourth = computer.download();
  computer.runUntilDone(fourth);
  assert.deepEqual(of(fourth), []);
});
