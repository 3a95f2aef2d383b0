/**
 * The command line as plain data, read off the commander tree, so that completion scripts and the man page say what
 * `--help` says and what is parsed: there is one table of options, options.ts. Called by the commands completion and man.
 */
import type { Command, Option } from 'commander';

export interface CommandEntry {
  /** Of a command that is one of a group's, both words: `dht node`. */
  readonly name: string;
  readonly summary: string;
  readonly isDefault: boolean;
  /** As in a usage line: `<torrent>`, `[input...]`. */
  readonly arguments: readonly ArgumentEntry[];
  /** Hidden ones left out. */
  readonly options: readonly OptionEntry[];
}

export interface ArgumentEntry {
  readonly usage: string;
  readonly meaning: string;
  readonly completes: Completion;
}

export interface OptionEntry {
  /** `-o`, or null. */
  readonly short: string | null;
  /** `--output`. */
  readonly long: string;
  /** `dir` of `<dir>`; null for a switch. */
  readonly valueName: string | null;
  /** The value may be left out, and then stands behind an equals sign when it is given. */
  readonly isValueOptional: boolean;
  readonly meaning: string;
  readonly completes: Completion;
  /** `DTORRENT_OUTPUT`. */
  readonly variable: string;
}

/** What a shell offers in a value's place; a list is of words without white space. */
export type Completion = 'files' | 'directories' | 'nothing' | readonly string[];

/** @returns the commands in the order of the help text, those of a group behind it. */
export function readCommandTable(program: Command): readonly CommandEntry[] {
  return program.commands.flatMap((command) => {
    const members = command.commands.map((member) => ({ ...entryOf(member), name: nameOf(command, member) }));
    if (members.length === 0) return [{ ...entryOf(command), isDefault: command.name() === DEFAULT_COMMAND }];
    const completes = command.commands.map((member) => member.name());
    const argument = { usage: '<command>', meaning: `one of ${completes.join(', ')}`, completes };
    return [{ ...entryOf(command), arguments: [argument] }, ...members];
  });
}

/** @returns the names of groups, each with those of its commands. */
export function groupsOf(commands: readonly CommandEntry[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { name } of commands) {
    const [group, member] = name.split(' ');
    if (member !== undefined) groups.set(group!, [...(groups.get(group!) ?? []), member]);
  }
  return groups;
}

function nameOf(group: Command, member: Command): string {
  return `${group.name()} ${member.name()}`;
}

function entryOf(command: Command): CommandEntry {
  return {
    name: command.name(),
    summary: command.description(),
    isDefault: false,
    arguments: command.registeredArguments.map((argument) => ({
      usage: usageOf(argument),
      meaning: argument.description,
      completes: argument.argChoices ?? completionOf(argument.name()),
    })),
    options: command.options.filter((option) => !option.hidden).map(optionEntryOf),
  };
}

/** commander keeps it to itself which command is the default one. */
const DEFAULT_COMMAND = 'get';

/** By the names that values have in the help text. */
const COMPLETIONS: Readonly<Record<string, Completion>> = {
  file: 'files',
  path: 'files',
  input: 'files',
  torrent: 'files',
  dir: 'directories',
};

function completionOf(valueName: string | null): Completion {
  return (valueName === null ? undefined : COMPLETIONS[valueName]) ?? 'nothing';
}

function usageOf(argument: { name(): string; readonly required: boolean; readonly variadic: boolean }): string {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return argument.required ? `<${name}>` : `[${name}]`;
}

function optionEntryOf(option: Option): OptionEntry {
  const valueName = /[<[](.+)[>\]]/.exec(option.flags)?.[1] ?? null;
  const long = option.long ?? `--${option.name()}`;
  return {
    short: option.short ?? null,
    long,
    valueName,
    isValueOptional: option.optional,
    meaning: option.description,
    completes: option.argChoices ?? completionOf(valueName),
    variable: variableOf(long),
  };
}

/** The environment variable that stands for an option; options.ts has commander read it. */
export function variableOf(long: string): string {
  return `DTORRENT_${long.replace(/^--/, '').replaceAll('-', '_').toUpperCase()}`;
}
