/** What all announcers of one engine share: the queue per tracker host, and the UDP socket with its connection ids. */
import { AnnounceQueue } from './announce-queue.js';
import type { EngineContext } from './context.js';
import { UdpTrackerClient } from './udp-tracker-client.js';

export class TrackerClients {
  readonly queue: AnnounceQueue = new AnnounceQueue();
  readonly udp: UdpTrackerClient;

  constructor({ turn, host, settings }: EngineContext) {
    this.udp = new UdpTrackerClient({
      turn,
      network: host.network,
      random: host.random,
      bindHost: settings.bindHost,
    });
  }

  /** After every announcer has stopped. */
  close(): void {
    this.udp.close();
  }
}
