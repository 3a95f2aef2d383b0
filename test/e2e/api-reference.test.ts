/** The API reference is generated from the published types: that it is complete, and that its generator would notice. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { temporaryDirectory } from '../harness/content.js';
import { run } from '../harness/process.js';
import { REPOSITORY } from '../harness/repository.js';

interface Declarations {
  readonly entryPoints: readonly {
    readonly exports: readonly { readonly name: string; readonly members: readonly { readonly name: string }[] }[];
  }[];
  readonly problems: readonly string[];
}

test('everything that is exported has a comment, and docs/api is what the types say now (npm run docs)', async (t) => {
  await run(t, process.execPath, [join(REPOSITORY, 'scripts', 'api-reference.js'), '--check']);
});

test('exports and members without a comment are problems, unless the comment of the whole names them', async (t) => {
  const { problems } = await read(t, {
    'index.d.ts': `
      export declare function bare(): void;
      /** It has one. */
      export declare class Thing {
        #private;
        /** This one too. */
        said: number;
        unsaid: number;
        private hidden;
        protected mine(): void;
      }
      /** A place: \`x\` and, y. */
      export interface Place { x: number; y: number }`,
  });
  assert.deepEqual(problems, [
    'src/index.ts: bare has no comment',
    'src/index.ts: Thing.unsaid has no comment',
    'src/index.ts: Place.y has no comment',
  ]);
});

test('a type that is spoken of but not exported is a problem, a base class that is not exported is shown as one', async (t) => {
  const { problems, entryPoints } = await read(t, {
    'index.d.ts': `
      import { Base, Secret, Known } from './base.js';
      export { Known };
      /** Derived. */
      export declare class Derived extends Base {
        /** Own. */
        own(known: Known): Secret;
      }`,
    'base.d.ts': `
      export interface Secret { x: number }
      /** Known. */
      export type Known = 1;
      export declare class Base {
        /** Inherited. */
        inherited(): Promise<string>;
        unsaid(): void;
      }`,
  });
  assert.deepEqual(problems, [
    'src/index.ts: speaks of Secret, which no entry point exports',
    'src/index.ts: Derived.unsaid has no comment',
  ]);
  const derived = entryPoints[0]!.exports.find(({ name }) => name === 'Derived')!;
  assert.deepEqual(
    derived.members.map(({ name }) => name),
    ['own', 'inherited', 'unsaid'],
  );
});

/** Reads a package of one entry point with these files in dist/. */
async function read(t: TestContext, files: Readonly<Record<string, string>>): Promise<Declarations> {
  const root = temporaryDirectory(t);
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write(
    'package.json',
    JSON.stringify({ name: 'p', type: 'module', exports: { '.': { types: './dist/index.d.ts' } } }),
  );
  const compilerOptions = { module: 'nodenext', types: [], lib: ['es2022'] };
  write('tsconfig.api.json', JSON.stringify({ compilerOptions, include: ['dist/*.d.ts'] }));
  for (const [path, text] of Object.entries(files)) write(join('dist', path), text);
  const script = pathToFileURL(join(REPOSITORY, 'scripts', 'api', 'declarations.js')).href;
  const { readDeclarations } = (await import(script)) as {
    readDeclarations: (root: string, tables: Readonly<Record<string, never>>) => Declarations;
  };
  return readDeclarations(root, {});
}
