/**
 * The world that simulated hosts live in: virtual time, one queue of events, one seed. Every callback of every host
 * runs from run(), one after the other, so that a run is the same for the same seed; nothing sleeps and nothing is a
 * promise, but for runAsync() and settle(), which are for code that awaits. Latency, loss and faults are asked of `link` for each connection and datagram.
 * A callback that throws ends run() with that error: in a test a bug should be loud.
 */
import { DtorrentError } from '../base/errors.js';
import { SeededRandom } from '../base/random.js';
import type { Clock, Wake } from '../host/clock.js';
import type { StorageFactory } from '../host/storage.js';
import { EventQueue, SimTask } from './event-queue.js';
import { SimMachine } from './machine.js';
import type { AccessOptions } from './network/access-link.js';
import { SimInternet } from './network/internet.js';
import type { Cutting, Link } from './network/link.js';
import type { NatKind, NatOptions } from './network/nat.js';
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
const READY_KEPT_MAX = 4096;
/** Steps of a chain of promises that follow one event. The longest of the engine's own are about five. */
const PROMISE_ROUNDS = 25;
const DEFAULT_LINK: Link = { latencyMs: 5, bytesPerMs: Number.POSITIVE_INFINITY, lossRatio: 0 };

/** What a world is made from. */
export interface SimulatorOptions {
  /** Everything random comes from it: an integer from 0 to 2^32 - 1. */
  readonly seed: number;
  /** Wall clock at the start, seconds since 1970. */
  readonly unixTime?: number;
  /** Properties of the way from one host to another, IP text. Asked for each connection and each datagram. */
  readonly link?: (fromHost: string, toHost: string) => Link;
  /** How streams are cut, unless their link says so. Left out = random. */
  readonly cutting?: Cutting;
  /** @internal Hears what happens. Left out = nobody does. */
  readonly observer?: SimObserver;
}

/** What a simulated machine is made from. */
export interface SimHostOptions {
  /** A name that other hosts can resolve. */
  readonly name?: string;
  /** IP text; null = this host has none of that family; left out = one is chosen. */
  readonly ipv4?: string | null;
  /** The same for IPv6. */
  readonly ipv6?: string | null;
  /** What its files lie on, to be looked at by the test or handed to a successor. Left out = an empty disk. */
  readonly disk?: MemoryDisk;
  /** How fast that disk is. Left out = as fast as it was: a new one takes no time. */
  readonly diskModel?: DiskModel;
  /** What its state store holds, to be looked at by the test or handed to a successor. Left out = nothing yet. */
  readonly state?: Map<string, Uint8Array>;
  /** Its own line, shared by all it sends and receives. Left out = without limit. */
  readonly access?: AccessOptions;
  /** What it is behind; its addresses are those of the box, as others see them. Left out or null = nothing. */
  readonly nat?: NatKind | NatOptions | null;
  /** Hosts that name the same local network hear each other's multicast. Left out = it is in none. */
  readonly lan?: string;
  /** @internal Instead of a disk in memory; a function is told whose it is. */
  readonly storage?: StorageFactory | ((wiring: StorageWiring) => StorageFactory);
}

/** A callback that is to come. */
export interface SimEvent extends Wake {
  /** It has neither come nor been cancelled. */
  readonly isPending: boolean;
}

/** A world in virtual time: hosts, and what connects them. */
export class Simulator {
  /** What everything random comes from. */
  readonly seed: number;
  /** @internal */
  readonly clock: Clock;
  /** @internal */
  readonly random: SeededRandom;
  /** What connects its hosts: names, web services, partitions. */
  readonly internet: SimInternet;
  readonly #observer: SimObserver;
  readonly #queue = new EventQueue();
  #hostCount = 0;
  /** What is due at this instant, in order. One that was cancelled, or moved, stays here and is passed over. */
  readonly #ready: SimTask[] = [];
  #readyCount = 0;
  #readyIndex = 0;
  #now = 0;
  #eventsThisInstant = 0;
  #isRunning = false;

