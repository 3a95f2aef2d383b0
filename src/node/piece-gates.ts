/**
 * Who may go at one time: several readers or one writer, in the order they came. PieceGates has a gate for each piece,
 * so that a piece's operations keep their order: reads and checks run together, a write alone. Different pieces never
 * share a byte, so they never wait for each other. Called by FileStorage, which has one more gate for all of it.
 */
import { assert } from '../base/assert.js';
import { RareMap } from '../base/rarely-filled.js';

export type Access = 'read' | 'write';

/** Invariant: it has either readers or one writer; those that wait go in order. */
export class Gate {
  /** -1 = one writer. */
  #readers = 0;
  readonly #waiting: { readonly access: Access; readonly start: () => void }[] = [];

  /** Nobody is in it, so nobody waits either. */
  get isFree(): boolean {
    return this.#readers === 0;
  }

  /** A reader would start at once. */
  get isOpen(): boolean {
    return this.#waiting.length === 0 && this.#admits('read');
  }

  /** Calls `start` at once, or when those before are done; then owes a `leave`. */
  enter(access: Access, start: () => void): void {
    if (this.#waiting.length === 0 && this.#admits(access)) this.#admit(access, start);
    else this.#waiting.push({ access, start });
  }

  leave(): void {
    assert(this.#readers !== 0, 'a gate was left more often than entered');
    this.#readers = this.#readers < 0 ? 0 : this.#readers - 1;
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || !this.#admits(next.access)) break;
      this.#waiting.shift();
      this.#admit(next.access, next.start);
    }
  }

  #admits(access: Access): boolean {
    return access === 'write' ? this.#readers === 0 : this.#readers >= 0;
  }

  #admit(access: Access, start: () => void): void {
    this.#readers = access === 'write' ? -1 : this.#readers + 1;
    start();
  }
}

export class PieceGates {
  /** Only pieces with something going on. */
  readonly #gates = new RareMap<number, Gate>();

  get size(): number {
    return this.#gates.size;
  }

  /** Calls `start` at once, or when those before are done; then owes a `leave`. */
  enter(piece: number, access: Access, start: () => void): void {
    let gate = this.#gates.get(piece);
    if (gate === undefined) {
      gate = new Gate();
      this.#gates.set(piece, gate);
    }
    gate.enter(access, start);
  }

  leave(piece: number): void {
    const gate = this.#gates.get(piece);
    assert(gate !== undefined, 'a piece was left more often than entered');
    gate.leave();
    if (gate.isFree) this.#gates.delete(piece);
  }
}
