/**
 * Follows one mutable item of the DHT (BEP 44, 46): asks for it again and again, tells of each newer version, and puts it
 * back every hour, so that it lives as long as somebody follows it, its publisher or not. Made by DhtService.
 */
import { type Random, randomBelow } from '../../base/random.js';
import { Timer } from '../../base/timer-queue.js';
import type { Dht } from '../../protocol/dht/dht.js';
import type { DhtOperation, FoundMutable } from '../../protocol/dht/operations.js';
import type { Turn } from '../turn.js';

/** Between two looks, less up to a fifth: followers of one item do not come all at the same time. */
const LOOK_INTERVAL_MS = 30 * 60_000;
/** While no version is known. */
const FIRST_LOOK_RETRY_MS = 30_000;
/** Nodes keep an item for two hours. */
const KEEP_INTERVAL_MS = 60 * 60_000;

/** Which item: `publicKey` 32 bytes, `salt` at most 64. */
export interface ItemKey {
  readonly publicKey: Uint8Array;
  readonly salt: Uint8Array;
}

export class ItemWatch {
  readonly #dht: Dht;
  readonly #turn: Turn;
  readonly #random: Random;
  readonly #key: ItemKey;
  readonly #onVersion: (found: FoundMutable) => void;
  /** Its owner waits for deadlines of the DHT, which have changed. */
  readonly #onAsked: () => void;
  readonly #timer: Timer = new Timer((now) => this.look(now));
  #newest: FoundMutable | null = null;
  #keptAtMs = Number.NEGATIVE_INFINITY;
  #looking: DhtOperation | null = null;
  #keeping: DhtOperation | null = null;

  constructor(options: {
    readonly dht: Dht;
    readonly turn: Turn;
    readonly random: Random;
    readonly key: ItemKey;
    readonly onVersion: (found: FoundMutable) => void;
    readonly onAsked: () => void;
  }) {
    this.#dht = options.dht;
    this.#turn = options.turn;
    this.#random = options.random;
    this.#key = options.key;
    this.#onVersion = options.onVersion;
    this.#onAsked = options.onAsked;
  }

  /** Nothing was found yet. */
  get isFruitless(): boolean {
    return this.#newest === null;
  }

  /** Asks now. */
  look(now: number): void {
    if (this.#looking !== null) return;
    this.#looking = this.#dht.getMutable(
      this.#key,
      {
        onVersion: (found) => this.#onFound(found),
        onDone: (found) => {
          this.#looking = null;
          if (found !== null) this.#onFound(found);
          this.#onLooked();
        },
      },
      now,
    );
    this.#onAsked();
  }

  stop(): void {
    this.#turn.timers.cancel(this.#timer);
    this.#looking?.cancel();
    this.#keeping?.cancel();
  }

  #onFound(found: FoundMutable): void {
    if (this.#newest !== null && found.sequence <= this.#newest.sequence) return;
    this.#newest = found;
    this.#onVersion(found);
  }

  #onLooked(): void {
    const { now, timers } = this.#turn;
    const waitMs = this.#newest === null ? FIRST_LOOK_RETRY_MS : LOOK_INTERVAL_MS;
    timers.set(this.#timer, now + waitMs - randomBelow(this.#random, waitMs / 5));
    if (this.#newest === null || now - this.#keptAtMs < KEEP_INTERVAL_MS) return;
    this.#keptAtMs = now;
    this.#keeping = this.#dht.putMutable(
      { ...this.#newest, ...this.#key },
      null,
      {
        onDone: () => {
          this.#keeping = null;
        },
      },
      now,
    );
    this.#onAsked();
  }
}
