/**
 * One run of get or seed: an engine, the torrents given to it, and a view that is told what happens to them.
 * Invariant: each torrent ends as completed or failed at most once each; a failure after completion (while seeding)
 * counts as a failure. A torrent that the disk has paused is tried again by the engine; when there is nothing else left
 * to wait for, the pause counts as a failure. The first stop signal ends every wait here; the engine is always stopped before the command
 * returns. Called by the commands get and seed.
 */
import { join } from 'node:path';
import {
  type AddOptions,
  DtorrentError,
  type EngineEvent,
  exitCodeOf,
  formatMagnet,
  formatMutableMagnet,
  infoHashHex,
  type Magnet,
  type MutableMagnet,
  magnetOf,
  type Settings,
  type TorrentPhase,
  type TorrentSource,
} from '../../index.js';
import type { CliEngine, CliTorrent, CommandContext } from './context.js';
import { formatDuration } from './display/formats.js';
import { openView } from './display/open-view.js';
import { reachabilityRemark, warningSentence } from './display/sentences.js';
import type { TorrentSnapshot, View } from './display/view.js';
import { hexPair } from './info-hash-hex.js';
import type { TransferOptions } from './options.js';
import { ProgressWatch } from './progress-watch.js';
import { stateDirectory, thisMachine } from './state-directory.js';

const STOPPED_EXIT_CODE = 7;

/** A torrent of this session. */
export interface Transfer {
  readonly key: string;
  readonly torrent: CliTorrent;
  readonly directory: string;
  readonly addedAt: number;
  metadataTold: boolean;
  completed: boolean;
  /** It has been seeded as much or as long as was asked for. */
  goalReached: boolean;
  failure: DtorrentError | null;
  /** Why the disk has paused it; null while it is not. */
  diskFault: DtorrentError | null;
  /** Null without --timeout. */
  readonly watch: ProgressWatch | null;
}

/** Said aloud, or else the engine goes on with the files of an earlier run. */
const EVERYTHING = ['**'];

/** What get and seed both ask of the engine for each torrent. */
export function addOptionsOf(magnet: Pick<Magnet, 'select'> | null, options: TransferOptions): AddOptions {
  const isSelective = magnet !== null && magnet.select !== null;
  const select = options.select ?? (isSelective ? undefined : EVERYTHING);
  return {
    peers: options.peer ?? [],
    sequential: options.sequential,
    recheck: options.recheck,
    // Who types the command does not want it paused, whatever was left so earlier.
    paused: false,
    ...(select === undefined ? {} : { select }),
    ...(options.seed === undefined ? {} : { seedRatio: options.seed }),
    ...(options.seedTime === undefined ? {} : { seedTimeMs: options.seedTime * 60_000 }),
  };
}

/** Starts an engine, runs `work`, stops the engine. @returns the exit code. */
export async function runTransferSession(
  options: TransferOptions,
  context: CommandContext,
  work: (session: TransferSession) => Promise<void>,
): Promise<number> {
  const engine = await context.startEngine(settingsOf(options, context), { verbose: options.verbose });
  const session = new TransferSession(engine, openView(options, context), context, options);
  try {
    await work(session);
    session.failPaused();
    return session.exitCode();
  } finally {
    await session.close();
  }
}

export class TransferSession {
  readonly #engine: CliEngine;
  readonly #view: View;
  readonly #context: CommandContext;
  /** Infinity without --timeout. */
  readonly #timeoutMs: number;
  readonly #isQuiet: boolean;
  readonly #transfers: Transfer[] = [];
  readonly #announceFailures = new Set<string>();
  /** Of which it has been said that a tracker must not be asked yet. */
  readonly #waitsTold = new Set<Transfer>();
  /** Ends what the constructor began; empty once closed. */
  readonly #undo: (() => void)[] = [];
  /** Called whenever something may have changed that a wait depends on. */
  readonly #waiters = new Set<() => void>();

