/**
 * The items that others put to our nodes (BEP 44). Bounded in number, each is kept for two hours after it was last put,
 * and of mutable ones the one with the highest sequence number. All nodes of a program share one store (BEP 45).
 * The token is checked before, by who received the query. Times are monotonic ms.
 */
import { bytesEqual, toLatin1 } from '../../base/bytes.js';
import { crc32c } from '../../base/crc32c.js';
import { LIMITS } from '../../base/limits.js';
import { immutableTarget, isSequence, isValidValue, type MutableItem, mutableTarget, verifyItem } from './item.js';
import { leastOf, type OwnIds, type Ranked } from './stored-rank.js';

/** What a put is answered with when it fails (BEP 44, and 203 and 202 of BEP 5). */
export const PUT_ERRORS = {
  /** The store is full of items that are closer to us. */
  noRoom: 202,
  malformed: 203,
  valueTooLong: 205,
  badSignature: 206,
  saltTooLong: 207,
  casMismatch: 301,
  sequenceTooLow: 302,
} as const;

export type PutError = (typeof PUT_ERRORS)[keyof typeof PUT_ERRORS];

export interface StoredItem {
  /** Raw bencoding. */
  readonly value: Uint8Array;
  /** Null for an immutable item. */
  readonly mutable: MutableItem | null;
}

export interface MutablePut {
  /** The sequence number that the item must have now if there is one; null = any. */
  readonly cas: bigint | null;
  /** IP address of who puts it, 4 or 16 bytes. */
  readonly from: Uint8Array;
}

export class ItemStore {
  readonly #ownIds: OwnIds;
  /** By target as latin1. */
  #items: Map<string, Entry> | null = null;

  /** @param ownIds to know which items are far from us: with none, they are all the same. */
  constructor(ownIds: OwnIds = () => []) {
    this.#ownIds = ownIds;
  }

  get size(): number {
    return this.#items?.size ?? 0;
  }

  /** @param target 20 bytes */
  get(target: Uint8Array, now: number): StoredItem | null {
    return this.#find(toLatin1(target), now)?.item ?? null;
  }

  /**
   * Stores a value, or keeps it for longer.
   * @param value raw bencoding as it came; copied
   * @param from IP address of who puts it, 4 or 16 bytes
   * @returns null when it is stored
   */
  putImmutable(value: Uint8Array, from: Uint8Array, now: number): PutError | null {
    if (value.length > LIMITS.dhtValueBytesMax) return PUT_ERRORS.valueTooLong;
    if (!isValidValue(value)) return PUT_ERRORS.malformed;
    const target = immutableTarget(value);
    const known = this.#find(toLatin1(target), now);
    if (known !== null) {
      known.touch(from, now);
      return null;
    }
    return this.#insert(new Entry(target, { value: value.slice(), mutable: null }), from, now);
  }

  /**
   * Stores an item, replaces an older one, or keeps the same one for longer.
   * @param item as it came; copied
   * @returns null when it is stored
   */
  putMutable(item: MutableItem, { cas, from }: MutablePut, now: number): PutError | null {
    if (item.value.length > LIMITS.dhtValueBytesMax) return PUT_ERRORS.valueTooLong;
    if (item.salt.length > LIMITS.dhtSaltBytesMax) return PUT_ERRORS.saltTooLong;
    if (!isSequence(item.sequence) || !isValidValue(item.value)) return PUT_ERRORS.malformed;
    if (!verifyItem(item)) return PUT_ERRORS.badSignature;
    const target = mutableTarget(item.publicKey, item.salt);
    const known = this.#find(toLatin1(target), now);
    const stored = known?.item.mutable ?? null;
    if (known === null || stored === null) return this.#insert(new Entry(target, copyOf(item)), from, now);
    if (cas !== null && cas !== stored.sequence) return PUT_ERRORS.casMismatch;
    if (item.sequence < stored.sequence) return PUT_ERRORS.sequenceTooLow;
    if (item.sequence > stored.sequence) known.item = copyOf(item);
    else if (!bytesEqual(item.value, stored.value)) return PUT_ERRORS.sequenceTooLow;
    known.touch(from, now);
    return null;
  }

  /** Forgets what nobody has put for two hours. Nothing outdated is told without it, but it stays in memory. */
  expire(now: number): void {
    if (this.#items === null) return;
    for (const [key, entry] of this.#items) if (entry.isExpired(now)) this.#items.delete(key);
  }

  #find(key: string, now: number): Entry | null {
    const entry = this.#items?.get(key);
    return entry === undefined || entry.isExpired(now) ? null : entry;
  }

  #insert(entry: Entry, from: Uint8Array, now: number): PutError | null {
    this.#items ??= new Map();
    entry.touch(from, now);
    if (!this.#makeRoom(entry, now)) return PUT_ERRORS.noRoom;
    this.#items.set(toLatin1(entry.key), entry);
    return null;
  }

  #makeRoom(newcomer: Entry, now: number): boolean {
    if (this.size < LIMITS.dhtStoredItemsMax) return true;
    this.expire(now);
    if (this.size < LIMITS.dhtStoredItemsMax) return true;
    const least = leastOf(this.#items!.values(), newcomer.key, this.#ownIds);
    if (least === null) return false;
    this.#items!.delete(toLatin1(least.key));
    return true;
  }
}

class Entry implements Ranked {
  readonly key: Uint8Array;
  item: StoredItem;
  #touchedAtMs = 0;
  /** Checksums of the first networks that put it: an IPv4 address or a /64 of IPv6. */
  readonly #announcers: number[] = [];

  constructor(target: Uint8Array, item: StoredItem) {
    this.key = target;
    this.item = item;
  }

  get popularity(): number {
    return this.#announcers.length;
  }

  isExpired(now: number): boolean {
    return now - this.#touchedAtMs >= LIMITS.dhtItemLifetimeMs;
  }

  touch(from: Uint8Array, now: number): void {
    this.#touchedAtMs = now;
    if (this.#announcers.length >= LIMITS.dhtItemAnnouncersMax) return;
    const checksum = crc32c(from.length === 4 ? from : from.subarray(0, 8));
    if (!this.#announcers.includes(checksum)) this.#announcers.push(checksum);
  }
}

/** What comes in a packet are views of it. */
function copyOf({ publicKey, salt, sequence, signature, value }: MutableItem): StoredItem {
  const mutable = {
    publicKey: publicKey.slice(),
    salt: salt.slice(),
    sequence,
    signature: signature.slice(),
    value: value.slice(),
  };
  return { value: mutable.value, mutable };
}
