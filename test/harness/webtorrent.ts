/** A WebTorrent 3 of the npm package of the interop tests: plain TCP, one torrent. */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ClientPlace, LOOPBACK_PLACE } from './client-place.js';
import { NPM_PACKAGE } from './npm-package.js';
import { freePort } from './ports.js';
import { Process } from './process.js';
import type { Content } from './transfer.js';

const START_TIMEOUT_MS = 20_000;

export class WebTorrent {
  readonly #process: Process;
  readonly port: number;

  private constructor(process: Process, port: number) {
    this.#process = process;
    this.port = port;
  }

  static async start(t: TestContext, _directory = '', place: ClientPlace = LOOPBACK_PLACE): Promise<WebTorrent> {
    const port = await freePort();
    const flags = [...(place.usesLsd === true ? ['--lsd'] : []), ...(place.usesPex === true ? ['--pex'] : [])];
    const args = [join(NPM_PACKAGE, 'webtorrent-peer.js'), `${port}`, ...flags, ...place.dhtNodes];
    const options = { input: true, namespace: place.namespace };
    const client = new WebTorrent(new Process(t, process.execPath, args, options), port);
    await client.#process.line('listening', START_TIMEOUT_MS, (line) => line === 'listening');
    return client;
  }

  async seed(content: Content): Promise<void> {
    this.#process.write(`add\t${content.torrent}\t${content.data}\n`);
    await this.#process.line('seed', START_TIMEOUT_MS, (line) => line === 'complete');
  }

  async download(content: Content, source: string): Promise<void> {
    this.#process.write(`add\t${source}\t${content.out}\n`);
  }

  async addPeer(peer: string): Promise<void> {
    this.#process.write(`peer\t${peer}\n`);
  }

  async isComplete(): Promise<boolean> {
    if (this.#process.hasExited) throw new Error(`WebTorrent ended: ${this.#process.errors}`);
    return this.#process.lines.includes('complete');
  }

  async describe(): Promise<string> {
    return `${this.#process.lines.join('\n')}${this.#process.errors}`;
  }
}