  constructor(
    engine: CliEngine,
    view: View,
    context: CommandContext,
    options: Pick<TransferOptions, 'timeout' | 'quiet'>,
  ) {
    this.#engine = engine;
    this.#view = view;
    this.#context = context;
    this.#isQuiet = options.quiet;
    this.#timeoutMs = (options.timeout ?? Number.POSITIVE_INFINITY) * 1000;
    const onStop = (): void => {
      view.note('stopping; a second signal ends dtorrent at once', 'important');
      this.#wake();
    };
    context.stop.addEventListener('abort', onStop, { once: true });
    this.#undo.push(
      () => context.stop.removeEventListener('abort', onStop),
      engine.on('*', (event) => this.#onEvent(event)),
      context.every(view.tickMs, () => this.#tick()),
    );
    view.listening(engine.listenPort);
  }

  async add(source: TorrentSource, options: AddOptions & { readonly downloadDir: string }): Promise<Transfer> {
    const addedAt = this.#context.now();
    return this.#track(await this.#engine.add(source, options), options.downloadDir, addedAt);
  }

  /**
   * Follows a torrent that changes (BEP 46): a newer version takes the place of the one before. Resolves when there is a
   * version, the user stops, or none was found in time.
   */
  async follow(magnet: MutableMagnet, options: AddOptions & { readonly downloadDir: string }): Promise<void> {
    let current: Transfer | null = null;
    const startedAt = this.#context.now();
    this.#engine.follow(magnet, options, (torrent) => {
      // Its failure is that it is gone, which is as it should be.
      if (current !== null) this.#transfers.splice(this.#transfers.indexOf(current), 1);
      if (current !== null) this.note(`${current.torrent.name}: there is a newer version, ${torrent.name}`);
      current = this.#track(torrent, options.downloadDir, this.#context.now());
      this.#wake();
    });
    const name = magnet.name ?? formatMutableMagnet(magnet);
    await this.#until(() => current !== null || this.#context.now() - startedAt >= this.#timeoutMs);
    if (current !== null || this.#context.stop.aborted) return;
    throw new DtorrentError('ETIMEOUT', `${name}: no version was found in the DHT in ${this.#timeoutMs / 1000} s`);
  }

