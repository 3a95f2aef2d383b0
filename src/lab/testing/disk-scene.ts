/**
 * One downloader whose machine crashes, whose disk fails and whose owner is fickle, next to a seed that is steady: what
 * the data room of the engine is tried with. Watches all the time that nothing is claimed which is not on the disk, and
 * after each crash that nothing is lost which had been saved. Used by tests of engines on simulated disks.
 */
import assert from 'node:assert/strict';
import type { HostPort } from '../../base/address.js';
import { Bitfield } from '../../base/bitfield.js';
import { bytesEqual } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { type Random, randomBelow, SeededRandom } from '../../base/random.js';
import type { ReadResult } from '../../engine/data/reader.js';
import type { Settings } from '../../engine/settings.js';
import type { Torrent } from '../../engine/torrent.js';
import type { TorrentOptions } from '../../engine/torrent-options.js';
import { FileLayout, pieceHashesOf } from '../../format/file-layout.js';
import { partsNameOf } from '../../format/file-placement.js';
import { decodeResumeData } from '../../format/resume-data.js';
import type { Storage } from '../../host/storage.js';
import { createActor } from '../../sim/actors/create-actor.js';
import type { CrashKind } from '../../sim/machine.js';
import type { SimHost } from '../../sim/sim-host.js';
import { Simulator } from '../../sim/simulator.js';
import type { MemoryDisk } from '../../sim/storage/memory-disk.js';
import { MemoryStorageFactory } from '../../sim/storage/memory-storage.js';
import { LAB_DIRECTORY, LabNode } from '../lab-node.js';
import type { LabTorrent } from '../lab-torrent.js';

export interface DiskSceneOptions {
  readonly seed: number;
  readonly torrent: LabTorrent;
  readonly settings?: Partial<Settings>;
  readonly options?: Partial<TorrentOptions>;
  readonly bytesPerMs?: number;
  /** It begins without the metadata. */
  readonly hasMagnet?: boolean;
  /** A peer that sends wrong bytes, to every life anew. */
  readonly hasLiar?: boolean;
  /** Share of the records that cannot be loaded or saved. */
  readonly stateErrorRatio?: number;
}

export class DiskScene {
  readonly simulator: Simulator;
  readonly random: Random;
  readonly disk: MemoryDisk;
  readonly records: Map<string, Uint8Array>;
  node: LabNode;
  download: Torrent;
  /** Why it paused, each time. */
  readonly errors: string[] = [];
  /** Verified in the machine's lives since power was lost last. */
  #verified = new Set<number>();
  #host: SimHost;
  readonly #peers: readonly HostPort[];
  readonly #options: DiskSceneOptions;
  readonly #layout: FileLayout;
  #wasChecked = false;

  constructor(options: DiskSceneOptions) {
    const { seed, torrent, bytesPerMs = seed % 2 === 0 ? 200 : 400 } = options;
    this.#options = options;
    this.#layout = new FileLayout(torrent.metainfo);
    this.random = new SeededRandom(seed);
    const link = { latencyMs: 2, bytesPerMs, lossRatio: 0 };
    this.simulator = new Simulator({ seed, link: () => link });
    this.#peers = [this.#startSeed(), ...(options.hasLiar === true ? [this.#startLiar()] : [])];
    const diskModel = { latencyMs: 2 + (seed % 4) * 10, bytesPerMs: 2000 };
    this.#host = this.simulator.createHost({ name: 'downloader', diskModel });
    this.disk = this.#host.disk;
    this.records = this.#host.state.records;
    this.node = this.#boot();
    this.download = this.#add();
  }