  /** An empty world at time 0. */
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
    this.internet = new SimInternet(this, options.link ?? (() => DEFAULT_LINK), options.cutting ?? 'random');
  }

  /** Virtual ms since the start. */
  get now(): number {
    return this.#now;
  }

  /** Adds a machine. */
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
    const event = new Callback(this, fn);
    this.schedule(event, deadline);
    return event;
  }

  /** @internal The same for a task, which is moved when it is pending. Its owner can have it again: nothing is allocated. */
  schedule(task: SimTask, deadline: number): void {
    if (deadline > this.#now) {
      task.isReady = false;
      if (deadline === Number.POSITIVE_INFINITY) this.#queue.remove(task);
      else this.#queue.put(task, deadline);
      return;
    }
    if (task.isReady) return;
    this.#queue.remove(task);
    this.#makeReady(task);
  }

  /** @internal */
  cancel(task: SimTask): void {
    task.isReady = false;
    this.#queue.remove(task);
  }

  /** Calls `fn` after so many virtual ms. */
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

  /**
   * run() for code that awaits: after each event, what its promises set off happens too before the next. Chains of more
   * than PROMISE_ROUNDS steps go on in the events after it; in the same order each time, as everything else.
   * @returns as run() does.
   */
  async runAsync(until: number | (() => boolean), options: { readonly maxVirtualMs?: number } = {}): Promise<boolean> {
    if (this.#isRunning) throw new DtorrentError('EINTERNAL', 'internal error: runAsync() inside a run');
    this.#isRunning = true;
    try {
      await passPromises();
      if (typeof until === 'number') {
        await this.#runToAsync(until, () => false);
        this.#now = Math.max(this.#now, until);
        return true;
      }
      return until() || (await this.#runToAsync(this.#now + (options.maxVirtualMs ?? DEFAULT_VIRTUAL_MS_MAX), until));
    } finally {
      this.#isRunning = false;
    }
  }

  /**
   * Runs until a promise has settled, which something in this world has to do.
   * @returns its value. @throws what it rejects with, or ETIMEOUT when it is still pending after `maxVirtualMs`, or when
   * nothing is left to happen.
   */
  async settle<T>(promise: Promise<T>, options: { readonly maxVirtualMs?: number } = {}): Promise<T> {
    let isSettled = false;
    const note = (): void => {
      isSettled = true;
    };
    promise.then(note, note);
    if (!(await this.runAsync(() => isSettled, options))) {
      throw new DtorrentError('ETIMEOUT', `nothing has settled that promise by ${this.#now} virtual ms`);
    }
    return promise;
  }

  /** Whether nothing is left to happen: a world of which every host has stopped. */
  get isIdle(): boolean {
    return (
      this.#queue.size === 0 && !this.#ready.slice(this.#readyIndex, this.#readyCount).some((task) => task.isReady)
    );
  }

  #runTo(endMs: number, isDone: () => boolean): boolean {
    for (;;) {
      while (this.#readyIndex < this.#readyCount) {
        if (this.#fireNext() && isDone()) return true;
      }
      if (!this.#advance(endMs)) return false;
    }
  }

  async #runToAsync(endMs: number, isDone: () => boolean): Promise<boolean> {
    for (;;) {
      while (this.#readyIndex < this.#readyCount) {
        if (!this.#fireNext()) continue;
        await passPromises();
        if (isDone()) return true;
      }
      if (this.#advance(endMs)) continue;
      // Only a promise can still put something in.
      await passPromises();
      if (isDone()) return true;
      if (this.#readyIndex === this.#readyCount && !(this.#queue.nextDeadline <= endMs)) return false;
    }
  }

  /** @returns false when the next one had been cancelled. */
  #fireNext(): boolean {
    const task = this.#ready[this.#readyIndex++]!;
    if (!task.isReady) return false;
    task.isReady = false;
    this.#countEvent();
    task.fire();
    return true;
  }

  /** Lets time pass until something is due. @returns false when nothing is, up to `endMs`. */
  #advance(endMs: number): boolean {
    // The array is kept: most instants have a handful of events.
    if (this.#ready.length > READY_KEPT_MAX) this.#ready.length = READY_KEPT_MAX;
    this.#readyCount = 0;
    this.#readyIndex = 0;
    const next = this.#queue.nextDeadline;
    if (next > endMs || next === Number.POSITIVE_INFINITY) return false;
    this.#now = next;
    this.#eventsThisInstant = 0;
    while (this.#queue.nextDeadline <= next) this.#makeReady(this.#queue.take());
    return true;
  }

  #makeReady(task: SimTask): void {
    task.isReady = true;
    this.#ready[this.#readyCount++] = task;
  }

  #countEvent(): void {
    if (++this.#eventsThisInstant <= EVENTS_PER_INSTANT_MAX) return;
    throw new DtorrentError('EINTERNAL', `internal error: time stands still at ${this.#now} ms (seed ${this.seed})`);
  }
}

/** Lets what promises have set off happen: each round is a step of every chain. */
async function passPromises(): Promise<void> {
  for (let round = 0; round < PROMISE_ROUNDS; round++) await null;
}

class Callback extends SimTask implements SimEvent {
  readonly #simulator: Simulator;
  readonly #fn: () => void;

  constructor(simulator: Simulator, fn: () => void) {
    super();
    this.#simulator = simulator;
    this.#fn = fn;
  }

  cancel(): void {
    this.#simulator.cancel(this);
  }

  fire(): void {
    this.#fn();
  }
}
