/**
 * The DHT of one engine (BEP 5, 32): sockets, the time, names to begin with and the record of earlier runs for the
 * sans-IO core in protocol/dht, and for each torrent the announces that DhtSchedule calls for. A torrent that is known to be
 * private never gets here (Torrent leaves before). Everything runs inside turns.
 * The sockets have the number of the TCP port where that is free, as others assume.
 */
import { type Address, familyOf, formatHostPort, type HostPort, parseHostPort } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { Timer } from '../../base/timer-queue.js';
import { wireHashes } from '../../format/infohash.js';
import type { DatagramSocket } from '../../host/network.js';
import { Dht } from '../../protocol/dht/dht.js';
import type { DhtNode } from '../../protocol/dht/dht-node.js';
import type { DhtOperation, DhtStats, FoundMutable } from '../../protocol/dht/operations.js';
import type { EngineContext } from '../context.js';
import { DhtSchedule } from './dht-schedule.js';
import { type ItemKey, ItemWatch } from './item-watch.js';
import type { PeerDiscovery, SearchingTorrent } from './peer-discovery.js';

/** The record's key in the state store. */
const STATE_KEY = 'dht';
/** A crash loses what was learnt since. */
const SAVE_INTERVAL_MS = 10 * 60_000;
/** Names that were not to be resolved, or nodes that did not answer, are tried again so often while nobody is known. */
const BOOTSTRAP_RETRY_MS = 30_000;
const BOOTSTRAP_RETRY_MAX_MS = 10 * 60_000;
/** As a socket's host: all that this machine has. */
const EVERY_ADDRESS = '';

/** One socket and the nodes on it: one, or one a family. */
interface Endpoint {
  /** Local IP, or EVERY_ADDRESS. */
  readonly host: string;
  readonly socket: DatagramSocket;
  readonly nodes: Map<4 | 6, DhtNode>;
  port: number;
}

export class DhtService implements PeerDiscovery {
  readonly #context: EngineContext;
  /** Of the TCP listener, for the sockets. */
  readonly #listenPort: () => number;
  readonly #dht: Dht;
  readonly #schedule: DhtSchedule<SearchingTorrent>;
  /** Lookups under way, several for a torrent of two hashes. */
  readonly #lookups = new Map<SearchingTorrent, DhtOperation[]>();
  readonly #watches = new Set<ItemWatch>();
  readonly #endpoints: Endpoint[] = [];
  readonly #timer: Timer = new Timer((now) => this.#onTimer(now));
  readonly #saveTimer: Timer = new Timer(() => this.#save(() => {}));
  readonly #bootstrapTimer: Timer = new Timer(() => this.#bootstrap());
  #bootstrapRetryMs = BOOTSTRAP_RETRY_MS;
  #wasReachable = false;
  /** That there is no socket has been said since there was one. */
  #hasWarned = false;
  #isStarted = false;
  #isStopped = false;

