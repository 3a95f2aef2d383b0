/**
 * Bencode (BEP 3): an iterative decoder with limits, and a canonical encoder. Offsets and lengths are bytes.
 * Byte strings are views of the input, never copies: `slice()` what outlives it. Dictionary keys are latin1 strings, one
 * code unit a byte, the only lossless string form (UTF-8 would merge invalid keys); sorting them sorts the raw bytes.
 * Every value knows its source span, because info-hashes and BEP 44 signatures cover the bytes as they were sent.
 * Used for torrent files, trackers, extension messages, the DHT and resume data.
 */
import { assert } from '../base/assert.js';
import { fromUtf8, isAscii, toLatin1, toUtf8 } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { Steps } from './steps.js';

/** Integers are `number` while safe and `bigint` beyond, so that none is ever rounded. */
export type BencodeValue = number | bigint | Uint8Array | BencodeList | BencodeDict;

/** What is accepted, and how much of it. */
export interface BencodeOptions {
  /**
   * `strict` (default) refuses unsorted and duplicate keys, leading zeros and `-0`. `lenient` reads them and reports the
   * first in `softError`: deployed torrent files and DHT packets have them. Of duplicate keys the first one counts.
   */
  readonly mode?: 'strict' | 'lenient';
  /** Bytes after the value are left alone instead of refused; see `BencodeDocument.end`. */
  readonly allowTrailing?: boolean;
  /** Nesting; default 100. */
  readonly depthMax?: number;
  /** Values, keys included. */
  readonly tokensMax?: number;
  /** Length of the source; default 80 MiB. */
  readonly bytesMax?: number;
}

/** What was decoded. */
export interface BencodeDocument {
  /** The outermost value. */
  readonly value: BencodeValue;
  /** Offset just past the value: where the payload behind a ut_metadata dictionary starts. */
  readonly end: number;
  /** Lenient mode: the first departure from canonical bencode; null when there is none. */
  readonly softError: string | null;
}

/** Where a value stands in the source: bytes [start, end). */
export interface BencodeSpan {
  /** Offset of the first byte. */
  readonly start: number;
  /** Offset behind the last byte. */
  readonly end: number;
}

/**
 * @throws {DtorrentError} `EBENCODE`, naming the byte offset, for malformed input and for input past a limit. Nothing
 * is allocated on the word of a length prefix.
 */
export function decodeBencode(source: Uint8Array, options: BencodeOptions = {}): BencodeDocument {
  return new Decoder(source, options).decode(Number.POSITIVE_INFINITY)!;
}

/**
 * decodeBencode in steps of a few milliseconds; `source` must not change meanwhile.
 * @internal
 */
export function* decodeBencodeSteps(source: Uint8Array, options: BencodeOptions = {}): Steps<BencodeDocument> {
  const decoder = new Decoder(source, options);
  for (;;) {
    const document = decoder.decode(STEP_TOKENS);
    if (document !== null) return document;
    yield;
  }
}

/** What a list was decoded to. */
export class BencodeList implements BencodeSpan {
  /** In order. */
  readonly items: readonly BencodeValue[];
  /** Where it begins in the source. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;

  /** @internal */
  constructor(items: readonly BencodeValue[], start: number, end: number) {
    this.items = items;
    this.start = start;
    this.end = end;
  }
}

/** What a dictionary was decoded to. Entries keep the order of the source. */
export class BencodeDict implements BencodeSpan {
  /** Latin1. */
  readonly keys: readonly string[];
  /** values[i] belongs to keys[i]. */
  readonly values: readonly BencodeValue[];
  /** Where it begins in the source. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  readonly #bounds: readonly number[];
  #index: Map<string, number> | null = null;

  /** @internal `bounds` holds the start and the end of each value, in turn. */
  constructor(
    keys: readonly string[],
    values: readonly BencodeValue[],
    bounds: readonly number[],
    start: number,
    end: number,
  ) {
    this.keys = keys;
    this.values = values;
    this.#bounds = bounds;
    this.start = start;
    this.end = end;
  }

  /** Number of entries. */
  get size(): number {
    return this.keys.length;
  }

  /** Whether there is such an entry. */
  has(key: string): boolean {
    return this.#find(key) >= 0;
  }

