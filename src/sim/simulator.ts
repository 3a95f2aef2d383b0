/**
 * The world that simulated hosts live in: virtual time, one queue of events, one seed. Every callback of every host
 * runs from run(), one after the other, so that a run is the same for the same seed; nothing sleeps and nothing is a
 * promise. Latency, loss and faults are asked of `link` for each connection and datagram.
 * A callback that throws ends run() with that error: in a test a bug should be loud.
 */
import { DtorrentError } from '../base/errors.js';
import { SeededRandom } from '../base/random.js';
import { Timer, TimerQueue } from '../base/timer-queue.js';
import type { Clock, Wake } from '../host/clock.js';
import type { StorageFactory } from '../host/storage.js';
import { SimMachine } from './machine.js';
import { type Link, SimInternet } from './network/internet.js';
import { SILENT_OBSERVER, type SimObserver } from './observer.js';
import { SimHost } from './sim-host.js';
import type { DiskModel } from './storage/disk-model.js';
import { MemoryDisk } from './storage/memory-disk.js';
import { MemoryStateStore } from './storage/memory-state.js';
import { MemoryStorageFactory } from './storage/memory-storage.js';
import type { StorageWiring } from './storage/storage-wiring.js';

const DEFAULT_VIRTUAL_MS_MAX = 24 * 3600 * 1000;
const DEFAULT_UNIX_TIME = 1_700_000_000;
/** More events than this without time passing: two hosts are answering each other forever. */
const EVENTS_PER_INSTANT_MAX = 5_000_000;
const DEFAULT_LINK: Link = { latencyMs: 5, bytesPerMs: Number.POSITIVE_INFINITY, lossRatio: 0 };

export interface SimulatorOptions {
  readonly seed: number;
  /** Wall clock at the start, seconds since 1970. */
  readonly unixTime?: number;
  /** Properties of the way from one host to another, IP text. Asked for each connection and each datagram. */
  readonly link?: (fromHost: string, toHost: string) => Link;
  /** Hears what happens. Left out = nobody does. */
  readonly observer?: SimObserver;
}

export interface SimHostOptions {
  /** A name that other hosts can resolve. */
  readonly name?: string;
  /** IP text; null = this host has none of that family; left out = one is chosen. */
  readonly ipv4?: string | null;
  readonly ipv6?: string | null;
  /** What its files lie on, to be looked at by the test or handed to a successor. Left out = an empty disk. */
  readonly disk?: MemoryDisk;
  /** How fast that disk is. Left out = as fast as it was: a new one takes no time. */
  readonly diskModel?: DiskModel;
  /** What its state store holds, to be looked at by the test or handed to a successor. Left out = nothing yet. */
  readonly state?: Map<string, Uint8Array>;
  /** Instead of a disk in memory; a function is told whose it is. */
  readonly storage?: StorageFactory | ((wiring: StorageWiring) => StorageFactory);
}

/** A callback that is to come. */
export interface SimEvent extends Wake {
  readonly isPending: boolean;
}

export class Simulator {
  readonly seed: number;
  readonly clock: Clock;
  readonly random: SeededRandom;
  readonly internet: SimInternet;
  readonly #observer: SimObserver;
  readonly #timers = new TimerQueue();
  #hostCount = 0;
  #ready: PendingEvent[] = [];
  #readyIndex = 0;
  #now = 0;
  #eventsThisInstant = 0;
  #isRunning = false;

