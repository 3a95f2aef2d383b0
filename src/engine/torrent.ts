/**
 * One torrent from being added to being removed. Phases and their only transitions:
 *   metadata -> checking -> downloading <-> seeding; downloading, seeding -> checking (recheck);
 *   any -> paused -> metadata or checking; any -> failed; any -> stopped.
 * There is one way into work (goOn) and one out of it (letGo): starting, resuming and rechecking share the first;
 * pausing, rechecking and stopping the second.
 * It joins the parts that do the work: MetadataExchange, DataHolder, Swarm and Announcer. Every method runs inside a
 * turn; promises begin one floor up, at TorrentHandle.
 */
import { type Address, addressKey, type HostPort } from '../base/address.js';
import { DtorrentError, toDtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { type InfoHash, infoHashHex, matchesInfoHash } from '../format/infohash.js';
import type { Magnet } from '../format/magnet.js';
import { type Metainfo, parseInfoDictionary } from '../format/metainfo.js';
import type { ExtensionHandshake } from '../protocol/wire/extension-handshake.js';
import { makePeerId } from '../protocol/wire/peer-id.js';
import type { Announcer } from './announce/announcer.js';
import { announcerOf } from './announce/torrent-announcer.js';
import type { EngineContext } from './context.js';
import { DataHolder, type DataHolderHandler } from './data/data-holder.js';
import { DiskRetry, isDiskError } from './data/disk-retry.js';
import type { FilePriorities } from './data/file-priorities.js';
import type { FileSelection } from './data/file-selection.js';
import type { Reader } from './data/reader.js';
import type { ResumeFacts } from './data/resume-keeper.js';
import type { TorrentData } from './data/torrent-data.js';
import { geometryOf, type TorrentGeometry } from './data/torrent-geometry.js';
import { TorrentReaders, type TorrentReadersHandler } from './data/torrent-readers.js';
import { TorrentSelection } from './data/torrent-selection.js';
import type { SearchingTorrent } from './discovery/peer-discovery.js';
import type { EngineEvent, PauseReason, TorrentPhase, TorrentStats } from './events.js';
import { MetadataExchange } from './metadata/metadata-exchange.js';
import type { CloseReason } from './peer/close-reason.js';
import type { Peer } from './peer/peer.js';
import type { SeedGoal } from './seed-goal.js';
import type { CandidateSource } from './swarm/candidates.js';
import { Swarm, type SwarmHandler } from './swarm/swarm.js';
import { TorrentHistory } from './torrent-history.js';
import { introduce } from './torrent-introduction.js';
import type { TorrentOptions, TorrentSurroundings } from './torrent-options.js';
import { measureTorrent } from './torrent-stats.js';

export class Torrent implements SwarmHandler, DataHolderHandler, TorrentReadersHandler, SearchingTorrent {
  readonly infoHash: InfoHash;
  readonly infoHashHex: string;
  readonly swarm: Swarm;
  readonly announcer: Announcer;
  readonly readers: TorrentReaders;
  readonly addedAtMs: number;
  metainfo: Metainfo | null = null;
  phase: TorrentPhase = 'metadata';
  /** Why it failed, or why the disk paused it. */
  error: DtorrentError | null = null;
  completedAtMs: number | null = null;
  readonly history: TorrentHistory;
  readonly #surroundings: TorrentSurroundings;
  readonly #context: EngineContext;
  readonly #options: TorrentOptions;
  readonly #magnet: Magnet | null;
  readonly #exchange: MetadataExchange;
  readonly #selection: TorrentSelection;
  readonly #holder: DataHolder;
  readonly #retry: DiskRetry;
  #geometry: TorrentGeometry | null = null;
  /** The record of earlier runs has been looked for. */
  #isLoaded = false;
  /** Everything is to be hashed, whatever the record will say. */
  #isRecheck: boolean;
  /** Null = none, or reached. */
  #seedGoal: SeedGoal | null;
  /** Null unless paused. */
  #pauseReason: PauseReason | null = null;
  /** Paused, and not yet back at work. */
  #isResuming = false;
  /** It is the disk that is tried again, and not a person who wants it. */
  #isRetry = false;
  #hasBeenOpened = false;
  #wasCompleteAtStart = false;
  /** What is wanted has been told to be there, and nothing more has been wanted since. */
  #isCompletedTold = false;

  constructor(source: Metainfo | Magnet, options: TorrentOptions, surroundings: TorrentSurroundings) {
    const { context } = surroundings;
    this.#surroundings = surroundings;
    this.#context = context;
    this.#options = options;
    this.#seedGoal = options.seedGoal ?? null;
    this.#isRecheck = options.isRecheck;
    this.metainfo = isMetainfo(source) ? source : null;
    this.#magnet = isMetainfo(source) ? null : source;
    this.#selection = new TorrentSelection(options.selection ?? null, this.#magnet?.select ?? null);
    this.infoHash = source.infoHash;
    this.infoHashHex = infoHashHex(source.infoHash);
    this.addedAtMs = context.turn.now;
    const localPeerId = makePeerId(context.host.random);
    this.swarm = new Swarm({
      context,
      connector: surroundings.connector,
      router: surroundings.router,
      nextPeerNumber: surroundings.nextPeerNumber,
      infoHash: source.infoHash,
      localPeerId,
      handler: this,
    });
    this.readers = new TorrentReaders(context.turn, this);
    this.#exchange = new MetadataExchange(context, source.infoHash, {
      onMetadata: (infoBytes) => this.#onMetadata(infoBytes),
      onMetadataPoisoned: (peers) => {
        for (const peer of peers) peer.close('bad-metadata');
      },
    });
    this.announcer = announcerOf(this, {
      context,
      trackers: surroundings.trackers,
      listenPort: context.reachablePort,
      peerId: localPeerId,
      tiers: this.metainfo?.trackers ?? this.#magnet!.trackers.map((url) => [url]),
      keeper: () => this.#holder.keeper,
    });
    this.history = new TorrentHistory(context.host.clock.unixTime());
    this.#holder = new DataHolder(context, this, options.downloadDir);
    this.#retry = new DiskRetry(context.turn, () => this.#goOnAgain({ isByItself: true }));
  }

  /** The data as it was opened last; null until the first time. */
  get data(): TorrentData | null {
    return this.#holder.data;
  }

  /** What of it is wanted; null until the metadata is known. Change it with setFilePriorities. */
  get files(): FilePriorities | null {
    return this.#selection.files;
  }

  get name(): string {
    return this.metainfo?.name ?? this.#magnet?.name ?? this.infoHashHex;
  }

  get isSeeding(): boolean {
    return this.phase === 'seeding';
  }

  get dhtNodes(): readonly HostPort[] {
    return this.metainfo?.nodes ?? [];
  }

  get extensionHandshake(): ExtensionHandshake {
    const { metainfo, isSeeding } = this;
    return introduce({
      metainfo,
      isFromMagnet: this.#magnet !== null,
      usesPex: this.#context.settings.pex,
      listenPort: this.#context.reachablePort(),
      requestsMax: this.#context.settings.maxRequestsPerPeer,
      // Taken back only where it may have been said.
      isUploadOnly: isSeeding && !this.swarm.isSuperSeeding ? true : this.completedAtMs === null ? null : false,
    });
  }

  /** BEP 27: never of a private torrent; a magnet is taken for public until its metadata is there. */
  get usesDht(): boolean {
    return this.#context.settings.dht && this.metainfo?.isPrivate !== true;
  }

  get usesPex(): boolean {
    return this.#context.settings.pex && this.metainfo?.isPrivate !== true;
  }

  /** Begins: looks for what an earlier run left, then for the metadata of a magnet, or for what is on disk. */
  start(): void {
    this.#emit({ type: 'torrentAdded', infoHash: this.infoHashHex });
    this.addNamedPeers(this.#options.peers, 'user');
    if (this.#magnet !== null) this.addNamedPeers(this.#magnet.peers, 'magnet');
    if (this.metainfo !== null && !this.#accept(this.metainfo)) return;
    this.#holder.keeper.load(() => this.#onLoaded());
  }

  /** Says goodbye to trackers and peers, saves, then closes the storage; `done` is called in a turn. */
  stop(done: () => void): void {
    if (this.phase !== 'failed') this.#setPhase('stopped');
    this.readers.fail(this.#stoppedError('was stopped'));
    this.#retry.cancel();
    let waiting = 2;
    const part = (): void => {
      waiting--;
      if (waiting === 0) done();
    };
    this.announcer.stop(part);
    this.#letGo(part);
  }

  /** Stops, and forgets what would have outlived the run. */
  remove(done: () => void): void {
    this.#holder.keeper.forget();
    this.stop(done);
  }

  /** Until resume(): peers, trackers and files are let go. `done` is called in a turn, once files are closed. */
  pause(reason: PauseReason, done: () => void): void {
    this.#pause(reason, null, done);
  }

  /** Goes on after a pause, with the same check as at a start. No-op unless paused. */
  resume(): void {
    this.#goOnAgain({ isByItself: false });
  }

  /** Hashes everything on disk anew; peers come back afterwards. A paused torrent does it when it is resumed. */
  recheck(): void {
    if (this.metainfo === null || this.phase === 'failed' || this.phase === 'stopped') return;
    if (this.phase !== 'paused') this.#setPhase('checking');
    this.#isRecheck = !this.#isLoaded;
    this.#letGo(() => this.#holder.keeper.distrust());
  }

  tick(now: number): void {
    this.#exchange.tick(now);
    this.swarm.tick(now);
    const { keeper } = this.#holder;
    const totals = this.history.totals(this.swarm, now);
    // What a hash finds to be there is told by nobody, nor are bytes and time.
    if (this.phase === 'checking' && this.#holder.isHashing) keeper.touch();
    keeper.tick(now, totals);
    this.#endSeeding(totals.uploadedBytes, now);
  }

  /** `from` and `end` count from the file's first byte; `end` is not included. To be called once `files` is there. */
  openReader(file: number, from: number, end: number): Reader {
    const { offsetBytes } = this.metainfo!.files[file]!;
    const range = { fileIndex: file, startBytes: offsetBytes + from, endBytes: offsetBytes + end };
    const reader = this.readers.open(range);
    const isPausedForGood = this.phase === 'paused' && this.#pauseReason !== 'error';
    if (this.phase === 'failed') reader.fail(this.error!);
    else if (this.phase === 'stopped' || isPausedForGood) reader.fail(this.#stoppedError(`is ${this.phase}`));
    return reader;
  }

  /** Before the metadata is known: what to fetch of it; null = everything. */
  setSelection(selection: FileSelection | null): void {
    this.#selection.ask(selection);
  }

  /** One byte a file of the layout: 0 = skip, 1 (last) to 7 (first). To be called once `files` is there. */
  setFilePriorities(priorities: Uint8Array): void {
    const changed = this.#selection.assign(priorities);
    this.data?.onSelectionChanged(changed);
    this.swarm.cancelUnwanted();
    this.#reviewFinished();
    this.#holder.keeper.save();
  }

  /** Peers named by a person or a magnet may be host names. */
  addNamedPeers(peers: readonly HostPort[], source: 'user' | 'magnet'): void {
    for (const { host, port } of peers) {
      this.#context.host.network.resolve(host, (result) => {
        this.#context.turn.run(() => {
          if (result instanceof DtorrentError) this.#emit({ type: 'warning', error: result });
          else
            this.addPeers(
              result.map((address) => ({ ...address, port })),
              source,
            );
        });
      });
    }
  }

  addPeers(addresses: readonly Address[], source: CandidateSource): void {
    this.swarm.addCandidates(addresses, source);
  }

  addTrackers(urls: readonly string[]): void {
    this.announcer.addTrackers(urls);
    this.#holder.keeper.touch();
    this.#guardPrivacy();
  }

  stats(now: number): TorrentStats {
    return measureTorrent(this, now);
  }

  // ---- SwarmHandler ----

  dhtPort(family: 4 | 6): number {
    return this.usesDht ? this.#surroundings.dhtPort(family) : 0;
  }

  onDhtNode(address: Address): void {
    if (this.usesDht) this.#surroundings.onDhtNode(address);
  }

  onPeerConnected(peer: Peer): void {
    this.#emit({ type: 'peerConnected', infoHash: this.infoHashHex, address: addressKey(peer.remote) });
  }

  onExtensionHandshake(peer: Peer, handshake: ExtensionHandshake): void {
    this.#exchange.onExtensionHandshake(peer, handshake.metadataBytes);
  }

  onMetadataMessage(peer: Peer, payload: Uint8Array): void {
    this.#exchange.onMessage(peer, payload);
  }

  onPeerClosed(peer: Peer, reason: CloseReason): void {
    this.#exchange.onPeerClosed(peer);
    if (peer.isHandshakeDone) {
      this.#emit({ type: 'peerDisconnected', infoHash: this.infoHashHex, address: addressKey(peer.remote), reason });
    }
  }

  // ---- TorrentDataHandler ----

  onPieceVerified(piece: number): void {
    this.#holder.keeper.touch();
    this.#retry.onStored();
    this.swarm.broadcastHave(piece);
    // What the check finds is no news.
    if (this.phase !== 'downloading' && this.phase !== 'seeding') return;
    this.#emit({ type: 'pieceVerified', infoHash: this.infoHashHex, piece });
    this.readers.onPieceVerified();
    // Before it is told to be there: an open file goes on taking what is written after it was removed.
    if (this.data!.isFinished && !this.#isCompletedTold) this.#holder.keeper.look(() => this.#reviewFinished());
    else this.#reviewFinished();
  }

  onPieceFailed(piece: number): void {
    this.#emit({ type: 'pieceFailed', infoHash: this.infoHashHex, piece });
  }

  onPeersGuilty(peers: readonly number[]): void {
    for (const number of peers) this.swarm.ban(number);
  }

  hashSources(): Iterable<Peer> {
    return this.swarm.peers;
  }

  onPartialStored(): void {
    this.#holder.keeper.touch();
  }

  onRequestsPossible(): void {
    this.swarm.wantsRefill();
  }

  /** The disk pauses a torrent; anything else ends it. */
  onDataError(error: DtorrentError): void {
    if (this.phase === 'stopped') this.#emit({ type: 'warning', error });
    else if (!isDiskError(error.code)) this.#fail(error);
    // What is being let go has no say in what comes after it: who resumes at once would be paused again by the rest of
    // what failed before. The disk is asked anew when the data is opened.
    else if (!this.#holder.isClosing) this.#pause('error', error, () => {});
  }

  // ---- DataHolderHandler ----

  resumeFacts(): ResumeFacts {
    const isUntracked = this.metainfo?.isPrivate === true && !this.announcer.hasTrackers;
    return {
      ...this.history.totals(this.swarm, this.#context.turn.now),
      infoBytes: this.#magnet === null ? null : (this.metainfo?.infoBytes ?? null),
      filePriorities: this.#selection.record,
      trackers: this.announcer.memory(),
      addedTrackers: this.announcer.addedTrackers,
      // Of a private torrent only the tracker names peers (BEP 27).
      peers: isUntracked ? [] : this.swarm.candidates.worthKeeping(LIMITS.resumePeersMax),
      isPaused: this.#pauseReason === 'user',
    };
  }

  onDataClosed(): void {
    this.#goOn();
  }

  // ---- TorrentReadersHandler ----

  onReadersChanged(): void {
    this.swarm.wantsRefill();
    this.#reviewFinished();
  }

  // ---- inside: the way through the phases ----

  /** What an earlier run left is there, or there is none. */
  #onLoaded(): void {
    if (this.phase === 'failed' || this.phase === 'stopped') return;
    const { keeper } = this.#holder;
    const { record } = keeper;
    this.#isLoaded = true;
    if (record !== null) {
      this.history.restore(record);
      if (record.addedTrackers.length > 0) this.addTrackers(record.addedTrackers);
      this.announcer.restore(record.trackers);
      this.#selection.recall(record.filePriorities);
      // Of a private torrent none were kept but those that its tracker had named.
      this.addPeers(record.peers, this.metainfo?.isPrivate === true ? 'tracker' : 'resume');
    }
    if (this.#isRecheck) keeper.distrust();
    this.#isRecheck = false;
    if (this.#options.isPaused ?? record?.isPaused ?? false) this.#pause('user', null, () => {});
    else if (record?.isPaused === true) keeper.save();
    this.#goOn();
  }

  /** Into work: whatever this torrent is to do next. */
  #goOn(): void {
    if (!this.#isLoaded || this.#holder.isClosing) return;
    if (this.phase === 'metadata') {
      const { record } = this.#holder.keeper;
      if (record !== null && record.infoBytes !== null && matchesInfoHash(record.infoBytes, this.infoHash)) {
        this.#onMetadata(record.infoBytes);
        if (this.metainfo?.isPrivate === true) this.addPeers(record.peers, 'tracker');
        return;
      }
      this.#goOnline();
    } else if (this.phase === 'checking') {
      const { isSequential, isTrusted } = this.#options;
      const opening = {
        ...this.#geometry!,
        files: this.files!,
        isSequential,
        isTrusted: isTrusted && !this.#hasBeenOpened,
        needsFiles: this.#isRetry,
      };
      this.#holder.open(opening, (data) => this.#onChecked(data));
    }
  }

  /** Out of work: peers and files are let go, after which `done`, and whatever has been asked for meanwhile. */
  #letGo(done: () => void): void {
    this.readers.detach();
    this.#surroundings.discovery.leave(this);
    this.swarm.stop();
    this.#holder.close(done);
  }

  /** Once the goal is reached: a person who resumes the torrent then wants it seeded all the same. */
  #endSeeding(uploadedBytes: number, now: number): void {
    if (this.phase !== 'seeding' || this.#seedGoal === null) return;
    const totals = { uploadedBytes, wantedBytes: this.files!.wantedBytes, seedingMs: this.history.seedingMs(now) };
    if (!this.#seedGoal.isReached(totals)) return;
    this.#seedGoal = null;
    this.pause('seedGoal', () => {});
  }

  #pause(reason: PauseReason, error: DtorrentError | null, done: () => void): void {
    if (this.phase === 'failed' || this.phase === 'stopped') {
      done();
      return;
    }
    // What a person paused stays paused whatever the disk says, and one failure of the disk brings others.
    if (this.phase !== 'paused' || (this.#pauseReason === 'error' && reason !== 'error')) {
      this.#pauseReason = reason;
      this.error = error;
      this.#setPhase('paused');
      this.#emit({ type: 'torrentPaused', infoHash: this.infoHashHex, reason, error });
      if (reason === 'error') this.#retry.schedule();
      else this.#retry.cancel();
      if (reason !== 'error') this.readers.fail(this.#stoppedError('was paused'));
    }
    this.announcer.stop(() => {});
    this.#letGo(done);
  }

  #goOnAgain(options: { readonly isByItself: boolean }): void {
    if (this.phase !== 'paused') return;
    this.#retry.cancel();
    this.#isRetry = options.isByItself;
    this.#isResuming = true;
    const wasKept = this.#pauseReason === 'user';
    this.#pauseReason = null;
    // Like the pause before it: a seed that nobody asks for anything changes nothing else that is worth a save.
    if (wasKept) this.#holder.keeper.save();
    this.#setPhase(this.metainfo === null ? 'metadata' : 'checking');
    this.#goOn();
  }

  /** Peers and trackers. */
  #goOnline(): void {
    if (this.#isResuming) {
      this.#isResuming = false;
      this.error = null;
      this.#retry.onResumed();
      this.#emit({ type: 'torrentResumed', infoHash: this.infoHashHex });
    }
    this.swarm.start();
    if (this.#context.settings.trackers) this.announcer.start();
    if (this.metainfo?.isPrivate !== true) this.#surroundings.discovery.join(this);
  }

  #onMetadata(infoBytes: Uint8Array): void {
    let metainfo: Metainfo;
    try {
      metainfo = parseInfoDictionary(infoBytes, {
        trackers: this.#magnet!.trackers.map((url) => [url]),
        webSeeds: this.#magnet!.webSeeds,
      });
    } catch (error) {
      this.#fail(toDtorrentError(error, 'ETORRENT'));
      return;
    }
    this.metainfo = metainfo;
    if (!this.#accept(metainfo)) return;
    this.#holder.keeper.save();
    this.#goOn();
  }

  /** The metadata is known. @returns whether we can work with it. */
  #accept(metainfo: Metainfo): boolean {
    const { downloadDir } = this.#options;
    const { claims } = this.#surroundings;
    const geometry = geometryOf(metainfo, this.infoHashHex, (files) => claims.claim(this, downloadDir, files));
    if (geometry instanceof DtorrentError) {
      this.#fail(geometry);
      return false;
    }
    const refusal = this.#selection.onMetadata(metainfo, geometry.layout);
    if (refusal !== null) {
      this.#fail(refusal);
      return false;
    }
    this.#exchange.onMetadataKnown(metainfo.infoBytes, { isPrivate: metainfo.isPrivate });
    this.announcer.setPrivate(metainfo.isPrivate);
    if (metainfo.isPrivate) this.#surroundings.discovery.leave(this);
    this.#guardPrivacy();
    this.#setPhase('checking');
    this.#emit({
      type: 'metadata',
      infoHash: this.infoHashHex,
      name: metainfo.name,
      totalLength: metainfo.totalLength,
    });
    this.#geometry = geometry;
    return true;
  }

  #onChecked(data: TorrentData): void {
    if (!this.#hasBeenOpened) this.#wasCompleteAtStart = data.isComplete;
    this.#hasBeenOpened = true;
    this.#isRetry = false;
    this.#setPhase('downloading');
    this.swarm.attachData(data, { isSuperSeed: data.isComplete && this.#options.isSuperSeed === true });
    this.readers.attach(data);
    this.#reviewFinished();
    this.#goOnline();
    // After a crash, hashing is not to be done again, and partials are lost that a record of an orderly stop tells of.
    if (data.bytesChecked > 0 || data.partials.length > 0) this.#holder.keeper.save();
  }

  /** A piece has come, or what is wanted has changed: the torrent may be finished now, or not any more. */
  #reviewFinished(): void {
    if (this.phase !== 'downloading' && this.phase !== 'seeding') return;
    const data = this.data!;
    if (!data.isFinished) this.#isCompletedTold = false;
    // While a reader fetches what is not selected we want something, though what was asked for is complete.
    const wantsNothing = data.isFinished && !this.readers.isFetching;
    if (wantsNothing && this.phase === 'downloading') {
      this.#setPhase('seeding');
      this.swarm.onFinished();
    } else if (!wantsNothing && this.phase === 'seeding') {
      this.#setPhase('downloading');
      this.swarm.onUnfinished();
    }
    if (data.isFinished && !this.#isCompletedTold) this.#tellCompleted();
    // Trackers count who has everything; the announcer tells them once.
    if (data.isComplete && !this.#wasCompleteAtStart) this.announcer.complete();
  }

  #tellCompleted(): void {
    this.#isCompletedTold = true;
    this.completedAtMs = this.#context.turn.now;
    const { keeper } = this.#holder;
    if (this.history.onFinished(this.#context.host.clock.unixTime())) keeper.touch();
    const seconds = (this.completedAtMs - this.addedAtMs) / 1000;
    this.#emit({ type: 'completed', infoHash: this.infoHashHex, seconds });
    // What an earlier run has completed and saved is no news, of thousands of torrents at one start.
    keeper.saveChanges();
  }

  #fail(error: DtorrentError): void {
    if (this.phase === 'failed' || this.phase === 'stopped') return;
    this.error = error;
    this.#setPhase('failed');
    this.readers.fail(error);
    this.#retry.cancel();
    this.announcer.stop(() => {});
    // What it was saved with last is worth more than what a bug may have made of it.
    this.#holder.keeper.close();
    // Its memory is the other torrents' too; and a check under way must not bring the torrent back.
    this.#letGo(() => {});
    this.#emit({ type: 'torrentFailed', infoHash: this.infoHashHex, error });
  }

  #stoppedError(what: string): DtorrentError {
    return new DtorrentError('ESTOPPED', `${this.name} ${what}: it cannot be read on`);
  }

  #setPhase(phase: TorrentPhase): void {
    if (this.phase === phase) return;
    this.phase = phase;
    this.history.setSeeding(phase === 'seeding', this.#context.turn.now);
    this.#emit({ type: 'phase', infoHash: this.infoHashHex, phase });
  }

  #emit(event: EngineEvent): void {
    this.#context.emit(event);
  }

  /**
   * BEP 27: a private torrent connects only to peers that its tracker names. That holds for peers that a person names
   * too, as in qBittorrent: whoever guesses an address could else take part without the tracker knowing, and trackers
   * ban the client that allows it. Without a tracker there is nobody to ask: then it takes whom it is told of, which is
   * how people move private torrents between machines of their own.
   */
  #guardPrivacy(): void {
    if (this.metainfo?.isPrivate !== true) return;
    this.swarm.forgetDiscovered();
    if (!this.announcer.hasTrackers) return;
    this.swarm.restrictToTrackers();
    if (this.#options.peers.length === 0) return;
    const message = `${this.name} is private: it takes peers from its trackers only, so those named by hand are not used`;
    this.#emit({ type: 'warning', error: new DtorrentError('EUNSUPPORTED', message) });
  }
}

function isMetainfo(source: Metainfo | Magnet): source is Metainfo {
  return 'infoBytes' in source;
}
