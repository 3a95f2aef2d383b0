/** Where a client of a test runs and whom it knows, for the drivers of clients. */

export interface ClientPlace {
  /** A network namespace; without one it shares this process's. */
  readonly namespace?: string;
  /** What it listens at. */
  readonly address: string;
  /** HOST:PORT of nodes of the DHT that it begins with. Empty = its DHT is off. */
  readonly dhtNodes: readonly string[];
  /** Whether it looks for peers in its local network (BEP 14), and for lack of nodes nowhere else. Default false. */
  readonly usesLsd?: boolean;
  /** Whether it exchanges peers with its peers (BEP 11). Default false. */
  readonly usesPex?: boolean;
  /** Bytes per second, a multiple of 1024. Default: as much as there is. Not of WebTorrent. */
  readonly downloadLimit?: number;
}

/** On loopback, where it is told of its peers or asks a tracker. */
export const LOOPBACK_PLACE: ClientPlace = { address: '127.0.0.1', dhtNodes: [] };

/** A magnet link of nothing that names nodes: for clients that can be told of them in no other way. */
export function introductionTo(dhtNodes: readonly string[]): string {
  return `magnet:?xt=urn:btih:${'0'.repeat(39)}1${dhtNodes.map((node) => `&dht=${node}`).join('')}`;
}