  /** The value of `key`, whatever it is. */
  get(key: string): BencodeValue | undefined {
    return this.values[this.#find(key)];
  }

  /** @returns where the value of `key` stands in the source, key excluded; null when it is absent. */
  span(key: string): BencodeSpan | null {
    const i = this.#find(key);
    return i < 0 ? null : { start: this.#bounds[2 * i]!, end: this.#bounds[2 * i + 1]! };
  }

  /** @returns null when the key is absent or its value is no string; the same holds for the four below. */
  getBytes(key: string): Uint8Array | null {
    const value = this.get(key);
    return value instanceof Uint8Array ? value : null;
  }

  /** A string read as UTF-8; invalid sequences become U+FFFD. */
  getText(key: string): string | null {
    const value = this.get(key);
    return value instanceof Uint8Array ? toUtf8(value) : null;
  }

  /** A safe integer; one beyond 2^53 reads as null. */
  getInteger(key: string): number | null {
    const value = this.get(key);
    return typeof value === 'number' ? value : null;
  }

  /** Like getBytes, for a list. */
  getList(key: string): BencodeList | null {
    const value = this.get(key);
    return value instanceof BencodeList ? value : null;
  }

  /** Like getBytes, for a dictionary. */
  getDict(key: string): BencodeDict | null {
    const value = this.get(key);
    return value instanceof BencodeDict ? value : null;
  }

  #find(key: string): number {
    if (this.keys.length <= SCANNED_KEYS_MAX) return this.keys.indexOf(key);
    if (this.#index === null) {
      this.#index = new Map();
      for (let i = 0; i < this.keys.length; i++) this.#index.set(this.keys[i]!, i);
    }
    return this.#index.get(key) ?? -1;
  }
}

/**
 * What encodeBencode takes. Strings become UTF-8. Keys of maps and records are latin1, as the decoder gives them, and
 * are sorted as bytes; a record's `undefined` values are left out. Decoded values encode canonically.
 */
export type BencodeInput =
  | BencodeValue
  | RawBencode
  | string
  | readonly BencodeInput[]
  | ReadonlyMap<string, BencodeInput>
  | { readonly [key: string]: BencodeInput | undefined };

/** @returns a string in bencode, as text: right when all of it is written as UTF-8. */
export function bencodeText(text: string): string {
  return isAscii(text) ? `${text.length}:${text}` : `${fromUtf8(text).length}:${text}`;
}

/** Bytes that are bencode already and are embedded as they are: an info dictionary must keep its hash. */
export class RawBencode {
  /** One value, encoded. */
  readonly bytes: Uint8Array;

  /** `bytes` are not checked, and not copied. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** @returns canonical bencode (BEP 3). A fraction, an unsafe `number` or a key beyond latin1 is a bug of the caller. */
export function encodeBencode(value: BencodeInput): Uint8Array {
  const encoder = new Encoder();
  encoder.value(value);
  return encoder.finish();
}

const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const LETTER_D = 0x64;
const LETTER_E = 0x65;
const LETTER_I = 0x69;
const LETTER_L = 0x6c;
/** Small dictionaries are scanned: faster than a Map, and nothing more is allocated for a million file entries. */
const SCANNED_KEYS_MAX = 8;
/** Four milliseconds, with what the garbage collector does meanwhile. */
const STEP_TOKENS = 16_384;
/** Decimal digits that always fit a safe integer. */
const SAFE_DIGITS = 15;
/** Keys up to this length are read without a view of their own. */
const SHORT_KEY_BYTES = 40;
const RECENT_KEYS = 64;
const NO_KEY = -1;

/** A container being read. One per depth, reused. */
class Frame {
  isDict = false;
  start = 0;
  /** Where the decoder's stacks stood when the container began. */
  firstKey = 0;
  firstValue = 0;
  /** The key that waits for its value; meaningless while `keyStart` is NO_KEY. */
  key = '';
  keyStart = NO_KEY;
  previousKey: string | null = null;
  seen: Set<string> | null = null;
}

class Decoder {
  readonly #source: Uint8Array;
  readonly #isStrict: boolean;
  readonly #allowTrailing: boolean;
  readonly #depthMax: number;
  readonly #tokensMax: number;
  readonly #bytesMax: number;
  readonly #frames: Frame[] = [];
  #depth = 0;
  /**
   * Contents of all open containers, one above the other. Each container is cut off in its exact size when it closes:
   * arrays that grow by themselves keep room for sixteen more, which a million small dictionaries multiply.
   */
  readonly #keys: string[] = [];
  readonly #bounds: number[] = [];
  readonly #values: BencodeValue[] = [];
  #keyCount = 0;
  #valueCount = 0;
  /** Keys seen lately: file lists repeat the same few, and equal strings that are one string compare at once. */
  readonly #recentKeys: string[] = new Array<string>(RECENT_KEYS).fill('');
  #tokens = 0;
  #offset = 0;
  #softError: string | null = null;

