/** The completion script for zsh: a function for a directory of $fpath, named _dtorrent; it may be sourced too. */
import { type CommandEntry, type Completion, groupsOf, type OptionEntry } from './command-table.js';

/** @returns the script. */
export function zshCompletion(commands: readonly CommandEntry[]): string {
  const fallback = commands.find(({ isDefault }) => isDefault)!.name;
  return `#compdef dtorrent
# zsh completion for dtorrent
_dtorrent() {
  local -a commands=(
${descriptions(commands.filter(({ name }) => !name.includes(' ')))}
  )
  local command=${fallback} word
  if ((CURRENT == 2)) && [[ $PREFIX != -* ]]; then
    _describe -t commands command commands
    _files
    return
  fi
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n \${(M)commands:#$word:*} ]]; then command=$word; break; fi
  done
${[...groupsOf(commands).keys()].map((group) => groupLookup(group, commands)).join('')}\
  case $command in
${commands.map(commandCase).join('\n')}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _dtorrent "$@"; else compdef _dtorrent dtorrent; fi
`;
}

function descriptions(commands: readonly CommandEntry[]): string {
  return commands.map(({ name, summary }) => `    ${quote(`${name.split(' ').at(-1)}:${summary}`)}`).join('\n');
}

/** A group's command goes by both words. */
function groupLookup(group: string, commands: readonly CommandEntry[]): string {
  return `  if [[ $command == ${group} ]]; then
    commands=(
${descriptions(commands.filter(({ name }) => name.startsWith(`${group} `)))}
    )
    for word in "\${(@)words[words[(i)${group}]+1,CURRENT-1]}"; do
      if [[ -n \${(M)commands:#$word:*} ]]; then command="${group} $word"; break; fi
    done
    if [[ $command == ${group} && $PREFIX != -* ]]; then _describe -t commands command commands; return; fi
  fi
`;
}

function commandCase({ name, options, arguments: taken }: CommandEntry): string {
  const specs = [...options.flatMap(optionSpecs), "'(- *)'{-h,--help}'[print help]'"];
  const last = taken.at(-1);
  const rest = last === undefined ? [] : [quote(`*:${escapeColons(last.usage)}:${action(last.completes)}`)];
  return `    ${quote(name)})\n      _arguments -s \\\n${[...specs, ...rest].map((spec) => `        ${spec}`).join(' \\\n')} ;;`;
}

/** One a spelling; repeatable, because the shell need not know which are. */
function optionSpecs({ short, long, valueName, isValueOptional, meaning, completes }: OptionEntry): string[] {
  const value =
    valueName === null ? '' : `:${isValueOptional ? ':' : ''}${escapeColons(valueName)}:${action(completes)}`;
  const about = `[${meaning.replace(/[[\]\\]/g, '\\$&')}]${value}`;
  const specs = [quote(`*${long}${valueName === null ? '' : isValueOptional ? '=-' : '='}${about}`)];
  if (short !== null) specs.push(quote(`*${short}${about}`));
  return specs;
}

function action(completes: Completion): string {
  switch (completes) {
    case 'files':
      return '_files';
    case 'directories':
      return '_files -/';
    case 'nothing':
      return ' ';
    default:
      return `(${completes.join(' ')})`;
  }
}

function escapeColons(text: string): string {
  return text.replaceAll(':', '\\:');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
