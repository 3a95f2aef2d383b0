/**
 * A line chart as SVG text: a title, two axes with round ticks, lines, a legend. Colours follow the reader's light or
 * dark scheme, and the background is left to the page. Knows nothing of what it draws. Used by swarmPlots.
 */

export interface ChartLine {
  readonly name: string;
  /** [x, y], x ascending. What is not finite is left out. */
  readonly points: readonly (readonly [number, number])[];
  /** Drawn as stairs: a value holds until the next. */
  readonly isStepped?: boolean;
  /** For what lines are to be held against. */
  readonly isDashed?: boolean;
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Left out = as far as the lines go, from 0. */
  readonly yMax?: number;
  readonly lines: readonly ChartLine[];
}

const WIDTH = 720;
const HEIGHT = 380;
const LEFT = 64;
const RIGHT = 20;
const TOP = 64;
const BOTTOM = 52;
const TICKS_ABOUT = 6;
/** Told apart also by those who do not see red or green, on white and on black. */
const COLOURS: readonly { readonly light: string; readonly dark: string }[] = [
  { light: '#0b62b8', dark: '#6cb6ff' },
  { light: '#b54708', dark: '#f0a35e' },
  { light: '#0f7b4f', dark: '#5fd39b' },
  { light: '#8b3fa8', dark: '#d6a1f0' },
  { light: '#6b6f76', dark: '#a7adb5' },
];

export function chartSvg(chart: Chart): string {
  const xs = chart.lines.flatMap(({ points }) => points.map(([x]) => x)).filter(Number.isFinite);
  const ys = chart.lines.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite);
  const xAxis = makeAxis(Math.max(...xs, 0));
  const yAxis = makeAxis(chart.yMax ?? Math.max(...ys, 0));
  const toX = (x: number): number => LEFT + (x / xAxis.end) * (WIDTH - LEFT - RIGHT);
  const toY = (y: number): number => HEIGHT - BOTTOM - (Math.min(y, yAxis.end) / yAxis.end) * (HEIGHT - TOP - BOTTOM);
  const label = `role="img" aria-label="${escapeXml(chart.title)}"`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" ${label}>`,
    `<style>${styleSheet()}</style>`,
    text(LEFT, 22, chart.title, 'class="title"'),
    ...gridLines(xAxis, yAxis, toX, toY),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, chart.xLabel, 'class="small" text-anchor="middle"'),
    text(0, 0, chart.yLabel, `class="small" text-anchor="middle" transform="translate(16 ${middleY()}) rotate(-90)"`),
  ];
  for (const [index, line] of chart.lines.entries()) {
    const kind = `line c${index % COLOURS.length}${line.isDashed === true ? ' dashed' : ''}`;
    parts.push(`<path class="${kind}" d="${pathOf(line, toX, toY)}"/>`);
  }
  parts.push(...legend(chart.lines), '</svg>', '');
  return parts.join('\n');
}

interface Axis {
  readonly end: number;
  readonly step: number;
}

/** Ticks are at 1, 2 or 5 times a power of ten; the axis ends with one. */
function makeAxis(greatest: number): Axis {
  const reach = greatest > 0 ? greatest : 1;
  const rough = reach / TICKS_ABOUT;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999) ?? 10 * power;
  return { step, end: Math.ceil(reach / step - 1e-9) * step };
}

function gridLines(xAxis: Axis, yAxis: Axis, toX: (x: number) => number, toY: (y: number) => number): string[] {
  const parts: string[] = [];
  for (const y of ticksOf(yAxis)) {
    const at = round(toY(y));
    parts.push(`<path class="${y === 0 ? 'axis' : 'grid'}" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/>`);
    parts.push(text(LEFT - 8, at + 4, numberText(y), 'class="small" text-anchor="end"'));
  }
  for (const x of ticksOf(xAxis)) {
    const at = round(toX(x));
    parts.push(`<path class="axis" d="M${at} ${HEIGHT - BOTTOM}v4"/>`);
    parts.push(text(at, HEIGHT - BOTTOM + 19, numberText(x), 'class="small" text-anchor="middle"'));
  }
  return parts;
}

function ticksOf({ end, step }: Axis): number[] {
  return Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step);
}

function pathOf(line: ChartLine, toX: (x: number) => number, toY: (y: number) => number): string {
  let path = '';
  for (const [x, y] of line.points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    const [atX, atY] = [round(toX(x)), round(toY(y))];
    if (path === '') path = `M${atX} ${atY}`;
    else path += line.isStepped === true ? `H${atX}V${atY}` : `L${atX} ${atY}`;
  }
  return path;
}

function legend(lines: readonly ChartLine[]): string[] {
  const parts: string[] = [];
  let x = LEFT;
  for (const [index, { name, isDashed }] of lines.entries()) {
    const kind = `line c${index % COLOURS.length}${isDashed === true ? ' dashed' : ''}`;
    parts.push(`<path class="${kind}" d="M${x} 42h18"/>`, text(x + 24, 46, name, 'class="small"'));
    x += 40 + 6.6 * name.length;
  }
  return parts;
}

function styleSheet(): string {
  const strokes = (scheme: 'light' | 'dark'): string =>
    COLOURS.map((colour, index) => `.c${index}{stroke:${colour[scheme]}}`).join('');
  return [
    'text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:600}.small{fill:#59636e}',
    '.line{fill:none;stroke-width:2;stroke-linejoin:round}.dashed{stroke-dasharray:5 4}',
    '.axis{stroke:#59636e;fill:none}.grid{stroke:#d1d9e0;fill:none}',
    strokes('light'),
    '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9aa4af}.axis{stroke:#9aa4af}.grid{stroke:#3d444d}',
    `${strokes('dark')}}`,
  ].join('');
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escapeXml(content)}</text>`;
}

function middleY(): number {
  return (TOP + HEIGHT - BOTTOM) / 2;
}

function numberText(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
