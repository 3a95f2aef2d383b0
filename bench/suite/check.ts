/** Whether new results are worse than others: the ratios that goals name, which a machine's speed does not change. */
import type { GoalResult, ScenarioResult } from './result.js';
import { describeGoal, moreIsBetter } from './scenario.js';

/** How much worse a ratio may be; runs of the same program differ by less. */
const TOLERANCE = 1.2;
/** For the quick look: few runs of little work, beside which starting up is much. */
const LOOSE = 2;

/** @returns what is worse than committed, in words; empty = all well. Rows that are not committed are not judged. */
export function worseThanCommitted(
  measured: readonly ScenarioResult[],
  committed: readonly ScenarioResult[],
): string[] {
  return measured.flatMap((result) => {
    const before = committed.find(({ name }) => name === result.name);
    return result.goals.flatMap((goal) => {
      const other = before?.goals.find((one) => one.figure === goal.figure && one.against === goal.against);
      if (goal.against === undefined || other === undefined || !isWorse(goal, other.value, TOLERANCE)) return [];
      return [`${result.name}: ${describeGoal(goal)} is ${goal.value.toFixed(2)}, committed ${other.value.toFixed(2)}`];
    });
  });
}

/** @returns which ratios are far from their goals, in words. */
export function farFromGoals(measured: readonly ScenarioResult[]): string[] {
  return measured.flatMap((result) =>
    result.goals
      .filter((goal) => goal.against !== undefined && isWorse(goal, goal.bound, LOOSE))
      .map((goal) => `${result.name}: ${describeGoal(goal)} is ${goal.value.toFixed(2)}`),
  );
}

function isWorse(goal: GoalResult, than: number, factor: number): boolean {
  return moreIsBetter(goal.figure) ? goal.value * factor < than : goal.value > than * factor;
}