  constructor(context: EngineContext, listenPort: () => number) {
    this.#context = context;
    this.#listenPort = listenPort;
    this.#schedule = new DhtSchedule(context.host.random);
    this.#dht = new Dht({
      random: context.host.random,
      onAddressVote: (ip, voter, now) => context.externalAddress.vote(ip, voter, 'dht', now),
    });
  }

  /** The UDP port of a family, for PORT messages; 0 = none. */
  port(family: 4 | 6): number {
    return this.#endpoints.find(({ nodes }) => nodes.has(family))?.port ?? 0;
  }

  stats(now: number): DhtStats {
    return this.#dht.stats(now);
  }

  /** Someone who may be a node: from a PORT message. Pinged first. */
  addNode(address: Address): void {
    if (this.#isStopped) return;
    this.#dht.addNode(address, this.#context.turn.now);
    this.#rearm();
  }

  /** Our address as others see it has become known, or another one. */
  onExternalAddress(family: 4 | 6): void {
    const ip = this.#context.externalAddress.of(family);
    if (this.#isStopped || ip === null) return;
    this.#dht.setExternalIp(family, ip, this.#context.turn.now);
    this.#rearm();
  }

  /** Peers reach us at another port now. */
  announceAgain(): void {
    if (this.#isStopped) return;
    this.#schedule.hurry(this.#context.turn.now);
    this.#rearm();
  }

  /** Follows a mutable item: `onVersion` hears of each newer one, in a turn. @returns what ends it. */
  watch(key: ItemKey, onVersion: (found: FoundMutable) => void): () => void {
    const { turn, host } = this.#context;
    const watch = new ItemWatch({
      dht: this.#dht,
      turn,
      random: host.random,
      key,
      onVersion,
      onAsked: () => this.#rearm(),
    });
    this.#watches.add(watch);
    if (this.#wasReachable) watch.look(turn.now);
    return () => {
      watch.stop();
      this.#watches.delete(watch);
    };
  }

  // ---- PeerDiscovery ----

  start(): void {
    const { host, turn } = this.#context;
    host.state.load(STATE_KEY, (result) => {
      turn.run(() => {
        if (this.#isStopped) return;
        if (result instanceof DtorrentError) this.#warn(result);
        else if (result !== null && !this.#dht.restore(result, turn.now)) {
          this.#warn(new DtorrentError('ESTATE', 'the record of the DHT cannot be read; it begins anew'));
        }
        this.#isStarted = true;
        this.reviewSockets();
      });
    });
  }

  join(torrent: SearchingTorrent): void {
    if (this.#isStopped) return;
    const { turn } = this.#context;
    this.#addNames(torrent.dhtNodes, (addresses) => {
      for (const address of addresses) this.#dht.addNode(address, turn.now);
    });
    this.#schedule.add(torrent, turn.now);
    this.#rearm();
  }

  leave(torrent: SearchingTorrent): void {
    if (!this.#schedule.remove(torrent)) return;
    for (const lookup of this.#lookups.get(torrent) ?? []) lookup.cancel();
    this.#lookups.delete(torrent);
    this.#rearm();
  }

  stop(done: () => void): void {
    const { timers } = this.#context.turn;
    for (const lookups of this.#lookups.values()) for (const lookup of lookups) lookup.cancel();
    this.#lookups.clear();
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
    for (const timer of [this.#timer, this.#saveTimer, this.#bootstrapTimer]) timers.cancel(timer);
    const wasOpen = this.#endpoints.length > 0;
    const finish = (): void => {
      this.#isStopped = true;
      for (const { socket } of this.#endpoints.splice(0)) socket.close();
      done();
    };
    if (wasOpen && !this.#isStopped) this.#save(finish);
    else finish();
  }

  // ---- sockets ----

  /**
   * Opens and closes sockets as addresses come and go: one socket for each that is bound, each a node of its own (BEP 45),
   * or one for all there are, with a node a family. Also to be called now and then.
   */
  reviewSockets(): void {
    if (this.#isStopped || !this.#isStarted) return;
    const bound = this.#context.boundAddresses();
    const hosts = bound === null ? [EVERY_ADDRESS] : bound.map(({ host }) => host);
    for (const endpoint of [...this.#endpoints]) if (!hosts.includes(endpoint.host)) this.#close(endpoint);
    for (const host of hosts) {
      if (!this.#endpoints.some((endpoint) => endpoint.host === host)) this.#open(host, this.#listenPort());
    }
  }

  /** `port` 0 = any: the wanted one was taken. */
  #open(host: string, port: number): void {
    const { turn } = this.#context;
    let isBound = false;
    const endpoint: Endpoint = {
      host,
      socket: this.#context.host.network.openDatagramSocket(
        { host, port },
        {
          onListening: (actualPort) => {
            turn.run(() => {
              isBound = true;
              this.#onBound(endpoint, actualPort);
            });
          },
          onDatagram: (packet, from) => {
            turn.enter();
            endpoint.nodes.get(from.family)?.receive(packet, from, turn.now);
            if (!this.#wasReachable) this.#review(turn.now);
            this.#rearm();
            turn.leave();
          },
          onError: (error) => {
            turn.run(() => {
              if (isBound || port === 0) this.#onNoSocket(error);
              this.#close(endpoint);
              if (!isBound && port !== 0 && !this.#isStopped) this.#open(host, 0);
            });
          },
        },
      ),
      nodes: new Map(),
      port: 0,
    };
    this.#endpoints.push(endpoint);
  }

  #onBound(endpoint: Endpoint, port: number): void {
    if (this.#isStopped || !this.#endpoints.includes(endpoint)) return;
    const { externalAddress, turn } = this.#context;
    endpoint.port = port;
    this.#hasWarned = false;
    for (const family of familiesOf(endpoint.host)) {
      const node = this.#dht.open(
        {
          family,
          externalIp: externalAddress.of(family),
          send: (packet, to) => endpoint.socket.send(packet, to),
        },
        turn.now,
      );
      endpoint.nodes.set(family, node);
    }
    this.#bootstrap();
    if (!this.#saveTimer.isArmed) turn.timers.set(this.#saveTimer, turn.now + SAVE_INTERVAL_MS);
    this.#rearm();
  }

  /** It is opened again with the next review, as often as it takes: one warning is enough until that works. */
  #onNoSocket(error: DtorrentError): void {
    if (!this.#hasWarned) this.#warn(error);
    this.#hasWarned = true;
  }

  #close(endpoint: Endpoint): void {
    const index = this.#endpoints.indexOf(endpoint);
    if (index < 0) return;
    this.#endpoints.splice(index, 1);
    for (const node of endpoint.nodes.values()) this.#dht.close(node, this.#context.turn.now);
    endpoint.nodes.clear();
    endpoint.socket.close();
    this.#rearm();
  }

  // ---- names to begin with ----

  #bootstrap(): void {
    if (this.#isStopped || this.#isReachable()) return;
    const { turn, settings } = this.#context;
    this.#addNames(parseBootstrap(settings.dhtBootstrap), (addresses) => {
      this.#dht.addBootstrap(addresses, turn.now);
    });
    turn.timers.set(this.#bootstrapTimer, turn.now + this.#bootstrapRetryMs);
    this.#bootstrapRetryMs = Math.min(2 * this.#bootstrapRetryMs, BOOTSTRAP_RETRY_MAX_MS);
  }

  /** A name that cannot be resolved is nobody's trouble while there are others; all of them are asked again later. */
  #addNames(names: readonly HostPort[], add: (addresses: readonly Address[]) => void): void {
    const { host, turn } = this.#context;
    for (const { host: name, port } of names) {
      host.network.resolve(name, (result) => {
        turn.run(() => {
          if (this.#isStopped) return;
          if (result instanceof DtorrentError) {
            host.log.write('info', `DHT: ${formatHostPort({ host: name, port })}: ${result.message}`);
            return;
          }
          add(result.map((address) => ({ ...address, port })));
          this.#rearm();
        });
      });
    }
  }

  // ---- lookups ----

  #onTimer(now: number): void {
    this.#dht.advance(now);
    this.#review(now);
    this.#rearm();
  }

  #review(now: number): void {
    const isReachable = this.#isReachable();
    if (isReachable && !this.#wasReachable) {
      this.#bootstrapRetryMs = BOOTSTRAP_RETRY_MS;
      this.#context.turn.timers.cancel(this.#bootstrapTimer);
      this.#schedule.retryFruitless(now);
      for (const watch of this.#watches) if (watch.isFruitless) watch.look(now);
    } else if (!isReachable && this.#wasReachable) this.#bootstrap();
    this.#wasReachable = isReachable;
    if (!this.#isOpen) return;
    for (let torrent = this.#schedule.next(now); torrent !== null; torrent = this.#schedule.next(now)) {
      this.#lookUp(torrent, now);
    }
  }

  #lookUp(torrent: SearchingTorrent, now: number): void {
    const hashes = wireHashes(torrent.infoHash);
    const lookups: DhtOperation[] = [];
    this.#lookups.set(torrent, lookups);
    let waiting = hashes.length;
    let isFruitful = true;
    for (const infoHash of hashes) {
      const lookup = this.#dht.announce(
        infoHash,
        // Not the port that packets come from: no peer is taken over UDP yet, and a NAT gives that port another number.
        { port: this.#context.reachablePort(), isImpliedPort: false, isSeed: torrent.isSeeding },
        {
          onPeers: (addresses) => torrent.addPeers(addresses, 'dht'),
          onDone: ({ peers, stored }) => {
            if (stored === 0 || (peers === 0 && !torrent.isSeeding)) isFruitful = false;
            waiting--;
            if (waiting === 0) this.#onLookedUp(torrent, isFruitful);
          },
        },
        now,
      );
      lookups.push(lookup);
    }
  }

  #onLookedUp(torrent: SearchingTorrent, isFruitful: boolean): void {
    this.#lookups.delete(torrent);
    this.#schedule.onDone(torrent, { isFruitful }, this.#context.turn.now);
  }

  get #isOpen(): boolean {
    return this.#endpoints.some(({ nodes }) => nodes.size > 0);
  }

  #isReachable(): boolean {
    return this.#dht.isReachable(this.#context.turn.now);
  }

  #rearm(): void {
    if (this.#isStopped) return;
    const { timers } = this.#context.turn;
    const lookupAt = this.#isOpen ? this.#schedule.nextDueAt() : Number.POSITIVE_INFINITY;
    timers.set(this.#timer, Math.min(this.#dht.nextDeadline(), lookupAt));
  }

  // ---- what outlives the run ----

  #save(done: () => void): void {
    const { host, turn } = this.#context;
    if (!host.state.isKept) {
      done();
      return;
    }
    turn.timers.set(this.#saveTimer, turn.now + SAVE_INTERVAL_MS);
    host.state.save(STATE_KEY, this.#dht.snapshot(turn.now), (error) => {
      turn.run(() => {
        if (error !== null) this.#warn(error);
        done();
      });
    });
  }

  #warn(error: DtorrentError): void {
    this.#context.emit({ type: 'warning', error });
  }
}

/** @returns what can be read of a list of `host:port`, apart by commas. */
export function parseBootstrap(text: string): HostPort[] {
  const words = text.split(',', LIMITS.dhtBootstrapNamesMax).map((word) => word.trim());
  return words.map(parseHostPort).filter((node) => node !== null);
}

function familiesOf(host: string): readonly (4 | 6)[] {
  return host === EVERY_ADDRESS ? [4, 6] : [familyOf(host)];
}
