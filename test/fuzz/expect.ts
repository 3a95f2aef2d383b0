/** Assertions that the targets share. */
import { DtorrentError, type ErrorCode } from '../../src/base/errors.js';

/** @returns what `read` returns, or null when it refuses its input with one of `codes`. Another throw is a failure. */
export function readOrRefuse<T>(codes: readonly ErrorCode[], read: () => T): T | null {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof DtorrentError)) throw thrown;
    if (!codes.includes(thrown.code)) throw thrown;
    return null;
  }
}

/** Without control characters: it ends up on a terminal. */
export function isOneLine(text: string): boolean {
  return !/[\p{Cc}\u2028\u2029]/u.test(text);
}