  /** Crashes it after so many more of its actions, or when `virtualMs` have passed, and starts it again. */
  crashAndRestart(kind: CrashKind, actions: number, virtualMs = 60_000): void {
    const { machine } = this.#host;
    machine.crashAfter(actions, kind);
    this.simulator.run(() => this.#look() && !machine.isOn, { maxVirtualMs: virtualMs });
    machine.crash(kind);
    this.#checkRecord();
    if (kind === 'power') this.#verified = new Set();
    this.#host = this.simulator.restartHost(this.#host);
    this.node = this.#boot();
    this.download = this.#add();
  }

  /** Lets time pass, and looks after each callback. */
  run(virtualMs: number): void {
    const until = this.simulator.now + virtualMs;
    this.simulator.at(until, () => {});
    this.simulator.run(() => this.#look() && this.simulator.now >= until);
  }

  /** Until it has found out what is there. */
  runUntilChecked(): void {
    const isChecked = (): boolean => this.#look() && (this.download.data?.isChecked ?? false);
    assert.ok(this.simulator.run(isChecked, { maxVirtualMs: 60_000 }), 'a check ends');
  }

  /** To the end of the download, with nothing that stands in its way any more. */
  finish(maxVirtualMs = 900_000): void {
    const isFinished = this.simulator.run(() => this.#look() && this.download.phase === 'seeding', { maxVirtualMs });
    assert.ok(isFinished, `it is ${this.download.phase}, ${this.download.data?.bytesDone} bytes done`);
    this.checkClaims();
  }

  /** Stops in good order and starts again. */
  restart(): void {
    let isStopped = false;
    this.node.session.stop(() => {
      isStopped = true;
    });
    assert.ok(
      this.simulator.run(() => this.#look() && isStopped, { maxVirtualMs: 60_000 }),
      'a stop ends',
    );
    this.#host = this.simulator.restartHost(this.#host);
    this.node = this.#boot();
    this.download = this.#add();
  }

  /** Fails when a piece counts as had that is not on the disk. */
  checkClaims(): void {
    const { data } = this.download;
    if (data === null) return;
    const stored = this.piecesOnDisk(data.wantedFiles);
    for (let piece = 0; piece < stored.length; piece++) {
      if (!data.have.has(piece) || this.#isRotten(piece)) continue;
      assert.ok(stored.has(piece), `piece ${piece} is claimed and not on the disk`);
    }
  }

  /** Of unfinished pieces, as the engine knows. */
  get blocksOnDisk(): number {
    let count = 0;
    for (const { piece, blocks } of this.download.data!.partials) {
      count += Bitfield.fromWire(blocks, Math.ceil(this.#layout.pieceBytes(piece) / 16_384))!.count;
    }
    return count;
  }

  /** What another program would find. */
  piecesOnDisk(wantedFiles: Uint8Array | null = null): Bitfield {
    const { metainfo } = this.#options.torrent;
    const factory = new MemoryStorageFactory({ defer: (fn) => fn(), disk: this.disk.clone() });
    const stored = new Bitfield(metainfo.pieceCount);
    const spec = {
      directory: LAB_DIRECTORY,
      layout: this.#layout,
      hashes: pieceHashesOf(metainfo)!,
      wantedFiles,
      partsName: partsNameOf(this.download.infoHashHex),
      preallocation: 'none',
    } as const;
    factory.open(spec, (storage) => {
      for (let piece = 0; piece < metainfo.pieceCount; piece++) {
        (storage as Storage).verifyPiece(piece, (result) => {
          if (result === 'ok') stored.add(piece);
        });
      }
    });
    return stored;
  }

  /** Pieces that the disk has spoilt by itself: no engine can know before it hashes them. */
  get rotten(): readonly number[] {
    const { pieceCount } = this.#options.torrent.metainfo;
    return Array.from({ length: pieceCount }, (_, piece) => piece).filter((piece) => this.#isRotten(piece));
  }

  /** Somebody reads a file while it comes, selected or not; what he gets is right. */
  stream(fileIndex: number): void {
    const { session } = this.node;
    const { offsetBytes, lengthBytes } = this.#layout.files[fileIndex]!;
    let position = offsetBytes;
    session.inTurn(() => {
      const reader = this.download.openReader(fileIndex, 0, lengthBytes);
      const onChunk = (chunk: ReadResult): void => {
        if (chunk === null || chunk instanceof DtorrentError) return;
        const expected = this.#options.torrent.content.subarray(position, position + chunk.length);
        assert.ok(bytesEqual(chunk, expected), `what is read at ${position} is wrong`);
        position += chunk.length;
        reader.read(onChunk);
      };
      reader.read(onChunk);
    });
  }

  below(bound: number): number {
    return randomBelow(this.random, bound);
  }

  #startSeed(): HostPort {
    const host = this.simulator.createHost({ name: 'seed' });
    const node = new LabNode(host, { port: 6881 });
    node.give(this.#options.torrent);
    node.start();
    node.add(this.#options.torrent.metainfo);
    return { host: host.ipv4!, port: 6881 };
  }

  #startLiar(): HostPort {
    const { torrent } = this.#options;
    const actor = createActor('corrupting-seed', {
      simulator: this.simulator,
      metainfo: torrent.metainfo,
      pieceBytes: (piece) => torrent.pieceBytes(piece),
      peers: () => [],
      random: this.random,
    });
    actor.start();
    return { host: actor.host.ipv4!, port: actor.address.port };
  }

  #boot(): LabNode {
    const { stateErrorRatio = 0 } = this.#options;
    this.#host.state.fault = (operation) => {
      if (this.random.uint32() >= stateErrorRatio * 2 ** 32) return null;
      return new DtorrentError('ESTATE', `cannot ${operation} the record`);
    };
    const node = new LabNode(this.#host, { resumeIntervalMs: 1000, ...this.#options.settings });
    node.onEvent = (event) => {
      if (event.type === 'pieceVerified') this.#verified.add(event.piece);
      if (event.type === 'torrentPaused' && event.error !== null) this.errors.push(event.error.message);
      if (event.type === 'torrentFailed') throw event.error;
    };
    node.start();
    return node;
  }

  #add(): Torrent {
    this.#wasChecked = false;
    const { torrent, hasMagnet, options } = this.#options;
    const source = hasMagnet === true ? torrent.magnet : torrent.metainfo;
    return this.node.add(source, { peers: this.#peers, ...options });
  }

  #isRotten(piece: number): boolean {
    let isRotten = false;
    this.#layout.forEachSpan(piece, 0, this.#layout.pieceBytes(piece), (index, offset, length) => {
      const path = `${LAB_DIRECTORY}/${this.#layout.files[index]!.path.join('/')}`;
      isRotten ||= this.disk.isRotten(path, offset, length);
    });
    return isRotten;
  }

  /** After each callback of the world. */
  #look(): boolean {
    const isChecked = this.download.data?.isChecked ?? false;
    if (isChecked && !this.#wasChecked) this.#onChecked();
    this.#wasChecked = isChecked;
    return true;
  }

  /** It has found out what is there: nothing that is not, and all that a killed process had written. */
  #onChecked(): void {
    this.checkClaims();
    const { have } = this.download.data!;
    for (const piece of this.#verified) {
      if (!this.#isRotten(piece)) assert.ok(have.has(piece), `piece ${piece} was verified, and is not found again`);
    }
    for (let piece = 0; piece < have.length; piece++) if (have.has(piece)) this.#verified.add(piece);
  }

  /** What the record says was flushed before it. */
  #checkRecord(): void {
    const [bytes] = this.records.values();
    if (bytes === undefined) return;
    const record = decodeResumeData(bytes);
    const have = Bitfield.fromWire(record.have, this.#layout.pieceCount);
    if (have === null) return;
    const wanted =
      record.filePriorities.length === 0 ? null : record.filePriorities.map((priority) => Math.min(priority, 1));
    const stored = this.piecesOnDisk(wanted);
    for (let piece = 0; piece < have.length; piece++) {
      if (!have.has(piece) || this.#isRotten(piece)) continue;
      assert.ok(stored.has(piece), `piece ${piece} was saved, and the crash has lost it`);
    }
  }
}
