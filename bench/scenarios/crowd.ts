/**
 * Many connections at once, on loopback, plain TCP: a download from 30 libtorrent seeds, without and with 100 peers that
 * are only there, and a seed that 30 downloaders take from. What counts is what the one client in the middle costs.
 */
import type { Client } from '../clients/client.js';
import { DTORRENT, downloadWithDtorrent, seedWithDtorrent } from '../clients/dtorrent.js';
import { LIBTORRENT, seedWithLibtorrent } from '../clients/libtorrent.js';
import { type Figures, type Goal, type Scenario, sidesOf } from '../suite/scenario.js';
import type { Content } from '../workbench/content.js';
import { programCommand } from '../workbench/programs.js';
import type { Workbench } from '../workbench/workbench.js';

const PIECE_BYTES = 1024 * 1024;
const SEEDS = 30;
const IDLE_PEERS = 100;
const DOWNLOADERS = 30;
/** More than there are downloaders: nobody waits for a turn, with either client. */
const UPLOAD_SLOTS = 40;
/** Each downloader takes this part of the content, from a place of its own; at 2 GiB they take 7.5 GiB in all. */
const SHARE = 1 / 8;

type Downloader = Pick<Client, 'name' | 'download'>;
type Seeder = Pick<Client, 'name' | 'seed'>;

/** As many connections as libtorrent allows without being asked: by default it is 100 for a torrent. */
const DTORRENT_WITH_ROOM: Downloader = {
  name: 'dtorrent',
  download: (bench, content, into, peers) =>
    downloadWithDtorrent(bench, content, into, peers, { extra: ['--max-peers', '200'] }),
};

const SEEDERS: readonly Seeder[] = [
  {
    name: 'dtorrent',
    seed: (bench, content) => seedWithDtorrent(bench, content, { extra: ['--upload-slots', String(UPLOAD_SLOTS)] }),
  },
  {
    name: 'libtorrent',
    seed: async (bench, content) => {
      const { ports, stop } = await seedWithLibtorrent(bench, content, { seeds: 1, uploadSlots: UPLOAD_SLOTS });
      return { port: ports[0]!, stop };
    },
  },
];

const DOWNLOAD_GOALS: readonly Goal[] = [{ figure: 'cpuSeconds', against: 'libtorrent', bound: 1 }];

export const CROWD_SCENARIOS: readonly Scenario[] = [
  {
    name: 'download-crowd',
    title: `download from ${SEEDS} seeds`,
    sides: sidesOf([DTORRENT, LIBTORRENT], (bench, client) => download(bench, client, 0)),
    goals: DOWNLOAD_GOALS,
  },
  {
    name: 'download-crowd-idle',
    title: `download from ${SEEDS} seeds, ${IDLE_PEERS} idle peers beside them`,
    sides: sidesOf([DTORRENT_WITH_ROOM, LIBTORRENT], (bench, client) => download(bench, client, IDLE_PEERS)),
    goals: DOWNLOAD_GOALS,
  },
  {
    name: 'seed-crowd',
    title: `seed to ${DOWNLOADERS} at once, an eighth of the content each`,
    sides: sidesOf(SEEDERS, seed),
    goals: [
      { figure: 'cpuSeconds', against: 'libtorrent', bound: 0.6 },
      { figure: 'rssMib', bound: 150 },
    ],
  },
];

async function download(bench: Workbench, client: Downloader, idlePeers: number): Promise<Figures> {
  const content = bench.contents.oneFile(bench.scale.mib, PIECE_BYTES);
  const seeds = await seedWithLibtorrent(bench, content, { seeds: SEEDS, uploadSlots: UPLOAD_SLOTS });
  const idle = await startIdlePeers(bench, content, idlePeers);
  return bench.withFolder(async (into) => {
    const downloading = await client.download(bench, content, into, [...seeds.ports, ...idle.ports]);
    const wallSeconds = await downloading.seconds();
    const { cpuSeconds, rssMib } = await downloading.end();
    await seeds.stop();
    await idle.stop();
    return { wallSeconds, cpuSeconds, rssMib };
  });
}

interface IdlePeers {
  readonly ports: readonly number[];
  /** @throws {Error} unless all of them were connected at one time. */
  stop(): Promise<void>;
}

async function startIdlePeers(bench: Workbench, content: Content, count: number): Promise<IdlePeers> {
  if (count === 0) return { ports: [], stop: async () => {} };
  const peers = bench.start(programCommand('idle-peers', [content.torrent, String(count)]));
  const ports = (await peers.match(/"ports":\[([\d,]+)\]/)).split(',').map(Number);
  const stop = async (): Promise<void> => {
    const connected = Number(await peers.match(/"connectedMax":(\d+)/));
    await peers.stop();
    if (connected !== count) throw new Error(`of ${count} idle peers ${connected} were connected`);
  };
  return { ports, stop };
}

async function seed(bench: Workbench, client: Seeder): Promise<Figures> {
  const content = bench.contents.oneFile(bench.scale.mib, PIECE_BYTES);
  const seeding = await client.seed(bench, content);
  const each = String(bench.scale.mib * SHARE);
  const drains = bench.start(
    programCommand('drains', [content.torrent, String(seeding.port), String(DOWNLOADERS), each]),
  );
  const wallSeconds = Number(await drains.match(/"seconds":([\d.]+)/));
  await drains.end();
  const { cpuSeconds, rssMib } = await seeding.stop();
  return { wallSeconds, cpuSeconds, rssMib };
}
