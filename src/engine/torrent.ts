/**
 * One torrent from being added to being removed. Phases and their only transitions:
 *   metadata -> checking -> downloading -> seeding; any -> failed; any -> stopped.
 * It joins the parts that do the work: MetadataExchange, TorrentData, Swarm and Announcer. Every method runs inside a
 * turn; promises begin one floor up, at TorrentHandle.
 */
import { type Address, addressKey, type HostPort } from '../base/address.js';
import { DtorrentError, toDtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { CLIENT_NAME } from '../base/version.js';
import { FileLayout, pieceHashesOf } from '../format/file-layout.js';
import { partsNameOf } from '../format/file-placement.js';
import { type InfoHash, infoHashHex, wireHashes } from '../format/infohash.js';
import type { Magnet } from '../format/magnet.js';
import { type Metainfo, parseInfoDictionary } from '../format/metainfo.js';
import type { TrackerMemory } from '../format/resume-data.js';
import type { Storage } from '../host/storage.js';
import type { ExtensionHandshake } from '../protocol/wire/extension-handshake.js';
import { EXTENSION_IDS } from '../protocol/wire/extension-handshake.js';
import { makePeerId } from '../protocol/wire/peer-id.js';
import { Announcer } from './announcer.js';
import type { CandidateSource } from './candidates.js';
import type { CloseReason } from './close-reason.js';
import type { Connector } from './connector.js';
import type { EngineContext } from './context.js';
import type { EngineEvent, TorrentPhase, TorrentStats } from './events.js';
import type { FileClaims } from './file-claims.js';
import { MetadataExchange } from './metadata-exchange.js';
import type { Peer } from './peer.js';
import type { PeerRouter } from './peer-owner.js';
import { Swarm, type SwarmHandler } from './swarm.js';
import { TorrentData, type TorrentDataHandler } from './torrent-data.js';
import type { TrackerClients } from './tracker-clients.js';

export interface TorrentOptions {
  readonly downloadDir: string;
  /** Dialled at once, and again with back-off, while downloading and while seeding. */
  readonly peers: readonly HostPort[];
  readonly isSequential: boolean;
  /** Do not check what is on disk: the caller says that it is complete. */
  readonly isTrusted: boolean;
}

/** What a torrent needs of its session. */
export interface TorrentSurroundings {
  readonly context: EngineContext;
  readonly connector: Connector;
  readonly trackers: TrackerClients;
  readonly claims: FileClaims<Torrent>;
  readonly router: PeerRouter;
  readonly nextPeerNumber: () => number;
  readonly listenPort: () => number;
}

export class Torrent implements SwarmHandler, TorrentDataHandler {
  readonly infoHash: InfoHash;
  readonly infoHashHex: string;
  readonly swarm: Swarm;
  readonly announcer: Announcer;
  readonly addedAtMs: number;
  metainfo: Metainfo | null = null;
  data: TorrentData | null = null;
  phase: TorrentPhase = 'metadata';
  error: DtorrentError | null = null;
  completedAtMs: number | null = null;
  readonly #surroundings: TorrentSurroundings;
  readonly #context: EngineContext;
  readonly #options: TorrentOptions;
  readonly #magnet: Magnet | null;
  readonly #exchange: MetadataExchange;
  #wasCompleteAtStart = false;

  constructor(source: Metainfo | Magnet, options: TorrentOptions, surroundings: TorrentSurroundings) {
    const { context } = surroundings;
    this.#surroundings = surroundings;
    this.#context = context;
    this.#options = options;
    this.metainfo = isMetainfo(source) ? source : null;
    this.#magnet = isMetainfo(source) ? null : source;
    this.infoHash = source.infoHash;
    this.infoHashHex = infoHashHex(source.infoHash);
    this.addedAtMs = context.turn.now;
    const localPeerId = makePeerId(context.host.random);
    this.swarm = new Swarm({
      context,
      connector: surroundings.connector,
      router: surroundings.router,
      nextPeerNumber: surroundings.nextPeerNumber,
      wireHash: wireHashes(source.infoHash)[0]!,
      localPeerId,
      handler: this,
    });
    this.#exchange = new MetadataExchange(context, source.infoHash, {
      onMetadata: (infoBytes) => this.#onMetadata(infoBytes),
      onMetadataPoisoned: (peers) => {
        for (const peer of peers) peer.close('bad-metadata');
      },
    });
    this.announcer = this.#makeAnnouncer(localPeerId);
  }

  get name(): string {
    return this.metainfo?.name ?? this.#magnet?.name ?? this.infoHashHex;
  }

  get isSeeding(): boolean {
    return this.phase === 'seeding';
  }

  get extensionHandshake(): ExtensionHandshake {
    const { settings } = this.#context;
    const isServed = this.metainfo !== null && !this.metainfo.isPrivate;
    const { upload_only, lt_donthave } = EXTENSION_IDS;
    const extensions = new Map<string, number>(Object.entries({ upload_only, lt_donthave }));
    if (this.metainfo === null || isServed) extensions.set('ut_metadata', EXTENSION_IDS.ut_metadata);
    else if (this.#magnet !== null) extensions.set('ut_metadata', 0); // offered before it turned out to be private
    return {
      extensions,
      metadataBytes: isServed ? this.metainfo!.infoBytes.length : null,
      listenPort: this.#surroundings.listenPort() || null,
      clientName: CLIENT_NAME,
      yourIp: null,
      requestQueue: Math.min(settings.maxRequestsPerPeer, LIMITS.peerRequestsQueuedMax),
      // Taken back only where it may have been said.
      isUploadOnly: this.isSeeding ? true : this.completedAtMs === null ? null : false,
    };
  }

  /** For the resume data: when each tracker may be asked again. It changes with every answer of a tracker. */
  get trackerMemory(): readonly TrackerMemory[] {
    return this.announcer.memory();
  }

  /** What trackerMemory was in an earlier session; to be called before the first announce. */
  restoreTrackers(memories: readonly TrackerMemory[]): void {
    this.announcer.restore(memories);
  }

  /** Begins: `magnet` torrents look for their metadata, others for what is on disk. */
  start(): void {
    this.#emit({ type: 'torrentAdded', infoHash: this.infoHashHex });
    this.#addManualPeers(this.#options.peers, 'manual');
    if (this.#magnet !== null) this.#addManualPeers(this.#magnet.peers, 'magnet');
    if (this.metainfo !== null) {
      this.#onMetainfo(this.metainfo);
      return;
    }
    this.swarm.start();
    if (this.#context.settings.trackers) this.announcer.start();
  }

  /** Says goodbye to trackers and peers, then closes the storage; `done` is called in a turn. */
  stop(done: () => void): void {
    if (this.phase !== 'failed') this.#setPhase('stopped');
    this.swarm.stop();
    let waiting = 2;
    const part = (): void => {
      waiting--;
      if (waiting === 0) done();
    };
    this.announcer.stop(part);
    if (this.data === null) part();
    else this.data.close(part);
  }

  tick(now: number): void {
    this.#exchange.tick(now);
    this.swarm.tick(now);
  }

  addPeers(addresses: readonly Address[], source: CandidateSource): void {
    this.swarm.addCandidates(addresses, source);
  }

  addTrackers(urls: readonly string[]): void {
    this.announcer.addTrackers(urls);
    this.#guardPrivacy();
  }

  stats(now: number): TorrentStats {
    let downloadRate = 0;
    let uploadRate = 0;
    let peers = 0;
    let seeds = 0;
    for (const peer of this.swarm.peers) {
      if (!peer.isHandshakeDone) continue;
      peers++;
      if (peer.hasAll) seeds++;
      downloadRate += peer.download.pipeline.bytesPerSecond(now);
      uploadRate += peer.uploadRate;
    }
    const bytesTotal = this.metainfo?.totalLength ?? 0;
    const bytesDone = this.data?.bytesDone ?? 0;
    const isMoving = this.phase === 'downloading' && downloadRate >= 1;
    return {
      phase: this.phase,
      bytesDone,
      bytesTotal,
      piecesDone: this.data?.have.count ?? 0,
      pieceCount: this.metainfo?.pieceCount ?? 0,
      bytesChecked: this.data?.bytesChecked ?? 0,
      downloadRate,
      uploadRate,
      downloadedBytes: this.swarm.downloadedBytes,
      uploadedBytes: this.swarm.uploadedBytes,
      wastedBytes: this.swarm.wastedBytes + (this.data?.failedBytes ?? 0),
      hashFailures: this.data?.hashFailures ?? 0,
      peers,
      seeds,
      etaSeconds: isMoving ? Math.ceil((bytesTotal - bytesDone) / downloadRate) : null,
    };
  }

  // ---- SwarmHandler ----

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
    this.swarm.broadcastHave(piece);
    if (this.phase !== 'downloading') return;
    this.#emit({ type: 'pieceVerified', infoHash: this.infoHashHex, piece });
    if (this.data!.isComplete) this.#onComplete();
  }

  onPieceFailed(piece: number, contributors: readonly number[]): void {
    this.#emit({ type: 'pieceFailed', infoHash: this.infoHashHex, piece });
    // One peer sent all of it: there is no doubt whose fault it is.
    if (new Set(contributors).size !== 1) return;
    for (const peer of [...this.swarm.peers]) if (peer.number === contributors[0]) peer.close('banned');
  }

  onRequestsPossible(): void {
    this.swarm.wantsRefill();
  }

  onDataError(error: DtorrentError): void {
    this.#fail(error);
  }

  // ---- inside: the way through the phases ----

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
    this.#onMetainfo(metainfo);
  }

  #onMetainfo(metainfo: Metainfo): void {
    const hashes = pieceHashesOf(metainfo);
    if (hashes === null) {
      this.#fail(
        new DtorrentError(
          'EUNSUPPORTED',
          `${metainfo.name}: a v2-only torrent without its piece layers cannot be verified yet; use the .torrent file`,
        ),
      );
      return;
    }
    const { writeCacheBytes } = this.#context.settings;
    if (2 * metainfo.pieceLength > writeCacheBytes) {
      this.#fail(
        new DtorrentError(
          'EUNSUPPORTED',
          `${metainfo.name}: pieces of ${metainfo.pieceLength} bytes need a writeCacheBytes of at least twice that`,
        ),
      );
      return;
    }
    const partsName = partsNameOf(this.infoHashHex);
    const claimed = [...metainfo.files, { path: [partsName], padding: false }];
    const taken = this.#surroundings.claims.claim(this, this.#options.downloadDir, claimed);
    if (taken !== null) {
      const message = `${taken.path} belongs to ${taken.owner.name} already; download ${metainfo.name} to another directory`;
      this.#fail(new DtorrentError('EDUPLICATE', message));
      return;
    }
    this.#exchange.onMetadataKnown(metainfo.infoBytes, { isPrivate: metainfo.isPrivate });
    this.announcer.setPrivate(metainfo.isPrivate);
    this.#guardPrivacy();
    this.#setPhase('checking');
    this.#emit({
      type: 'metadata',
      infoHash: this.infoHashHex,
      name: metainfo.name,
      totalLength: metainfo.totalLength,
    });
    const layout = new FileLayout(metainfo);
    const directory = this.#options.downloadDir;
    const { preallocation } = this.#context.settings;
    const spec = { directory, layout, hashes, wantedFiles: null, partsName, preallocation };
    this.#context.host.storage.open(spec, (result) => {
      this.#context.turn.run(() => this.#onStorage(layout, result));
    });
  }

  #onStorage(layout: FileLayout, result: Storage | DtorrentError): void {
    if (result instanceof DtorrentError) {
      this.#fail(result);
      return;
    }
    if (this.phase !== 'checking') {
      result.close(() => {});
      return;
    }
    this.data = new TorrentData({
      context: this.#context,
      layout,
      storage: result,
      isSequential: this.#options.isSequential,
      handler: this,
    });
    if (this.#options.isTrusted) {
      this.data.trustAll();
      this.#onChecked();
    } else {
      this.data.check(null, () => this.#onChecked());
    }
  }

  #onChecked(): void {
    const data = this.data!;
    this.#wasCompleteAtStart = data.isComplete;
    this.#setPhase('downloading');
    this.swarm.attachData(data);
    if (data.isComplete) this.#onComplete();
    if (this.#magnet !== null) return;
    this.swarm.start();
    if (this.#context.settings.trackers) this.announcer.start();
  }

  #onComplete(): void {
    this.completedAtMs = this.#context.turn.now;
    this.#setPhase('seeding');
    this.#emit({
      type: 'completed',
      infoHash: this.infoHashHex,
      seconds: (this.completedAtMs - this.addedAtMs) / 1000,
    });
    if (!this.#wasCompleteAtStart && this.data!.isComplete) this.announcer.complete();
    this.swarm.onComplete();
  }

  #fail(error: DtorrentError): void {
    if (this.phase === 'failed' || this.phase === 'stopped') return;
    this.error = error;
    this.#setPhase('failed');
    this.swarm.stop();
    this.announcer.stop(() => {});
    // Its memory is the other torrents' too; and a check under way must not bring the torrent back.
    this.data?.close(() => {});
    this.#emit({ type: 'torrentFailed', infoHash: this.infoHashHex, error });
  }

  #setPhase(phase: TorrentPhase): void {
    if (this.phase === phase) return;
    this.phase = phase;
    this.#emit({ type: 'phase', infoHash: this.infoHashHex, phase });
  }

  #emit(event: EngineEvent): void {
    this.#context.emit(event);
  }

  #makeAnnouncer(peerId: Uint8Array): Announcer {
    const { context, trackers, listenPort } = this.#surroundings;
    const infoHash = this.infoHashHex;
    return new Announcer({
      clients: trackers,
      turn: context.turn,
      network: context.host.network,
      random: context.host.random,
      settings: context.settings,
      tiers: this.metainfo?.trackers ?? this.#magnet!.trackers.map((url) => [url]),
      infoHashes: wireHashes(this.infoHash),
      identity: { peerId, key: context.host.random.uint32() },
      listenPort,
      unixTime: () => context.host.clock.unixTime(),
      totals: () => ({
        uploadedBytes: this.swarm.uploadedBytes,
        downloadedBytes: this.swarm.downloadedBytes,
        leftBytes: this.data === null || !this.data.isChecked ? null : this.metainfo!.totalLength - this.data.bytesDone,
        isPartialSeed: this.data?.isChecked === true && this.data.isFinished && !this.data.isComplete,
      }),
      isPrivate: this.metainfo?.isPrivate ?? false,
      handler: {
        onPeers: (addresses) => this.addPeers(addresses, 'tracker'),
        onTrackerSwitched: () => this.swarm.onTrackerSwitched(),
        onAnnounced: ({ url, peers, seeds, leechers }) =>
          this.#emit({ type: 'trackerAnnounced', infoHash, url, peers, seeds, leechers }),
        onWarning: (url, message) => this.#emit({ type: 'trackerWarning', infoHash, url, message }),
        onFailure: (url, error) => this.#emit({ type: 'trackerFailed', infoHash, url, error }),
      },
    });
  }

  /**
   * BEP 27: a private torrent connects only to peers that its tracker names. That holds for peers that a person names
   * too, as in qBittorrent: whoever guesses an address could else take part without the tracker knowing, and trackers
   * ban the client that allows it. Without a tracker there is nobody to ask: then it takes whom it is told of, which is
   * how people move private torrents between machines of their own.
   */
  #guardPrivacy(): void {
    if (this.metainfo?.isPrivate !== true || !this.announcer.hasTrackers) return;
    this.swarm.restrictToTrackers();
    if (this.#options.peers.length === 0) return;
    const message = `${this.name} is private: it takes peers from its trackers only, so those named by hand are not used`;
    this.#emit({ type: 'warning', error: new DtorrentError('EUNSUPPORTED', message) });
  }

  /** Peers named by a person or a magnet may be host names. */
  #addManualPeers(peers: readonly HostPort[], source: 'manual' | 'magnet'): void {
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
}

function isMetainfo(source: Metainfo | Magnet): source is Metainfo {
  return 'infoBytes' in source;
}
