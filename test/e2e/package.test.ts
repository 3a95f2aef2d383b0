/** What is published: the tarball's contents, its types, its entry points, and that installing it runs nothing. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { run } from '../harness/process.js';
import { REPOSITORY } from '../harness/repository.js';
import { installTarball, listTarball, packTarball } from '../harness/tarball.js';

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly version: string;
}

const manifest = readJson<Manifest>(join(REPOSITORY, 'package.json'));
const entryPoints = Object.keys(manifest.exports).filter((path) => path !== './package.json');
const specifiers = JSON.stringify(entryPoints.map(specifierOf));
/** These run on the machine of whoever installs a package. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];

test('the package as it would be published', async (t) => {
  const tarball = await packTarball(t);
  const project = await installTarball(t, tarball, Object.keys(manifest.dependencies));

  await t.test('holds the compiled sources, their types and the documents, and nothing else', async (t) => {
    const paths = await listTarball(t, tarball);
    assert.deepEqual(paths.sort(), expectedPaths());
  });

  await t.test('has nothing that publint or attw mind', async (t) => {
    const bin = (name: string): string => join(REPOSITORY, 'node_modules', '.bin', name);
    await run(t, bin('publint'), ['run', tarball, '--strict']);
    // ESM only: CommonJS gets it by require(), as the next test shows; `node10` knows no exports at all.
    await run(t, bin('attw'), [tarball, '--profile', 'esm-only', '--no-definitely-typed']);
  });

  await t.test('can be required and imported once installed, each entry point', async (t) => {
    const requiring = `for (const s of ${specifiers}) console.log(s, Object.keys(require(s)).sort().join())`;
    const importing = `for (const s of ${specifiers}) console.log(s, Object.keys(await import(s)).sort().join())`;
    const required = await run(t, process.execPath, ['-e', requiring], { cwd: project });
    const imported = await run(t, process.execPath, ['--input-type=module', '-e', importing], { cwd: project });
    assert.match(required, /^dtorrent .*\bEngine\b/);
    assert.equal(required, imported);
  });

  await t.test(
    'has types that a strict project compiles with: the examples, and CommonJS that requires each entry point',
    async (t) => {
      symlinkSync(join(REPOSITORY, 'node_modules', '@types'), join(project, 'node_modules', '@types'));
      symlinkSync(join(REPOSITORY, 'node_modules', 'undici-types'), join(project, 'node_modules', 'undici-types'));
      const compilerOptions = {
        module: 'nodenext',
        target: 'es2022',
        types: ['node'],
        noEmit: true,
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
      };
      writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
      cpSync(join(REPOSITORY, 'examples'), join(project, 'examples'), { recursive: true });
      const names = entryPoints.map((_, i) => `m${i}`);
      const requiring = names.map((name, i) => `import ${name} = require('${specifierOf(entryPoints[i]!)}');`);
      writeFileSync(join(project, 'common.cts'), `${requiring.join('\n')}\nexport const all = [${names}];\n`);
      await run(t, join(REPOSITORY, 'node_modules', '.bin', 'tsc'), ['-p', project]);
    },
  );

  await t.test('has a command that runs once installed', async (t) => {
    const command = join(project, 'node_modules', 'dtorrent', 'bin', 'dtorrent.js');
    const output = await run(t, process.execPath, [command, '--version'], { cwd: project });
    assert.match(output, new RegExp(manifest.version));
  });
});

test('installing runs nothing: no install scripts, here or in a dependency, and nothing to compile', () => {
  for (const name of INSTALL_SCRIPTS) assert.equal(manifest.scripts[name], undefined, name);
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const directory = join(REPOSITORY, 'node_modules', name);
    const dependency = readJson<Partial<Manifest>>(join(directory, 'package.json'));
    for (const script of INSTALL_SCRIPTS) assert.equal(dependency.scripts?.[script], undefined, `${name}: ${script}`);
    // npm would run node-gyp for it.
    assert.ok(!existsSync(join(directory, 'binding.gyp')), `${name} has native code`);
    for (const next of Object.keys(dependency.dependencies ?? {})) visit(next);
  };
  for (const name of Object.keys(manifest.dependencies)) visit(name);
  assert.ok(seen.size > 0);
});

/** A leaf is for programs that do not want a whole client. */
const LEAVES: readonly (readonly [string, RegExp])[] = [
  ['bencode', /^(base|format)\//],
  ['dht', /^(base|format|host|protocol\/dht|node)\//],
  ['magnet', /^(base|format)\//],
  ['metainfo', /^(base|format|host)\//],
  ['wire', /^(base|format|host|protocol\/wire|node)\//],
  ['tracker', /^(base|format|host|protocol\/tracker|node)\//],
];

for (const [name, allowed] of LEAVES) {
  test(`dtorrent/${name} loads neither the engine nor an npm package`, () => {
    const loaded = modulesBehind(join(REPOSITORY, 'dist', `${name}.js`));
    loaded.delete(`${name}.js`);
    for (const module of loaded) assert.match(module, allowed);
  });
}

test('dtorrent/sim loads the engine and neither a host of the real world nor an npm package', () => {
  const loaded = modulesBehind(join(REPOSITORY, 'dist', 'sim.js'));
  loaded.delete('sim.js');
  for (const module of loaded) assert.match(module, /^(base|format|host|protocol|engine|sim|lab)\//);
});

test('every entry point but the whole and the simulator is a leaf', () => {
  const leaves = LEAVES.map(([name]) => `./${name}`);
  assert.deepEqual(entryPoints.filter((path) => path !== '.' && path !== './sim').sort(), leaves.sort());
});

function specifierOf(entryPoint: string): string {
  return entryPoint.replace('.', 'dtorrent');
}

function expectedPaths(): string[] {
  const paths = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'bin/dtorrent.js', 'dist/dtorrent.1'];
  for (const source of readdirSync(join(REPOSITORY, 'src'), { recursive: true }).map(String)) {
    const isPublished = source.endsWith('.ts') && !source.endsWith('.test.ts') && !/(^|\/)testing\//.test(source);
    // The command line is published as bin/dtorrent.js runs it: bundled.
    if (!isPublished || source.startsWith('app/')) continue;
    const path = `dist/${source.slice(0, -'.ts'.length)}`;
    paths.push(`${path}.js`, `${path}.d.ts`);
  }
  const bundled = readdirSync(join(REPOSITORY, 'dist', 'cli')).filter((name) => name.endsWith('.js'));
  for (const name of ['main.js', 'disk-worker.js', 'source-worker.js']) assert.ok(bundled.includes(name), name);
  return [...paths, ...bundled.map((name) => `dist/cli/${name}`)].sort();
}

const STATIC_IMPORT = /^(?:import|export)\s(?:[^;'"]*\sfrom\s+)?['"]([^'"]+)['"]/gm;

/** Paths below dist/ of everything that loads with `entry`, static imports only; npm packages by their name. */
function modulesBehind(entry: string, seen: Set<string> = new Set()): Set<string> {
  const dist = join(REPOSITORY, 'dist');
  const path = entry.slice(dist.length + 1);
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const [, specifier] of readFileSync(entry, 'utf8').matchAll(STATIC_IMPORT)) {
    if (specifier!.startsWith('.')) modulesBehind(join(dirname(entry), specifier!), seen);
    else if (!specifier!.startsWith('node:')) seen.add(specifier!);
  }
  return seen;
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
