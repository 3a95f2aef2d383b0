/** The pictures of a swarm: who was done when, how many copies there were, how busy the uplinks were, who gave what. */
import { scenarioTitle } from './report-text.js';
import { type Chart, chartSvg } from './svg-chart.js';
import type { SwarmReport } from './swarm-report.js';

/** Name of the picture, as a file is named -> SVG text. */
export function swarmPlots(report: SwarmReport): ReadonlyMap<string, string> {
  const charts: readonly (readonly [string, Chart])[] = [
    ['completion', completionChart(report)],
    ['availability', availabilityChart(report)],
    ['uplinks', uplinksChart(report)],
    ['share-ratio', shareRatioChart(report)],
  ];
  return new Map(charts.map(([name, chart]) => [name, chartSvg(chart)]));
}

function completionChart(report: SwarmReport): Chart {
  const isMixed = report.scenario.freeRiderShare > 0;
  const done = (isFreeRider: boolean | null): [number, number][] => {
    const peers = report.peers.filter((peer) => isFreeRider === null || peer.isFreeRider === isFreeRider);
    const times = peers.map((peer) => peer.doneAtMs ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
    return [[0, 0], ...times.map((time, i): [number, number] => [time / 1000, (100 * (i + 1)) / times.length])];
  };
  const lines = isMixed
    ? [
        { name: 'peers that give', points: done(false), isStepped: true },
        { name: 'free riders', points: done(true), isStepped: true },
      ]
    : [{ name: 'peers', points: done(null), isStepped: true }];
  return {
    title: `Done: ${scenarioTitle(report.scenario)}`,
    xLabel: 'seconds',
    yLabel: '% of peers that have everything',
    yMax: 100,
    lines: [...lines, { name: 'bound', points: upright(report.bound.ms, 100), isDashed: true }],
  };
}

function availabilityChart(report: SwarmReport): Chart {
  const population = report.scenario.peers + 1;
  const points = (pick: (sample: SwarmReport['samples'][number]) => number): [number, number][] =>
    report.samples.map((sample) => [sample.atMs / 1000, pick(sample)]);
  return {
    title: `Copies of a piece: ${scenarioTitle(report.scenario)}`,
    xLabel: 'seconds',
    yLabel: 'copies, the seed’s too',
    yMax: population,
    lines: [
      { name: 'of all pieces on average', points: points((sample) => sample.copiesMean) },
      { name: 'of the rarest', points: points((sample) => sample.copiesMin) },
      { name: 'bound', points: upright(report.bound.ms, population), isDashed: true },
    ],
  };
}

function uplinksChart(report: SwarmReport): Chart {
  return {
    title: `Uplinks in use: ${scenarioTitle(report.scenario)}`,
    xLabel: 'seconds',
    yLabel: '% of all uplinks of those that give',
    yMax: 100,
    lines: [
      {
        name: 'in use',
        points: report.samples.map((sample): [number, number] => [sample.atMs / 1000, 100 * sample.supplyShare]),
      },
      { name: 'bound', points: upright(report.bound.ms, 100), isDashed: true },
    ],
  };
}

function shareRatioChart(report: SwarmReport): Chart {
  const ratios = report.peers
    .filter((peer) => !peer.isFreeRider)
    .map((peer) => peer.uploadedBytes / peer.downloadedBytes)
    .sort((a, b) => a - b);
  return {
    title: `Uploaded ÷ downloaded: ${scenarioTitle(report.scenario)}`,
    xLabel: '% of the peers that give',
    yLabel: 'share ratio',
    lines: [
      {
        name: 'from the least to the greatest',
        points: ratios.map((ratio, i): [number, number] => [(100 * (i + 1)) / ratios.length, ratio]),
      },
    ],
  };
}

function upright(ms: number, height: number): [number, number][] {
  return [
    [ms / 1000, 0],
    [ms / 1000, height],
  ];
}
