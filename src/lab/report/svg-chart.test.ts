import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Chart, chartSvg } from './svg-chart.js';

const CHART: Chart = {
  title: 'Rates of <peers> & seeds',
  xLabel: 'seconds',
  yLabel: 'KiB/s',
  lines: [
    {
      name: 'one',
      points: [
        [0, 0],
        [50, 10],
        [100, Number.NaN],
        [90, 37],
      ],
    },
    {
      name: 'two',
      isStepped: true,
      isDashed: true,
      points: [
        [0, 5],
        [90, 5],
      ],
    },
  ],
};

function attributes(svg: string, pattern: RegExp): string[] {
  return [...svg.matchAll(pattern)].map((match) => match[1]!);
}

test('a chart is well-formed: what is opened is closed, and text is escaped', () => {
  const svg = chartSvg(CHART);
  const opened = attributes(svg, /<(svg|style|text)[ >]/g).sort();
  const closed = attributes(svg, /<\/(svg|style|text)>/g).sort();
  assert.deepEqual(opened, closed);
  assert.ok(svg.includes('Rates of &lt;peers&gt; &amp; seeds'));
  assert.ok(!svg.includes('NaN') && !svg.includes('Infinity'));
});

test('axes begin at 0, have round ticks and reach beyond the greatest value', () => {
  const labels = attributes(chartSvg(CHART), /class="small" text-anchor="(?:end|middle)">([\d.]+)</g).map(Number);
  assert.deepEqual(labels, [0, 10, 20, 30, 40, 0, 20, 40, 60, 80, 100]);
});

test('stairs go level and then up, and points that are not finite are left out', () => {
  const [one, two] = attributes(chartSvg(CHART), /class="line [^"]*" d="([^"]+)"/g);
  assert.match(one!, /^M[\d. ]+L[\d. ]+L[\d. ]+$/);
  assert.match(two!, /^M[\d. ]+H[\d.]+V[\d.]+$/);
});

test('both colour schemes are provided for', () => {
  assert.match(chartSvg(CHART), /@media\(prefers-color-scheme:dark\)/);
});

test('a chart of nothing is a chart', () => {
  const svg = chartSvg({ ...CHART, lines: [{ name: 'none', points: [] }] });
  assert.ok(!svg.includes('NaN') && !svg.includes('Infinity'));
});
