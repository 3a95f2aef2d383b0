/**
 * How a simulated storage or state store is tied to its host: it acts only while the machine is on, and answers later,
 * in the machine's turn. Simulator.createHost makes it; a test that has no world needs `defer` only.
 */
import type { Random } from '../../base/random.js';
import type { Clock } from '../../host/clock.js';
import type { SimMachine } from '../machine.js';
import type { DiskLane, DiskQueue } from './disk-model.js';

export interface StorageWiring {
  /** Calls `fn` later, never inside the call, in the order of the calls. */
  readonly defer: (fn: () => void) => void;
  /** Left out = it is always on. */
  readonly machine?: SimMachine;
  /** The world's; needed by a disk with a model. */
  readonly clock?: Clock;
  /** Of faults and crashes. Left out = nothing is left to chance, and a crash loses nothing by itself. */
  readonly random?: Random;
}

/** What every operation of a port begins and ends with. */
export class StorageCalls {
  readonly #wiring: StorageWiring;
  readonly #port: 'storage' | 'state';
  readonly #queue: DiskQueue | null;

  /** `queue` null = no time passes. */
  constructor(wiring: StorageWiring, port: 'storage' | 'state', queue: DiskQueue | null) {
    this.#wiring = wiring;
    this.#port = port;
    this.#queue = queue;
  }

  /** The host's code asks for something. @returns false when its machine is off: nothing is to happen. */
  begin(): boolean {
    return this.#wiring.machine?.act() ?? true;
  }

  /**
   * Has `done` called when the disk's queue has come to it, unless the machine is off by then. `bytes` is what the
   * operation is about: for how long it takes, and for a trace.
   */
  end(done: () => void, bytes = 0, lane: DiskLane = 'queued'): void {
    const { machine, defer, clock } = this.#wiring;
    const finish = (): void => {
      if (machine === undefined) done();
      else if (machine.enter(this.#port, bytes)) {
        done();
        machine.leave();
      }
    };
    if (clock === undefined || this.#queue === null) {
      defer(finish);
      return;
    }
    const now = clock.now();
    const deadline = this.#queue.enqueue(now, bytes, lane);
    if (deadline === now) defer(finish);
    else clock.wakeAt(deadline, finish);
  }
}