  constructor(source: Uint8Array, options: BencodeOptions) {
    // A Buffer hands out Buffers; callers get plain arrays whatever they gave.
    this.#source = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    this.#isStrict = options.mode !== 'lenient';
    this.#allowTrailing = options.allowTrailing ?? false;
    this.#depthMax = options.depthMax ?? LIMITS.bencodeDepthMax;
    this.#tokensMax = options.tokensMax ?? LIMITS.bencodeTokensMax;
    this.#bytesMax = options.bytesMax ?? LIMITS.torrentFileBytesMax;
  }

  /** Goes on where it was. @returns null when `tokens` more did not do. */
  decode(tokens: number): BencodeDocument | null {
    if (this.#source.length > this.#bytesMax) {
      throw this.#error(0, `${this.#source.length} bytes are more than the ${this.#bytesMax} allowed`);
    }
    const value = this.#root(this.#tokens + tokens);
    if (value === null) return null;
    if (!this.#allowTrailing && this.#offset < this.#source.length) {
      throw this.#error(this.#offset, 'the value ends here, but more bytes follow');
    }
    return { value, end: this.#offset, softError: this.#softError };
  }

  /** A loop and not a recursion: `llll…` from a peer must not reach the end of the stack. */
  #root(tokensEnd: number): BencodeValue | null {
    for (;;) {
      if (this.#tokens >= tokensEnd) return null;
      const frame = this.#depth === 0 ? null : this.#frames[this.#depth - 1]!;
      let start = this.#offset;
      let value: BencodeValue;
      const byte = this.#source[start];
      if (frame !== null && byte === LETTER_E && frame.keyStart === NO_KEY) {
        start = frame.start;
        value = this.#close(frame);
      } else {
        this.#countToken();
        if (frame?.isDict && frame.keyStart === NO_KEY) {
          this.#readKey(frame);
          continue;
        }
        if (byte === LETTER_L || byte === LETTER_D) {
          this.#open(byte === LETTER_D);
          continue;
        }
        value = byte === LETTER_I ? this.#readInteger() : this.#readString();
      }
      if (this.#depth === 0) return value;
      this.#add(this.#frames[this.#depth - 1]!, value, start);
    }
  }

  #open(isDict: boolean): void {
    if (this.#depth === this.#depthMax) throw this.#error(this.#offset, `nested deeper than ${this.#depthMax} levels`);
    let frame = this.#frames[this.#depth];
    if (frame === undefined) {
      frame = new Frame();
      this.#frames.push(frame);
    }
    frame.isDict = isDict;
    frame.start = this.#offset++;
    frame.firstKey = this.#keyCount;
    frame.firstValue = this.#valueCount;
    frame.keyStart = NO_KEY;
    frame.previousKey = null;
    frame.seen = null;
    this.#depth++;
  }

  #close(frame: Frame): BencodeValue {
    this.#offset++;
    this.#depth--;
    const { start, isDict, firstKey, firstValue } = frame;
    const isEmpty = this.#valueCount === firstValue;
    const values = isEmpty ? NO_ITEMS : this.#values.slice(firstValue, this.#valueCount);
    this.#valueCount = firstValue;
    if (!isDict) return new BencodeList(values, start, this.#offset);
    if (isEmpty) return new BencodeDict(NO_ITEMS, NO_ITEMS, NO_ITEMS, start, this.#offset);
    const keys = this.#keys.slice(firstKey, this.#keyCount);
    const bounds = this.#bounds.slice(2 * firstKey, 2 * this.#keyCount);
    this.#keyCount = firstKey;
    return new BencodeDict(keys, values, bounds, start, this.#offset);
  }

  #add(frame: Frame, value: BencodeValue, start: number): void {
    if (frame.isDict) {
      const keyStart = frame.keyStart;
      frame.keyStart = NO_KEY;
      if (!this.#isNewKey(frame, keyStart)) return;
      this.#bounds[2 * this.#keyCount] = start;
      this.#bounds[2 * this.#keyCount + 1] = this.#offset;
      this.#keys[this.#keyCount++] = frame.key;
    }
    this.#values[this.#valueCount++] = value;
  }

  /** Checks the order of keys. @returns false for a duplicate. */
  #isNewKey(frame: Frame, keyStart: number): boolean {
    const { key, previousKey } = frame;
    if (frame.seen === null && (previousKey === null || previousKey < key)) {
      frame.previousKey = key;
      return true;
    }
    // From the first unsorted key on, duplicates may be anywhere before.
    frame.seen ??= new Set(this.#keys.slice(frame.firstKey, this.#keyCount));
    if (frame.seen.has(key)) {
      this.#soften(keyStart, 'a key appears twice in one dictionary');
      return false;
    }
    this.#soften(keyStart, 'the keys of a dictionary are not sorted');
    frame.seen.add(key);
    return true;
  }

  #readKey(frame: Frame): void {
    const start = this.#offset;
    const byte = this.#source[start];
    if (byte !== undefined && !isDigit(byte)) throw this.#error(start, 'a dictionary key has to be a string');
    const contentStart = this.#skipString();
    frame.key = this.#keyAt(contentStart, this.#offset);
    frame.keyStart = start;
  }

  #keyAt(start: number, end: number): string {
    const length = end - start;
    if (length === 0) return '';
    if (length > SHORT_KEY_BYTES) return toLatin1(this.#source.subarray(start, end));
    const place = (length * 8 + this.#source[start]!) % RECENT_KEYS;
    const recent = this.#recentKeys[place]!;
    if (recent.length === length && isLatin1At(this.#source, start, recent)) return recent;
    let key = '';
    for (let i = start; i < end; i++) key += String.fromCharCode(this.#source[i]!);
    this.#recentKeys[place] = key;
    return key;
  }

  #readString(): Uint8Array {
    const contentStart = this.#skipString();
    return this.#source.subarray(contentStart, this.#offset);
  }

  /** Moves past a string. @returns where its content starts. */
  #skipString(): number {
    const source = this.#source;
    const start = this.#offset;
    let offset = start;
    let length = 0;
    for (let byte = source[offset]; byte !== undefined && isDigit(byte); byte = source[++offset]) {
      length = length * 10 + (byte - ZERO);
      if (length > source.length) throw this.#error(start, 'a string is longer than the input');
    }
    if (offset === source.length) throw this.#error(offset, 'the input ends too early');
    if (offset === start || source[offset] !== COLON) {
      throw this.#error(offset, offset === start ? 'a value is expected' : 'the colon of a string is expected');
    }
    if (source[start] === ZERO && offset > start + 1) this.#soften(start, 'a string length has a leading zero');
    offset++;
    if (length > source.length - offset) {
      throw this.#error(start, `a string of ${length} bytes does not fit the ${source.length - offset} that are left`);
    }
    this.#offset = offset + length;
    return offset;
  }

  #readInteger(): number | bigint {
    const source = this.#source;
    const start = this.#offset;
    let offset = start + 1;
    const isNegative = source[offset] === MINUS;
    if (isNegative) offset++;
    const digitsStart = offset;
    let magnitude = 0;
    for (let byte = source[offset]; byte !== undefined && isDigit(byte); byte = source[++offset]) {
      magnitude = magnitude * 10 + (byte - ZERO);
      if (offset - digitsStart >= LIMITS.bencodeIntegerDigitsMax) {
        throw this.#error(start, `an integer has more than ${LIMITS.bencodeIntegerDigitsMax} digits`);
      }
    }
    if (offset === source.length) throw this.#error(offset, 'the input ends too early');
    if (offset === digitsStart || source[offset] !== LETTER_E) throw this.#error(offset, 'an integer is malformed');
    const digits = offset - digitsStart;
    if (source[digitsStart] === ZERO && (digits > 1 || isNegative)) {
      this.#soften(start, digits > 1 ? 'an integer has a leading zero' : 'zero has a minus sign');
    }
    this.#offset = offset + 1;
    if (digits <= SAFE_DIGITS) return isNegative && magnitude !== 0 ? -magnitude : magnitude;
    const exact = BigInt(toLatin1(source.subarray(digitsStart, offset))) * (isNegative ? -1n : 1n);
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
  }

  #countToken(): void {
    this.#tokens++;
    if (this.#tokens > this.#tokensMax) throw this.#error(this.#offset, `more than ${this.#tokensMax} values`);
  }

  #soften(offset: number, problem: string): void {
    if (this.#isStrict) throw this.#error(offset, problem);
    this.#softError ??= `at byte ${offset}: ${problem}`;
  }

  #error(offset: number, problem: string): DtorrentError {
    return new DtorrentError('EBENCODE', `malformed bencode at byte ${offset}: ${problem}`);
  }
}

const NO_ITEMS: readonly never[] = Object.freeze([]);

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

function isLatin1At(source: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (source[start + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Appends to one buffer that doubles. */
class Encoder {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** Recursion is safe here: the input is ours, or was decoded within the depth limit. */
  value(value: BencodeInput): void {
    if (typeof value === 'number' || typeof value === 'bigint') {
      assert(typeof value === 'bigint' || Number.isSafeInteger(value), 'bencode has only exact integers');
      this.#ascii(`i${value}e`);
    } else if (typeof value === 'string') this.#text(value);
    else if (value instanceof Uint8Array) this.#string(value);
    else if (value instanceof RawBencode) this.#append(value.bytes);
    else if (value instanceof BencodeList) this.#list(value.items);
    else if (isArray(value)) this.#list(value);
    else if (value instanceof BencodeDict || value instanceof Map) this.#dict(entriesOf(value));
    else this.#record(value as BencodeRecord);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #list(items: readonly BencodeInput[]): void {
    this.#byte(LETTER_L);
    for (const item of items) this.value(item);
    this.#byte(LETTER_E);
  }

  #dict(entries: [string, BencodeInput][]): void {
    // Code units of latin1 compare as the bytes do.
    entries.sort((a, b) => (a[0] < b[0] ? -1 : 1));
    this.#byte(LETTER_D);
    for (const [key, value] of entries) {
      this.#key(key);
      this.value(value);
    }
    this.#byte(LETTER_E);
  }

  /** A dictionary without the pairs in between: a torrent has one for each of its files. */
  #record(record: BencodeRecord): void {
    const keys = Object.keys(record);
    if (!isSorted(keys)) keys.sort((a, b) => (a < b ? -1 : 1));
    this.#byte(LETTER_D);
    for (const key of keys) {
      const value = record[key];
      if (value === undefined) continue;
      this.#key(key);
      this.value(value);
    }
    this.#byte(LETTER_E);
  }

  #key(key: string): void {
    for (let i = 0; i < key.length; i++) assert(key.charCodeAt(i) <= 0xff, 'a bencode key is latin1');
    this.#ascii(`${key.length}:`);
    this.#ascii(key);
  }

  /** Straight into the buffer when it is ASCII, as most names are. */
  #text(text: string): void {
    if (!isAscii(text)) {
      this.#string(fromUtf8(text));
      return;
    }
    this.#ascii(`${text.length}:`);
    this.#ascii(text);
  }

  #string(bytes: Uint8Array): void {
    this.#ascii(`${bytes.length}:`);
    this.#append(bytes);
  }

  /** ASCII, or latin1: a byte for each code unit. */
  #ascii(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const bytes = this.#bytes;
    const start = this.#length;
    for (let i = 0; i < length; i++) bytes[start + i] = text.charCodeAt(i);
    this.#length = start + length;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

interface BencodeRecord {
  readonly [key: string]: BencodeInput | undefined;
}

function entriesOf(dict: BencodeDict | ReadonlyMap<string, BencodeInput>): [string, BencodeInput][] {
  return dict instanceof BencodeDict ? dict.keys.map((key, i) => [key, dict.values[i]!]) : [...dict];
}

function isSorted(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) if (keys[i - 1]! > keys[i]!) return false;
  return true;
}

function isArray(value: BencodeInput): value is readonly BencodeInput[] {
  return Array.isArray(value);
}
