/** The completion script for bash 4 and later. It needs nothing else installed. */
import { type CommandEntry, type Completion, groupsOf } from './command-table.js';

/** @returns a script to be sourced, or saved in bash-completion's directory. */
export function bashCompletion(commands: readonly CommandEntry[]): string {
  const names = commands.map(({ name }) => name).filter((name) => !name.includes(' '));
  const fallback = commands.find(({ isDefault }) => isDefault)!.name;
  return `# bash completion for dtorrent
_dtorrent() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command=${fallback} first=yes i
  # The shell cuts words at an equals sign: --seed=1.5 are three.
  if [[ $cur == '=' ]]; then cur=; elif [[ $prev == '=' ]]; then prev=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${names.join('|')}) command=\${COMP_WORDS[i]}; first=; break ;;
    esac
  done
${groupLoops(commands)}\
  case "$command $prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  if [[ $cur == -* ]]; then
    case $command in
${commands.map(optionCase).join('\n')}
    esac
    return
  fi
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  if [[ $first && $COMP_CWORD -eq 1 ]]; then
    mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -W '${names.join(' ')}' -- "$cur")
  elif [[ $command == ${argumentWordsPattern(commands)} ]]; then
    case $command in
${commands.flatMap(argumentCase).join('\n')}
    esac
  fi
}
complete -F _dtorrent dtorrent
`;
}

/** A group's command goes by both words. */
function groupLoops(commands: readonly CommandEntry[]): string {
  const loops = [...groupsOf(commands)].map(
    ([group, members]) => `  if [[ $command == ${group} ]]; then
    for ((i++; i < COMP_CWORD; i++)); do
      case \${COMP_WORDS[i]} in
        ${members.join('|')}) command="${group} \${COMP_WORDS[i]}"; break ;;
      esac
    done
  fi
`,
  );
  return loops.join('');
}

function valueCases({ name, options }: CommandEntry): string[] {
  return options
    .filter(({ valueName }) => valueName !== null)
    .map(({ short, long, completes }) => {
      const spellings = [short, long].filter((spelling) => spelling !== null);
      return `    ${spellings.map((spelling) => `'${name} ${spelling}'`).join(' | ')}) ${offer(completes)}; return ;;`;
    });
}

function offer(completes: Completion): string {
  switch (completes) {
    case 'files':
      return 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")';
    case 'directories':
      return 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur")';
    case 'nothing':
      return 'COMPREPLY=()';
    default:
      return `mapfile -t COMPREPLY < <(compgen -W '${completes.join(' ')}' -- "$cur")`;
  }
}

function optionCase({ name, options }: CommandEntry): string {
  const spellings = options.flatMap(({ short, long }) => (short === null ? [long] : [short, long]));
  const words = [...spellings, '--help'].join(' ');
  return `      '${name}') mapfile -t COMPREPLY < <(compgen -W '${words}' -- "$cur") ;;`;
}

/** Commands whose first argument is one of a few words, and those that take none. */
function argumentCase({ name, arguments: taken }: CommandEntry): string[] {
  const completes = taken[0]?.completes ?? 'nothing';
  return completes === 'files' || completes === 'directories' ? [] : [`      '${name}') ${offer(completes)} ;;`];
}

function argumentWordsPattern(commands: readonly CommandEntry[]): string {
  return `@(${commands
    .filter((command) => argumentCase(command).length > 0)
    .map(({ name }) => `'${name}'`)
    .join('|')})`;
}
