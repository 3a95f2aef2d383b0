/**
 * A swarm of one client: a seed and seven downloaders on loopback that know of each other, plain TCP. Wall time is the
 * benchmark's, from the start of the first downloader's process (all start together) until the last has everything, so
 * that each client's start-up counts. CPU is that of all eight processes, peak RSS that of the largest.
 */
import { freePorts } from '../../test/harness/ports.js';
import type { Client } from '../clients/client.js';
import { joinWithDtorrent, seedWithDtorrent } from '../clients/dtorrent.js';
import { LIBTORRENT } from '../clients/libtorrent.js';
import { type Figures, type Scenario, sidesOf } from '../suite/scenario.js';
import type { Workbench } from '../workbench/workbench.js';

const PIECE_BYTES = 1024 * 1024;
const DOWNLOADERS = 7;
/** All of them write all of it: that much less, so that it stays in the page cache. */
const SHARE_OF_SCALE = 4;

/**
 * Nobody waits for a turn, with either client: libtorrent gives peers of local networks a slot beside those it counts.
 * With these and the one by chance there is one for each of the others.
 */
const SLOTS = ['--upload-slots', String(DOWNLOADERS - 1)];

type Swarmer = Pick<Client, 'name' | 'seed' | 'join'>;

const DTORRENT: Swarmer = {
  name: 'dtorrent',
  seed: (bench, content) => seedWithDtorrent(bench, content, { extra: SLOTS }),
  join: (bench, content, into, options) => joinWithDtorrent(bench, content, into, { ...options, extra: SLOTS }),
};

export const SWARM_SCENARIOS: readonly Scenario[] = [
  {
    name: 'swarm',
    title: `swarm of ${DOWNLOADERS + 1}, a quarter of the content`,
    sides: sidesOf([DTORRENT, LIBTORRENT], swarm),
    goals: [
      { figure: 'wallSeconds', against: 'libtorrent', bound: 1 },
      { figure: 'cpuSeconds', against: 'libtorrent', bound: 1 },
    ],
  },
];

async function swarm(bench: Workbench, client: Swarmer): Promise<Figures> {
  const content = bench.contents.oneFile(Math.ceil(bench.scale.mib / SHARE_OF_SCALE), PIECE_BYTES);
  const ports = await freePorts(DOWNLOADERS);
  const seeding = await client.seed(bench, content);
  return bench.withFolders(DOWNLOADERS, async (folders) => {
    const startedAtMs = performance.now();
    const joined = ports.map((port, index) => {
      const peers = [seeding.port, ...ports.filter((other) => other !== port)];
      return client.join(bench, content, folders[index]!, { port, peers });
    });
    await Promise.all(joined.map((member) => member.completed()));
    const wallSeconds = (performance.now() - startedAtMs) / 1000;
    const usages = await Promise.all([seeding, ...joined].map((member) => member.stop()));
    return {
      wallSeconds,
      cpuSeconds: usages.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
      rssMib: Math.max(...usages.map(({ rssMib }) => rssMib)),
    };
  });
}
