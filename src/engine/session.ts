/**
 * Everything of one engine below the promises: torrents, the listening socket, the shared budgets and the one timer
 * that ticks them. A swarm's peers arrive here when they dial us, and are handed on by info-hash.
 * Public methods begin a turn of their own; `done` callbacks are called inside one.
 */

import { describeBindPart } from '../base/bound-addresses.js';
import { toHex } from '../base/bytes.js';
import { DtorrentError, toDtorrentError } from '../base/errors.js';
import { ExternalAddress } from '../base/external-address.js';
import { ByteBudget } from '../base/slot-pool.js';
import { Timer } from '../base/timer-queue.js';
import { wireHashes } from '../format/infohash.js';
import type { Magnet } from '../format/magnet.js';
import type { Metainfo } from '../format/metainfo.js';
import { decodeTorrentPointer } from '../format/torrent-pointer.js';
import type { Host } from '../host/host.js';
import type { ByteStream, Listener } from '../host/network.js';
import type { DhtStats } from '../protocol/dht/operations.js';
import { TrackerClients } from './announce/tracker-clients.js';
import { BoundNetwork } from './bound-network.js';
import type { EngineContext } from './context.js';
import { FileClaims } from './data/file-claims.js';
import { ReadCache } from './data/read-cache.js';
import { DhtService } from './discovery/dht-service.js';
import { Discovery } from './discovery/discovery.js';
import type { ItemKey } from './discovery/item-watch.js';
import { LsdService } from './discovery/lsd-service.js';
import { PortMapping } from './discovery/port-mapping.js';
import type { EngineEvent, TorrentStats } from './events.js';
import { Peer } from './peer/peer.js';
import type { PeerInfo } from './peer/peer-info.js';
import type { PeerOwner } from './peer/peer-owner.js';
import type { RateLimits, Settings } from './settings.js';
import { type StreamBudget, shareStreams } from './stream-budget.js';
import { Connector } from './swarm/connector.js';
import { PeerPriorities } from './swarm/peer-priorities.js';
import { RateLimiter } from './swarm/rate-limiter.js';
import { Torrent } from './torrent.js';
import type { TorrentOptions, TorrentSurroundings } from './torrent-options.js';
import { Turn } from './turn.js';

const TICK_MS = 1000;
/** How often the interfaces are looked at that the engine is bound to: the sooner, the less is sent once one is gone. */
const LOOK_MS = 200;
/** A tick that comes so late finds a process that was stopped, or a machine that was asleep. */
const TICK_LATE_MS = 10_000;

export class Session {
  readonly context: EngineContext;
  /** Null = switched off. */
  readonly dht: DhtService | null;
  /** Of all torrents. */
  readonly surroundings: TorrentSurroundings;
  /** 0 until bound. */
  listenPort = 0;
  readonly #turn: Turn;
  readonly #tell: (event: EngineEvent) => void;
  readonly #connector: Connector;
  readonly #trackers: TrackerClients;
  readonly #discovery: Discovery;
  /** null = switched off. */
  readonly #portMapping: PortMapping | null;
  readonly #torrents = new Set<Torrent>();
  readonly #claims = new FileClaims<Torrent>();
  readonly #byWireHash = new Map<string, Torrent>();
  readonly #streams: StreamBudget;
  /** What the engine is bound to; null = everything. */
  readonly #bound: BoundNetwork | null;
  readonly #lookTimer: Timer = new Timer((now) => this.#lookAtBindings(now));
  /** Incoming connections that have not said yet which torrent they are for, the oldest first. */
  readonly #unnamed = new Set<Peer>();
  readonly #tickTimer: Timer = new Timer((now) => this.#tick(now));
  #tickDueAtMs = 0;
  #events: EngineEvent[] = [];
  #isTelling = false;
  #nextPeerNumber = 0;
  #listener: Listener | null = null;
  #isStopped = false;

