/** The library in a process of its own: what it does there, and that it leaves nothing behind. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertTree, temporaryDirectory, writeTree } from '../harness/content.js';
import { Process } from '../harness/process.js';
import { REPOSITORY } from '../harness/repository.js';

test('two engines in one process, each with its settings, leave no handle behind, and the process ends by itself', async (t) => {
  const directory = temporaryDirectory(t);
  writeTree(directory, 'album', { 'a.bin': 3_000_000, 'b.bin': 2_000_000, 'c.bin': 100_000 });
  const program = new Process(t, process.execPath, [join(REPOSITORY, 'build/test/e2e/two-engines.js'), directory]);
  assert.equal(await program.exit(60_000), 0, program.errors);
  assert.equal(program.errors, '');
  const { before, afterIdle, during, afterEngines, after, isStreamRight, settings } = JSON.parse(program.lines.at(-1)!);
  assert.equal(isStreamRight, true);
  assert.deepEqual(settings, [0, 2, 200, 7]);
  const listeners = (resources: string[]): number => resources.filter((name) => name === 'TCPServerWrap').length;
  assert.deepEqual([during, afterEngines].map(listeners), [3, 1], 'only the tracker still listens');
  assert.deepEqual(afterIdle, before, 'not even for a moment');
  assert.deepEqual(after, before);
  // b was read without being selected: it is there as far as it was read, and c is not there at all.
  assertTree(join(directory, 'out'), 'album', { 'a.bin': 3_000_000, 'b.bin': 2_000_000 });
  assert.deepEqual(readdirSync(join(directory, 'out', 'album')).sort(), ['a.bin', 'b.bin']);
});

test('no module of the package keeps state: two engines share nothing', () => {
  const sources = readdirSync(join(REPOSITORY, 'src'), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|[\\/]testing[\\/]/.test(name));
  assert.ok(sources.length > 100);
  const stateful = sources.flatMap((name) => {
    const lines = readFileSync(join(REPOSITORY, 'src', name), 'utf8').split('\n');
    return lines.filter(isState).map((line) => `${name}: ${line}`);
  });
  assert.deepEqual(stateful, []);
  for (const line of [
    'let count = 0;',
    'export var a;',
    'const all = new Map<string, Torrent>();',
    'const queue: Peer[] = [];',
  ]) {
    assert.ok(isState(line), line);
  }
});

/** A variable of a module, or a collection that can be added to: what is read only has to say so in its type. */
function isState(line: string): boolean {
  if (/^(export )?(let|var) /.test(line)) return true;
  const constant = /^(?:export )?const \w+(: [^=]+)? = (new (?:Map|Set|WeakMap|WeakSet|Array)\b|\[\])/.exec(line);
  return constant !== null && !/readonly|Readonly/.test(constant[1] ?? '');
}
