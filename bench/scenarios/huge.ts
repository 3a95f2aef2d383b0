/**
 * Torrents of unusual size between a seed and a downloader of ours, from nothing until a second after the first piece is
 * verified, and to the end of both: what either does in one step keeps its sockets, its RPC and its page waiting. The
 * longer of the two is told. Both have a state directory, as they have at home. The sizes do not depend on --mib.
 */
import { mkdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { downloadWithDtorrent, seedWithDtorrent } from '../clients/dtorrent.js';
import type { Figures, Scenario } from '../suite/scenario.js';
import type { Content } from '../workbench/content.js';
import { EventLoopWatch } from '../workbench/event-loop.js';
import { hybridOfFiles, hybridOfZeros } from '../workbench/huge-content.js';
import type { Workbench } from '../workbench/workbench.js';

const KIB = 1024;
const GIB = KIB ** 3;
const STEP_MS_MAX = 100;
const AFTER_FIRST_PIECE_MS = 1000;

export const HUGE_SCENARIOS: readonly Scenario[] = [
  hugeScenario('huge-sparse', '16 GiB, sparse', (bench) => hybridOfZeros(bench, { bytes: 16 * GIB, pieceBytes: null })),
  hugeScenario('huge-files', '10,000 files', (bench) => hybridOfFiles(bench, { count: 10_000, fileBytes: 16 * KIB })),
  hugeScenario('huge-pieces', '100,000 pieces', (bench) =>
    hybridOfZeros(bench, { bytes: 100_000 * 16 * KIB, pieceBytes: 16 * KIB }),
  ),
];

function hugeScenario(
  name: string,
  title: string,
  content: (bench: Workbench) => Content | Promise<Content>,
): Scenario {
  return {
    name,
    title,
    sides: [{ name: 'dtorrent', run: async (bench) => startUp(bench, await content(bench)) }],
    goals: [{ figure: 'stepMaxMs', bound: STEP_MS_MAX }],
  };
}

function startUp(bench: Workbench, content: Content): Promise<Figures> {
  return bench.withFolder(async (into) => {
    const seedLoop = new EventLoopWatch(bench);
    const seeding = await seedWithDtorrent(bench, content, { ...seedLoop.options, extra: stateIn(`${into}/seed`) });
    const loop = new EventLoopWatch(bench);
    const options = { ...loop.options, extra: stateIn(`${into}/state`) };
    const downloading = await downloadWithDtorrent(bench, content, `${into}/data`, [seeding.port], options);
    await downloading.process.match(/"bytesDone":[1-9]/);
    await wait(AFTER_FIRST_PIECE_MS);
    const usages = [await downloading.process.stop(), await seeding.stop()];
    const steps = [loop.read().maxMs, seedLoop.read().maxMs];
    console.error(`longest step: downloader ${steps[0]?.toFixed(0)} ms, seed ${steps[1]?.toFixed(0)} ms`);
    return { stepMaxMs: Math.max(...steps), rssMib: Math.max(...usages.map(({ rssMib }) => rssMib)) };
  });
}

/** The last of two options counts. */
function stateIn(path: string): string[] {
  mkdirSync(path, { recursive: true });
  return ['--state-dir', path];
}
