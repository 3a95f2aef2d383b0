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

/** @returns one element of safePath, '' for `.` and `..`. */
export function safeElement(element: Uint8Array): string {
  const text = withoutSeparators(toUtf8(element));
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
