/**
 * A transmission-daemon 3.00 with a folder of its own, driven by transmission-remote. It ignores peers and nodes at
 * loopback addresses, so its place is a network namespace. Its DHT asks nobody before it knows more than eight nodes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ClientPlace } from './client-place.js';
import { Process, run, until } from './process.js';
import type { Content } from './transfer.js';

/** Its own in a namespace. */
const PEER_PORT = 51413;
const RPC_PORT = 9091;

export class Transmission {
  readonly port: number = PEER_PORT;
  readonly #t: TestContext;
  readonly #config: string;
  readonly #place: ClientPlace;

  private constructor(t: TestContext, config: string, place: ClientPlace) {
    this.#t = t;
    this.#config = config;
    this.#place = place;
  }

  static async start(t: TestContext, directory: string, place: ClientPlace): Promise<Transmission> {
    const config = join(directory, 'transmission');
    mkdirSync(config);
    writeFileSync(join(config, 'settings.json'), settings(place));
    const nodes = place.dhtNodes.map((node) => `${node.replace(':', ' ')}\n`);
    writeFileSync(join(config, 'dht.bootstrap'), nodes.join(''));
    new Process(t, 'transmission-daemon', ['-f', '-g', config], { namespace: place.namespace });
    const client = new Transmission(t, config, place);
    await until('answer of transmission-daemon', 20_000, () => client.#remote('-si').catch(() => null));
    return client;
  }

  async seed(content: Content): Promise<void> {
    await this.download({ ...content, out: content.data }, content.torrent);
    await this.#becomes('a seed', /State: (Idle|Seeding)/, /Percent Done: 100%/);
  }

  async download(content: Pick<Content, 'out'>, source: string): Promise<void> {
    await this.#remote('-a', source, '-w', content.out);
  }

  /** A search of its DHT that began too early has found nobody, and the next is 25 minutes away. */
  async searchAgain(): Promise<void> {
    await this.#remote('-t', 'all', '--stop');
    await this.#remote('-t', 'all', '--start');
  }

  async isComplete(): Promise<boolean> {
    const info = await this.describe();
    // A magnet whose metadata is missing is 100 % of nothing.
    return /Percent Done: 100%/.test(info) && /Have: [1-9]/.test(info);
  }

  describe(): Promise<string> {
    return this.#remote('-t', 'all', '-i');
  }

  async #becomes(what: string, ...patterns: readonly RegExp[]): Promise<void> {
    let info = '';
    try {
      await until(what, 80_000, async () => {
        info = await this.describe();
        return patterns.every((pattern) => pattern.test(info));
      });
    } catch (error) {
      throw new Error(`transmission did not become ${what}:\n${info}`, { cause: error });
    }
  }

  #remote(...args: string[]): Promise<string> {
    const { namespace } = this.#place;
    return run(this.#t, 'transmission-remote', [`127.0.0.1:${RPC_PORT}`, ...args], { namespace, cwd: this.#config });
  }
}

function settings({ address, dhtNodes, usesLsd = false, usesPex = false, downloadLimit = 0 }: ClientPlace): string {
  return JSON.stringify({
    'dht-enabled': dhtNodes.length > 0,
    'bind-address-ipv4': address,
    'lpd-enabled': usesLsd,
    'pex-enabled': usesPex,
    'speed-limit-down': Math.floor(downloadLimit / 1000),
    'speed-limit-down-enabled': downloadLimit > 0,
    'utp-enabled': false,
    'port-forwarding-enabled': false,
    'incomplete-dir-enabled': false,
    'download-queue-enabled': false,
    'peer-port': PEER_PORT,
    'rpc-port': RPC_PORT,
    'rpc-bind-address': '127.0.0.1',
    'rpc-authentication-required': false,
    'rpc-whitelist-enabled': false,
    encryption: 0,
    preallocation: 0,
  });
}
