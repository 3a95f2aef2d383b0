/** One seed and one libtorrent downloader on loopback, plain TCP. What counts is what the seed costs. */
import type { Client } from '../clients/client.js';
import { DTORRENT } from '../clients/dtorrent.js';
import { LIBTORRENT } from '../clients/libtorrent.js';
import { type Figures, type Scenario, sidesOf } from '../suite/scenario.js';
import type { Workbench } from '../workbench/workbench.js';

const PIECE_BYTES = 1024 * 1024;

export const SEED_SCENARIOS: readonly Scenario[] = [
  {
    name: 'seed',
    title: 'seed to one',
    sides: sidesOf([DTORRENT, LIBTORRENT], seed),
    goals: [
      { figure: 'cpuSeconds', against: 'libtorrent', bound: 0.6 },
      { figure: 'rssMib', bound: 150 },
    ],
  },
];

async function seed(bench: Workbench, client: Client): Promise<Figures> {
  const content = bench.contents.oneFile(bench.scale.mib, PIECE_BYTES);
  const seeding = await client.seed(bench, content);
  return bench.withFolder(async (into) => {
    const downloading = await LIBTORRENT.download(bench, content, into, [seeding.port]);
    const wallSeconds = await downloading.seconds();
    await downloading.end();
    const { cpuSeconds, rssMib } = await seeding.stop();
    return { wallSeconds, cpuSeconds, rssMib };
  });
}
