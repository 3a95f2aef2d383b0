/** One downloader and one libtorrent seed on loopback, plain TCP, with small, usual and large pieces. */
import { ARIA2 } from '../clients/aria2.js';
import type { Client } from '../clients/client.js';
import { DTORRENT } from '../clients/dtorrent.js';
import { LIBTORRENT } from '../clients/libtorrent.js';
import { WEBTORRENT } from '../clients/webtorrent.js';
import { type Figures, type Goal, type Scenario, sidesOf } from '../suite/scenario.js';
import type { Workbench } from '../workbench/workbench.js';

const KIB = 1024;
const MIB = 1024 * KIB;

type Downloader = Pick<Client, 'name' | 'download'>;

export const DOWNLOAD_SCENARIOS: readonly Scenario[] = [
  downloadScenario(
    'download',
    MIB,
    [DTORRENT, LIBTORRENT, ARIA2, WEBTORRENT],
    [
      { figure: 'cpuSeconds', against: 'libtorrent', bound: 0.9 },
      { figure: 'wallSeconds', against: 'libtorrent', bound: 1 },
      { figure: 'wallSeconds', against: 'webtorrent', bound: 0.2 },
      { figure: 'rssMib', bound: 120 },
    ],
  ),
  downloadScenario(
    'download-256k',
    256 * KIB,
    [DTORRENT, LIBTORRENT],
    [
      { figure: 'cpuSeconds', against: 'libtorrent', bound: 1 },
      { figure: 'rssMib', bound: 150 },
    ],
  ),
  downloadScenario(
    'download-16m',
    16 * MIB,
    [DTORRENT, LIBTORRENT],
    [
      { figure: 'cpuSeconds', against: 'libtorrent', bound: 1 },
      { figure: 'rssMib', bound: 150 },
    ],
  ),
];

function downloadScenario(
  name: string,
  pieceBytes: number,
  downloaders: readonly Downloader[],
  goals: readonly Goal[],
): Scenario {
  const pieces = pieceBytes < MIB ? `${pieceBytes / KIB} KiB` : `${pieceBytes / MIB} MiB`;
  const sides = sidesOf(downloaders, (bench, client) => download(bench, client, pieceBytes));
  return { name, title: `download, ${pieces} pieces`, sides, goals };
}

async function download(bench: Workbench, client: Downloader, pieceBytes: number): Promise<Figures> {
  const content = bench.contents.oneFile(bench.scale.mib, pieceBytes);
  const seeding = await LIBTORRENT.seed(bench, content);
  return bench.withFolder(async (into) => {
    const downloading = await client.download(bench, content, into, [seeding.port]);
    const wallSeconds = await downloading.seconds();
    const { cpuSeconds, rssMib } = await downloading.end();
    await seeding.stop();
    return { wallSeconds, cpuSeconds, rssMib };
  });
}
