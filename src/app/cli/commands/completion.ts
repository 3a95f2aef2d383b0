/** `dtorrent completion SHELL`: prints a completion script, made from the table of options. */
import type { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { type CommandEntry, readCommandTable } from '../help/command-table.js';
import { bashCompletion } from '../help/completion-bash.js';
import { fishCompletion } from '../help/completion-fish.js';
import { zshCompletion } from '../help/completion-zsh.js';

export type Shell = 'bash' | 'zsh' | 'fish';

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CommandEntry[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** @returns the exit code. */
export function runCompletion(shell: Shell, program: Command, context: CommandContext): number {
  context.stdout.write(SCRIPTS[shell](readCommandTable(program)));
  return 0;
}
