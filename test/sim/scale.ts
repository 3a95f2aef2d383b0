/**
 * Runs a swarm of production engines in virtual time to its last copy and says what it looked like.
 * usage: npm run sim:scale -- [--peers 200] [--mib 16] [--piece 65536] [--links same|different] [--up 1000] [--free-riders 0.2]
 *        [--addresses 25] [--pex] [--seed 1] [--seeds 5] [--json report.json] [--plots directory] [--progress]
 * `--up` is the uplink of a peer in bytes per ms, the mean of them for different links. `--seeds N` runs N swarms, of seeds `--seed` and up, one after the other. The plots are of the first.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { reportTable, reportText } from '../../src/lab/report/report-text.js';
import { swarmPlots } from '../../src/lab/report/swarm-plots.js';
import type { SwarmReport } from '../../src/lab/report/swarm-report.js';
import type { ScaleScenario } from '../../src/lab/scale/scale-scenario.js';
import { ScaleSwarm } from '../../src/lab/scale/scale-swarm.js';

const MIB = 1024 * 1024;

const options = parseArgs({
  options: {
    peers: { type: 'string', default: '200' },
    mib: { type: 'string', default: '16' },
    piece: { type: 'string', default: '65536' },
    links: { type: 'string', default: 'same' },
    up: { type: 'string', default: '1000' },
    'free-riders': { type: 'string', default: '0' },
    addresses: { type: 'string', default: '25' },
    pex: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    json: { type: 'string', default: '' },
    plots: { type: 'string', default: '' },
    progress: { type: 'boolean', default: false },
  },
}).values;

const reports: SwarmReport[] = [];
const first = Number(options.seed);
for (let seed = first; seed < first + Number(options.seeds); seed++) {
  const report = runOnce({
    seed,
    peers: Number(options.peers),
    contentBytes: Number(options.mib) * MIB,
    pieceLength: Number(options.piece),
    links: options.links === 'different' ? 'different' : 'same',
    upBytesPerMs: Number(options.up),
    freeRiderShare: Number(options['free-riders']),
    addressesPerPeer: Number(options.addresses),
    hasPex: options.pex,
  });
  reports.push(report);
}
if (reports.length > 1) console.log(reportTable(reports));
if (options.json !== '') writeFileSync(options.json, JSON.stringify(reports));
if (options.plots !== '') {
  mkdirSync(options.plots, { recursive: true });
  for (const [name, svg] of swarmPlots(reports[0]!)) writeFileSync(join(options.plots, `${name}.svg`), svg);
}

function runOnce(scenario: ScaleScenario): SwarmReport {
  const startedAt = performance.now();
  const swarm = new ScaleSwarm(scenario);
  const report = swarm.run((meter, nowMs) => {
    if (!options.progress) return;
    const { doneShare, copiesMin, supplyShare } = meter.samples.at(-1)!;
    const wall = (performance.now() - startedAt) / 1000;
    console.error(
      `${(nowMs / 1000).toFixed(1)} s  wall ${wall.toFixed(1)} s  done ${(100 * doneShare).toFixed(1)} %  rarest ${copiesMin}  uplinks ${(100 * supplyShare).toFixed(0)} %`,
    );
  });
  const cpuSeconds = (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
  const wallSeconds = (performance.now() - startedAt) / 1000;
  const gib = report.peers.reduce((sum, peer) => sum + peer.downloadedBytes, 0) / 1024 ** 3;
  const rssMib = process.resourceUsage().maxRSS / 1024;
  console.log(reportText(report));
  console.log(
    `run              ${wallSeconds.toFixed(1)} s of wall time, ${cpuSeconds.toFixed(1)} s of CPU, ${(cpuSeconds / gib).toFixed(2)} s per GiB, peak RSS ${rssMib.toFixed(0)} MiB\n`,
  );
  return report;
}
