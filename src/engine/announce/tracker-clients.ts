/** What all torrents of one engine share to speak to trackers: a client a protocol, the queue per host, the scraper. */
import { DtorrentError } from '../../base/errors.js';
import type { Random } from '../../base/random.js';
import type { Network } from '../../host/network.js';
import type { TrackerUrl } from '../../protocol/tracker/tracker-url.js';
import type { Turn } from '../turn.js';
import { AnnounceQueue } from './announce-queue.js';
import { HttpTrackerClient } from './http-tracker-client.js';
import { Scraper } from './scraper.js';
import type { TrackerClient } from './tracker-client.js';
import { UdpTrackerClient } from './udp-tracker-client.js';

export interface TrackerClientsOptions {
  readonly turn: Turn;
  readonly network: Network;
  readonly random: Random;
}

export class TrackerClients {
  readonly queue: AnnounceQueue = new AnnounceQueue();
  readonly scraper: Scraper;
  readonly #http: HttpTrackerClient;
  readonly #udp: UdpTrackerClient;

  constructor(options: TrackerClientsOptions) {
    this.#http = new HttpTrackerClient(options);
    this.#udp = new UdpTrackerClient(options);
    this.scraper = new Scraper({
      turn: options.turn,
      queue: this.queue,
      clientOf: (scheme) => this.clientOf(scheme),
    });
  }

  clientOf(scheme: TrackerUrl['scheme']): TrackerClient {
    return scheme === 'udp' ? this.#udp : this.#http;
  }

  /** After every announcer has stopped; in a turn. */
  close(): void {
    this.scraper.close(new DtorrentError('ESTOPPED', 'stopped before the tracker had answered'));
    this.#udp.close();
  }
}
