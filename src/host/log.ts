/** Where the engine's remarks go. Guard costly messages with `isEnabled`: nothing is formatted that nobody reads. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  isEnabled(level: LogLevel): boolean;
  write(level: LogLevel, message: string): void;
}

export const SILENT_LOG: Log = { isEnabled: () => false, write: () => {} };
