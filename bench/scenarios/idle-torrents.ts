/**
 * Thousands of small torrents that seed and that nobody asks for: how long they take to start from what an earlier run
 * left, the memory of each, and what they cost while nothing happens. Each side is a program that embeds the library;
 * it tells the figures itself, as they are about parts of its life. Trackers are off.
 */
import { join } from 'node:path';
import { REPOSITORY } from '../../test/harness/repository.js';
import type { Figures, Scenario, Side } from '../suite/scenario.js';
import { PYTHON } from '../workbench/measured.js';
import { programCommand } from '../workbench/programs.js';
import type { Workbench } from '../workbench/workbench.js';

const COUNT = 5000;
/** V8 and the allocators put off giving back what a start needed; then it is done, and nothing else is. */
const SETTLE_SECONDS = 40;
const IDLE_SECONDS = 20;
const DTORRENT_PROGRAM = programCommand('idle-torrents', []);
const LIBTORRENT_PROGRAM = [PYTHON, join(REPOSITORY, 'bench', 'clients', 'idle_torrents.py')];

export const IDLE_TORRENTS_SCENARIOS: readonly Scenario[] = [
  {
    name: 'idle-torrents',
    title: `${COUNT} idle torrents`,
    sides: [side('dtorrent', DTORRENT_PROGRAM), side('libtorrent', LIBTORRENT_PROGRAM)],
    goals: [
      { figure: 'startMs', bound: 2000 },
      { figure: 'memoryPerTorrentKib', bound: 12 },
      { figure: 'idleCpuPercent', bound: 2 },
    ],
  },
];

function side(name: string, program: readonly string[]): Side {
  return { name, run: (bench) => measure(bench, program) };
}

async function measure(bench: Workbench, program: readonly string[]): Promise<Figures> {
  const folder = await bench.contents.madeOnce('idle-torrents', (path) => prepare(bench, path));
  const measuring = bench.start([...program, 'measure', folder, String(SETTLE_SECONDS), String(IDLE_SECONDS)]);
  const figures: Figures = JSON.parse(await measuring.match(/(\{"startMs".*\})/));
  await measuring.end();
  return figures;
}

/** Torrents, their files, and the state that an earlier run of each side has left. */
async function prepare(bench: Workbench, folder: string): Promise<void> {
  await bench.start([...LIBTORRENT_PROGRAM, 'make', folder, String(COUNT)]).end();
  for (const program of [LIBTORRENT_PROGRAM, DTORRENT_PROGRAM]) {
    await bench.start([...program, 'prepare', folder]).end();
  }
  bench.settle();
}