  #track(torrent: CliTorrent, directory: string, addedAt: number): Transfer {
    const transfer: Transfer = {
      key: infoHashHex(torrent.infoHash),
      torrent,
      directory,
      addedAt,
      metadataTold: false,
      completed: false,
      goalReached: false,
      failure: null,
      diskFault: null,
      watch: this.#watch(addedAt),
    };
    this.#transfers.push(transfer);
    this.#tellMetadata(transfer);
    torrent.completed.then(
      () => this.#onCompleted(transfer),
      (error: unknown) => this.#onFailed(transfer, error),
    );
    return transfer;
  }

  /** It cannot come to a good end, whatever the engine thinks. */
  fail(transfer: Transfer, error: DtorrentError): void {
    if (!transfer.completed) this.#onFailed(transfer, error);
  }

  /** Resolves when no torrent is left that goes on by itself towards completion, or the user stops. */
  async settled(): Promise<void> {
    await this.#until(() => this.#transfers.every((transfer) => transfer.completed || hasTrouble(transfer)));
  }

  /** Resolves with the phase that follows the check of the data, or the one that a stop found it in. */
  async checked(transfer: Transfer): Promise<TorrentPhase> {
    const phase = (): TorrentPhase => transfer.torrent.stats().phase;
    await this.#until(() => transfer.failure !== null || !['metadata', 'checking'].includes(phase()));
    return phase();
  }

  /** Resolves when every torrent that is well has reached the seed goal that it was added with, or the user stops. */
  async seeded(): Promise<void> {
    await this.#until(() => this.#transfers.every((transfer) => transfer.goalReached || hasTrouble(transfer)));
  }

  note(message: string): void {
    this.#view.note(message, 'important');
  }

  magnet(link: string): void {
    this.#view.magnet(link);
  }

  /** The command ends: what the disk has paused will not go on. */
  failPaused(): void {
    for (const transfer of this.#transfers)
      if (transfer.diskFault !== null) this.#onFailed(transfer, transfer.diskFault);
  }

  exitCode(): number {
    const troubles = this.#transfers.map(({ failure, diskFault }) => failure ?? diskFault);
    const trouble = troubles.find((error) => error !== null);
    if (trouble) return exitCodeOf(trouble.code);
    return this.#isInterrupted() ? STOPPED_EXIT_CODE : 0;
  }

  async close(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo();
    // The view ends first: a stop can take seconds, and rates that freeze on the screen look like a hang.
    this.#view.end({ torrents: this.#snapshots(), interrupted: this.#isInterrupted() });
    // What goes wrong with the last save is heard of only now, when the view is gone.
    const silence = this.#engine.on('*', (event) => {
      if (event.type === 'warning' && !this.#isQuiet) this.#context.stderr.write(`${warningSentence(event.error)}\n`);
    });
    await this.#engine.stop();
    silence();
  }

  #watch(now: number): ProgressWatch | null {
    const timeoutMs = this.#timeoutMs;
    return timeoutMs === Number.POSITIVE_INFINITY ? null : new ProgressWatch({ timeoutMs, now });
  }

  #isInterrupted(): boolean {
    return this.#context.stop.aborted && this.#transfers.some((transfer) => !transfer.completed && !transfer.failure);
  }

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!this.#context.stop.aborted && !condition()) return;
        this.#waiters.delete(check);
        resolve();
      };
      this.#waiters.add(check);
      check();
    });
  }

  #wake(): void {
    for (const check of [...this.#waiters]) check();
  }

  #tick(): void {
    this.#view.progress(this.#snapshots(), this.#context.now());
    this.#endStalled();
    this.#wake();
  }

  #endStalled(): void {
    const now = this.#context.now();
    for (const transfer of this.#transfers) {
      const { torrent, watch, completed, diskFault } = transfer;
      if (completed || diskFault !== null || watch?.isOver(torrent.stats(), now) !== true) continue;
      const message = `${torrent.name}: no progress for ${this.#timeoutMs / 1000} s; the same command goes on from here`;
      this.#onFailed(transfer, new DtorrentError('ETIMEOUT', message));
    }
  }

  #snapshots(): TorrentSnapshot[] {
    return this.#transfers.map(({ key, torrent }) => ({
      key,
      infoHash: hexPair(torrent.infoHash),
      name: torrent.name,
      stats: torrent.stats(),
    }));
  }

  #tellMetadata(transfer: Transfer): void {
    const { torrent } = transfer;
    if (torrent.metainfo === null || transfer.metadataTold) return;
    transfer.metadataTold = true;
    this.#view.metadata({
      infoHash: hexPair(torrent.infoHash),
      name: torrent.name,
      totalLength: torrent.stats().bytesTotal,
      magnet: formatMagnet(magnetOf(torrent.metainfo)),
    });
  }

  #onCompleted(transfer: Transfer): void {
    if (transfer.completed || transfer.failure !== null || !this.#transfers.includes(transfer)) return;
    transfer.completed = true;
    this.#tellMetadata(transfer);
    const { torrent } = transfer;
    const stats = torrent.stats();
    this.#view.progress(this.#snapshots(), this.#context.now());
    this.#view.completed({
      infoHash: hexPair(torrent.infoHash),
      name: torrent.name,
      path: join(transfer.directory, torrent.metainfo?.name ?? torrent.name),
      bytes: stats.bytesTotal,
      seconds: Math.round(this.#context.now() - transfer.addedAt) / 1000,
      downloadedBytes: stats.downloadedBytes,
      wastedBytes: stats.wastedBytes,
      hashFailures: stats.hashFailures,
    });
    this.#wake();
  }

  #onFailed(transfer: Transfer, thrown: unknown): void {
    // A stopped engine rejects what was not complete: that is no news.
    if (transfer.failure !== null || this.#context.stop.aborted || this.#undo.length === 0) return;
    if (!this.#transfers.includes(transfer)) return; // a newer version has taken its place
    const error = thrown instanceof DtorrentError ? thrown : new DtorrentError('EINTERNAL', String(thrown));
    transfer.failure = error;
    this.#view.failed({ code: error.code, message: error.message });
    this.#wake();
  }

  /**
   * Runs inside the engine's turn, so it only looks and tells: waits go on in a microtask of their own, which is
   * after the turn, where the engine may be called again.
   */
  #onEvent(event: EngineEvent): void {
    if (event.type === 'warning') this.#view.note(event.error.message, 'important');
    if (!('infoHash' in event)) {
      const remark = reachabilityRemark(event);
      if (remark !== null) this.#view.note(remark, 'verbose');
      return;
    }
    const transfer = this.#transfers.find(({ torrent }) => infoHashHex(torrent.infoHash) === event.infoHash);
    if (transfer === undefined) return;
    switch (event.type) {
      case 'metadata':
        this.#tellMetadata(transfer);
        break;
      case 'phase':
        this.#wake();
        break;
      case 'torrentFailed':
        this.#onFailed(transfer, event.error);
        break;
      case 'torrentPaused':
        if (event.error !== null) this.#onDiskFault(transfer, event.error);
        if (event.reason === 'seedGoal') transfer.goalReached = true;
        this.#wake();
        break;
      case 'torrentResumed':
        transfer.diskFault = null;
        break;
      default:
        this.#remark(transfer, event);
    }
  }

  #onDiskFault(transfer: Transfer, error: DtorrentError): void {
    const isNews = transfer.diskFault?.message !== error.message;
    transfer.diskFault = error;
    const others = this.#transfers.some((other) => !other.completed && !hasTrouble(other));
    // With nothing else to wait for, this ends the command, which says why.
    if (isNews && others) this.note(`${transfer.torrent.name}: paused, and tried again by itself: ${error.message}`);
    this.#wake();
  }

  #remark(transfer: Transfer, event: EngineEvent): void {
    const name = transfer.torrent.name;
    switch (event.type) {
      case 'peerConnected':
        this.#view.note(`${name}: connected to ${event.address}`, 'verbose');
        break;
      case 'peerDisconnected':
        this.#view.note(`${name}: disconnected from ${event.address} (${event.reason})`, 'verbose');
        break;
      case 'pieceFailed':
        this.#view.note(`${name}: piece ${event.piece} does not match its hash`, 'verbose');
        break;
      case 'trackerAnnounced':
        this.#view.note(`${name}: ${event.url} knows ${event.peers} peers`, 'verbose');
        break;
      case 'trackerWaiting': {
        // Whoever starts a download again at once, and sees no peers, has to know why; of one tracker that is enough.
        const news = !transfer.completed && !this.#waitsTold.has(transfer);
        this.#waitsTold.add(transfer);
        const wait = formatDuration(event.seconds);
        this.#view.note(`${name}: ${event.url} may not be asked again yet, in ${wait}`, news ? 'important' : 'verbose');
        break;
      }
      case 'trackerWarning':
        this.#view.note(`${name}: ${event.url} warns: ${event.message}`, 'verbose');
        break;
      case 'trackerFailed': {
        // Dead trackers are common and matter only to someone who waits for peers; once each is enough for that.
        const news = !this.#announceFailures.has(event.url) && transfer.torrent.stats().peers === 0;
        this.#announceFailures.add(event.url);
        this.#view.note(`${name}: ${event.url}: ${event.error.message}`, news ? 'important' : 'verbose');
        break;
      }
      default:
    }
  }
}

