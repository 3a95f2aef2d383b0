/** Hashing data that is all there against its torrent. The processes' whole time counts; the page cache is warm. */
import { join } from 'node:path';
import { SHARED } from '../../test/harness/repository.js';
import { commandLine } from '../clients/dtorrent.js';
import type { Figures, Scenario } from '../suite/scenario.js';
import type { Content } from '../workbench/content.js';
import { PYTHON } from '../workbench/measured.js';
import type { Workbench } from '../workbench/workbench.js';

const PIECE_BYTES = 1024 * 1024;
/** Two hash threads, and complete as soon as the last piece is. */
const LIBTORRENT_CHECK = join(SHARED, 'peers', 'lt_check.py');

export const RECHECK_SCENARIOS: readonly Scenario[] = [
  {
    name: 'recheck',
    title: 'recheck',
    sides: [
      {
        name: 'dtorrent',
        run: (bench) =>
          recheck(bench, ({ torrent, dataDirectory }) => commandLine(['verify', torrent, dataDirectory, '--json'])),
      },
      {
        name: 'libtorrent',
        run: (bench) =>
          recheck(bench, ({ torrent, dataDirectory }) => [PYTHON, LIBTORRENT_CHECK, torrent, dataDirectory]),
      },
    ],
    goals: [{ figure: 'wallSeconds', against: 'libtorrent', bound: 1 }],
  },
];

async function recheck(bench: Workbench, command: (content: Content) => string[]): Promise<Figures> {
  const content = bench.contents.oneFile(bench.scale.mib, PIECE_BYTES);
  bench.contents.readThrough(content.path);
  const { wallSeconds, cpuSeconds, rssMib } = await bench.start(command(content)).end();
  return { wallSeconds, cpuSeconds, rssMib };
}
