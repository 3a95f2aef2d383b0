/**
 * A headless rtorrent 0.9.8 with files of its own, driven by XML-RPC over an SCGI socket in its folder: one connection
 * per call, strings in, and of the answer only whether it is a fault and its first scalar.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ClientPlace, LOOPBACK_PLACE } from './client-place.js';
import { freePort } from './ports.js';
import { Process, until } from './process.js';
import type { Content } from './transfer.js';

export class Rtorrent {
  readonly #process: Process;
  readonly #socket: string;
  readonly port: number;
  #infoHash = '';

  private constructor(process: Process, socket: string, port: number) {
    this.#process = process;
    this.#socket = socket;
    this.port = port;
  }

  static async start(t: TestContext, directory: string, place: ClientPlace = LOOPBACK_PLACE): Promise<Rtorrent> {
    const home = join(directory, 'rtorrent');
    mkdirSync(join(home, 'session'), { recursive: true });
    const port = await freePort();
    const socket = join(home, 'rpc');
    const configuration = join(home, 'rtorrent.rc');
    const lines = [
      'system.daemon.set = true',
      `session.path.set = ${join(home, 'session')}`,
      `network.port_range.set = ${port}-${port}`,
      'network.port_random.set = no',
      `network.bind_address.set = ${place.address}`,
      `network.scgi.open_local = ${socket}`,
      `dht.mode.set = ${place.dhtNodes.length > 0 ? 'on' : 'disable'}`,
      `dht.port.set = ${port}`,
      `protocol.pex.set = ${place.usesPex === true ? 'yes' : 'no'}`,
      `throttle.global_down.max_rate.set_kb = ${(place.downloadLimit ?? 0) / 1024}`,
    ];
    writeFileSync(configuration, lines.map((line) => `${line}\n`).join(''));
    const args = ['-n', '-o', `import=${configuration}`];
    const process = new Process(t, 'rtorrent', args, { namespace: place.namespace });
    const client = new Rtorrent(process, socket, port);
    await until('answer of rtorrent', 20_000, () => client.#call('system.client_version').catch(() => null));
    for (const node of place.dhtNodes) await client.#call('dht.add_node', '', node);
    return client;
  }

  async seed(content: Content): Promise<void> {
    await this.#load(content.torrent, content.data, content);
    await until('seed', 20_000, () => this.isComplete());
  }

  async download(content: Pick<Content, 'out' | 'infoHashV1'>, source: string): Promise<void> {
    await this.#load(source, content.out, content);
  }

  async addPeer(peer: string): Promise<void> {
    await this.#call('add_peer', this.#infoHash, peer);
  }

  async isComplete(): Promise<boolean> {
    return (await this.#isSo('d.complete')) && (await this.#isSo('d.is_active'));
  }

  async describe(): Promise<string> {
    const methods = ['d.state', 'd.hashing', 'd.message', 'd.peers_connected', 'd.bytes_done', 'd.size_bytes'];
    const answers = methods.map(async (method) => `${method}=${await this.#call(method, this.#infoHash)}`);
    return (await Promise.all(answers)).join(' ');
  }

  async #load(source: string, directory: string, content: Pick<Content, 'infoHashV1'>): Promise<void> {
    this.#infoHash = content.infoHashV1!.toUpperCase();
    await this.#call('load.start', '', source, `d.directory.set="${directory}"`);
    await until('torrent of rtorrent', 10_000, () => this.#call('d.hash', this.#infoHash).catch(() => null));
  }

  /** Whether it says 1. For a moment it knows no such torrent: when it takes the metadata in the place of the magnet link. */
  async #isSo(method: string): Promise<boolean> {
    try {
      return (await this.#call(method, this.#infoHash)) === '1';
    } catch (error) {
      if (error instanceof Error && error.message.includes('Could not find info-hash')) return false;
      throw error;
    }
  }

  /** @returns the first scalar of the answer, as text. */
  async #call(method: string, ...parameters: readonly string[]): Promise<string> {
    if (this.#process.hasExited) throw new Error(`rtorrent ended: ${this.#process.errors}`);
    const answer = await exchange(this.#socket, scgiRequest(xmlCall(method, parameters)));
    const value = /<(string|int|i4|i8|boolean)>([^<]*)</.exec(answer)?.[2];
    if (value === undefined || answer.includes('<fault>')) throw new Error(`rtorrent ${method}: ${answer}`);
    return value;
  }
}

function xmlCall(method: string, parameters: readonly string[]): string {
  const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const values = parameters.map((text) => `<param><value><string>${escaped(text)}</string></value></param>`);
  return `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${values.join('')}</params></methodCall>`;
}

function scgiRequest(body: string): string {
  const headers = `CONTENT_LENGTH\0${Buffer.byteLength(body)}\0SCGI\x001\0`;
  return `${headers.length}:${headers},${body}`;
}

function exchange(socketPath: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(socketPath, () => socket.write(request));
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer at ${socketPath}`)));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
