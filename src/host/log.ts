/** Where the engine's remarks go. Guard costly messages with `isEnabled`: nothing is formatted that nobody reads. */

/** How much a remark matters, least first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  isEnabled(level: LogLevel): boolean;
  write(level: LogLevel, message: string): void;
}

export const SILENT_LOG: Log = { isEnabled: () => false, write: () => {} };
