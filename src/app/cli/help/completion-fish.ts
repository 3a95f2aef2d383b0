/** The completion script for fish 3 and later. */
import { type CommandEntry, type Completion, groupsOf, type OptionEntry } from './command-table.js';

/** @returns a script for ~/.config/fish/completions/dtorrent.fish. */
export function fishCompletion(commands: readonly CommandEntry[]): string {
  const groups = groupsOf(commands);
  const names = commands.filter(({ name }) => !name.includes(' ')).map(({ name }) => name);
  const lines = ['# fish completion for dtorrent', 'complete -c dtorrent -e'];
  for (const { name, summary } of commands) {
    const [group, member] = name.split(' ');
    const condition =
      member === undefined ? '__fish_use_subcommand' : `${seen([group!])}; and not ${seen(groups.get(group!)!)}`;
    lines.push(`complete -c dtorrent -n '${condition}' -a ${member ?? group} -d ${quote(summary)}`);
  }
  for (const command of commands) {
    // Its words are offered above.
    if (groups.has(command.name)) {
      lines.push(`complete -c dtorrent -n '${seen([command.name])}' -f`);
      continue;
    }
    const condition = conditionOf(command, names, groups);
    for (const option of command.options) lines.push(optionLine(condition, option));
    lines.push(`complete -c dtorrent -n '${condition}' -s h -l help -d 'print help'`);
    const argument = command.arguments[0]?.completes ?? 'nothing';
    if (argument !== 'files') lines.push(`complete -c dtorrent -n '${condition}' -f${offer(argument)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** When the words before the cursor are those of this command. */
function conditionOf(
  { name, isDefault }: CommandEntry,
  names: readonly string[],
  groups: ReadonlyMap<string, readonly string[]>,
): string {
  if (isDefault) return `not ${seen(names.filter((other) => other !== name))}`;
  const [word, member] = name.split(' ');
  if (member !== undefined) return `${seen([word!])}; and ${seen([member])}`;
  // A group may have a command of the same name.
  const homonyms = [...groups].filter(([, members]) => members.includes(name)).map(([group]) => group);
  return homonyms.length === 0 ? seen([name]) : `${seen([name])}; and not ${seen(homonyms)}`;
}

function seen(words: readonly string[]): string {
  return `__fish_seen_subcommand_from ${words.join(' ')}`;
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
