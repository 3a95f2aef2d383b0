/** Reading files while they are downloaded: whole swarms in virtual time. Times in ms, rates in bytes per ms. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { Simulator } from '../../sim/simulator.js';
import { BLOCK, join, wait } from '../testing/peer-scenes.js';
import { DOWNLOADS, makeSimTorrent, SimEngine } from '../testing/sim-swarm.js';
import type { Torrent } from '../torrent.js';
import type { Reader, ReadResult } from './reader.js';

const PIECE = 4 * BLOCK;
/** 100 pieces of film, then some more; the files share a piece. */
const TORRENT = makeSimTorrent({
  lengths: { 'film.mkv': 100 * PIECE - 1000, 'extra.mkv': 50 * PIECE },
  pieceLength: PIECE,
});
const FILM = TORRENT.files.get('content/film.mkv')!;

test('a file that is there is read in order, whole or in part', () => {
  const { simulator, seed, seeding } = swarm();
  assert.deepEqual(readAll(simulator, seed, open(seed, seeding)), FILM);
  const middle = open(seed, seeding, { from: PIECE - 3, end: 3 * PIECE + 7 });
  assert.deepEqual(readAll(simulator, seed, middle), FILM.subarray(PIECE - 3, 3 * PIECE + 7));
  const second = open(seed, seeding, { file: 1, from: 0, end: 10 });
  assert.deepEqual(readAll(simulator, seed, second), TORRENT.files.get('content/extra.mkv')!.subarray(0, 10));
  assert.deepEqual(readAll(simulator, seed, open(seed, seeding, { from: 5, end: 5 })), new Uint8Array(0));
  assert.equal(seeding.phase, 'seeding');
});

test('a file that is not there yet is read as it comes', () => {
  const { simulator, leecher, added } = swarm({ rates: [50, 50] });
  assert.deepEqual(readAll(simulator, leecher, open(leecher, added)), FILM);
});

test('a film plays without a break when the peers together are fast enough, however unlike they are', () => {
  for (const rates of [
    [60, 60],
    [10, 20, 90],
    [5, 5, 5, 5, 100],
    [15, 15, 15, 15, 15, 15, 15, 15],
  ]) {
    const { simulator, leecher, added } = swarm({ rates });
    const capacity = rates.reduce((sum, rate) => sum + rate, 0);
    const stalls = play(simulator, leecher, open(leecher, added), { bytesPerMs: capacity * 0.8, bufferMs: 8000 });
    assert.deepEqual(stalls, [], `stalled with peers of ${rates}`);
    assert.ok(added.stats(simulator.now).wastedBytes < FILM.length / 10, 'little is asked for twice');
  }
});

test('what is read first is fetched first: no piece comes long before those that are waited for', () => {
  const { simulator, leecher, added } = swarm({ rates: [20, 20, 20, 5] });
  readAll(simulator, leecher, open(leecher, added));
  const order = verified(leecher).filter((piece) => piece < 100);
  for (const [place, piece] of order.entries()) {
    // The first few had been asked for before anything was read; each peer is in the middle of some piece.
    if (place >= 8) assert.ok(piece <= place + 8, `piece ${piece} was number ${place} to come`);
  }
});

test('what a slow reader leaves of the peers goes to the rest of the torrent', () => {
  const { simulator, leecher, added } = swarm({ rates: [100] });
  const stalls = play(simulator, leecher, open(leecher, added), { bytesPerMs: 30, bufferMs: 8000 });
  assert.deepEqual(stalls, []);
  assert.equal(added.phase, 'seeding', 'everything has come in the time of the film');
});

test('a reader in the middle gets its bytes at once, and several readers all play', () => {
  const { simulator, leecher, added } = swarm({ rates: [50, 50, 50] });
  const first = open(leecher, added);
  for (let i = 0; i < 5; i++) readOne(simulator, leecher, first);
  const soughtAtMs = simulator.now;
  const second = open(leecher, added, { from: 70 * PIECE });
  assert.deepEqual(readOne(simulator, leecher, second), FILM.subarray(70 * PIECE, 71 * PIECE));
  // A second of what was asked for before, and the piece itself.
  assert.ok(simulator.now - soughtAtMs < 3000, `${simulator.now - soughtAtMs} ms`);
  const beforeMs = simulator.now;
  assert.ok(readOne(simulator, leecher, first) instanceof Uint8Array);
  assert.ok(readOne(simulator, leecher, second) instanceof Uint8Array);
  assert.ok(simulator.now - beforeMs < 3000);
  leecher.session.inTurn(() => first.close());
  assert.deepEqual(readAll(simulator, leecher, second), FILM.subarray(72 * PIECE));
});

