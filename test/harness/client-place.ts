/** Where a client of a test runs and whom it knows, for the drivers of clients. */

export interface ClientPlace {
  /** A network namespace; without one it shares this process's. */
  readonly namespace?: string;
  /** What it listens at. */
  readonly address: string;
  /** HOST:PORT of nodes of the DHT that it begins with. Empty = its DHT is off. */
  readonly dhtNodes: readonly string[];
}

/** On loopback, where it is told of its peers or asks a tracker. */
export const LOOPBACK_PLACE: ClientPlace = { address: '127.0.0.1', dhtNodes: [] };
