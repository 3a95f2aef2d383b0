/**
 * Text that is safe and of known width on a terminal. Names, comments and tracker messages come from strangers: an
 * escape sequence in a file name could move the cursor, retitle the window or fake a prompt, and a bidirectional
 * override could make `exe.txt` of `txt.exe`. Everything foreign passes sanitizeText before it is printed.
 * Widths are in terminal columns.
 */

/** C0 and C1 controls, DEL, line and paragraph separators, bidirectional marks, and halves of surrogate pairs. */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const DOUBLE_WIDTH =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]$/u;

/** @returns `text` on one line, with everything that a terminal could obey replaced by U+FFFD. */
export function sanitizeText(text: string): string {
  return text.replace(UNSAFE, '\ufffd');
}

/** For terminals without UTF-8: everything beyond printable ASCII becomes `?`. */
export function toAscii(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, '?');
}

/** @returns columns that sanitised `text` takes up. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** @returns the longest beginning of `text` that fits `columns`; what was cut shows as `ellipsis` at the end. */
export function clipText(text: string, columns: number, ellipsis = '…'): string {
  // A character is at most two columns, so most lines need no measuring.
  if (text.length * 2 <= columns || textWidth(text) <= columns) return text;
  const room = columns - textWidth(ellipsis);
  if (room < 0) return '';
  let clipped = '';
  let width = 0;
  for (const character of text) {
    width += characterWidth(character);
    if (width > room) break;
    clipped += character;
  }
  return clipped + ellipsis;
}

function characterWidth(character: string): number {
  if (character >= ' ' && character <= '~') return 1;
  if (ZERO_WIDTH.test(character)) return 0;
  return DOUBLE_WIDTH.test(character) ? 2 : 1;
}
