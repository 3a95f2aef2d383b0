/** A libtorrent 2.0.8 session for one torrent, which finds its peers through its DHT or by local discovery, or is found. */
import type { TestContext } from 'node:test';
import type { ClientPlace } from './client-place.js';
import { DhtPeer } from './dht-peer.js';
import { until } from './process.js';
import type { Content } from './transfer.js';

const PORT = 6881;

export class Libtorrent {
  readonly port: number = PORT;
  readonly #peer: DhtPeer;
  readonly #place: ClientPlace;

  private constructor(peer: DhtPeer, place: ClientPlace) {
    this.#peer = peer;
    this.#place = place;
  }

  static async start(t: TestContext, _directory: string, place: ClientPlace): Promise<Libtorrent> {
    const { namespace, address, dhtNodes, usesLsd } = place;
    return new Libtorrent(
      await DhtPeer.start(t, 'libtorrent', { namespace, addresses: [address], port: PORT, nodes: dhtNodes, usesLsd }),
      place,
    );
  }

  async seed(content: Content): Promise<void> {
    await this.#peer.addTorrent(content.torrent, content.data, this.#place);
    await until('seed', 20_000, () => this.isComplete());
  }

  async download(content: Content, source: string): Promise<void> {
    // With nobody to ask it asks again a quarter of an hour later.
    if (this.#place.dhtNodes.length > 0) await until('node', 20_000, async () => (await this.#peer.countNodes()) > 0);
    await this.#peer.addTorrent(source, content.out, this.#place);
  }

  isComplete(): Promise<boolean> {
    return this.#peer.isComplete();
  }

  async describe(): Promise<string> {
    return `${await this.#peer.countNodes()} nodes\n${(await this.#peer.log()).join('\n')}`;
  }
}
