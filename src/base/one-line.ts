/**
 * What strangers say to people (a tracker's refusal, a client's name), so that it can be shown as it is: on one line,
 * nothing in it that a terminal obeys or that turns the reading direction. Called where such text is decoded.
 */
import { toUtf8 } from './bytes.js';

/** @returns the bytes as text, each run of controls, line ends and invisible marks a space; none at the ends. */
export function toOneLine(bytes: Uint8Array): string {
  return toUtf8(bytes).replace(UNSHOWN, ' ').trim();
}

const UNSHOWN = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu;
