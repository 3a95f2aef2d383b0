/**
 * An aria2c 1.36, which finds its peers through its DHT or by local discovery, or is found: it binds to every address of
 * its host, so the host is its own. What it is to do it is told when it starts, so it starts when it is told.
 */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ClientPlace } from './client-place.js';
import { Process } from './process.js';
import type { Content } from './transfer.js';

/** Of TCP and of the DHT; its own in a namespace. */
const PORT = 6882;

export class Aria2 {
  readonly port: number = PORT;
  readonly #t: TestContext;
  readonly #directory: string;
  readonly #place: ClientPlace;
  #process: Process | null = null;

  private constructor(t: TestContext, directory: string, place: ClientPlace) {
    this.#t = t;
    this.#directory = directory;
    this.#place = place;
  }

  /** The process itself begins with its torrent. */
  static async start(t: TestContext, directory: string, place: ClientPlace): Promise<Aria2> {
    return new Aria2(t, directory, place);
  }

  async seed(content: Content): Promise<void> {
    this.#run(content.data, ['--check-integrity=true', '--seed-ratio=0', content.torrent]);
  }

  async download(content: Pick<Content, 'out'>, source: string): Promise<void> {
    this.#run(content.out, ['--seed-time=0', source]);
  }

  /** The same for several torrents at once. */
  async downloadAll(content: Pick<Content, 'out'>, sources: readonly string[]): Promise<void> {
    this.#run(content.out, ['--seed-time=0', `--max-concurrent-downloads=${sources.length}`, ...sources]);
  }

  async isComplete(): Promise<boolean> {
    return this.#process?.child.exitCode === 0;
  }

  async describe(): Promise<string> {
    return `${this.#process?.lines.slice(-10).join('\n')}\n${this.#process?.errors}`;
  }

  #run(into: string, args: readonly string[]): void {
    const { namespace, dhtNodes, usesLsd = false, usesPex = false, downloadLimit = 0 } = this.#place;
    const dht = [
      '--enable-dht=true',
      `--dht-entry-point=${dhtNodes[0]}`,
      `--dht-listen-port=${this.port}`,
      `--dht-file-path=${join(this.#directory, 'aria2-dht.dat')}`,
    ];
    const network = [
      `--listen-port=${this.port}`,
      ...(dhtNodes.length > 0 ? dht : ['--enable-dht=false']),
      '--enable-dht6=false',
      `--bt-enable-lpd=${usesLsd}`,
      '--bt-lpd-interface=eth0',
      `--enable-peer-exchange=${usesPex}`,
      `--max-download-limit=${downloadLimit}`,
    ];
    const all = [`--dir=${into}`, ...network, '--allow-overwrite=true', '--summary-interval=0', ...args];
    this.#process = new Process(this.#t, 'aria2c', all, { namespace });
  }
}
