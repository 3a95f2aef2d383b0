#!/usr/bin/env node
/**
 * Makes dist/cli, what bin/dtorrent.js runs, of the compiled modules: Node's loader takes half a millisecond a module,
 * and there are two hundred before the first dial. What is imported when it is needed stays in chunks of its own, and
 * so do the threads' programs, which lie beside the chunks that start them. The library stays as it is compiled.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const dist = fileURLToPath(new URL('../dist', import.meta.url));

await build({
  entryPoints: ['app/cli/main.js', 'node/disk-worker.js', 'node/source-worker.js'].map((file) => `${dist}/${file}`),
  outdir: `${dist}/cli`,
  entryNames: '[name]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: 'linked',
  logLevel: 'warning',
});
