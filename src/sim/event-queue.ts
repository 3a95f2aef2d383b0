/**
 * The simulator's queue of what is to come: a heap of four children a node, its keys in typed arrays, because a swarm of
 * a thousand engines is some ten million events. Events with equal deadlines come out in the order they were put in,
 * which keeps runs reproducible. Whoever has many of the same makes one event and puts it in again: nothing is allocated.
 */

const ABSENT = -1;

/** Something that is to happen. Made once, put into a Simulator's queue any number of times. */
export abstract class SimTask {
  /** @internal Its slot in the queue, -1 = absent. */
  slot: number = ABSENT;
  /** @internal Due, and behind what else is due at this instant. */
  isReady = false;

  get isPending(): boolean {
    return this.isReady || this.slot !== ABSENT;
  }

  abstract fire(): void;
}

export class EventQueue {
  /** By position in the heap. */
  #deadlines: Float64Array;
  #sequences: Float64Array;
  #slots: Int32Array;
  /** By slot. */
  #positions: Int32Array;
  readonly #tasks: (SimTask | null)[] = [];
  readonly #freeSlots: number[] = [];
  #size = 0;
  #sequence = 0;

  constructor(capacity = 1024) {
    this.#deadlines = new Float64Array(capacity);
    this.#sequences = new Float64Array(capacity);
    this.#slots = new Int32Array(capacity);
    this.#positions = new Int32Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** ms; Infinity when nothing is to come. */
  get nextDeadline(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#deadlines[0]!;
  }

  /** Puts `task` in, or moves it: it comes after everything else with this deadline. */
  put(task: SimTask, deadline: number): void {
    if (task.slot !== ABSENT) this.remove(task);
    if (this.#size === this.#slots.length) this.#grow();
    const slot = this.#freeSlots.pop() ?? this.#tasks.length;
    this.#tasks[slot] = task;
    task.slot = slot;
    this.#up(this.#size++, deadline, this.#sequence++, slot);
  }

  remove(task: SimTask): void {
    const { slot } = task;
    if (slot === ABSENT) return;
    const position = this.#positions[slot]!;
    this.#release(slot);
    const last = --this.#size;
    if (position === last) return;
    const deadline = this.#deadlines[last]!;
    const sequence = this.#sequences[last]!;
    const moved = this.#slots[last]!;
    const parent = (position - 1) >> 2;
    if (position > 0 && this.#isAfter(parent, deadline, sequence)) this.#up(position, deadline, sequence, moved);
    else this.#down(position, deadline, sequence, moved);
  }

  /** Takes out the next one. Not of an empty queue. */
  take(): SimTask {
    const task = this.#tasks[this.#slots[0]!]!;
    this.remove(task);
    return task;
  }

  #release(slot: number): void {
    this.#tasks[slot]!.slot = ABSENT;
    this.#tasks[slot] = null;
    this.#freeSlots.push(slot);
  }

  /** Whether what is at `position` comes after that deadline and sequence. */
  #isAfter(position: number, deadline: number, sequence: number): boolean {
    const there = this.#deadlines[position]!;
    return there > deadline || (there === deadline && this.#sequences[position]! > sequence);
  }

  #place(position: number, deadline: number, sequence: number, slot: number): void {
    this.#deadlines[position] = deadline;
    this.#sequences[position] = sequence;
    this.#slots[position] = slot;
    this.#positions[slot] = position;
  }

  #copy(from: number, to: number): void {
    this.#place(to, this.#deadlines[from]!, this.#sequences[from]!, this.#slots[from]!);
  }

  #up(start: number, deadline: number, sequence: number, slot: number): void {
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 2;
      if (!this.#isAfter(parent, deadline, sequence)) break;
      this.#copy(parent, position);
      position = parent;
    }
    this.#place(position, deadline, sequence, slot);
  }

  #down(start: number, deadline: number, sequence: number, slot: number): void {
    let position = start;
    for (;;) {
      const first = 4 * position + 1;
      if (first >= this.#size) break;
      let least = first;
      const end = Math.min(first + 4, this.#size);
      for (let child = first + 1; child < end; child++) {
        if (this.#isAfter(least, this.#deadlines[child]!, this.#sequences[child]!)) least = child;
      }
      if (this.#isAfter(least, deadline, sequence)) break;
      this.#copy(least, position);
      position = least;
    }
    this.#place(position, deadline, sequence, slot);
  }

  #grow(): void {
    const capacity = 2 * this.#slots.length;
    const deadlines = new Float64Array(capacity);
    const sequences = new Float64Array(capacity);
    const slots = new Int32Array(capacity);
    const positions = new Int32Array(capacity);
    deadlines.set(this.#deadlines);
    sequences.set(this.#sequences);
    slots.set(this.#slots);
    positions.set(this.#positions);
    this.#deadlines = deadlines;
    this.#sequences = sequences;
    this.#slots = slots;
    this.#positions = positions;
  }
}
