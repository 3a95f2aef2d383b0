/** One simulated machine: the Host that an engine under test is given. Made by Simulator.createHost. */
import type { Random } from '../base/random.js';
import type { Clock } from '../host/clock.js';
import type { Host } from '../host/host.js';
import type { Log, LogLevel } from '../host/log.js';
import type { StorageFactory } from '../host/storage.js';
import type { MemoryStateStore } from './memory-state.js';
import type { MemoryDisk } from './memory-storage.js';
import { SimNetwork } from './network.js';
import type { Simulator } from './simulator.js';

/** Remarks kept of each host: the last ones before something went wrong. */
const LOG_LINES_MAX = 200;

export interface SimHostParts {
  readonly name: string | null;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly storage: StorageFactory;
  readonly disk: MemoryDisk;
  readonly state: MemoryStateStore;
}

export class SimHost implements Host {
  readonly name: string;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly network: SimNetwork;
  readonly storage: StorageFactory;
  /** Behind `storage`, unless that was given. */
  readonly disk: MemoryDisk;
  readonly state: MemoryStateStore;
  readonly log: SimLog;

  constructor(simulator: Simulator, parts: SimHostParts) {
    const ips = [parts.ipv4, parts.ipv6].filter((ip) => ip !== null);
    this.name = parts.name ?? ips[0] ?? 'nowhere';
    this.ipv4 = parts.ipv4;
    this.ipv6 = parts.ipv6;
    this.clock = simulator.clock;
    this.random = simulator.random.split();
    this.network = new SimNetwork(simulator.internet, parts.ipv4, parts.ipv6);
    this.storage = parts.storage;
    this.disk = parts.disk;
    this.state = parts.state;
    this.log = new SimLog(simulator.clock);
    for (const ip of ips) simulator.internet.attach(ip, this.network);
    if (parts.name !== null) simulator.internet.addName(parts.name, ips);
  }
}

/** Keeps the last remarks, to be printed by a test that fails. */
export class SimLog implements Log {
  readonly lines: string[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isEnabled(level: LogLevel): boolean {
    return level !== 'debug';
  }

  write(level: LogLevel, message: string): void {
    if (!this.isEnabled(level)) return;
    if (this.lines.length >= LOG_LINES_MAX) this.lines.shift();
    this.lines.push(`${this.#clock.now().toFixed(1)} ms ${level} ${message}`);
  }
}
