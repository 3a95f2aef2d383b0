/**
 * What came of a scenario: each side's medians, our ratios to the others, run by run, and how the goals stand. Plain
 * data: this is what docs/performance/results.json holds.
 */
import { type FigureName, type Figures, type Goal, moreIsBetter, type Scenario } from './scenario.js';

export interface SideResult {
  readonly name: string;
  /** Medians of the runs. */
  readonly figures: Figures;
  readonly runs: readonly Figures[];
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly sides: readonly SideResult[];
  /** Other side -> figure -> median of our figure / its figure, each of the same run. */
  readonly ratios: Readonly<Record<string, Figures>>;
  readonly goals: readonly GoalResult[];
}

export interface GoalResult extends Goal {
  readonly value: number;
  readonly isReached: boolean;
}

/** `samples`: of each side, in the order of `scenario.sides`, its runs in order. */
export function summarize(scenario: Scenario, samples: readonly (readonly Figures[])[], date: string): ScenarioResult {
  const sides = scenario.sides.map(({ name }, index) => {
    const runs = samples[index]!;
    return { name, figures: mediansOf(runs), runs };
  });
  const [ours, ...others] = sides;
  const ratios = Object.fromEntries(others.map(({ name, runs }) => [name, mediansOf(ratiosOf(ours!.runs, runs))]));
  const goals = scenario.goals.map((goal) => judge(goal, ours!.figures, ratios));
  return { name: scenario.name, title: scenario.title, date, sides, ratios, goals };
}

function judge(goal: Goal, figures: Figures, ratios: Readonly<Record<string, Figures>>): GoalResult {
  const value = (goal.against === undefined ? figures : ratios[goal.against])?.[goal.figure];
  if (value === undefined) throw new Error(`there is no ${goal.figure} to hold against a goal`);
  return { ...goal, value, isReached: moreIsBetter(goal.figure) ? value >= goal.bound : value <= goal.bound };
}

function ratiosOf(ours: readonly Figures[], theirs: readonly Figures[]): Figures[] {
  return ours.map((figures, run) => {
    const ratios: Partial<Record<FigureName, number>> = {};
    for (const figure of namesOf(figures)) {
      const other = theirs[run]?.[figure];
      if (other !== undefined && other > 0) ratios[figure] = figures[figure]! / other;
    }
    return ratios;
  });
}

function mediansOf(runs: readonly Figures[]): Figures {
  const medians: Partial<Record<FigureName, number>> = {};
  for (const figure of namesOf(runs[0] ?? {})) {
    medians[figure] = median(runs.map((figures) => figures[figure]).filter((value) => value !== undefined));
  }
  return medians;
}

function namesOf(figures: Figures): FigureName[] {
  return Object.keys(figures) as FigureName[];
}

/** Of at least one value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
