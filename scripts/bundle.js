#!/usr/bin/env node
/**
 * Makes dist/cli, what bin/dtorrent.js runs, of the compiled modules: Node's loader takes half a millisecond a module,
 * and there are two hundred before the first dial. What is imported when it is needed stays in chunks of its own. The
 * threads' programs lie beside the chunks that start them, each in one file, because every thread loads its own copy.
 * The library stays as it is compiled.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const dist = fileURLToPath(new URL('../dist', import.meta.url));

const common = {
  outdir: `${dist}/cli`,
  entryNames: '[name]',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: 'linked',
  logLevel: 'warning',
};

await build({ ...common, entryPoints: [`${dist}/app/cli/main.js`], splitting: true });
const threads = ['disk-worker', 'source-worker'];
await build({ ...common, entryPoints: threads.map((thread) => `${dist}/node/${thread}.js`), splitting: false });
