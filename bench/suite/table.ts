/** Results as a Markdown table: a row for each side, then our ratios, then the goals. */
import type { ScenarioResult } from './result.js';
import { describeGoal, FIGURES, type FigureName, type Figures } from './scenario.js';

const COLUMNS = Object.keys(FIGURES) as FigureName[];

export function resultsTable(results: readonly ScenarioResult[]): string {
  const columns = COLUMNS.filter((figure) =>
    results.some(({ sides }) => sides.some(({ figures }) => figures[figure] !== undefined)),
  );
  const header = ['scenario', 'client', ...columns.map((figure) => FIGURES[figure].label)];
  const rows = results.flatMap((result) => [
    ...result.sides.map(({ name, figures }) => [result.title, name, ...cells(figures, columns, measured)]),
    ...Object.entries(result.ratios).map(([name, ratios]) => [
      result.title,
      `**ratio to ${name}**`,
      ...cells(ratios, columns, (value) => `**${value.toFixed(2)}**`),
    ]),
  ]);
  return [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** A row for each goal. */
export function goalsTable(results: readonly ScenarioResult[]): string {
  const rows = results.flatMap((result) =>
    result.goals.map((goal) => {
      const value = goal.against === undefined ? measured(goal.value, goal.figure) : goal.value.toFixed(2);
      return [result.title, describeGoal(goal), value, goal.isReached ? 'yes' : '**no**'];
    }),
  );
  return [['scenario', 'goal', 'measured', 'reached'], ['---', '---', '---', '---'], ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

function cells(
  figures: Figures,
  columns: readonly FigureName[],
  show: (value: number, figure: FigureName) => string,
): string[] {
  return columns.map((figure) => {
    const value = figures[figure];
    return value === undefined ? '' : show(value, figure);
  });
}

function measured(value: number, figure: FigureName): string {
  return value.toFixed(FIGURES[figure].decimals);
}
