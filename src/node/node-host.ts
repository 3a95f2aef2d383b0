/**
 * The real host: the system's clock, randomness, sockets and files. Called by the composition root, once per engine;
 * two hosts share nothing. The engine that uses it stops first, then close() leaves nothing behind that would keep
 * the process alive.
 */
import type { Clock } from '../host/clock.js';
import type { Host } from '../host/host.js';
import type { Log, LogLevel } from '../host/log.js';
import type { StateStore } from '../host/state-store.js';
import { NodeClock } from './clock.js';
import { streamsAllowed } from './descriptor-limit.js';
import { FileStorageFactory } from './file-storage.js';
import { StderrLog } from './log.js';
import { NodeNetwork } from './network.js';
import { NO_STATE } from './no-state.js';
import { NodeRandom } from './random.js';
import { StateDirectory } from './state-dir.js';

export interface NodeHostOptions {
  /** Threads that hash and write; 0 = the main thread. */
  readonly diskWorkers: number;
  /** Of all torrents and threads together. */
  readonly maxOpenFiles: number;
  /** Where resume data is kept; '' or left out = nowhere. */
  readonly stateDir?: string;
  /** Remarks of at least this level go to standard error. Default 'error'. */
  readonly logLevel?: LogLevel;
  /** Instead of standard error. */
  readonly log?: Log;
}

export interface NodeHost extends Host {
  /** Closes every socket, connection pool and disk thread; resolved when they are gone. Idempotent. */
  close(): Promise<void>;
}

export function nodeHost(options: NodeHostOptions): NodeHost {
  return new SystemHost(options);
}

class SystemHost implements NodeHost {
  readonly clock: Clock = new NodeClock();
  readonly random: NodeRandom = new NodeRandom();
  readonly network: NodeNetwork;
  readonly storage: FileStorageFactory;
  readonly state: StateStore;
  readonly log: Log;
  readonly #stateDirectory: StateDirectory | null;
  #closed: Promise<void> | null = null;

  constructor(options: NodeHostOptions) {
    this.log = options.log ?? new StderrLog(options.logLevel ?? 'error');
    this.network = new NodeNetwork(this.log, streamsAllowed(options.maxOpenFiles));
    this.storage = new FileStorageFactory(options);
    this.#stateDirectory = options.stateDir ? new StateDirectory(options.stateDir) : null;
    this.state = this.#stateDirectory ?? NO_STATE;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.network.close();
    await new Promise<void>((resolve) => this.storage.close(resolve));
    await this.#stateDirectory?.settled();
  }
}
