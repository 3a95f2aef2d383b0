/** What was written to a stream and is not sent yet: chunks that are lent, read once, in order. */

/** Chunks that are read are dropped when they are so many, or all. */
const DROP_EVERY = 64;

export class ChunkQueue {
  readonly #chunks: Uint8Array[] = [];
  #first = 0;
  /** Of the first chunk: what is taken already. */
  #offset = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Fills `target`, which is not longer than what is there. */
  take(target: Uint8Array): void {
    let filled = 0;
    while (filled < target.length) {
      const chunk = this.#chunks[this.#first]!;
      const wanted = target.length - filled;
      const left = chunk.length - this.#offset;
      const isWhole = this.#offset === 0 && left <= wanted;
      const part = isWhole ? chunk : chunk.subarray(this.#offset, this.#offset + Math.min(left, wanted));
      target.set(part, filled);
      filled += part.length;
      this.#offset += part.length;
      if (this.#offset === chunk.length) this.#drop();
    }
    this.#bytes -= target.length;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#first = 0;
    this.#offset = 0;
    this.#bytes = 0;
  }

  #drop(): void {
    this.#offset = 0;
    this.#first++;
    if (this.#first < this.#chunks.length && this.#first < DROP_EVERY) return;
    this.#chunks.splice(0, this.#first);
    this.#first = 0;
  }
}