/** It has failed, or waits for the disk. */
function hasTrouble({ failure, diskFault }: Transfer): boolean {
  return failure !== null || diskFault !== null;
}

function settingsOf(options: TransferOptions, { environment }: CommandContext): Partial<Settings> {
  return {
    downloadDir: options.output,
    stateDir: stateDirectory(options.stateDir, thisMachine(environment)),
    trackers: options.trackers,
    dht: options.dht,
    ...(options.dhtBootstrap === undefined ? {} : { dhtBootstrap: options.dhtBootstrap.join(',') }),
    lsd: options.lsd,
    pex: options.pex,
    portMapping: options.portMapping,
    // A port that was asked for is one that a router forwards: another one instead would help nobody.
    ...(options.port === undefined ? {} : { port: options.port, portAttempts: 1 }),
    ...(options.bind === undefined ? {} : { bind: options.bind }),
    ...(options.downloadLimit === undefined ? {} : { downloadLimit: options.downloadLimit }),
    ...(options.uploadLimit === undefined ? {} : { uploadLimit: options.uploadLimit }),
    ...(options.preallocation === undefined ? {} : { preallocation: options.preallocation }),
    ...(options.maxPeers === undefined ? {} : { maxPeers: options.maxPeers, maxPeersPerTorrent: options.maxPeers }),
    ...(options.uploadSlots === undefined ? {} : { uploadSlots: options.uploadSlots }),
  };
}
