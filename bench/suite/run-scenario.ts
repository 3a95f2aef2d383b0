/** Runs a scenario's sides in turn, A B B A A B …, so that a machine that slows down slows all of them. */
import type { Workbench } from '../workbench/workbench.js';
import { type ScenarioResult, summarize } from './result.js';
import type { Figures, Scenario } from './scenario.js';

export interface RunOptions {
  readonly runs: number;
  /** Hears of each run, for people to see that it goes on. */
  readonly onRun: (scenario: string, side: string, run: number, figures: Figures) => void;
}

export async function runScenario(
  scenario: Scenario,
  bench: Workbench,
  { runs, onRun }: RunOptions,
): Promise<ScenarioResult> {
  const samples: Figures[][] = scenario.sides.map(() => []);
  for (let run = 0; run < runs; run++) {
    const order = scenario.sides.map((_, index) => index);
    if (run % 2 === 1) order.reverse();
    for (const index of order) {
      const side = scenario.sides[index]!;
      bench.settle();
      const figures = await side.run(bench);
      samples[index]!.push(figures);
      onRun(scenario.name, side.name, run + 1, figures);
    }
  }
  return summarize(scenario, samples, new Date().toISOString().slice(0, 10));
}
