/**
 * Proves that the lint rules hold the house together: plants files that break a floor rule in a copy of the tree's
 * outline and expects the linter to refuse each, and to accept the lawful ones.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { REPOSITORY } from '../test/harness/repository.js';

const UNLAWFUL: readonly (readonly [string, string])[] = [
  ['src/base/a.ts', `import type { Host } from '../host/host.js';\nexport type A = Host;\n`],
  ['src/base/b.ts', 'export const a: number = Date.now();\n'],
  ['src/host/a.ts', `import { parse } from '../format/magnet.js';\nparse();\n`],
  ['src/format/a.ts', `import { readFileSync } from 'node:fs';\nreadFileSync('x');\n`],
  ['src/format/b.ts', `import { Turn } from '../engine/turn.js';\nnew Turn();\n`],
  ['src/protocol/nat/a.ts', `import { wire } from '../wire/decoder.js';\nwire();\n`],
  ['src/protocol/nat/b.ts', 'export const a: number = Date.now();\n'],
  ['src/protocol/wire/a.ts', `import { http } from '../tracker/http.js';\nhttp();\n`],
  ['src/protocol/lsd/a.ts', `import { http } from '../tracker/http.js';\nhttp();\n`],
  ['src/protocol/tracker/a.ts', `import { wire } from '../wire/decoder.js';\nwire();\n`],
  ['src/protocol/dht/a.ts', `import { http } from '../tracker/http.js';\nhttp();\n`],
  ['src/protocol/dht/b.ts', 'export const a: number = Date.now();\n'],
  ['src/protocol/wire/b.ts', 'setTimeout(() => {}, 1);\n'],
  ['src/engine/a.ts', `import { tcp } from '../node/tcp.js';\ntcp();\n`],
  ['src/engine/peer/a.ts', `import { tcp } from '../../node/tcp.js';\ntcp();\n`],
  ['src/engine/peer/b.ts', `import { Engine } from '../../index.js';\nnew Engine();\n`],
  ['src/engine/b.ts', 'export const a: number = Math.random();\n'],
  ['src/engine/c.ts', `import { join } from 'node:path';\njoin('a');\n`],
  ['src/engine/d.ts', `import { request } from 'undici';\nrequest();\n`],
  ['src/engine/e.ts', 'export const a: number = performance.now();\n'],
  ['src/engine/f.ts', 'export const a: unknown = process.env;\n'],
  ['src/node/a.ts', `import { Turn } from '../engine/turn.js';\nnew Turn();\n`],
  ['src/node/b.ts', `import { Simulator } from '../sim/simulator.js';\nnew Simulator();\n`],
  ['src/sim/a.ts', `import { tcp } from '../node/tcp.js';\ntcp();\n`],
  ['src/sim/b.ts', `import { Turn } from '../engine/turn.js';\nnew Turn();\n`],
  ['src/engine/f2.ts', `import { LabNode } from '../lab/lab-node.js';\nnew LabNode();\n`],
  ['src/lab/a.ts', `import { tcp } from '../node/tcp.js';\ntcp();\n`],
  ['src/lab/b.ts', 'export const a: number = Date.now();\n'],
  ['src/app/cli/b.ts', `import { LabNode } from '../../lab/lab-node.js';\nnew LabNode();\n`],
  ['src/app/cli/a.ts', `import { Turn } from '../../engine/turn.js';\nnew Turn();\n`],
];

const LAWFUL: readonly (readonly [string, string])[] = [
  ['src/base/crypto.ts', `import { createHash } from 'node:crypto';\ncreateHash('sha1');\n`],
  ['src/engine/ok.ts', `import { toHex } from '../base/bytes.js';\ntoHex(new Uint8Array(1));\n`],
  ['src/node/ok.ts', `import { join } from 'node:path';\nsetTimeout(() => join('a'), 1);\n`],
  ['src/lab/ok.ts', `import { Session } from '../engine/session.js';\nnew Session();\n`],
  ['src/app/cli/ok.ts', `import { Engine } from '../../index.js';\nnew Engine();\n`],
];

let outline = '';

before(() => {
  outline = mkdtempSync(join(tmpdir(), 'dtorrent-floors-'));
  cpSync(join(REPOSITORY, 'biome.json'), join(outline, 'biome.json'));
  cpSync(join(REPOSITORY, 'scripts', 'biome-math-random.grit'), join(outline, 'scripts', 'biome-math-random.grit'));
});
after(() => rmSync(outline, { recursive: true, force: true }));

for (const [path, text] of UNLAWFUL) {
  test(`the linter refuses ${path}: ${text.split('\n')[0]}`, () => {
    const { status, output } = lint(path, text);
    assert.notEqual(status, 0, output);
    assert.match(output, /floor|Imports go down the house/);
  });
}

for (const [path, text] of LAWFUL) {
  test(`the linter accepts ${path}: ${text.split('\n')[0]}`, () => {
    const { status, output } = lint(path, text);
    assert.equal(status, 0, output);
  });
}

function lint(path: string, text: string): { status: number | null; output: string } {
  const file = join(outline, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  const biome = join(REPOSITORY, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const run = spawnSync(process.execPath, [biome, 'lint', '--colors=off', path], { cwd: outline, encoding: 'utf8' });
  rmSync(file);
  return { status: run.status, output: run.stdout + run.stderr };
}
