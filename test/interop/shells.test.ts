/** The completion scripts in the shells they are for, and the man page in man. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../harness/content.js';
import { CLI } from '../harness/repository.js';
import { requireClient } from './clients.js';

function dtorrent(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** Runs `script` where there is a film.torrent, a directory and a `dtorrent` to complete. */
function shell(
  t: { after(fn: () => void): void } & Parameters<typeof temporaryDirectory>[0],
  command: string[],
  script: string,
) {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'film one.torrent'), '');
  mkdirSync(join(directory, 'downloads'));
  mkdirSync(join(directory, 'bin'));
  chmodSync(CLI, 0o755);
  symlinkSync(CLI, join(directory, 'bin', 'dtorrent'));
  const { status, stdout, stderr } = spawnSync(command[0]!, [...command.slice(1), script], {
    cwd: directory,
    encoding: 'utf8',
    env: { PATH: `${join(directory, 'bin')}:${process.env['PATH']}`, HOME: directory, LANG: 'C.UTF-8' },
  });
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return stdout.split('\n').filter((line) => line !== '');
}

/** [what stands on the line, what has to be offered, what must not be]. */
const CASES: readonly (readonly [line: string[], offered: string[], absent: string[]])[] = [
  [['se'], ['seed'], ['get']],
  [['fi'], ['film one.torrent'], ['seed']],
  [['--out'], ['--output'], ['--tracker']],
  [['seed', '--tr'], ['--trust'], ['--tracker']],
  [['create', '--tr'], ['--tracker'], ['--trust']],
  [['-o', 'd'], ['downloads'], []],
  [['completion', ''], ['bash', 'zsh', 'fish'], ['--json']],
  [['get', '--preallocation', 's'], ['sparse'], ['none']],
];

test('bash completes commands, options, their values and files', (t) => {
  if (!requireClient(t, 'bash')) return;
  const script = dtorrent('completion', 'bash');
  for (const [words, offered, absent] of CASES) {
    const line = ['dtorrent', ...words].map((word) => `'${word}'`).join(' ');
    // Outside of a completion there is no compopt to call.
    const ask = `compopt() { :; }\n${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length}; _dtorrent; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const lines = shell(t, ['bash', '--norc', '-c'], ask);
    for (const word of offered) assert.ok(lines.includes(word), `${words.join(' ')}: ${word} in ${lines}`);
    for (const word of absent) assert.ok(!lines.includes(word), `${words.join(' ')}: ${word} in ${lines}`);
  }
});

test('fish completes commands, options, their values and files', (t) => {
  if (!requireClient(t, 'fish')) return;
  const script = dtorrent('completion', 'fish');
  for (const [words, offered, absent] of CASES) {
    const ask = `${script}\ncomplete -C "dtorrent ${words.join(' ')}"`;
    // Each line: what is offered, a tab, and what it means.
    const lines = shell(t, ['fish', '--no-config', '-c'], ask).map((line) =>
      line.split('\t')[0]!.replaceAll('\\', '').replace(/\/$/, ''),
    );
    for (const word of offered) assert.ok(lines.includes(word), `${words.join(' ')}: ${word} in ${lines}`);
    for (const word of absent) assert.ok(!lines.includes(word), `${words.join(' ')}: ${word} in ${lines}`);
  }
});

/** What zsh makes of the beginning of a line when there is one way to go on. */
const ZSH_CASES: readonly (readonly [line: string, completed: string])[] = [
  ['dtorrent se', 'seed'],
  ['dtorrent --outp', '--output'],
  ['dtorrent seed --tr', '--trust'],
  ['dtorrent create --trac', '--tracker'],
  ['dtorrent -o dow', 'downloads/'],
  ['dtorrent completion fi', 'fish'],
  ['dtorrent get --preallocation sp', 'sparse'],
  ['dtorrent get fil', 'film.torrent'],
];

test('zsh completes commands, options, their values and files', (t) => {
  if (!requireClient(t, 'zsh')) return;
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, '_dtorrent'), dtorrent('completion', 'zsh'));
  writeFileSync(join(directory, 'film.torrent'), '');
  mkdirSync(join(directory, 'downloads'));
  // Completion runs only inside the line editor: a zsh in a pseudo-terminal is typed to, and waited for word by word.
  const setUp = 'autoload -Uz compinit; compinit -u -D; setopt nobeep; source ./_dtorrent';
  const driver = [
    'zmodload zsh/zpty',
    'zpty z "TERM=dumb zsh -f -i"',
    'await() { zpty -r -m z chunk "*$1*" && print -rn -- "$chunk"; }',
    "await 'ready> '",
    `zpty -w z ${JSON.stringify(setUp)}`,
    "await 'ready> '",
    ...ZSH_CASES.flatMap(([line, completed]) => [
      `zpty -w -n z '${line}'$'\\t'`,
      `await '${completed}'`,
      // Ctrl-U empties the line; Ctrl-C might come while the completion still runs.
      "zpty -w -n z $'\\x15'",
    ]),
    'print completed everything',
    'zpty -d z',
  ];
  const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', driver.join('\n')], {
    cwd: directory,
    encoding: 'utf8',
    timeout: 30_000,
    env: { PATH: process.env['PATH'], HOME: directory, LANG: 'C.UTF-8', PROMPT: 'ready> ' },
  });
  assert.equal(stderr, '');
  assert.ok(stdout.endsWith('completed everything\n'), `stuck behind ${JSON.stringify(stdout)}`);
});

test('man renders the page without a complaint', (t) => {
  if (!requireClient(t, 'groff')) return;
  const { status, stdout, stderr } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z'], {
    input: dtorrent('man'),
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  assert.equal(status, 0);
  assert.equal(stdout, '');
});