test('of a file that is not selected comes what is read of it, and no more', () => {
  const { simulator, seed, leecher, added } = swarm({ select: ['extra.mkv'] });
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 60_000 }));
  wait(simulator, 5000);
  assert.equal(added.swarm.peers.size, 0, 'the seed is of no use any more');
  const reader = open(leecher, added, { from: 10 * PIECE, end: 12 * PIECE });
  assert.equal(added.phase, 'downloading');
  assert.deepEqual(readAll(simulator, leecher, reader), FILM.subarray(10 * PIECE, 12 * PIECE));
  assert.equal(added.phase, 'seeding');
  assert.equal(leecher.count('completed'), 1, 'nothing that was selected has changed');
  const { have } = added.data!;
  const film = Array.from({ length: 99 }, (_, piece) => piece).filter((piece) => have.has(piece));
  assert.deepEqual(film, [10, 11]);
  assert.equal(leecher.host.disk.has(`${DOWNLOADS}/content/film.mkv`), true, 'it has to lie somewhere');
  assert.equal(added.stats(simulator.now).bytesTotal, 50 * PIECE);
  added.data!.picker.verify();
  assert.ok(seed.session.listenPort > 0);
});

test('a reader that leaves a file that is not selected leaves nothing wanted behind', () => {
  const { simulator, leecher, added } = swarm({ rates: [5], select: ['extra.mkv'] });
  const reader = open(leecher, added);
  wait(simulator, 3000);
  const wanted = added.data!.picker.wantedMissing;
  leecher.session.inTurn(() => reader.close());
  assert.ok(added.data!.picker.wantedMissing < wanted);
  assert.equal(added.data!.picker.urgent.isEmpty, true);
  added.data!.picker.verify();
  assert.deepEqual(readOne(simulator, leecher, reader), null);
});

test('a late block is asked of another peer, never twice of the same', () => {
  const { simulator, leecher, added } = swarm({ rates: [40] });
  // It has everything, says so at once, and sends nothing.
  const silent = join(simulator, leecher, {}, TORRENT);
  const askedAtMs = new Map<string, number>();
  silent.onRequest = (piece, begin) => {
    const before = askedAtMs.get(`${piece} ${begin}`) ?? Number.NEGATIVE_INFINITY;
    assert.ok(simulator.now - before >= 60_000, 'asked twice, and it is not a time-out');
    askedAtMs.set(`${piece} ${begin}`, simulator.now);
  };
  silent.bitfield(TORRENT.metainfo.pieceCount, [...Array(TORRENT.metainfo.pieceCount).keys()]);
  silent.send((encoder) => encoder.unchoke());
  wait(simulator, 300);
  const reader = open(leecher, added);
  const stalls = play(simulator, leecher, reader, { bytesPerMs: 20, bufferMs: 12_000 });
  assert.deepEqual(stalls, []);
  assert.ok(askedAtMs.size > 0, 'it had its chance');
});

test('readers hear why there is no more: stopped, paused, failed', () => {
  for (const [end, code] of [
    ['stop', 'ESTOPPED'],
    ['pause', 'ESTOPPED'],
  ] as const) {
    const { simulator, leecher, added } = swarm({ rates: [1] });
    const reader = open(leecher, added);
    let result: ReadResult | undefined;
    leecher.session.inTurn(() =>
      reader.read((chunk) => {
        result = chunk;
      }),
    );
    if (end === 'stop') leecher.stop(simulator);
    else leecher.session.inTurn(() => added.pause('user', () => {}));
    wait(simulator, 1000);
    assert.ok(result instanceof DtorrentError && result.code === code, end);
    if (end === 'stop') continue;
    const late = readOne(simulator, leecher, open(leecher, added));
    assert.ok(late instanceof DtorrentError && late.code === code, 'also one that comes afterwards');
  }
});

test('a reader waits while everything is checked anew, and goes on', () => {
  const { simulator, leecher, added } = swarm({ rates: [50] });
  const reader = open(leecher, added);
  for (let i = 0; i < 10; i++) readOne(simulator, leecher, reader);
  leecher.session.inTurn(() => added.recheck());
  assert.equal(added.phase, 'checking');
  assert.deepEqual(readAll(simulator, leecher, reader), FILM.subarray(10 * PIECE));
});