  /** `tell` hears every event, outside of turns. */
  constructor(host: Host, settings: Settings, tell: (event: EngineEvent) => void) {
    this.#turn = new Turn(host.clock, (error) => this.#onBug(error));
    this.#turn.afterTurn = () => this.#tellEvents();
    this.#tell = tell;
    this.#streams = shareStreams(settings, host.network.streamsMax ?? Number.POSITIVE_INFINITY);
    const { maxPeers, maxHalfOpen } = this.#streams;
    const bound = settings.bind === '' ? null : new BoundNetwork(host.network, host.clock, settings.bind);
    const network = bound ?? host.network;
    this.#bound = bound;
    const { clock, random, storage, state, log } = host;
    const externalAddress = new ExternalAddress((family, ip) =>
      this.#events.push({ type: 'externalAddress', family, ip }),
    );
    this.context = {
      host: { clock, random, network, storage, state, log },
      settings: { ...settings, maxPeers, maxHalfOpen },
      turn: this.#turn,
      writeBudget: new ByteBudget(settings.writeCacheBytes),
      memoryFreed: () => {
        for (const { swarm } of this.#torrents) swarm.wantsRefill();
      },
      readCache: new ReadCache(settings.readCacheBytes, this.#turn),
      rates: {
        download: new RateLimiter(this.#turn, settings.downloadLimit),
        upload: new RateLimiter(this.#turn, settings.uploadLimit),
      },
      externalAddress,
      priorities: new PeerPriorities({
        externalIp: (family) => externalAddress.of(family),
        // A router maps ports of IPv4 only.
        reachablePort: (family) => (family === 4 ? this.reachablePort : this.listenPort),
      }),
      listenPort: () => this.listenPort,
      reachablePort: () => this.reachablePort,
      canSend: () => bound === null || bound.all().length > 0,
      boundAddresses: () => bound?.all() ?? null,
      emit: (event) => this.#events.push(event),
    };
    this.#connector = new Connector(this.context);
    this.#trackers = new TrackerClients({ turn: this.#turn, network, random });
    const listenPort = (): number => this.listenPort;
    this.dht = settings.dht ? new DhtService(this.context, listenPort) : null;
    externalAddress.onChange = (family) => {
      this.context.priorities.onOwnAddressChanged();
      this.dht?.onExternalAddress(family);
    };
    const lsd = settings.lsd ? new LsdService({ turn: this.#turn, network, random, port: listenPort }) : null;
    this.#discovery = new Discovery([this.dht, lsd].filter((way) => way !== null));
    this.#portMapping = settings.portMapping
      ? new PortMapping({ context: this.context, listenPort, onReachablePort: () => this.#onReachablePort() })
      : null;
    this.surroundings = {
      context: this.context,
      connector: this.#connector,
      trackers: this.#trackers,
      discovery: this.#discovery,
      claims: this.#claims,
      router: (infoHash) => this.#route(infoHash),
      nextPeerNumber: () => this.#nextPeerNumber++,
      listenPort,
      dhtPort: (family) => this.dht?.port(family) ?? 0,
      onDhtNode: (address) => this.dht?.addNode(address),
    };
  }

  /** The TCP port that peers reach us on: the listening one, or what a router maps to it. 0 until bound. */
  get reachablePort(): number {
    return this.#portMapping?.reachablePort ?? this.listenPort;
  }

  get torrents(): ReadonlySet<Torrent> {
    return this.#torrents;
  }
  /** Counts the connections of all torrents. */
  get connector(): Connector {
    return this.#connector;
  }
  /** Incoming connections that have not said yet which torrent they are for. */
  get unnamedPeers(): ReadonlySet<Peer> {
    return this.#unnamed;
  }
  /** The tick that everything without a timer of its own relies on is to come; not before start, nor after stop. */
  get isTicking(): boolean {
    return this.#tickTimer.isArmed;
  }

  /** Listens; `done(null)` once bound. */
  start(done: (error: DtorrentError | null) => void): void {
    this.#turn.run(() => {
      this.#tickDueAtMs = this.#turn.now + TICK_MS;
      this.#turn.timers.set(this.#tickTimer, this.#tickDueAtMs);
      if (this.#bound !== null) this.#turn.timers.set(this.#lookTimer, this.#turn.now + LOOK_MS);
      this.#listen(this.context.settings.port, this.context.settings.portAttempts, done);
    });
  }

  /**
   * Registers a torrent; `begin` sets it going, so that whoever wants its first events can be there to hear them.
   * @throws {DtorrentError} `EDUPLICATE` when the torrent is there already.
   */
  add(source: Metainfo | Magnet, options: TorrentOptions): Torrent {
    let added: Torrent | DtorrentError | null = null;
    this.#turn.run(() => {
      added = this.#add(source, options);
    });
    const result = added as Torrent | DtorrentError | null;
    if (result instanceof Torrent) return result;
    throw result ?? new DtorrentError('EINTERNAL', 'the torrent could not be added');
  }

  begin(torrent: Torrent): void {
    this.#turn.run(() => torrent.start());
  }

  /** `done` comes once its files are closed. */
  pause(torrent: Torrent, done: () => void): void {
    this.#turn.run(() => torrent.pause('user', done));
  }

  resume(torrent: Torrent): void {
    this.#turn.run(() => torrent.resume());
  }

  recheck(torrent: Torrent): void {
    this.#turn.run(() => torrent.recheck());
  }

  /** Stops it and removes what is remembered of it; its data stays. */
  remove(torrent: Torrent, done: () => void): void {
    this.#turn.run(() => {
      torrent.remove(() => {
        this.#forget(torrent);
        this.context.emit({ type: 'torrentRemoved', infoHash: torrent.infoHashHex });
        done();
      });
    });
  }

  /** What is left out stays as it is. Bytes per second, 0 = no limit. */
  setRateLimits(limits: RateLimits): void {
    this.#turn.run(() => {
      const { download, upload } = this.context.rates;
      const { downloadLimit, uploadLimit } = limits;
      if (uploadLimit !== undefined) upload.setLimit(uploadLimit);
      if (downloadLimit === undefined) return;
      const wasLimited = download.isLimited;
      download.setLimit(downloadLimit);
      // What was requested without a limit comes all the same.
      if (!wasLimited) for (const torrent of this.#torrents) download.charge(torrent.swarm.requestedBytes);
    });
  }

  /** Ends everything: `done` comes when trackers have been told (or did not answer in time) and storages are closed. */
  stop(done: () => void): void {
    this.#turn.run(() => {
      if (this.#isStopped) return;
      this.#isStopped = true;
      this.#listener?.close();
      for (const peer of this.#unnamed) peer.close('torrent-stopped');
      this.#unnamed.clear();
      let waiting = this.#torrents.size + 3;
      const part = (): void => {
        waiting--;
        if (waiting > 0) return;
        this.#trackers.close();
        this.#turn.timers.cancel(this.#tickTimer);
        this.#turn.timers.cancel(this.#lookTimer);
        this.#turn.stop();
        done();
      };
      for (const torrent of this.#torrents) torrent.stop(part);
      this.#discovery.stop(part);
      if (this.#portMapping !== null) this.#portMapping.stop(part);
      else part();
      part();
    });
  }

  /**
   * Tells of each version of a torrent that changes (BEP 46) with an event. @returns what ends it.
   * @throws {DtorrentError} `EOPTION` when the DHT is off.
   */
  follow(key: ItemKey): () => void {
    const { dht } = this;
    if (dht === null) throw new DtorrentError('EOPTION', 'a torrent that changes is found in the DHT, which is off');
    const event = { type: 'versionFound', publicKey: toHex(key.publicKey), salt: toHex(key.salt) } as const;
    let end = (): void => {};
    this.#turn.run(() => {
      end = dht.watch(key, ({ value, sequence }) => {
        const infoHash = decodeTorrentPointer(value);
        if (infoHash !== null) this.context.emit({ ...event, targetInfoHash: toHex(infoHash), sequence });
      });
    });
    return () => this.#turn.run(end);
  }

  /** For what the API asks of one torrent. */
  inTurn(task: () => void): void {
    this.#turn.run(task);
  }

  dhtStats(): DhtStats | null {
    return this.dht?.stats(this.context.host.clock.now()) ?? null;
  }

  peers(torrent: Torrent): PeerInfo[] {
    return torrent.swarm.peerInfos(this.context.host.clock.now());
  }

  stats(torrent: Torrent): TorrentStats {
    return torrent.stats(this.context.host.clock.now());
  }

  #listen(port: number, attemptsLeft: number, done: (error: DtorrentError | null) => void): void {
    let isBound = false;
    this.#listener = this.context.host.network.listen(
      { host: '', port },
      {
        onListening: (actualPort) => {
          this.#turn.run(() => {
            isBound = true;
            for (const part of this.#bound?.missing ?? []) this.#warnOfMissing(part);
            this.listenPort = actualPort;
            this.context.priorities.onOwnAddressChanged();
            this.#discovery.start();
            this.#portMapping?.start();
            this.context.emit({ type: 'listening', port: actualPort });
            done(null);
          });
        },
        onConnection: (stream) => this.#onConnection(stream),
        onError: (error) => {
          this.#turn.run(() => {
            if (isBound) this.context.emit({ type: 'warning', error });
            else if (attemptsLeft > 1 && port !== 0 && port < 65535) this.#listen(port + 1, attemptsLeft - 1, done);
            else done(error);
          });
        },
      },
    );
  }

  /** Trackers have been told another port: they hear of this one as soon as they allow it. */
  #onReachablePort(): void {
    this.context.priorities.onOwnAddressChanged();
    for (const torrent of this.#torrents) torrent.announcer.announceNow();
    this.dht?.announceAgain();
  }

  #onConnection(stream: ByteStream): void {
    this.#turn.run(() => {
      if (this.#isStopped) {
        stream.close();
        return;
      }
      this.#makeRoomForUnnamed();
      const peer = new Peer({
        context: this.context,
        number: this.#nextPeerNumber++,
        remote: stream.remote,
        owner: null,
        router: (infoHash) => this.#route(infoHash),
        source: 'incoming',
      });
      this.#unnamed.add(peer);
      peer.accept(stream);
    });
  }

  /**
   * The one that has been silent for longest goes: a real peer says what it wants within one round trip, so that it
   * gets through a crowd that says nothing, where a refusal of newcomers would leave all places to the crowd.
   */
  #makeRoomForUnnamed(): void {
    if (this.#unnamed.size < this.#streams.incomingHandshakes) return;
    this.#sweepUnnamed(this.#turn.now);
    for (const peer of this.#unnamed) {
      if (this.#unnamed.size < this.#streams.incomingHandshakes) return;
      this.#unnamed.delete(peer);
      peer.close('too-many-peers');
    }
  }

  /** A torrent takes peers as long as it can use them: not while it checks its files, nor after it failed. */
  #route(infoHash: Uint8Array): PeerOwner | null {
    const torrent = this.#byWireHash.get(toHex(infoHash));
    if (torrent === undefined) return null;
    const { phase } = torrent;
    return phase === 'metadata' || phase === 'downloading' || phase === 'seeding' ? torrent.swarm : null;
  }

  #add(source: Metainfo | Magnet, options: TorrentOptions): Torrent | DtorrentError {
    if (this.#isStopped) return new DtorrentError('ESTOPPED', 'the engine has been stopped');
    const hashes = wireHashes(source.infoHash).map(toHex);
    const twin = hashes.map((hash) => this.#byWireHash.get(hash)).find((torrent) => torrent !== undefined);
    if (twin !== undefined) return new DtorrentError('EDUPLICATE', `${twin.name} has been added already`);
    const torrent = new Torrent(source, options, this.surroundings);
    this.#torrents.add(torrent);
    for (const hash of hashes) this.#byWireHash.set(hash, torrent);
    return torrent;
  }

  #forget(torrent: Torrent): void {
    this.#torrents.delete(torrent);
    this.#claims.release(torrent);
    for (const hash of wireHashes(torrent.infoHash)) this.#byWireHash.delete(toHex(hash));
  }

  #lookAtBindings(now: number): void {
    const bound = this.#bound!;
    this.#turn.timers.set(this.#lookTimer, now + LOOK_MS);
    bound.look();
    const change = bound.takeChange();
    if (change === null) return;
    for (const part of change.gone) this.#warnOfMissing(part);
    if (change.back.length === 0) return;
    this.context.emit({ type: 'listening', port: this.listenPort });
    this.#connector.wantsDial();
  }

  #warnOfMissing(part: string): void {
    const isLast = this.#bound!.all().length === 0;
    const what = isLast ? 'nothing is sent or received' : 'it is left out';
    const message = `${describeBindPart(part)} is gone: ${what} until it is back`;
    this.context.emit({ type: 'warning', error: new DtorrentError('ENETWORK', message) });
  }

  #tick(now: number): void {
    const dueAtMs = this.#tickDueAtMs;
    this.#tickDueAtMs = now + TICK_MS;
    this.#turn.timers.set(this.#tickTimer, this.#tickDueAtMs);
    // What peers have said meanwhile has not been read yet: none of them is judged by their silence before that.
    if (now - dueAtMs > TICK_LATE_MS) return;
    this.#sweepUnnamed(now);
    this.dht?.reviewSockets();
    for (const torrent of this.#torrents) {
      torrent.tick(now);
      torrent.data?.releaseIdleMemory();
    }
    this.#connector.tick(now);
  }

  #sweepUnnamed(now: number): void {
    for (const peer of this.#unnamed) {
      peer.tick(now);
      if (peer.isClosed || peer.isHandshakeDone) this.#unnamed.delete(peer);
    }
  }

  /** Listeners run outside of turns, so that they may call the API; what that emits is told in the same loop. */
  #tellEvents(): void {
    if (this.#isTelling || this.#events.length === 0) return;
    this.#isTelling = true;
    while (this.#events.length > 0) {
      const events = this.#events;
      this.#events = [];
      for (const event of events) this.#tell(event);
    }
    this.#isTelling = false;
  }

  #onBug(error: unknown): void {
    const bug = toDtorrentError(error);
    this.context.host.log.write('error', bug.stack ?? bug.message);
    this.context.emit({ type: 'warning', error: bug });
  }
}
