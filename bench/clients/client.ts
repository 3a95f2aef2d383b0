/** A client as the benchmarks drive it: it seeds, or it downloads from peers that it is told of. */
import type { Content } from '../workbench/content.js';
import type { MeasuredProcess, Usage } from '../workbench/measured.js';
import type { Workbench } from '../workbench/workbench.js';

export interface Seeding {
  /** Where it listens, on loopback. */
  readonly port: number;
  stop(): Promise<Usage>;
}

export interface Downloading {
  /** From adding the torrent to the last verified piece, as the client itself tells. */
  seconds(): Promise<number>;
  /** Waits for the end of the process. */
  end(): Promise<Usage>;
  readonly process: MeasuredProcess;
}

/** One of a swarm. */
export interface Joined {
  /** Resolves when it says that it has everything. */
  completed(): Promise<void>;
  stop(): Promise<Usage>;
}

export interface Client {
  readonly name: string;
  /** Data that is known to be good is not hashed. */
  seed(bench: Workbench, content: Content): Promise<Seeding>;
  /** @param peers ports on loopback. */
  download(bench: Workbench, content: Content, into: string, peers: readonly number[]): Promise<Downloading>;
  /** Downloads at once, takes peers on `port` meanwhile, and seeds from then on. Ports are on loopback. */
  join(
    bench: Workbench,
    content: Content,
    into: string,
    options: { readonly port: number; readonly peers: readonly number[] },
  ): Joined;
}
