/** Everything an engine sees of the world. Two implementations: node/node-host.ts for real, sim/ for tests. */
import type { Random } from '../base/random.js';
import type { Clock } from './clock.js';
import type { Log } from './log.js';
import type { Network } from './network.js';
import type { StateStore } from './state-store.js';
import type { StorageFactory } from './storage.js';

export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly storage: StorageFactory;
  readonly state: StateStore;
  readonly log: Log;
}
