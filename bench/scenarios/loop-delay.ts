/**
 * The download of one seed at full speed, and how long the main thread is busy at a time meanwhile: what everything else
 * on that thread, such as an answer to somebody who asks how far it is, has to wait for.
 */
import { downloadWithDtorrent } from '../clients/dtorrent.js';
import { LIBTORRENT } from '../clients/libtorrent.js';
import type { Figures, Scenario } from '../suite/scenario.js';
import { EventLoopWatch } from '../workbench/event-loop.js';
import type { Workbench } from '../workbench/workbench.js';

const PIECE_BYTES = 1024 * 1024;

export const LOOP_DELAY_SCENARIOS: readonly Scenario[] = [
  {
    name: 'loop-delay',
    title: 'event loop during a download',
    sides: [{ name: 'dtorrent', run: download }],
    goals: [{ figure: 'delayP99Ms', bound: 20 }],
  },
];

async function download(bench: Workbench): Promise<Figures> {
  const content = bench.contents.oneFile(bench.scale.mib, PIECE_BYTES);
  const seeding = await LIBTORRENT.seed(bench, content);
  const watch = new EventLoopWatch(bench);
  return bench.withFolder(async (into) => {
    const downloading = await downloadWithDtorrent(bench, content, into, [seeding.port], watch.options);
    const wallSeconds = await downloading.seconds();
    await downloading.end();
    await seeding.stop();
    const { p99Ms, maxMs } = watch.read();
    return { wallSeconds, delayP99Ms: p99Ms, stepMaxMs: maxMs };
  });
}
