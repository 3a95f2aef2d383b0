#!/usr/bin/env node
/**
 * Writes docs/api from the published types; fails when something exported has no comment, or speaks of a type that is
 * not exported. With --check it writes nothing and fails when a page is out of date, too.
 * usage: npm run docs, or node scripts/api-reference.js [--check] after a build
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ERROR_CODES, SETTINGS_TABLE } from 'dtorrent';
import { readDeclarations } from './api/declarations.js';
import { entryPage, indexPage, pageName } from './api/markdown.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = join(root, 'docs', 'api');

const meanings = Object.fromEntries(Object.entries(SETTINGS_TABLE).map(([name, { meaning }]) => [name, meaning]));
const { entryPoints, problems } = readDeclarations(root, { Settings: meanings });
const appendices = { Settings: settingsTable(), ErrorCode: errorTable() };
const pages = new Map([['README.md', indexPage(entryPoints)]]);
for (const entryPoint of entryPoints) pages.set(pageName(entryPoint.specifier), entryPage(entryPoint, appendices));

if (process.argv.includes('--check')) problems.push(...stalePages());
else writePages();
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
}

function stalePages() {
  const stale = [...pages].filter(([name, text]) => readPage(name) !== text).map(([name]) => name);
  const leftOver = pagesThere().filter((name) => !pages.has(name));
  return [...stale, ...leftOver].map((name) => `docs/api/${name} is out of date: npm run docs`);
}

function writePages() {
  mkdirSync(directory, { recursive: true });
  for (const name of pagesThere()) if (!pages.has(name)) rmSync(join(directory, name));
  for (const [name, text] of pages) writeFileSync(join(directory, name), text);
}

function pagesThere() {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readPage(name) {
  try {
    return readFileSync(join(directory, name), 'utf8');
  } catch {
    return null;
  }
}

function settingsTable() {
  const rows = Object.entries(SETTINGS_TABLE).map(([name, row]) => {
    const shown = row.default === '' ? "''" : String(row.default);
    return `| \`${name}\` | ${shown} | ${rangeOf(row)} | ${row.meaning} |`;
  });
  return ['| setting | default | range | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function rangeOf(row) {
  if (row.kind === 'number') return `${row.min} to ${row.max}`;
  return row.kind === 'choice' ? row.choices.join(', ') : row.kind;
}

function errorTable() {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { exitCode, meaning }]) => `| \`${code}\` | ${meaning} | ${exitCode} |`,
  );
  return ['| code | meaning | exit code of the command |', '|---|---|---|', ...rows].join('\n');
}
