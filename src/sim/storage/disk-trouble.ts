/**
 * What is wrong with a simulated disk, settable at any time: operations that fail with an input/output error, and bytes
 * that rot as they are read. Used by MemoryStorage.
 */
import { assert } from '../../base/assert.js';
import type { Random } from '../../base/random.js';

/** What an engine does with a disk. */
export type MemoryOperation = 'open' | 'write' | 'read' | 'verify' | 'select' | 'stamp' | 'flush';

/** What is wrong with a disk. */
export class DiskTrouble {
  /** Share of operations that fail. */
  errorRatio = 0;
  /** Share of reads and checks that find a byte rotten that was not before. */
  rotRatio = 0;
  /** Which operations `errorRatio` is about; null = all. */
  operations: ReadonlySet<MemoryOperation> | null = null;
  readonly #failures = new Map<MemoryOperation, number>();

  /** The next `count` operations of this kind fail, more than were asked for before. */
  failNext(operation: MemoryOperation, count = 1): void {
    this.#failures.set(operation, (this.#failures.get(operation) ?? 0) + count);
  }

  /** @internal Whether this operation fails. `random` null = nothing is left to chance. */
  strikes(operation: MemoryOperation, random: Random | null): boolean {
    const failures = this.#failures.get(operation) ?? 0;
    if (failures > 0) {
      this.#failures.set(operation, failures - 1);
      return true;
    }
    const mayFail = this.errorRatio > 0 && (this.operations === null || this.operations.has(operation));
    return mayFail && isDrawn(random, this.errorRatio);
  }

  /** @internal Whether this read finds something rotten. */
  rots(random: Random | null): boolean {
    return this.rotRatio > 0 && isDrawn(random, this.rotRatio);
  }
}

function isDrawn(random: Random | null, ratio: number): boolean {
  assert(random !== null, 'a disk that fails at random needs a source of randomness');
  return random.uint32() < ratio * 2 ** 32;
}
