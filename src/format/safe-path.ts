/**
 * File names from strangers, made safe (BEP 3 paths are advisory). Pure functions; metainfo.ts calls them.
 * Invariant: what comes out is the same on every platform and names a file strictly below the directory it is joined to:
 * no separators, `.` or `..`, no Windows device or stream, nothing a terminal or a reader is fooled by, at most
 * `pathElementBytesMax` bytes an element before a collision number is added.
 */
import { fromUtf8, toUtf8 } from '../base/bytes.js';
import { LIMITS } from '../base/limits.js';

/**
 * @returns safe elements, at least one. `.` and `..` are left out; an element with nothing left becomes `_`, so that two
 * paths do not become one by accident.
 */
export function safePath(elements: readonly Uint8Array[]): string[] {
  const path: string[] = [];
  for (const element of elements) {
    const safe = safeElement(element);
    if (safe !== '') path.push(safe);
  }
  return path.length > 0 ? path : [REPLACEMENT];
}

/** safePath of names that are well-formed text. @returns `elements` themselves when they are safe. */
export function safeTextPath(elements: readonly string[]): readonly string[] {
  return elements.length > 0 && elements.every(isPlain) ? elements : safePath(elements.map(fromUtf8));
}

/** @returns one element of safePath, '' for `.` and `..`. */
export function safeElement(element: Uint8Array): string {
  const name = toUtf8(element);
  if (isPlain(name)) return name;
  const text = withoutSeparators(name);
  return text === '.' || text === '..' ? '' : safeText(text) || REPLACEMENT;
}

/** @returns a safe name, or '' when nothing of it can be used. */
export function safeName(name: Uint8Array): string {
  return safeText(withoutSeparators(toUtf8(name)));
}

const REPLACEMENT = '_';
/** Separators, and what has no width or turns the reading direction: `exe.fdp` must not read `pdf.exe`. */
const DROPPED = /[/\\\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;
/** Control characters, invalid UTF-8 (decoded to U+FFFD) and what Windows does not allow. */
const REPLACED = /[\p{Cc}\ufffd?<>"|*:]/gu;
/** A device, whatever the extension; superscript digits count too. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:\.|$)/i;
/** An ending longer than this, with its dot, is no extension worth keeping. */
const EXTENSION_BYTES_MAX = 10;

/** By code unit: 1 = safe wherever it stands; the rest of ASCII, and all that lies beyond, is looked at more closely. */
const IS_SAFE_ASCII = Uint8Array.from({ length: 0x80 }, (_, code) =>
  code >= 0x20 && code < 0x7f && !'/\\?<>"|*:'.includes(String.fromCharCode(code)) ? 1 : 0,
);
const DOT = 0x2e;
const SPACE = 0x20;

/** Whether `name` is safe as it is, as nearly all names are: a torrent may have a million. */
function isPlain(name: string): boolean {
  if (name.length === 0 || name.length > LIMITS.pathElementBytesMax) return false;
  let code = 0;
  for (let i = 0; i < name.length; i++) {
    code = name.charCodeAt(i);
    if (code >= 0x80 || IS_SAFE_ASCII[code] === 0) return false;
  }
  return code !== DOT && code !== SPACE && !DEVICE.test(name);
}

function withoutSeparators(text: string): string {
  return text.replace(DROPPED, '');
}

function safeText(text: string): string {
  const safe = shortened(withoutTrailing(text.replace(REPLACED, REPLACEMENT)));
  // Last: what is cut off may have been all that made `con` and three hundred spaces another name.
  return DEVICE.test(safe) ? shortened(REPLACEMENT + safe) : safe;
}

/** Windows ignores dots and spaces at the end. A loop: a pattern would take quadratic time on a megabyte of dots. */
function withoutTrailing(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === '.' || text[end - 1] === ' ')) end--;
  return text.slice(0, end);
}

/** Cuts before the extension, between code points. */
function shortened(text: string): string {
  const bytesMax = LIMITS.pathElementBytesMax;
  // A code unit is at most three bytes.
  if (text.length * 3 <= bytesMax || fromUtf8(text).length <= bytesMax) return text;
  const dot = text.lastIndexOf('.');
  const ending = dot > 0 ? text.slice(dot) : '';
  const extension = fromUtf8(ending).length <= EXTENSION_BYTES_MAX ? ending : '';
  let room = bytesMax - fromUtf8(extension).length;
  let stem = '';
  for (const character of text.slice(0, text.length - extension.length)) {
    room -= fromUtf8(character).length;
    if (room < 0) break;
    stem += character;
  }
  return extension === '' ? withoutTrailing(stem) : stem + extension;
}
