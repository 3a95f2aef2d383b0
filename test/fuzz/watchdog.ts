/**
 * Notices an input that never ends: the main thread is stuck in it, so another thread looks whether cases go on. Time is
 * measured here only; an input that is merely too much work is what the target `work` counts.
 */
import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { keepInput } from './corpus.js';

const STUCK_MS = 120_000;
const LOOK_EVERY_MS = 5000;
const INPUT_BYTES_MAX = 4 * 1024 * 1024;
const NAME_BYTES_MAX = 64;

/** Shared with the thread: counter, length of input, length of name; then name; then input. */
const HEAD_BYTES = 16;

export class Watchdog {
  readonly #shared = new SharedArrayBuffer(HEAD_BYTES + NAME_BYTES_MAX + INPUT_BYTES_MAX);
  readonly #numbers = new Int32Array(this.#shared, 0, 4);
  readonly #name = new Uint8Array(this.#shared, HEAD_BYTES, NAME_BYTES_MAX);
  readonly #input = new Uint8Array(this.#shared, HEAD_BYTES + NAME_BYTES_MAX);
  readonly #worker = new Worker(new URL('./watchdog-thread.js', import.meta.url), { workerData: this.#shared });

  constructor() {
    this.#worker.unref();
  }

  /** A case begins. */
  begin(target: string, input: Uint8Array): void {
    const kept = input.subarray(0, INPUT_BYTES_MAX);
    this.#input.set(kept);
    this.#numbers[1] = kept.length;
    this.#numbers[2] = new TextEncoder().encodeInto(target, this.#name).written;
    Atomics.add(this.#numbers, 0, 1);
  }

  /** It is over. */
  end(): void {
    Atomics.add(this.#numbers, 0, 1);
  }
}

/** What the thread does. */
export function watch(shared: SharedArrayBuffer): void {
  const numbers = new Int32Array(shared, 0, 4);
  let lastCount = 0;
  let stuckMs = 0;
  setInterval(() => {
    const count = Atomics.load(numbers, 0);
    // Even: between two cases, where the main thread may make inputs as long as it likes.
    stuckMs = count === lastCount && count % 2 === 1 ? stuckMs + LOOK_EVERY_MS : 0;
    lastCount = count;
    if (stuckMs < STUCK_MS) return;
    const name = new TextDecoder().decode(new Uint8Array(shared, HEAD_BYTES, numbers[2]).slice());
    const input = new Uint8Array(shared, HEAD_BYTES + NAME_BYTES_MAX, numbers[1]).slice();
    const path = keepInput(name, input);
    // Not process.stderr: in a thread it goes by way of the main one.
    writeSync(2, `${name} has been busy with ${path} for ${STUCK_MS / 1000} s\n`);
    writeSync(2, `replay: npm run fuzz -- --target ${name} --input ${path}\n`);
    process.kill(process.pid, 'SIGKILL');
  }, LOOK_EVERY_MS);
}
