/**
 * What storage costs: writes 1 GiB of verified pieces, checks them and reads them back, with 0, 1 and 2 disk workers.
 * CPU is the process's, all threads together; the main thread's part is what is not there for sockets. RSS of a worker
 * is the growth of the process by the first use of each. Files are removed before the kernel writes them all out, and
 * `flush` is timed apart, so that this measures dtorrent and not the disk.
 * With many files and pieces it shows what grows with their number: open, stamp and the process's memory as well.
 * usage: node build/bench/parts/storage.js [--mib 1024] [--piece 1048576] [--files 1] [--kind v1|v2|hybrid] [--dir path]
 *   [--runs 3]
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, platform, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sha1, sha256 } from '../../src/base/crypto.js';
import { DtorrentError } from '../../src/base/errors.js';
import { SeededRandom } from '../../src/base/random.js';
import { ByteBudget, type Slot, SlotPool } from '../../src/base/slot-pool.js';
import { merkleRoot } from '../../src/format/merkle.js';
import type { Storage, StorageSpec } from '../../src/host/storage.js';
import { FileStorageFactory } from '../../src/node/file-storage.js';

const MIB = 1024 * 1024;
const LEAF_BYTES = 16 * 1024;
/** What the engine reads at once for uploads, and how many of those it may have under way. */
const READ_BYTES = 256 * 1024;
const READS_IN_FLIGHT = 4;
const CHECKS_IN_FLIGHT = 8;
const SLOTS = 16;

const options = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    piece: { type: 'string', default: String(MIB) },
    files: { type: 'string', default: '1' },
    kind: { type: 'string', default: 'v1' },
    dir: { type: 'string', default: tmpdir() },
    runs: { type: 'string', default: '3' },
  },
}).values;
const pieceLength = Number(options.piece);
const totalBytes = Number(options.mib) * MIB;
const pieceCount = Math.ceil(totalBytes / pieceLength);
const fileCount = Number(options.files);

interface Sample {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of the event loop: time not spent waiting. */
  readonly mainSeconds: number;
}

await main();

async function main(): Promise<void> {
  const what = `${options.mib} MiB in ${fileCount} files and ${pieceCount} pieces of ${pieceLength / 1024} KiB`;
  console.log(`${what}, ${options.kind}; best of ${options.runs}`);
  console.log(`${cpus().length} × ${cpus()[0]?.model.trim()}; ${platform()} ${release()}, Node ${process.version}\n`);
  console.log('| workers | operation | MiB/s | CPU-s per GiB | of it main thread | RSS per worker MiB |');
  console.log('|---|---|---|---|---|---|');
  for (const diskWorkers of [0, 1, 2]) await measureWorkers(diskWorkers);
}

