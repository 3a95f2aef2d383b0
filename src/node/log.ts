/** A log on standard error. Messages may quote peers and trackers, so control characters never reach the terminal. */
import type { Log, LogLevel } from '../host/log.js';

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export class StderrLog implements Log {
  readonly #rankMin: number;
  readonly #write: (line: string) => void;

  /** Writes `level` and everything graver. `write` is given whole lines; the default is standard error. */
  constructor(level: LogLevel, write: (line: string) => void = writeStderr) {
    this.#rankMin = RANK[level];
    this.#write = write;
  }

  isEnabled(level: LogLevel): boolean {
    return RANK[level] >= this.#rankMin;
  }

  write(level: LogLevel, message: string): void {
    if (!this.isEnabled(level)) return;
    this.#write(
      `${new Date().toISOString()} ${level.padEnd(5)} ${message.replace(/[\p{Cc}\p{Cf}]/gu, escapeControl)}\n`,
    );
  }
}

function writeStderr(line: string): void {
  process.stderr.write(line);
}

function escapeControl(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
