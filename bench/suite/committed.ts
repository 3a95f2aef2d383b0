/**
 * The committed figures, docs/performance/results.json: read for --check, and written by --write, which also writes the
 * tables in docs/performance.md, between two markers, and the chart. Rows that were not run stay as they were.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../../test/harness/repository.js';
import { resultsChart } from './chart.js';
import type { ScenarioResult } from './result.js';
import { goalsTable, resultsTable } from './table.js';

const DIRECTORY = join(REPOSITORY, 'docs', 'performance');
const RESULTS = join(DIRECTORY, 'results.json');
const CHART = join(DIRECTORY, 'results.svg');
const DOCUMENT = join(REPOSITORY, 'docs', 'performance.md');
const BEGIN = '<!-- npm run bench -- --write writes from here -->';
const END = '<!-- to here -->';

interface Committed {
  /** What the last row was measured on. */
  readonly machine: string;
  readonly results: readonly ScenarioResult[];
}

export function readCommitted(): readonly ScenarioResult[] {
  if (!existsSync(RESULTS)) return [];
  const committed: Committed = JSON.parse(readFileSync(RESULTS, 'utf8'));
  return committed.results;
}

/** @param order the names of all scenarios, as the table has them. */
export function writeCommitted(measured: readonly ScenarioResult[], machine: string, order: readonly string[]): void {
  const byName = new Map([...readCommitted(), ...measured].map((result) => [result.name, result]));
  const results = order.flatMap((name) => byName.get(name) ?? []);
  mkdirSync(DIRECTORY, { recursive: true });
  writeFileSync(RESULTS, `${JSON.stringify({ machine, results } satisfies Committed, null, 2)}\n`);
  writeFileSync(CHART, resultsChart(results));
  const document = readFileSync(DOCUMENT, 'utf8');
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${DOCUMENT} does not say where its tables go`);
  const tables = [machine, goalsTable(results), 'All figures, medians of the runs:', resultsTable(results)];
  writeFileSync(
    DOCUMENT,
    `${document.slice(0, begin + BEGIN.length)}\n\n${tables.join('\n\n')}\n\n${document.slice(end)}`,
  );
}