  constructor(options: SimulatorOptions) {
    this.seed = options.seed;
    this.random = new SeededRandom(options.seed);
    this.#observer = options.observer ?? SILENT_OBSERVER;
    const unixTimeAtStart = options.unixTime ?? DEFAULT_UNIX_TIME;
    this.clock = {
      now: () => this.#now,
      unixTime: () => unixTimeAtStart + Math.floor(this.#now / 1000),
      wakeAt: (deadline, fn) => this.at(deadline, fn),
    };
    this.internet = new SimInternet(this, options.link ?? (() => DEFAULT_LINK));
  }

  /** Virtual ms since the start. */
  get now(): number {
    return this.#now;
  }

  createHost(options: SimHostOptions = {}): SimHost {
    const { ipv4, ipv6 } = this.internet.assignIps(options.ipv4, options.ipv6);
    const name = options.name ?? ipv4 ?? ipv6 ?? 'nowhere';
    const machine = new SimMachine(this.#hostCount++, name, this.#observer);
    const defer = (fn: () => void): unknown => this.defer(fn);
    // Of its own, so that a disk that fails changes nothing else that is left to chance.
    const random = new SeededRandom(this.seed ^ Math.imul(machine.number + 1, 0x9e3779b9));
    const wiring: StorageWiring = { defer, machine, clock: this.clock, random };
    const disk = options.disk ?? new MemoryDisk();
    if (options.diskModel !== undefined) disk.queue.model = options.diskModel;
    const given = options.storage ?? new MemoryStorageFactory({ ...wiring, disk });
    const storage = typeof given === 'function' ? given(wiring) : given;
    const state = new MemoryStateStore({
      ...wiring,
      ...(options.state === undefined ? {} : { records: options.state }),
    });
    return new SimHost(this, { machine, options, ipv4, ipv6, storage, disk, state });
  }

  /** The successor of a host that has crashed or is done with: the same addresses, name, disk and records. */
  restartHost(host: SimHost): SimHost {
    host.detach();
    const { ipv4, ipv6, disk } = host;
    return this.createHost({ ...host.options, ipv4, ipv6, disk, state: host.state.records });
  }

  /** Calls `fn` at virtual time `deadline`, or as soon as possible when that has passed; Infinity = never. */
  at(deadline: number, fn: () => void): SimEvent {
    const event = new PendingEvent(fn, (due) => this.#ready.push(due), this.#timers);
    if (deadline <= this.#now) this.#ready.push(event);
    else this.#timers.set(event.timer, deadline);
    return event;
  }

  after(delayMs: number, fn: () => void): SimEvent {
    return this.at(this.#now + delayMs, fn);
  }

  /** Calls `fn` without time passing, after the current callback and everything deferred before, first in first out. */
  defer(fn: () => void): SimEvent {
    return this.at(this.#now, fn);
  }

  /**
   * Runs until virtual time `until` (ms), or until it returns true: checked after each callback.
   * @returns for a time, always true; for a condition, false when `maxVirtualMs` passed, or nothing was left to
   * happen, before it held.
   */
  run(until: number | (() => boolean), options: { readonly maxVirtualMs?: number } = {}): boolean {
    if (this.#isRunning) throw new DtorrentError('EINTERNAL', 'internal error: run() inside a simulated callback');
    this.#isRunning = true;
    try {
      if (typeof until === 'number') {
        this.#runTo(until, () => false);
        this.#now = Math.max(this.#now, until);
        return true;
      }
      return until() || this.#runTo(this.#now + (options.maxVirtualMs ?? DEFAULT_VIRTUAL_MS_MAX), until);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Whether nothing is left to happen: a world of which every host has stopped. */
  get isIdle(): boolean {
    const isPending = (event: PendingEvent): boolean => event.isPending;
    return this.#timers.size === 0 && !this.#ready.slice(this.#readyIndex).some(isPending);
  }

  #runTo(endMs: number, isDone: () => boolean): boolean {
    for (;;) {
      while (this.#readyIndex < this.#ready.length) {
        const event = this.#ready[this.#readyIndex++]!;
        if (!event.isPending) continue;
        this.#countEvent();
        event.fire();
        if (isDone()) return true;
      }
      this.#ready = [];
      this.#readyIndex = 0;
      const next = this.#timers.nextDeadline;
      if (next > endMs || next === Number.POSITIVE_INFINITY) return false;
      this.#now = next;
      this.#eventsThisInstant = 0;
      this.#timers.advance(next); // moves what is due to #ready, in order
    }
  }

  #countEvent(): void {
    if (++this.#eventsThisInstant <= EVENTS_PER_INSTANT_MAX) return;
    throw new DtorrentError('EINTERNAL', `internal error: time stands still at ${this.#now} ms (seed ${this.seed})`);
  }
}

class PendingEvent implements SimEvent {
  readonly timer: Timer;
  readonly #timers: TimerQueue;
  #fn: (() => void) | null;

  constructor(fn: () => void, onDue: (event: PendingEvent) => void, timers: TimerQueue) {
    this.#fn = fn;
    this.#timers = timers;
    this.timer = new Timer(() => onDue(this));
  }

  get isPending(): boolean {
    return this.#fn !== null;
  }

  cancel(): void {
    this.#fn = null;
    this.#timers.cancel(this.timer);
  }

  fire(): void {
    const fn = this.#fn;
    this.#fn = null;
    fn?.();
  }
}
