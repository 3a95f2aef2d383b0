/**
 * What simulated files lie on. It outlives storages and engines, so that a restart finds what was written.
 * Used by MemoryStorage.
 */
import { assert } from '../../base/assert.js';
import type { FileStamp } from '../../host/storage.js';

/** Sparse files by absolute path, `/` between directory and elements. */
export class MemoryDisk {
  #files = new Map<string, Uint8Array>();
  #unmounted: Map<string, Uint8Array> | null = null;
  /** When each file was last written to: the number of that write, which serves as its time. */
  readonly #changes = new Map<string, number>();
  #writes = 0;

  /** @returns a copy, or null when there is no such file. */
  read(path: string): Uint8Array | null {
    return this.#files.get(path)?.slice() ?? null;
  }

  /** Replaces the whole file with a copy of `content`. */
  write(path: string, content: Uint8Array): void {
    this.#files.set(path, content.slice());
    this.#changes.set(path, ++this.#writes);
  }

  /** @returns a disk of the same files with the same stamps: what a crash at this moment leaves. */
  clone(): MemoryDisk {
    const twin = new MemoryDisk();
    for (const [path, content] of this.#files) twin.#files.set(path, content.slice());
    for (const [path, change] of this.#changes) twin.#changes.set(path, change);
    twin.#writes = this.#writes;
    return twin;
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  get isMounted(): boolean {
    return this.#unmounted === null;
  }

  /** Takes the disk away: every directory is there, as another one that is empty. */
  unmount(): void {
    assert(this.#unmounted === null, 'a disk is unmounted once');
    this.#unmounted = this.#files;
    this.#files = new Map();
  }

  /** Brings it back, with what was on it; what was written in its place is gone. */
  mount(): void {
    assert(this.#unmounted !== null, 'a disk that is mounted cannot be mounted');
    this.#files = this.#unmounted;
    this.#unmounted = null;
  }

  /** Bit rot: inverts one byte, which changes no stamp. */
  corrupt(path: string, offset: number): void {
    const file = this.#files.get(path);
    assert(file !== undefined && offset < file.length, 'only a byte that is there can rot');
    file[offset] = ~file[offset]!;
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  /** @returns 0 when there is no such file. */
  lengthBytes(path: string): number {
    return this.#files.get(path)?.length ?? 0;
  }

  stamp(path: string): FileStamp {
    const file = this.#files.get(path);
    if (file === undefined) return { lengthBytes: -1, modifiedUs: 0 };
    return { lengthBytes: file.length, modifiedUs: this.#changes.get(path)! };
  }

  /** @internal A view, not a copy. */
  view(path: string, offset: number, length: number): Uint8Array {
    return this.#files.get(path)!.subarray(offset, offset + length);
  }

  /** @internal Cuts the file to `lengthMax`, or grows it, at least to `lengthMin`, as writes at an offset do. */
  writeAt(
    path: string,
    options: {
      readonly offset: number;
      readonly bytes: Uint8Array;
      readonly lengthMin: number;
      readonly lengthMax: number;
    },
  ): void {
    const { offset, bytes, lengthMin, lengthMax } = options;
    const old = this.#files.get(path);
    const length = Math.min(Math.max(old?.length ?? 0, offset + bytes.length, lengthMin), lengthMax);
    let file = old;
    if (file === undefined || file.length !== length) {
      // Room for the whole file at once: growing piece by piece would copy it each time.
      const room = file !== undefined && file.buffer.byteLength >= lengthMax ? file.buffer : new ArrayBuffer(lengthMax);
      const grown = new Uint8Array(room, 0, length);
      if (file !== undefined && room !== file.buffer) grown.set(file.subarray(0, length));
      file = grown;
      this.#files.set(path, file);
    }
    file.set(bytes, offset);
    this.#changes.set(path, ++this.#writes);
  }
}
