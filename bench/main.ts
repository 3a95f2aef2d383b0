/**
 * The benchmarks: dtorrent beside other clients, in one run on one machine. Nothing else may run beside them.
 * usage: npm run bench -- [SCENARIO ...] [--runs 3] [--mib 2048] [--json FILE] [--write | --check | --smoke] [--list]
 *   --write  puts the rows into docs/performance
 *   --check  exit code 1 when a ratio is 20 % worse than the committed one, twice in a row
 *   --smoke  a quick look for CI: few rows, little content, exit code 1 when a ratio is far from its goal
 */
import { writeFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { requireLibtorrent } from './clients/libtorrent.js';
import { SCENARIOS, SMOKE_SCENARIOS } from './scenarios/all.js';
import { farFromGoals, worseThanCommitted } from './suite/check.js';
import { readCommitted, writeCommitted } from './suite/committed.js';
import type { ScenarioResult } from './suite/result.js';
import { runScenario } from './suite/run-scenario.js';
import type { Scenario } from './suite/scenario.js';
import { goalsTable, resultsTable } from './suite/table.js';
import { Workbench } from './workbench/workbench.js';

const SMOKE = { mib: 256, runs: 1 };

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string' },
    mib: { type: 'string' },
    json: { type: 'string' },
    write: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

process.exitCode = await main();

async function main(): Promise<number> {
  if (options.list) {
    for (const { name, title } of SCENARIOS) console.log(`${name}: ${title}`);
    return 0;
  }
  const names = positionals.length === 0 && options.smoke ? SMOKE_SCENARIOS : positionals;
  const chosen = names.length === 0 ? SCENARIOS : names.map(scenarioNamed);
  requireLibtorrent();
  const mib = Number(options.mib ?? (options.smoke ? SMOKE.mib : 2048));
  const runs = Number(options.runs ?? (options.smoke ? SMOKE.runs : 3));
  const bench = new Workbench({ mib, hasFullMemory: !options.smoke });
  const interrupt = (): void => {
    bench.close();
    process.exit(130);
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    console.error(`${describeMachine()}; ${mib} MiB, ${runs} ${runs === 1 ? 'run' : 'runs'} each`);
    const results = await runAll(chosen, bench, runs);
    console.log(`${resultsTable(results)}\n\n${goalsTable(results)}`);
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
    if (options.write)
      writeCommitted(
        results,
        describeMachine(),
        SCENARIOS.map(({ name }) => name),
      );
    const complaints = options.smoke ? farFromGoals(results) : options.check ? await check(results, bench, runs) : [];
    for (const complaint of complaints) console.error(`worse: ${complaint}`);
    return complaints.length === 0 ? 0 : 1;
  } finally {
    bench.close();
  }
}

function scenarioNamed(name: string): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`no scenario ${name}: --list tells which there are`);
  return scenario;
}

async function runAll(scenarios: readonly Scenario[], bench: Workbench, runs: number): Promise<ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const scenario of scenarios) {
    results.push(
      await runScenario(scenario, bench, {
        runs,
        onRun: (name, side, run, figures) => console.error(`${name}, run ${run}, ${side}: ${JSON.stringify(figures)}`),
      }),
    );
  }
  return results;
}

/** What looks worse is measured once more: a machine may have had a bad minute. */
async function check(results: readonly ScenarioResult[], bench: Workbench, runs: number): Promise<string[]> {
  const committed = readCommitted();
  const suspects = results.filter((result) => worseThanCommitted([result], committed).length > 0);
  const again = await runAll(
    suspects.map(({ name }) => scenarioNamed(name)),
    bench,
    runs,
  );
  return worseThanCommitted(again, committed);
}

function describeMachine(): string {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const processors = `${cpus().length} × ${cpus()[0]?.model.trim()}`;
  return `${processors}, ${memory}, ${platform()} ${release()} ${arch()}, Node ${process.version}`;
}
