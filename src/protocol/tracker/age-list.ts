/**
 * A doubly linked list from the longest untouched node to the latest, all operations O(1). A Map's insertion order
 * would do the same, but finding its first entry means to step over every deleted one: at a hundred thousand entries
 * that is most of a tracker's time.
 */

/** What is in a list extends this; one node is in at most one list. */
export class AgeNode {
  /** @internal */
  older: AgeNode | null = null;
  /** @internal */
  newer: AgeNode | null = null;
  /** Monotonic ms of the last touch. */
  touchedAtMs: number = Number.NEGATIVE_INFINITY;
}

export class AgeList<T extends AgeNode> {
  #oldest: AgeNode | null = null;
  #newest: AgeNode | null = null;

  get oldest(): T | null {
    return this.#oldest as T | null;
  }

  /** Adds `node`, or moves it, to the newest end. `now` never goes back. */
  touch(node: T, now: number): void {
    this.remove(node);
    node.touchedAtMs = now;
    node.older = this.#newest;
    if (this.#newest === null) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }

  /** Nothing happens to a node that is in no list. */
  remove(node: T): void {
    const { older, newer } = node;
    if (older !== null) older.newer = newer;
    else if (this.#oldest === node) this.#oldest = newer;
    if (newer !== null) newer.older = older;
    else if (this.#newest === node) this.#newest = older;
    node.older = null;
    node.newer = null;
  }
}
