/** The completion script for zsh: a function for a directory of $fpath, named _dtorrent; it may be sourced too. */
import type { CommandEntry, Completion, OptionEntry } from './command-table.js';

/** @returns the script. */
export function zshCompletion(commands: readonly CommandEntry[]): string {
  const fallback = commands.find(({ isDefault }) => isDefault)!.name;
  return `#compdef dtorrent
# zsh completion for dtorrent
_dtorrent() {
  local -a commands=(
${commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`).join('\n')}
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
  case $command in
${commands.map(commandCase).join('\n')}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _dtorrent "$@"; else compdef _dtorrent dtorrent; fi
`;
}

function commandCase({ name, options, arguments: taken }: CommandEntry): string {
  const specs = [...options.flatMap(optionSpecs), "'(- *)'{-h,--help}'[print help]'"];
  const last = taken.at(-1);
  const rest = last === undefined ? [] : [quote(`*:${escapeColons(last.usage)}:${action(last.completes)}`)];
  return `    ${name})\n      _arguments -s \\\n${[...specs, ...rest].map((spec) => `        ${spec}`).join(' \\\n')} ;;`;
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