test('a disk that fails makes readers wait, and they go on once it is back', () => {
  const { simulator, seed, seeding } = swarm();
  const reader = open(seed, seeding);
  seed.host.disk.remove(`${DOWNLOADS}/content/film.mkv`);
  let result: ReadResult | undefined;
  seed.session.inTurn(() =>
    reader.read((chunk) => {
      result = chunk;
    }),
  );
  wait(simulator, 500);
  assert.equal(seeding.phase, 'paused');
  assert.equal(seeding.error?.code, 'EFILEIO');
  assert.equal(result, undefined);
  seed.host.disk.write(`${DOWNLOADS}/content/film.mkv`, FILM);
  assert.ok(simulator.run(() => result !== undefined, { maxVirtualMs: 600_000 }));
  assert.deepEqual(result, FILM.subarray(0, PIECE));
});

function swarm({
  rates = [100],
  select = [],
}: {
  readonly rates?: readonly number[];
  readonly select?: readonly string[];
} = {}): { simulator: Simulator; seed: SimEngine; seeding: Torrent; leecher: SimEngine; added: Torrent } {
  const rateOf = new Map<string, number>();
  const simulator = new Simulator({
    seed: 21,
    link: (from, to) => ({ latencyMs: 20, bytesPerMs: rateOf.get(from) ?? rateOf.get(to) ?? 1e6, lossRatio: 0 }),
  });
  const seeds = rates.map((rate) => {
    const engine = new SimEngine(simulator);
    rateOf.set(engine.host.ipv4!, rate);
    engine.give(TORRENT);
    return { engine, torrent: engine.add(TORRENT.metainfo, { isTrusted: true }) };
  });
  simulator.run(() => seeds.every(({ torrent }) => torrent.phase === 'seeding'));
  const leecher = new SimEngine(simulator);
  const added = leecher.add(TORRENT.metainfo, { from: seeds.map(({ engine }) => engine), select });
  simulator.run(() => added.phase === 'downloading');
  return { simulator, seed: seeds[0]!.engine, seeding: seeds[0]!.torrent, leecher, added };
}

function open(
  engine: SimEngine,
  torrent: Torrent,
  { file = 0, from = 0, end }: { readonly file?: number; readonly from?: number; readonly end?: number } = {},
): Reader {
  let reader: Reader | null = null;
  engine.session.inTurn(() => {
    reader = torrent.openReader(file, from, end ?? torrent.metainfo!.files[file]!.lengthBytes);
  });
  return reader!;
}

/** Runs the world until the next chunk is there. */
function readOne(simulator: Simulator, engine: SimEngine, reader: Reader, maxVirtualMs = 600_000): ReadResult {
  let result: ReadResult | undefined;
  engine.session.inTurn(() =>
    reader.read((chunk) => {
      result = chunk;
    }),
  );
  assert.ok(
    simulator.run(() => result !== undefined, { maxVirtualMs }),
    'nothing came',
  );
  return result!;
}

function readAll(simulator: Simulator, engine: SimEngine, reader: Reader): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = readOne(simulator, engine, reader);
    if (chunk instanceof DtorrentError) throw chunk;
    if (chunk === null) return concatBytes(chunks);
    chunks.push(chunk);
  }
}

/** A player: takes the bytes at a steady rate, once it has waited a while. @returns where it had to wait again. */
function play(
  simulator: Simulator,
  engine: SimEngine,
  reader: Reader,
  { bytesPerMs, bufferMs }: { readonly bytesPerMs: number; readonly bufferMs: number },
): string[] {
  const stalls: string[] = [];
  let atBytes = 0;
  let playsUntilMs = simulator.now + bufferMs;
  for (;;) {
    const chunk = readOne(simulator, engine, reader);
    if (chunk === null) return stalls;
    if (chunk instanceof DtorrentError) throw chunk;
    if (simulator.now > playsUntilMs) {
      stalls.push(`${Math.round(simulator.now - playsUntilMs)} ms at ${atBytes}`);
      playsUntilMs = simulator.now;
    }
    atBytes += chunk.length;
    playsUntilMs += chunk.length / bytesPerMs;
    // It holds that much in its own buffer, and takes no more before.
    if (playsUntilMs - simulator.now > bufferMs) simulator.run(playsUntilMs - bufferMs);
  }
}

function verified(engine: SimEngine): number[] {
  return engine.events.flatMap((event) => (event.type === 'pieceVerified' ? [event.piece] : []));
}
