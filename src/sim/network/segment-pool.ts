/**
 * The buffers of what is under way on simulated streams, used again and again: a swarm moves gigabytes. A segment that
 * comes back is overwritten, so that whoever kept a view of it sees garbage.
 */

/** What a sender puts on its way at once. Belongs to one pipe at a time. */
export class Segment {
  /** Exactly its bytes, a view of the buffer. */
  bytes: Uint8Array;
  /** When it is at the next point of its way. */
  dueMs = 0;
  /** Instead of bytes: the last word of a sender. */
  ending: 'none' | 'end' | 'reset' = 'none';
  readonly sizeClass: number;
  readonly #buffer: Uint8Array;

  constructor(sizeClass: number) {
    this.sizeClass = sizeClass;
    this.#buffer = new Uint8Array(SIZES_BYTES[sizeClass]!);
    this.bytes = this.#buffer;
  }

  setLength(lengthBytes: number): void {
    if (this.bytes.length === lengthBytes) return;
    this.bytes = lengthBytes === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, lengthBytes);
  }
}

const SIZES_BYTES = [0, 64, 2048, 16 * 1024, 64 * 1024] as const;

export const SEGMENT_BYTES_MAX: number = 64 * 1024;
const GARBAGE = 0xdb;

export class SegmentPool {
  readonly #free: Segment[][] = SIZES_BYTES.map(() => []);

  /** @param lengthBytes at most SEGMENT_BYTES_MAX. The bytes are what was there before. */
  take(lengthBytes: number): Segment {
    let sizeClass = 0;
    while (SIZES_BYTES[sizeClass]! < lengthBytes) sizeClass++;
    const segment = this.#free[sizeClass]!.pop() ?? new Segment(sizeClass);
    segment.setLength(lengthBytes);
    segment.ending = 'none';
    return segment;
  }

  give(segment: Segment): void {
    segment.bytes.fill(GARBAGE);
    this.#free[segment.sizeClass]!.push(segment);
  }
}
