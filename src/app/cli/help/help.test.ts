/** Completion scripts and man page say what --help says: every command, every option, and nothing that is hidden. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommandLine } from '../main.js';
import { buildProgram } from '../program.js';
import { FakeSurroundings } from '../testing/fake-engine.js';
import { readCommandTable } from './command-table.js';

const TABLE = readCommandTable(buildProgram(new FakeSurroundings().context, () => {}));

async function print(...argv: string[]): Promise<string> {
  const surroundings = new FakeSurroundings();
  assert.equal(await runCommandLine(argv, surroundings.context), 0);
  return surroundings.stdout.text;
}

test('the table has every command with its arguments, and options with their values', () => {
  const names = TABLE.map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)]);
  assert.deepEqual(
    TABLE.filter(({ isDefault }) => isDefault).map(({ name }) => name),
    ['get'],
  );
  const get = TABLE.find(({ name }) => name === 'get')!;
  assert.deepEqual(get.arguments[0], {
    usage: '[input...]',
    meaning: 'path or URL of a .torrent, magnet link, info-hash, or - for a .torrent on stdin',
    completes: 'files',
  });
  const output = get.options.find(({ long }) => long === '--output')!;
  assert.deepEqual(
    [output.short, output.valueName, output.completes, output.variable],
    ['-o', 'dir', 'directories', 'DTORRENT_OUTPUT'],
  );
  assert.equal(get.options.find(({ long }) => long === '--seed')!.isValueOptional, true);
  assert.deepEqual(get.options.find(({ long }) => long === '--preallocation')!.completes, ['none', 'sparse', 'full']);
  assert.ok(!get.options.some(({ long }) => long === '--f'), 'spellings that are not in the help text are left out');
});

test('the commands of a group go by both words, and the group offers them', () => {
  const group = TABLE.find(({ name }) => name === 'dht')!;
  const members = TABLE.filter(({ name }) => name.startsWith('dht ')).map(({ name }) => name.slice('dht '.length));
  assert.deepEqual(group.arguments[0]!.completes, members);
  assert.ok(members.includes('get-peers'));
});

test('every option says what it is for', () => {
  for (const { name, options } of TABLE) {
    for (const { long, meaning } of options) assert.notEqual(meaning, '', `${name} ${long}`);
  }
});

for (const shell of ['bash', 'zsh', 'fish']) {
  test(`the script for ${shell} has every command and option`, async () => {
    const script = await print('completion', shell);
    for (const { name, options } of TABLE) {
      for (const word of name.split(' ')) assert.ok(script.includes(word), name);
      for (const { long } of options) {
        assert.ok(script.includes(shell === 'fish' ? ` -l ${long.slice(2)} ` : long), `${name} ${long}`);
      }
    }
  });
}

test('the man page has every command, option and exit code', async () => {
  const page = await print('man');
  for (const { name, options } of TABLE) {
    assert.ok(page.includes(`\n.SS ${name.replaceAll('-', '\\-')}`), name);
    for (const { long } of options) assert.ok(page.includes(long.replaceAll('-', '\\-')), `${name} ${long}`);
  }
  for (const code of [0, 1, 2, 3, 7, 9, 15, 16, 17, 18, 19, 24, 25, 26, 27, 28]) {
    assert.ok(page.includes(`.B ${code}\n`), `exit code ${code}`);
  }
});

test('a shell that is not known is refused', async () => {
  const surroundings = new FakeSurroundings();
  assert.equal(await runCommandLine(['completion', 'tcsh'], surroundings.context), 28);
  assert.match(surroundings.stderr.text, /Allowed choices are bash, zsh, fish/);
});
