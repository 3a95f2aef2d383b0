/**
 * All ways of finding peers together, so that a torrent joins and leaves once. Which of them there are, the settings
 * say. Owned by Session.
 */
import type { PeerDiscovery, SearchingTorrent } from './peer-discovery.js';

export class Discovery implements PeerDiscovery {
  readonly #ways: readonly PeerDiscovery[];

  constructor(ways: readonly PeerDiscovery[]) {
    this.#ways = ways;
  }

  start(): void {
    for (const way of this.#ways) way.start();
  }

  join(torrent: SearchingTorrent): void {
    for (const way of this.#ways) way.join(torrent);
  }

  leave(torrent: SearchingTorrent): void {
    for (const way of this.#ways) way.leave(torrent);
  }

  stop(done: () => void): void {
    let waiting = this.#ways.length + 1;
    const part = (): void => {
      waiting--;
      if (waiting === 0) done();
    };
    for (const way of this.#ways) way.stop(part);
    part();
  }
}
