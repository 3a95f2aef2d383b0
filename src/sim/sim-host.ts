/** One simulated machine: the Host that an engine under test is given. Made by Simulator.createHost. */
import type { Random } from '../base/random.js';
import type { Clock, Wake } from '../host/clock.js';
import type { LogLevel } from '../host/log.js';
import type { StorageFactory } from '../host/storage.js';
import { SimTask } from './event-queue.js';
import type { SimMachine } from './machine.js';
import { SimNetwork } from './network/sim-network.js';
import type { SimHostOptions, Simulator } from './simulator.js';
import type { MemoryDisk } from './storage/memory-disk.js';
import type { MemoryStateStore } from './storage/memory-state.js';

/** Remarks kept of each host: the last ones before something went wrong. */
const LOG_LINES_MAX = 200;

export interface SimHostParts {
  readonly machine: SimMachine;
  readonly options: SimHostOptions;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  readonly storage: StorageFactory;
  readonly disk: MemoryDisk;
  readonly state: MemoryStateStore;
}

/** One simulated machine. It is a Host (host/host.ts), which its published type does not say: the ports are internal. */
export class SimHost {
  /** Whether it is on, and how it is made to crash. */
  readonly machine: SimMachine;
  /** What it was made from. */
  readonly options: SimHostOptions;
  /** Its host name, or else its address. */
  readonly name: string;
  /** IP text; null = it has none of that family. */
  readonly ipv4: string | null;
  /** The same for IPv6. */
  readonly ipv6: string | null;
  /** @internal */
  readonly clock: SimClock;
  /** @internal */
  readonly random: Random;
  /** @internal */
  readonly network: SimNetwork;
  /** @internal */
  readonly storage: StorageFactory;
  /** Behind `storage`, unless that was given. */
  readonly disk: MemoryDisk;
  /** @internal */
  readonly state: MemoryStateStore;
  /** What its engine had to say. */
  readonly log: SimLog;

  /** @internal */
  constructor(simulator: Simulator, parts: SimHostParts) {
    const ips = [parts.ipv4, parts.ipv6].filter((ip) => ip !== null);
    this.machine = parts.machine;
    this.options = parts.options;
    this.name = parts.machine.name;
    this.ipv4 = parts.ipv4;
    this.ipv6 = parts.ipv6;
    this.clock = new SimClock(simulator, parts.machine);
    this.random = simulator.random.split();
    this.network = new SimNetwork(parts.machine, simulator.internet, { ...parts.options, ...parts });
    this.storage = parts.storage;
    this.disk = parts.disk;
    this.state = parts.state;
    this.log = new SimLog(simulator.clock);
    if (parts.options.name !== undefined) simulator.internet.addName(parts.options.name, ips);
  }

  /** Lets its addresses and its name go, so that a successor can have them. For a host that is done; a crash does it too. */
  detach(): void {
    this.network.detach();
  }
}

/** The simulator's time, as one host is called back at it. */
export class SimClock implements Clock {
  /** By how much the wall clock of this host is wrong. */
  stepSeconds = 0;
  readonly #simulator: Simulator;
  readonly #machine: SimMachine;

  constructor(simulator: Simulator, machine: SimMachine) {
    this.#simulator = simulator;
    this.#machine = machine;
  }

  now(): number {
    return this.#simulator.now;
  }

  unixTime(): number {
    return this.#simulator.clock.unixTime() + this.stepSeconds;
  }

  wakeAt(deadline: number, fn: () => void): Wake {
    if (!this.#machine.act()) return NO_WAKE;
    const wake = new HostWake(this.#simulator, this.#machine, fn);
    this.#simulator.schedule(wake, deadline);
    return wake;
  }
}

class HostWake extends SimTask implements Wake {
  readonly #simulator: Simulator;
  readonly #machine: SimMachine;
  readonly #fn: () => void;

  constructor(simulator: Simulator, machine: SimMachine, fn: () => void) {
    super();
    this.#simulator = simulator;
    this.#machine = machine;
    this.#fn = fn;
  }

  cancel(): void {
    this.#simulator.cancel(this);
  }

  fire(): void {
    if (!this.#machine.enter('clock')) return;
    this.#fn();
    this.#machine.leave();
  }
}

const NO_WAKE: Wake = { cancel() {} };

/** Keeps the last remarks, to be printed by a test that fails. */
export class SimLog {
  /** The last ones, oldest first, each with its virtual time. */
  readonly lines: string[] = [];
  readonly #clock: Clock;

  /** @internal */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @internal */
  isEnabled(level: LogLevel): boolean {
    return level !== 'debug';
  }

  /** @internal */
  write(level: LogLevel, message: string): void {
    if (!this.isEnabled(level)) return;
    if (this.lines.length >= LOG_LINES_MAX) this.lines.shift();
    this.lines.push(`${this.#clock.now().toFixed(1)} ms ${level} ${message}`);
  }
}
