/** An engine that does what a test tells it, and a context of strings and a clock that only the test moves. */
import {
  type AddOptions,
  DtorrentError,
  type EngineEvent,
  type InfoHash,
  infoHashHex,
  type Metainfo,
  type MutableMagnet,
  parseMetainfo,
  type Settings,
  type TorrentSource,
  type TorrentStats,
} from '../../../index.js';
import type { CliEngine, CliTorrent, CommandContext } from '../context.js';
import { makeStats } from './snapshots.js';
import { FakePipe } from './terminal.js';

/** A v1 torrent of one 5-byte file. */
export function torrentBytes(name = 'film.mkv'): Uint8Array {
  const info = `d6:lengthi5e4:name${name.length}:${name}12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae`;
  return new TextEncoder().encode(`d4:info${info}e`);
}

export class FakeTorrent implements CliTorrent {
  infoHash: InfoHash;
  name: string;
  metainfo: Metainfo | null;
  readonly completed: Promise<void>;
  complete: () => void = () => {};
  fail: (error: DtorrentError) => void = () => {};
  #stats: TorrentStats;

  constructor(source: TorrentSource) {
    this.metainfo = source.kind === 'metainfo' ? parseMetainfo(source.bytes) : null;
    this.infoHash = source.kind === 'magnet' ? source.magnet.infoHash : this.metainfo!.infoHash;
    this.name = this.metainfo?.name ?? infoHashHex(this.infoHash);
    this.#stats = makeStats({ phase: 'checking', bytesDone: 0, bytesTotal: this.metainfo?.totalLength ?? 0 });
    this.completed = new Promise((resolve, reject) => {
      this.complete = resolve;
      this.fail = reject;
    });
    this.completed.catch(() => {});
  }

  stats(): TorrentStats {
    return this.#stats;
  }

  change(given: Partial<TorrentStats>): void {
    this.#stats = { ...this.#stats, ...given };
  }
}

export class FakeEngine implements CliEngine {
  readonly listenPort = 6881;
  readonly torrents: FakeTorrent[] = [];
  readonly added: AddOptions[] = [];
  readonly followed: { readonly magnet: MutableMagnet; readonly onVersion: (torrent: CliTorrent) => void }[] = [];
  stopCount = 0;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #onAdd: () => void = () => {};

  on(_type: '*', listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: EngineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async add(source: TorrentSource, options: AddOptions): Promise<FakeTorrent> {
    const torrent = new FakeTorrent(source);
    if (this.torrents.some((other) => infoHashHex(other.infoHash) === infoHashHex(torrent.infoHash))) {
      throw new DtorrentError('EDUPLICATE', `${torrent.name} is already there`);
    }
    this.torrents.push(torrent);
    this.added.push(options);
    setImmediate(this.#onAdd);
    return torrent;
  }

  /** A test calls `onVersion` of what is followed. */
  follow(magnet: MutableMagnet, options: AddOptions, onVersion: (torrent: CliTorrent) => void): void {
    this.followed.push({ magnet, onVersion });
    this.added.push(options);
    setImmediate(this.#onAdd);
  }

  /** Resolves once the command waits for what it added. */
  nextAdd(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAdd = resolve;
    });
  }

  async stop(): Promise<void> {
    this.stopCount++;
    for (const torrent of this.torrents) torrent.fail(new DtorrentError('ESTOPPED', 'stopped'));
  }
}

export class FakeSurroundings {
  readonly engine: FakeEngine = new FakeEngine();
  readonly stdout: FakePipe = new FakePipe();
  readonly stderr: FakePipe = new FakePipe();
  settings: Partial<Settings> | null = null;
  readonly #stopping = new AbortController();
  readonly #repeated = new Set<() => void>();
  #now = 0;

  get context(): CommandContext {
    return {
      stdout: this.stdout,
      stderr: this.stderr,
      environment: {},
      stop: this.#stopping.signal,
      now: () => this.#now,
      every: (_intervalMs, run) => {
        this.#repeated.add(run);
        return () => this.#repeated.delete(run);
      },
      startEngine: async (settings) => {
        this.settings = settings;
        return this.engine;
      },
    };
  }

  get repeatedCount(): number {
    return this.#repeated.size;
  }

  get events(): Record<string, unknown>[] {
    return this.stdout.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  tick(elapsedMs = 1000): void {
    this.#now += elapsedMs;
    for (const run of this.#repeated) run();
  }

  signal(): void {
    this.#stopping.abort();
  }
}
