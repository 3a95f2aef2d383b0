/**
 * The DHT for programs: a node on a UDP socket of its own, with promises and async iterators. What makes it run is
 * DhtRunner; here is what can be asked, what is asked wrongly, and the table that outlives the run.
 */
import { type Address, type HostPort, parseHostPort } from '../base/address.js';
import { EMPTY_BYTES } from '../base/bytes.js';
import { ED25519_PUBLIC_KEY_BYTES } from '../base/crypto.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { BOOTSTRAP_NODES } from '../protocol/dht/bootstrap.js';
import { isValidValue, type MutableItem, verifyItem } from '../protocol/dht/item.js';
import { NODE_ID_BYTES } from '../protocol/dht/node-id.js';
import type {
  AnnounceOptions,
  AnnounceSummary,
  DhtOperation,
  DhtStats,
  FoundMutable,
  LookupSummary,
  PeersSummary,
  PutSummary,
  SampleListener,
  ScrapeSummary,
} from '../protocol/dht/operations.js';
import { DhtRunner } from './dht-runner.js';
import { DhtSearch } from './dht-search.js';
import { loadTable, saveTable } from './dht-table-file.js';
import { handlesClosed } from './handles-closed.js';

/** How a DHT client joins. */
export interface DhtClientOptions {
  /** Local UDP port; default 0 = any that is free. */
  readonly port?: number;
  /**
   * Addresses and interfaces to listen on and ask from, apart by commas; default '' = every address, IPv6 where this
   * machine has a global one. Interfaces are looked at when it starts, and never again.
   */
  readonly bind?: string;
  /** `host:port` of nodes to begin with; default BOOTSTRAP_NODES. An empty list = none: others have to find us. */
  readonly bootstrap?: readonly string[];
  /** Asks and does not answer (BEP 43): for programs that end soon, or that nobody can reach. Default false. */
  readonly isReadOnly?: boolean;
  /** The file that keeps the table of nodes from one run to the next; default none. One client a file. */
  readonly tableFile?: string;
  /** Takes nodes of one address and several ports for several nodes: in tests on one machine. Default false. */
  readonly allowSameIp?: boolean;
  /** Hears of what does not stop the client: names that are not found, a file that cannot be read or written. */
  readonly onWarning?: (error: DtorrentError) => void;
}

/** What everything that is asked for can be given. */
export interface DhtRequestOptions {
  /** Stops it: it rejects with `ESTOPPED`, or `ETIMEOUT` when it is a signal of AbortSignal.timeout(). */
  readonly signal?: AbortSignal;
}

/** Where a mutable item is found (BEP 44). */
export interface DhtItemKey {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** At most 64 bytes; default none. */
  readonly salt?: Uint8Array;
}

/** Info-hashes that one node keeps peers of (BEP 51). */
export interface DhtSample {
  /** 20 bytes each; a part of all that it keeps. */
  readonly infoHashes: readonly Uint8Array[];
  /** Who keeps them. */
  readonly node: Address;
  /** How many it keeps in all. */
  readonly total: number;
}

/** A node of the DHT, and what can be asked of the others through it. */
export class DhtClient {
  readonly #options: DhtClientOptions;
  readonly #runner: DhtRunner;
  #stopped: Promise<void> | null = null;

