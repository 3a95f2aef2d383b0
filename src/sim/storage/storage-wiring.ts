/**
 * How a simulated storage or state store is tied to its host: it acts only while the machine is on, and answers later,
 * in the machine's turn. Simulator.createHost makes it; a test that has no world needs `defer` only.
 */
import type { SimMachine } from '../machine.js';

export interface StorageWiring {
  /** Calls `fn` later, never inside the call, in the order of the calls. */
  readonly defer: (fn: () => void) => void;
  /** Left out = it is always on. */
  readonly machine?: SimMachine;
}

/** What every operation of a port begins and ends with. */
export class StorageCalls {
  readonly #wiring: StorageWiring;
  readonly #port: 'storage' | 'state';

  constructor(wiring: StorageWiring, port: 'storage' | 'state') {
    this.#wiring = wiring;
    this.#port = port;
  }

  /** The host's code asks for something. @returns false when its machine is off: nothing is to happen. */
  begin(): boolean {
    return this.#wiring.machine?.act() ?? true;
  }

  /** Has `done` called later, unless the machine is off by then. `bytes` is what the operation was about, for a trace. */
  end(done: () => void, bytes = 0): void {
    const { machine, defer } = this.#wiring;
    defer(() => {
      if (machine === undefined) done();
      else if (machine.enter(this.#port, bytes)) {
        done();
        machine.leave();
      }
    });
  }
}
