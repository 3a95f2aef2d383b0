/**
 * The goals that are ratios as a bar chart, SVG text: how our figure stands to the other client's, with a mark where
 * the goal is. Colours follow the reader's light or dark scheme.
 */
import type { GoalResult, ScenarioResult } from './result.js';
import { FIGURES } from './scenario.js';

const WIDTH = 720;
const LEFT = 330;
const RIGHT = 60;
const TOP = 56;
const ROW = 24;
const BAR = 14;
const BOTTOM = 40;
/** The right end of the axis: what the other client needs, and a little more. */
const RATIO_MAX = 1.25;

interface Bar {
  readonly label: string;
  readonly goal: GoalResult;
}

export function resultsChart(results: readonly ScenarioResult[]): string {
  const bars = results.flatMap(({ title, goals }) =>
    goals
      .filter(({ against }) => against !== undefined)
      .map((goal): Bar => ({ label: `${title}: ${FIGURES[goal.figure].label} to ${goal.against}`, goal })),
  );
  const height = TOP + bars.length * ROW + BOTTOM;
  const title = 'dtorrent beside other clients: shorter is better, 1.0 is theirs';
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}">`,
    `<style>${STYLE}</style>`,
    `<text x="16" y="26" class="title">${title}</text>`,
    `<text x="16" y="44">The mark is the goal.</text>`,
    ...[0, 0.25, 0.5, 0.75, 1, 1.25].map((ratio) => gridLine(ratio, height)),
    ...bars.map(drawBar),
    '</svg>',
  ].join('\n')}\n`;
}

const STYLE = [
  'text{font:12px system-ui,sans-serif;fill:#3d4249}.title{font-size:14px;font-weight:600}',
  '.grid{stroke:#d5d9de}.theirs{stroke:#6b6f76}.good{fill:#0b62b8}.bad{fill:#b54708}.goal{stroke:#101418;stroke-width:2}',
  '@media(prefers-color-scheme:dark){text{fill:#c9d1d9}.grid{stroke:#30363d}.theirs{stroke:#8b949e}',
  '.good{fill:#6cb6ff}.bad{fill:#f0a35e}.goal{stroke:#f0f3f6}}',
].join('');

function toX(ratio: number): number {
  return Math.round(LEFT + (Math.min(ratio, RATIO_MAX) / RATIO_MAX) * (WIDTH - LEFT - RIGHT));
}

function gridLine(ratio: number, height: number): string {
  const kind = ratio === 1 ? 'theirs' : 'grid';
  const x = toX(ratio);
  const line = `<line x1="${x}" x2="${x}" y1="${TOP}" y2="${height - BOTTOM}" class="${kind}"/>`;
  return `${line}<text x="${x}" y="${height - BOTTOM + 18}" text-anchor="middle">${ratio}</text>`;
}

function drawBar({ label, goal }: Bar, index: number): string {
  const y = TOP + index * ROW + (ROW - BAR) / 2;
  const end = toX(goal.value);
  const mark = toX(goal.bound);
  return [
    `<text x="${LEFT - 8}" y="${y + 11}" text-anchor="end">${label}</text>`,
    `<rect x="${LEFT}" y="${y}" width="${Math.max(end - LEFT, 1)}" height="${BAR}" class="${goal.isReached ? 'good' : 'bad'}"/>`,
    `<line x1="${mark}" x2="${mark}" y1="${y - 3}" y2="${y + BAR + 3}" class="goal"/>`,
    `<text x="${Math.max(end, mark) + 6}" y="${y + 11}">${goal.value.toFixed(2)}</text>`,
  ].join('');
}
