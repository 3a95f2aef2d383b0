/** The completion script for fish 3 and later. */
import type { CommandEntry, Completion, OptionEntry } from './command-table.js';

/** @returns a script for ~/.config/fish/completions/dtorrent.fish. */
export function fishCompletion(commands: readonly CommandEntry[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const lines = ['# fish completion for dtorrent', 'complete -c dtorrent -e'];
  for (const { name, summary } of commands) {
    lines.push(`complete -c dtorrent -n '__fish_use_subcommand' -a ${name} -d ${quote(summary)}`);
  }
  for (const command of commands) {
    const condition = command.isDefault
      ? `not __fish_seen_subcommand_from ${withoutName(names, command.name)}`
      : `__fish_seen_subcommand_from ${command.name}`;
    for (const option of command.options) lines.push(optionLine(condition, option));
    lines.push(`complete -c dtorrent -n '${condition}' -s h -l help -d 'print help'`);
    const argument = command.arguments[0]?.completes ?? 'nothing';
    if (argument !== 'files') lines.push(`complete -c dtorrent -n '${condition}' -f${offer(argument)}`);
  }
  return `${lines.join('\n')}\n`;
}

function withoutName(names: string, name: string): string {
  return names
    .split(' ')
    .filter((other) => other !== name)
    .join(' ');
}

function optionLine(condition: string, { short, long, valueName, isValueOptional, meaning, completes }: OptionEntry) {
  const spellings = `${short === null ? '' : ` -s ${short.slice(1)}`} -l ${long.slice(2)}`;
  const needsValue = valueName !== null && !isValueOptional;
  // Files are what fish offers by itself.
  const value = !needsValue ? '' : completes === 'files' ? ' -r' : ` -x${offer(completes)}`;
  return `complete -c dtorrent -n '${condition}'${spellings}${value} -d ${quote(meaning)}`;
}

function offer(completes: Completion): string {
  if (completes === 'nothing' || completes === 'files') return '';
  if (completes === 'directories') return " -a '(__fish_complete_directories)'";
  return ` -a '${completes.join(' ')}'`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
