/**
 * What all ports of one simulated host share: whether it is on, and the count of what its code does, so that it can be
 * made to crash in the middle of a turn. A crash throws nothing: from that call on the ports do nothing and call nobody,
 * and what the code still does before it returns is lost, as it is when a process dies.
 * Ports call act() when the host's code asks for something, and enter() and leave() around each call into its code.
 */
import { assert } from '../base/assert.js';
import type { SimObserver, SimPort } from './observer.js';

/** killed: the system goes on, closes its sockets and writes what it was given · power: everything stops, and is silent. */
export type CrashKind = 'killed' | 'power';

/** Whether a simulated host is on, and how it is made to crash. */
export class SimMachine {
  /** In order of creation, from 0. */
  readonly number: number;
  /** Of its host. */
  readonly name: string;
  /** @internal */
  readonly observer: SimObserver;
  readonly #onCrash: ((kind: CrashKind) => void)[] = [];
  #isOn = true;
  #actionsLeft = Number.POSITIVE_INFINITY;
  #crashKind: CrashKind = 'killed';
  #enteredPort: SimPort | null = null;
  #amount = 0;

  /** @internal */
  constructor(number: number, name: string, observer: SimObserver) {
    this.number = number;
    this.name = name;
    this.observer = observer;
  }

  /** False for ever after a crash. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** @internal Whether its code is running: a call into it has not returned. */
  get isRunning(): boolean {
    return this.#enteredPort !== null;
  }

  /** @internal Around every call into the host's code, with leave(). @returns false when it is off: it must not be called. */
  enter(port: SimPort, amount = 0): boolean {
    if (!this.#isOn) return false;
    assert(this.#enteredPort === null, 'a simulated host is called back from inside a call');
    this.#enteredPort = port;
    this.#amount = amount;
    return true;
  }

  /** @internal */
  leave(): void {
    const port = this.#enteredPort!;
    this.#enteredPort = null;
    if (this.#isOn) this.observer.onTurn(this, port, this.#amount);
  }

  /** @internal The host's code asks a port for something. @returns false when it is off: the call has no effect. */
  act(): boolean {
    if (this.#isOn && --this.#actionsLeft < 0) this.crash(this.#crashKind);
    return this.#isOn;
  }

  /** Lets it do `actions` more things, and crashes it at the next: in the middle of a turn, more likely than not. */
  crashAfter(actions: number, kind: CrashKind): void {
    this.#actionsLeft = actions;
    this.#crashKind = kind;
  }

  /** Idempotent. */
  crash(kind: CrashKind): void {
    if (!this.#isOn) return;
    this.#isOn = false;
    for (const tell of this.#onCrash) tell(kind);
    this.observer.onCrashed(this);
  }

  /** For ports: what has to happen to their side of things when the machine crashes. In the order of the calls. */
  onCrash(tell: (kind: CrashKind) => void): void {
    this.#onCrash.push(tell);
  }
}
