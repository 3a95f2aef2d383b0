/**
 * A DHT node of another client, as a process that is told what to do by lines of JSON: `{"id", "call", "timeoutMs", …}`
 * goes in, `{"id", "result"}` or `{"id", "error"}` comes out, after a first line `{"ready": true}`. The programs are
 * libtorrent_dht.py, npm/dht-peer.js of the interop tests, and dht-dtorrent.ts.
 */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ClientPlace } from './client-place.js';
import { NPM_PACKAGE } from './npm-package.js';
import { Process } from './process.js';
import { REPOSITORY } from './repository.js';

const PYTHON = '/usr/bin/python3';
const START_TIMEOUT_MS = 20_000;
/**
 * What a call may take; the program itself answers with null when it has not found anything until then. libtorrent waits
 * 15 s for each node that does not know what it asks, and asks twice for what it puts.
 */
const CALL_TIMEOUT_MS = 45_000;
/** For a lookup, in a network of a few nodes that are all there. */
const LOOKUP_TIMEOUT_MS = 2_000;
/** For what the program says after its time is over. */
const GRACE_MS = 5_000;
const PKCS8_SEED_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_KEY_BYTES = 32;

export interface MutableText {
  readonly value: string;
  readonly sequence: number;
}

/** A key in all the forms that clients take, hex. */
export interface ItemKey {
  readonly seed: string;
  /** The scalar and the nonce prefix: libtorrent's private key. */
  readonly expandedKey: string;
  readonly publicKey: string;
}

/** Where the programs are, and how each is started: the command, before ADDRESS PORT NODES. */
const PROGRAMS = {
  libtorrent: [PYTHON, '-W', 'ignore', join(REPOSITORY, 'test', 'harness', 'libtorrent_dht.py')],
  'bittorrent-dht': [process.execPath, join(NPM_PACKAGE, 'dht-peer.js')],
  dtorrent: [process.execPath, fileURLToPath(new URL('./dht-dtorrent.js', import.meta.url))],
} as const;

export type DhtProgram = keyof typeof PROGRAMS;

export interface DhtPeerOptions {
  /** Default: that of its program. */
  readonly name?: string;
  /** A network namespace. */
  readonly namespace?: string | undefined;
  /** The first is its own. Of libtorrent each gets a node, which nobody can tell anything. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** HOST:PORT of those it begins with. */
  readonly nodes: readonly string[];
  /** libtorrent only: local discovery takes the place of the DHT. Default false. */
  readonly usesLsd?: boolean | undefined;
}

export class DhtPeer {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly address: string;
  /** HOST:PORT of its node. */
  readonly node: string;
  readonly #process: Process;
  #calls = 0;

  private constructor(name: string, { namespace, addresses, port }: DhtPeerOptions, process: Process) {
    this.name = name;
    this.namespace = namespace;
    this.address = addresses[0]!;
    this.node = `${this.address}:${port}`;
    this.#process = process;
  }

  static async start(t: TestContext, program: DhtProgram, options: DhtPeerOptions): Promise<DhtPeer> {
    const { namespace, addresses, port, nodes, usesLsd } = options;
    const [command, ...args] = PROGRAMS[program];
    const all = [...args, ...(usesLsd === true ? ['--lsd'] : []), addresses.join(','), String(port), ...nodes];
    const process = new Process(t, command, all, { namespace, input: true });
    await process.line('ready', START_TIMEOUT_MS, (line) => line.includes('"ready"'));
    return new DhtPeer(options.name ?? program, options, process);
  }

  /** Nodes in its routing table. */
  countNodes(): Promise<number> {
    return this.#call('countNodes');
  }

  /** Announces a peer at its own address. @returns HOST:PORT of that peer; `port` where the client chooses it itself. */
  async announce(infoHash: string, port: number): Promise<string> {
    const announced = await this.#call<number>('announce', { infoHash, port });
    return `${this.address}:${announced}`;
  }

  /** @returns HOST:PORT of those found; null = nobody. */
  getPeers(infoHash: string): Promise<readonly string[] | null> {
    return this.#call('getPeers', { infoHash, timeoutMs: LOOKUP_TIMEOUT_MS });
  }

  /** @returns the target, hex; null = nobody took it. */
  putImmutable(value: string): Promise<string | null> {
    return this.#call('putImmutable', { value });
  }

  getImmutable(target: string): Promise<string | null> {
    return this.#call('getImmutable', { target });
  }

  putMutable(item: ItemKey & { readonly salt: string; readonly value: string; readonly sequence: number }) {
    return this.#call<unknown>('putMutable', item);
  }

  getMutable({ publicKey }: ItemKey, salt: string): Promise<MutableText | null> {
    const target = createHash('sha1').update(Buffer.from(publicKey, 'hex')).update(salt).digest('hex');
    return this.#call('getMutable', { publicKey, salt, target });
  }

  /** Info-hashes that `node` keeps peers of (BEP 51), hex. */
  sample(node: string, target: string): Promise<readonly string[] | null> {
    return this.#call('sample', { node, target });
  }

  /** dtorrent only: estimates (BEP 33). */
  scrape(infoHash: string): Promise<{ readonly seeds: number | null; readonly leechers: number | null }> {
    return this.#call('scrape', { infoHash });
  }

  /** libtorrent only: all of its nodes ask the one at `node` for others, and so become known to it. */
  meet(node: string): Promise<void> {
    return this.#call('meet', { node });
  }

  /** libtorrent only: seeds what is complete in `directory`, and downloads what is not. */
  addTorrent(
    source: string,
    directory: string,
    { usesPex = false, downloadLimit = 0 }: Pick<ClientPlace, 'usesPex' | 'downloadLimit'> = {},
  ): Promise<void> {
    return this.#call('addTorrent', { source, directory, usesPex, downloadLimit });
  }

  /** Whether all of its torrents are. */
  isComplete(): Promise<boolean> {
    return this.#call('isComplete');
  }

  /** libtorrent only: the latest of what became of its torrents and connections. */
  log(): Promise<readonly string[]> {
    return this.#call('log');
  }

  async #call<T>(call: string, parameters: object = {}): Promise<T> {
    const id = ++this.#calls;
    this.#process.write(`${JSON.stringify({ id, call, timeoutMs: CALL_TIMEOUT_MS, ...parameters })}\n`);
    const answer = await this.#process.line(`answer to ${call}`, CALL_TIMEOUT_MS + GRACE_MS, (line) => {
      const message = JSON.parse(line) as { readonly id?: number; readonly result?: T; readonly error?: string };
      return message.id === id ? message : null;
    });
    if (answer.error !== undefined) throw new Error(`${this.name}: ${call}: ${answer.error}`);
    return answer.result as T;
  }
}

/** The key of a seed of 32 bytes. */
export function itemKey(seed: Buffer): ItemKey {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_SEED_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-PUBLIC_KEY_BYTES);
  const expanded = createHash('sha512').update(seed).digest();
  expanded[0]! &= 0xf8;
  expanded[31] = (expanded[31]! & 0x7f) | 0x40;
  return {
    seed: seed.toString('hex'),
    expandedKey: expanded.toString('hex'),
    publicKey: publicKey.toString('hex'),
  };
}
