/**
 * From whatever ended a command to one line for people and an exit code for scripts. The table of codes is the
 * library's; it is loaded only when something did fail, so that commands that succeed never wait for it.
 */
import type { ErrorCode } from '../../index.js';
import type { ErrorNotice } from './display/view.js';

export interface CommandFailure extends ErrorNotice {
  readonly exitCode: number;
  /** For bugs: where it happened. */
  readonly stack: string | null;
}

/** What the operating system says, in the table's terms. Anything else that is not a DtorrentError is a bug. */
const SYSTEM_CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'ENOTFOUND',
  EACCES: 'EFILEOPEN',
  EPERM: 'EFILEOPEN',
  EISDIR: 'EFILEOPEN',
  ENOTDIR: 'EFILEOPEN',
  EMFILE: 'EFILEOPEN',
  EIO: 'EFILEIO',
  ENOSPC: 'EDISKFULL',
  EDQUOT: 'EDISKFULL',
  EADDRINUSE: 'ENETWORK',
  EADDRNOTAVAIL: 'ENETWORK',
};

/** @param stopped whether the user asked to stop; what fails because of that is no failure of its own */
export async function describeFailure(thrown: unknown, stopped: boolean): Promise<CommandFailure> {
  const { exitCodeOf } = await import('../../index.js');
  const name = thrown instanceof Error ? thrown.name : '';
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const ownCode = codeOf(thrown);
  const failure = (code: ErrorCode, text: string, stack: string | null = null): CommandFailure => ({
    code,
    message: text,
    exitCode: exitCodeOf(code),
    stack,
  });
  if (name === 'DtorrentError') return failure(ownCode as ErrorCode, message);
  if (ownCode.startsWith('commander.')) return failure('EOPTION', message.replace(/^error: /, '').replace(/\n/g, ' '));
  if (stopped) return failure('ESTOPPED', 'stopped');
  const systemCode = SYSTEM_CODES[ownCode];
  if (systemCode !== undefined) return failure(systemCode, message);
  const stack = thrown instanceof Error ? (thrown.stack ?? null) : null;
  return failure('EINTERNAL', `${message}; this is a bug, please report it`, stack);
}

function codeOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : '';
  return typeof code === 'string' ? code : '';
}
