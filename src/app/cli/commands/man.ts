/** `dtorrent man`: prints the man page, in roff, made from the table of options. */
import type { Command } from 'commander';
import { ERROR_CODES, VERSION } from '../../../index.js';
import type { CommandContext } from '../context.js';
import { readCommandTable } from '../help/command-table.js';
import { manPage } from '../help/man-page.js';

/** @returns the exit code. */
export function runMan(program: Command, context: CommandContext): number {
  context.stdout.write(manPage(readCommandTable(program), { version: VERSION, exitCodes: exitCodes() }));
  return 0;
}

/** Several errors share exit code 1, which stands for what no script can act on. */
function exitCodes(): [number, string][] {
  const meanings = new Map<number, string>([[0, 'everything asked for is done']]);
  for (const { exitCode, meaning } of Object.values(ERROR_CODES)) meanings.set(exitCode, meaning);
  meanings.set(1, 'another error, or incomplete data');
  return [...meanings].sort(([a], [b]) => a - b);
}
