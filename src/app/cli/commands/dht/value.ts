/** A value of the DHT (BEP 44), which is any bencode, as people and programs are shown it; and hex for both. */
import { Buffer } from 'node:buffer';
import { BencodeDict, BencodeList, type BencodeValue, decodeBencode } from '../../../../bencode.js';

/** @returns the contents, when the value is a string, which may be any bytes; null for another kind. */
export function stringOf(raw: Uint8Array): Uint8Array | null {
  const { value } = decodeBencode(raw);
  return value instanceof Uint8Array ? value : null;
}

/** @returns what JSON has for it: texts as they are, other strings as `{"hex": …}`, and no number rounded. */
export function jsonOf(raw: Uint8Array): unknown {
  return jsonValue(decodeBencode(raw).value);
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** @returns null when they are not UTF-8. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function jsonValue(value: BencodeValue): unknown {
  if (value instanceof Uint8Array) return textOf(value) ?? { hex: hexOf(value) };
  if (value instanceof BencodeList) return value.items.map(jsonValue);
  if (value instanceof BencodeDict) {
    return Object.fromEntries(value.keys.map((key, i) => [keyText(key), jsonValue(value.values[i]!)]));
  }
  return typeof value === 'bigint' ? String(value) : value;
}

/** Keys are latin1, one code unit a byte; people write UTF-8. */
function keyText(key: string): string {
  return textOf(Buffer.from(key, 'latin1')) ?? key;
}
