/**
 * The man page dtorrent(1) in roff, made from the table of commands and options. What is not in the table stands here:
 * examples, files, exit codes. Called by the command man; the package's build saves what it prints.
 */
import type { CommandEntry, OptionEntry } from './command-table.js';

export interface ManPageFacts {
  readonly version: string;
  /** Exit codes and what they mean, ascending. */
  readonly exitCodes: readonly (readonly [code: number, meaning: string])[];
}

/** @returns roff for man(7). */
export function manPage(commands: readonly CommandEntry[], { version, exitCodes }: ManPageFacts): string {
  const lines = [
    `.TH DTORRENT 1 "" "dtorrent ${roff(version)}" "User Commands"`,
    '.SH NAME',
    'dtorrent \\- BitTorrent client',
    '.SH SYNOPSIS',
    ...commands.flatMap(synopsis),
    '.SH DESCRIPTION',
    ...DESCRIPTION.map(roff),
    '.SH COMMANDS',
    ...commands.flatMap(commandSection),
    '.SH ENVIRONMENT',
    ...paragraph(ENVIRONMENT),
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, roff(meaning)]),
    '.SH EXAMPLES',
    ...EXAMPLES.flatMap(([command, meaning]) => ['.TP', `.B ${roff(command)}`, roff(meaning)]),
  ];
  return `${lines.join('\n')}\n`;
}

const DESCRIPTION = [
  'Downloads and seeds torrents, makes them, and looks into them.',
  'Every piece is verified before it counts; what is on disk already is kept.',
  'Without a command it downloads.',
];

const ENVIRONMENT =
  'Every option also comes from the environment, as DTORRENT_ and its name in capitals with underscores: ' +
  'DTORRENT_OUTPUT, DTORRENT_UPLOAD_LIMIT. The command line wins.';

const EXAMPLES: readonly (readonly [command: string, meaning: string])[] = [
  ['dtorrent ubuntu.torrent', 'Download into this directory.'],
  ["dtorrent -o downloads 'magnet:?xt=urn:btih:...'", 'The same by magnet link, elsewhere.'],
  ["dtorrent --select '1,3-5' --select '*.srt' film.torrent", 'Only some of the files.'],
  ['dtorrent seed film.torrent ~/films', 'Seed what is there.'],
  ['dtorrent create photos -t http://host/announce', 'Make photos.torrent.'],
];

function synopsis({ name, isDefault, arguments: taken }: CommandEntry): string[] {
  const word = isDefault ? `\n.RB [ ${name} ]` : `\n.B ${name}`;
  const rest = taken.map(({ usage }) => ` ${roff(usage)}`).join('');
  return [`.B dtorrent${word}\n[options]${rest}`, '.br'];
}

function commandSection({ name, summary, arguments: taken, options }: CommandEntry): string[] {
  const usage = [name, ...taken.map((argument) => argument.usage)].join(' ');
  return [
    `.SS ${roff(usage)}`,
    roff(`${sentence(summary)}`),
    ...taken.flatMap((argument) => ['.TP', `.I ${roff(argument.usage)}`, roff(sentence(argument.meaning))]),
    ...options.flatMap(optionParagraph),
  ];
}

function optionParagraph({ short, long, valueName, isValueOptional, meaning }: OptionEntry): string[] {
  const value = valueName === null ? '' : isValueOptional ? `\\fR[=\\fI${valueName}\\fR]` : ` \\fI${valueName}\\fR`;
  const names = [short, long].filter((spelling) => spelling !== null).map((spelling) => `\\fB${roff(spelling)}\\fR`);
  return ['.TP', `${names.join(', ')}${value}`, roff(sentence(meaning))];
}

function paragraph(text: string): string[] {
  return [roff(text)];
}

function sentence(text: string): string {
  return text === '' ? '' : `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

/** A hyphen is not a minus to roff, and a line must not begin with its control characters. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');
}
