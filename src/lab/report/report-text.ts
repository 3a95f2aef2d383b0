/** A swarm's report as a person reads it in a terminal, and one of several runs as a Markdown table. */
import type { ScaleScenario } from '../scale/scale-scenario.js';
import { type Spread, type SwarmReport, summarize } from './swarm-report.js';

const MIB = 1024 * 1024;

/** `250 peers, 16 MiB in pieces of 64 KiB, different links, 20 % free riders, seed 1` */
export function scenarioTitle(scenario: ScaleScenario): string {
  const { peers, contentBytes, pieceLength, links, freeRiderShare, seed } = scenario;
  const riders = freeRiderShare > 0 ? `, ${percent(freeRiderShare, 0)} free riders` : '';
  const content = `${contentBytes / MIB} MiB in pieces of ${pieceLength / 1024} KiB`;
  return `${peers} peers, ${content}, ${links === 'same' ? 'equal' : 'different'} links${riders}, seed ${seed}`;
}

export function reportText(report: SwarmReport): string {
  const summary = summarize(report);
  const { bound } = report;
  const lines = [
    scenarioTitle(report.scenario),
    `bound            ${seconds(bound.ms)}: one copy out of the seed ${seconds(bound.sourceMs)}, the narrowest downlink ${seconds(bound.slowestMs)}, all uplinks ${seconds(bound.supplyMs)}`,
    `completion       ${seconds(summary.doneMs.most)} = ${summary.completionRatio.toFixed(3)} × the bound; median ${seconds(summary.doneMs.median)}, first ${seconds(summary.doneMs.least)}`,
  ];
  if (summary.unfinished > 0) lines.push(`unfinished       ${summary.unfinished} peers`);
  if (report.scenario.freeRiderShare > 0) {
    const { median, most } = summary.givingDoneMs;
    lines.push(`those that give  last ${seconds(most)}, median ${seconds(median)}`);
  }
  lines.push(
    `share ratio      ${spreadText(summary.shareRatio)}; the seed gave ${summary.sourceCopies.toFixed(2)} copies`,
    `overhead         ${percent(summary.overheadRatio, 3)} of payload`,
    `duplicates       ${percent(summary.duplicateRatio, 3)} of payload`,
  );
  return lines.join('\n');
}

/** Rows of one table, the runs of a document. */
export function reportTable(reports: readonly SwarmReport[]): string {
  const head = [
    '| swarm | bound | last done | ratio | median done | share ratio, tenth to ninth | overhead | duplicates |',
    '|---|---|---|---|---|---|---|---|',
  ];
  const rows = reports.map((report) => {
    const summary = summarize(report);
    const { shareRatio, doneMs } = summary;
    const cells = [
      scenarioTitle(report.scenario),
      seconds(report.bound.ms),
      seconds(doneMs.most),
      summary.completionRatio.toFixed(2),
      seconds(doneMs.median),
      `${shareRatio.tenth.toFixed(2)} to ${shareRatio.ninth.toFixed(2)}`,
      percent(summary.overheadRatio, 2),
      percent(summary.duplicateRatio, 2),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [...head, ...rows].join('\n');
}

function spreadText({ least, tenth, median, ninth, most }: Spread): string {
  return [least, tenth, median, ninth, most].map((value) => value.toFixed(2)).join(' / ');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function percent(ratio: number, digits: number): string {
  return `${(100 * ratio).toFixed(digits)} %`;
}
