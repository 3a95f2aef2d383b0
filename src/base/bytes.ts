/**
 * Byte-array basics: comparison, hex, latin1 and big-endian integers. Floor 0, no Buffer, so that the same code runs
 * anywhere. All multi-byte integers of BitTorrent are big-endian.
 */

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const utf8Decoder = new TextDecoder('utf-8');
const strictUtf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** @returns two lower-case hex digits a byte. */
export function toHex(bytes: Uint8Array): string {
  const digits = new Array<string>(bytes.length);
  for (let i = 0; i < bytes.length; i++) digits[i] = HEX[bytes[i]!]!;
  // In one piece: a text that is added up is kept as all the texts that it was added up from.
  return digits.join('');
}

/** @returns the bytes, or null when `hex` has an odd length or a character that is not a hex digit. Any case. */
export function fromHex(hex: string): Uint8Array | null {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) return null;
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** One character a byte: the only lossless string form of raw bytes (UTF-8 would merge invalid sequences). */
export function toLatin1(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

/** Inverse of toLatin1; code units above 255 keep their low byte. */
export function fromLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Lenient: invalid sequences become U+FFFD. A leading byte order mark is dropped. */
export function toUtf8(bytes: Uint8Array): string {
  return utf8Decoder.decode(bytes);
}

/** @returns null when `bytes` are not valid UTF-8. */
export function toUtf8Strict(bytes: Uint8Array): string | null {
  try {
    return strictUtf8Decoder.decode(bytes);
  } catch {
    return null;
  }
}

/**
 * Compares well-formed texts as their UTF-8 bytes compare, without making them.
 * @returns below 0, 0 or above 0
 */
export function compareAsUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA === unitB) continue;
    // Surrogates stand for characters beyond U+FFFF, so they come after the units that are above them.
    const bothHigh = unitA >= FIRST_SURROGATE && unitB >= FIRST_SURROGATE;
    return bothHigh && isSurrogate(unitA) !== isSurrogate(unitB) ? unitB - unitA : unitA - unitB;
  }
  return a.length - b.length;
}

const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

function isSurrogate(unit: number): boolean {
  return unit >= FIRST_SURROGATE && unit <= LAST_SURROGATE;
}

/** Whether UTF-8, latin1 and the code units of `text` are the same: a loop, and cheaper than to encode a short text. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

export function fromUtf8(text: string): Uint8Array {
  return utf8Encoder.encode(text);
}

/**
 * A plain view, also of a Buffer, whose own subarray() takes longer and whose slice() does not copy: who gets a view
 * may slice what is to be kept. The caller sees to it that the bytes are inside `bytes`.
 */
export function viewOf(bytes: Uint8Array, offset: number, count: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + offset, count);
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** memcmp order, a shorter prefix first: negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

export function readUint32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0;
}

export function writeUint16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** Writes a non-negative safe integer as 8 bytes. */
export function writeUint64(bytes: Uint8Array, offset: number, value: number): void {
  writeUint32(bytes, offset, Math.floor(value / 2 ** 32));
  writeUint32(bytes, offset + 4, value % 2 ** 32);
}

/** @returns 8 bytes as a number; above 2^53 it is rounded, so only for counters that a peer merely reports. */
export function readUint64(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset) * 2 ** 32 + readUint32(bytes, offset + 4);
}