  private constructor(options: DhtClientOptions) {
    const { bind = '', port = 0, bootstrap = BOOTSTRAP_NODES, isReadOnly = false, allowSameIp = false } = options;
    if (!Number.isInteger(port) || port < 0 || port > 65535) throw badOption(`${port} is no UDP port`);
    this.#options = options;
    this.#runner = new DhtRunner({
      bind,
      port,
      bootstrap: bootstrap.map(parseNode),
      isReadOnly,
      allowSameIp,
      onWarning: (error) => this.#warn(error),
    });
  }

  /**
   * Opens the socket. Resolves before any other node has answered: what is asked meanwhile waits for it.
   * @throws {DtorrentError} `ENETWORK` when the port cannot be had, or nothing that is to be bound is there; `EOPTION` for
   * an option that makes no sense.
   */
  static async start(options: DhtClientOptions = {}): Promise<DhtClient> {
    const client = new DhtClient(options);
    const isRestored = await client.#restore();
    await client.#runner.open();
    client.#runner.join({ isAlone: !isRestored });
    return client;
  }

  /** The local UDP port; of several addresses that of the first. */
  get port(): number {
    return this.#runner.port;
  }

  /** A snapshot. */
  stats(): DhtStats {
    return this.#runner.dht.stats(this.#runner.now);
  }

  /**
   * Looks for peers of a torrent.
   * @param infoHash 20 bytes: the SHA-1 of v1, or the first 20 bytes of v2
   * @throws {DtorrentError} in the loop: `ERESOLVE` when no node to begin with has an address, `ESTOPPED`, `ETIMEOUT`,
   * `ENETWORK` when the socket is gone. That nobody is found is no error. So it is with all that follow.
   */
  getPeers(infoHash: Uint8Array, options: DhtRequestOptions = {}): DhtSearch<Address, PeersSummary> {
    checkHash(infoHash);
    return this.#search<Address, PeersSummary>(options, (found, done, now) =>
      this.#runner.dht.getPeers(infoHash, { onPeers: (addresses) => addresses.forEach(found), onDone: done }, now),
    );
  }

  /** Looks for peers, and tells the nodes that are closest that we are one. Others forget it after 30 to 45 minutes. */
  announce(infoHash: Uint8Array, options: AnnounceOptions & DhtRequestOptions): DhtSearch<Address, AnnounceSummary> {
    checkHash(infoHash);
    return this.#search<Address, AnnounceSummary>(options, (found, done, now) =>
      this.#runner.dht.announce(
        infoHash,
        options,
        { onPeers: (addresses) => addresses.forEach(found), onDone: done },
        now,
      ),
    );
  }

  /**
   * Looks for an immutable item (BEP 44).
   * @param target SHA-1 of the value as bencode, 20 bytes
   * @returns one value in bencode, checked; null when nobody has it
   */
  async get(target: Uint8Array, options: DhtRequestOptions = {}): Promise<Uint8Array | null> {
    checkHash(target);
    return this.#ask<Uint8Array | null>(options, (done, now) =>
      this.#runner.dht.getItem(target, { onDone: (value) => done(value) }, now),
    );
  }

  /** Looks for a mutable item (BEP 44). @returns the newest version there is, verified; null when nobody has one */
  async getMutable(key: DhtItemKey, options: DhtRequestOptions = {}): Promise<FoundMutable | null> {
    const { publicKey, salt = EMPTY_BYTES } = key;
    if (publicKey.length !== ED25519_PUBLIC_KEY_BYTES) throw badOption('a public key has 32 bytes');
    if (salt.length > LIMITS.dhtSaltBytesMax) throw badOption('a salt has 64 bytes at most');
    return this.#ask<FoundMutable | null>(options, (done, now) =>
      this.#runner.dht.getMutable({ publicKey, salt }, { onDone: (found) => done(found) }, now),
    );
  }

  /**
   * Has others keep a value (BEP 44), for two hours.
   * @param value one value in bencode, 1000 bytes at most
   * @throws {DtorrentError} `EOPTION` when it is not
   */
  async put(value: Uint8Array, options: DhtRequestOptions = {}): Promise<PutSummary> {
    if (!isValidValue(value)) throw badOption('what is put is one value in bencode, 1000 bytes at most');
    return this.#ask<PutSummary>(options, (done, now) => this.#runner.dht.putImmutable(value, { onDone: done }, now));
  }

  /**
   * Has others keep a signed value (BEP 44), for two hours. `signItem` makes one.
   * @param options `cas`: only in place of the version with this sequence number
   * @throws {DtorrentError} `EOPTION` when the item is not one that others would take
   */
  async putMutable(
    item: MutableItem,
    options: DhtRequestOptions & { readonly cas?: bigint } = {},
  ): Promise<PutSummary> {
    if (!verifyItem(item)) throw badOption('the item is malformed, too long or not signed by its key');
    return this.#ask<PutSummary>(options, (done, now) =>
      this.#runner.dht.putMutable(item, options.cas ?? null, { onDone: done }, now),
    );
  }

  /** Asks how many seeds and leechers there are (BEP 33). Estimates. */
  async scrape(infoHash: Uint8Array, options: DhtRequestOptions = {}): Promise<ScrapeSummary> {
    checkHash(infoHash);
    return this.#ask<ScrapeSummary>(options, (done, now) => this.#runner.dht.scrape(infoHash, { onDone: done }, now));
  }

  /** Asks the nodes that are closest to `target` for some of the torrents that they keep peers of (BEP 51). */
  sample(target: Uint8Array, options: DhtRequestOptions = {}): DhtSearch<DhtSample, LookupSummary> {
    checkHash(target);
    return this.#search<DhtSample, LookupSummary>(options, (found, done, now) =>
      this.#runner.dht.sampleInfohashes(target, sampleListener(found, done), now),
    );
  }

  /** Asks every node there is for some of the torrents that it keeps peers of (BEP 51). Takes as long as it is let. */
  index(options: DhtRequestOptions = {}): DhtSearch<DhtSample, LookupSummary> {
    return this.#search<DhtSample, LookupSummary>(options, (found, done, now) =>
      this.#runner.dht.index(sampleListener(found, done), now),
    );
  }

  /** @returns the round trip in ms; null = no answer. */
  async ping(node: Address, options: DhtRequestOptions = {}): Promise<number | null> {
    return this.#ask<number | null>(options, (done, now) => this.#runner.dht.ping(node, { onDone: done }, now));
  }

  /** Tells of someone who may be a node, as a torrent's `nodes` do. It is taken into the table if it answers. */
  addNode(node: Address): void {
    if (this.#runner.hasEnded) return;
    this.#runner.dht.addNode(node, this.#runner.now);
    this.#runner.rearm();
  }

  /**
   * Ends what is under way with `ESTOPPED`, saves the table and closes the socket. Resolves when nothing is left; what
   * could not be saved is a warning. Idempotent.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { tableFile } = this.#options;
    // Of one whose socket has failed there is nothing new to keep.
    const table = this.#runner.hasEnded ? null : this.#runner.dht.snapshot(this.#runner.now);
    this.#runner.end(new DtorrentError('ESTOPPED', 'the DHT client was stopped'));
    if (tableFile !== undefined && table !== null) {
      await saveTable(tableFile, table).catch((error: DtorrentError) => this.#warn(error));
    }
    await handlesClosed();
  }

  /** @returns whether nodes are known from an earlier run. */
  async #restore(): Promise<boolean> {
    const { tableFile } = this.#options;
    if (tableFile === undefined) return false;
    try {
      const table = await loadTable(tableFile);
      if (table === null) return false;
      if (this.#runner.dht.restore(table, this.#runner.now)) return true;
      throw new DtorrentError(
        'ESTATE',
        `${tableFile} is no table of DHT nodes: it is not used, and replaced at the end`,
      );
    } catch (thrown) {
      this.#warn(thrown as DtorrentError);
      return false;
    }
  }

  #ask<T>({ signal }: DhtRequestOptions, begin: (done: (result: T) => void, now: number) => DhtOperation): Promise<T> {
    return this.#runner.ask(signal === undefined ? [] : [signal], begin);
  }

  #search<T, S>(
    { signal }: DhtRequestOptions,
    begin: (found: (item: T) => void, done: (summary: S) => void, now: number) => DhtOperation,
  ): DhtSearch<T, S> {
    return new DhtSearch((found, stop) =>
      this.#runner.ask<S>(signal === undefined ? [stop] : [stop, signal], (done, now) => begin(found, done, now)),
    );
  }

  #warn(error: DtorrentError): void {
    this.#options.onWarning?.(error);
  }
}

function sampleListener(found: (sample: DhtSample) => void, done: (summary: LookupSummary) => void): SampleListener {
  return { onSamples: (infoHashes, node, total) => found({ infoHashes, node, total }), onDone: done };
}

function checkHash(hash: Uint8Array): void {
  if (hash.length !== NODE_ID_BYTES) throw badOption('an info-hash or target has 20 bytes in the DHT');
}

function parseNode(text: string): HostPort {
  const node = parseHostPort(text);
  if (node === null) throw badOption(`"${text}" is no DHT node: it has to be host:port`);
  return node;
}

function badOption(message: string): DtorrentError {
  return new DtorrentError('EOPTION', message);
}
