/**
 * Keeps operations on one piece in the order they were asked for: reads and checks run together, a write alone.
 * Different pieces never share a byte, so they never wait for each other. Called by FileStorage.
 * Invariant: a piece has either readers or one writer; those that wait go in order.
 */
import { assert } from '../base/assert.js';

export type Access = 'read' | 'write';

interface Gate {
  /** -1 = one writer. */
  readers: number;
  readonly waiting: { readonly access: Access; readonly start: () => void }[];
}

export class PieceGates {
  /** Only pieces with something going on. */
  readonly #gates = new Map<number, Gate>();

  get size(): number {
    return this.#gates.size;
  }

  /** Calls `start` at once, or when those before are done; then owes a `leave`. */
  enter(piece: number, access: Access, start: () => void): void {
    let gate = this.#gates.get(piece);
    if (gate === undefined) {
      gate = { readers: 0, waiting: [] };
      this.#gates.set(piece, gate);
    }
    if (gate.waiting.length === 0 && admits(gate, access)) this.#admit(gate, access, start);
    else gate.waiting.push({ access, start });
  }

  leave(piece: number): void {
    const gate = this.#gates.get(piece);
    assert(gate !== undefined && gate.readers !== 0, 'a piece was left more often than entered');
    gate.readers = gate.readers < 0 ? 0 : gate.readers - 1;
    for (;;) {
      const next = gate.waiting[0];
      if (next === undefined || !admits(gate, next.access)) break;
      gate.waiting.shift();
      this.#admit(gate, next.access, next.start);
    }
    if (gate.readers === 0) this.#gates.delete(piece);
  }

  #admit(gate: Gate, access: Access, start: () => void): void {
    gate.readers = access === 'write' ? -1 : gate.readers + 1;
    start();
  }
}

function admits(gate: Gate, access: Access): boolean {
  return access === 'write' ? gate.readers === 0 : gate.readers >= 0;
}