async function measureWorkers(diskWorkers: number): Promise<void> {
  const best = new Map<string, Sample>();
  let rssPerWorker = 0;
  for (let run = 0; run < Number(options.runs); run++) {
    const directory = mkdtempSync(join(options.dir, 'dtorrent-bench-'));
    const factory = new FileStorageFactory({ diskWorkers, maxOpenFiles: 100 });
    try {
      const { spec, slots } = makeContent(directory);
      const openedAt = performance.now();
      const storage = await openStorage(factory, spec);
      if (run === 0 && fileCount > 1) console.log(`opened in ${Math.round(performance.now() - openedAt)} ms`);
      const rssBefore = rssMib();
      await warmUp(storage, diskWorkers);
      if (run === 0 && diskWorkers > 0) rssPerWorker = (rssMib() - rssBefore) / diskWorkers;
      for (const [operation, action] of operationsOf(storage, slots)) {
        const sample = await measure(action);
        const known = best.get(operation);
        if (known === undefined || sample.seconds < known.seconds) best.set(operation, sample);
      }
      await new Promise<void>((resolve) => storage.close(resolve));
    } finally {
      rmSync(directory, { recursive: true, force: true });
      await new Promise<void>((resolve) => factory.close(resolve));
    }
  }
  if (fileCount > 1) console.log(`process: ${Math.round(rssMib())} MiB`);
  for (const [operation, { seconds, cpuSeconds, mainSeconds }] of best) {
    const gib = totalBytes / (1024 * MIB);
    const cells = [
      diskWorkers,
      operation,
      Math.round(totalBytes / MIB / seconds),
      (cpuSeconds / gib).toFixed(2),
      (mainSeconds / gib).toFixed(2),
      operation === 'write' && diskWorkers > 0 ? rssPerWorker.toFixed(1) : '',
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

function operationsOf(storage: Storage, slots: readonly Slot[]): [string, () => Promise<void>][] {
  return [
    [
      'write',
      () => inFlight(pieceCount, SLOTS, (piece, done) => storage.writePiece(piece, slots[piece % SLOTS]!, done)),
    ],
    ['verify', () => inFlight(pieceCount, CHECKS_IN_FLIGHT, (piece, done) => storage.verifyPiece(piece, done))],
    ['read', () => readAll(storage)],
    ['stamp', () => inFlight(1, 1, (_, done) => storage.stampFiles((result) => done(asResult(result))))],
    ['flush', () => inFlight(1, 1, (_, done) => storage.flush((error) => done(error ?? 'ok')))],
  ];
}

function asResult(result: unknown): string | DtorrentError {
  return result instanceof DtorrentError ? result : 'ok';
}

/** As many different pieces as there are slots: making a GiB of noise would take longer than storing it. */
function makeContent(directory: string): { spec: StorageSpec; slots: Slot[] } {
  const pool = new SlotPool(pieceLength, new ByteBudget(SLOTS * pieceLength));
  const slots: Slot[] = [];
  const hasV1 = options.kind !== 'v2';
  const hasV2 = options.kind !== 'v1';
  const v1 = hasV1 ? new Uint8Array(pieceCount * 20) : null;
  const v2 = hasV2 ? new Uint8Array(pieceCount * 32) : null;
  for (let i = 0; i < SLOTS; i++) {
    const slot = pool.acquire()!;
    new SeededRandom(i).fill(slot.bytes);
    slots.push(slot);
    const digest = hasV1 ? sha1(slot.bytes) : null;
    const root = hasV2 ? rootOf(slot.bytes) : null;
    for (let piece = i; piece < pieceCount; piece += SLOTS) {
      if (digest !== null) v1!.set(digest, piece * 20);
      if (root !== null) v2!.set(root, piece * 32);
    }
  }
  const lengthBytes = pieceCount * pieceLength;
  const fileBytes = Math.ceil(lengthBytes / fileCount);
  const files = Array.from({ length: fileCount }, (_, i) => ({
    path: ['bench', `directory-${i % 100}`, `data-${i}.bin`],
    lengthBytes: Math.max(Math.min(fileBytes, lengthBytes - i * fileBytes), 0),
    offsetBytes: Math.min(i * fileBytes, lengthBytes),
    padding: false,
    executable: false,
  }));
  const spec: StorageSpec = {
    directory,
    layout: {
      files,
      pieceLength,
      pieceCount,
      pieceBytes: () => pieceLength,
      forEachSpan: (piece, begin, length, visit) => {
        let offset = piece * pieceLength + begin;
        for (const end = offset + length; offset < end; ) {
          const index = Math.floor(offset / fileBytes);
          const bytes = Math.min(end, (index + 1) * fileBytes) - offset;
          visit(index, offset - index * fileBytes, bytes);
          offset += bytes;
        }
      },
    },
    hashes: { v1, v2, v2PieceBytes: () => pieceLength, v2LeafCount: () => pieceLength / LEAF_BYTES },
    wantedFiles: null,
    partsName: '.bench.parts',
    preallocation: 'sparse',
  };
  return { spec, slots };
}

function rootOf(bytes: Uint8Array): Uint8Array {
  const leaves = new Uint8Array((bytes.length / LEAF_BYTES) * 32);
  for (let i = 0; i * LEAF_BYTES < bytes.length; i++) {
    leaves.set(sha256(bytes.subarray(i * LEAF_BYTES, (i + 1) * LEAF_BYTES)), i * 32);
  }
  return merkleRoot(leaves);
}

async function readAll(storage: Storage): Promise<void> {
  const length = Math.min(READ_BYTES, pieceLength);
  const readsPerPiece = pieceLength / length;
  const buffers = Array.from({ length: READS_IN_FLIGHT }, () => new Uint8Array(length));
  await inFlight(pieceCount * readsPerPiece, READS_IN_FLIGHT, (read, done) => {
    const buffer = buffers.pop()!;
    storage.read(Math.floor(read / readsPerPiece), (read % readsPerPiece) * length, buffer, (error) => {
      buffers.push(buffer);
      done(error ?? 'ok');
    });
  });
}

/** Each worker starts when the others are busy. */
async function warmUp(storage: Storage, diskWorkers: number): Promise<void> {
  const pieces = Math.min(Math.max(diskWorkers, 1) * 4, pieceCount);
  await new Promise<void>((resolve) => {
    let waiting = pieces;
    for (let piece = 0; piece < pieces; piece++) {
      storage.verifyPiece(piece, () => {
        waiting--;
        if (waiting === 0) resolve();
      });
    }
  });
}

function inFlight(
  count: number,
  limit: number,
  start: (index: number, done: (result: string | DtorrentError) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let next = 0;
    let running = 0;
    const more = (): void => {
      while (running < limit && next < count) {
        running++;
        start(next++, (result) => {
          if (result !== 'ok') reject(result instanceof DtorrentError ? result : new Error(result));
          running--;
          more();
        });
      }
      if (running === 0 && next === count) resolve();
    };
    more();
  });
}

async function measure(action: () => Promise<void>): Promise<Sample> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  await action();
  const { user, system } = process.cpuUsage(cpu);
  return {
    seconds: (performance.now() - startedAt) / 1000,
    cpuSeconds: (user + system) / 1e6,
    mainSeconds: performance.eventLoopUtilization(loop).active / 1000,
  };
}

function openStorage(factory: FileStorageFactory, spec: StorageSpec): Promise<Storage> {
  return new Promise((resolve, reject) => {
    factory.open(spec, (result) => (result instanceof DtorrentError ? reject(result) : resolve(result)));
  });
}

/** process.memoryUsage reads it too, but counts pages that a worker has given back. */
function rssMib(): number {
  const line = /VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1] ?? process.memoryUsage.rss() / 1024) / 1024;
}
