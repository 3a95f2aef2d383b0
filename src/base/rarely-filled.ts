/**
 * A set and a map for what is mostly empty: one of each kind a torrent, of which there may be thousands. They take no
 * memory of their own before the first thing is in them, where an empty Map has a table of 200 bytes. Otherwise they
 * are what Set and Map are, in the order of insertion.
 */
const NOTHING: ReadonlySet<never> = new Set<never>();
const NO_ENTRIES: ReadonlyMap<never, never> = new Map<never, never>();

export class RareSet<T> implements ReadonlySet<T> {
  #set: Set<T> | null = null;

  get size(): number {
    return this.#set === null ? 0 : this.#set.size;
  }

  has(value: T): boolean {
    return this.#set?.has(value) === true;
  }

  add(value: T): void {
    this.#set ??= new Set();
    this.#set.add(value);
  }

  /** @returns whether it was there. */
  delete(value: T): boolean {
    return this.#set?.delete(value) === true;
  }

  clear(): void {
    this.#set?.clear();
  }

  forEach(visit: (value: T, same: T, set: ReadonlySet<T>) => void): void {
    for (const value of this) visit(value, value, this);
  }

  entries(): SetIterator<[T, T]> {
    return (this.#set ?? NOTHING).entries();
  }

  keys(): SetIterator<T> {
    return (this.#set ?? NOTHING).keys();
  }

  values(): SetIterator<T> {
    return (this.#set ?? NOTHING).values();
  }

  [Symbol.iterator](): SetIterator<T> {
    return (this.#set ?? NOTHING).values();
  }
}

export class RareMap<K, V> implements ReadonlyMap<K, V> {
  #map: Map<K, V> | null = null;

  get size(): number {
    return this.#map === null ? 0 : this.#map.size;
  }

  has(key: K): boolean {
    return this.#map?.has(key) === true;
  }

  get(key: K): V | undefined {
    return this.#map?.get(key);
  }

  set(key: K, value: V): void {
    this.#map ??= new Map();
    this.#map.set(key, value);
  }

  /** @returns whether it was there. */
  delete(key: K): boolean {
    return this.#map?.delete(key) === true;
  }

  clear(): void {
    this.#map?.clear();
  }

  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }

  entries(): MapIterator<[K, V]> {
    return (this.#map ?? NO_ENTRIES).entries();
  }

  keys(): MapIterator<K> {
    return (this.#map ?? NO_ENTRIES).keys();
  }

  values(): MapIterator<V> {
    return (this.#map ?? NO_ENTRIES).values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return (this.#map ?? NO_ENTRIES).entries();
  }
}
