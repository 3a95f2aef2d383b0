/**
 * Trackers with a million peers in a hundred thousand swarms. The load is made on the same machine: on two cores it has
 * one, and the tracker the other. The rate is what the tracker answers of more than it can; CPU time an announce is the
 * measure that does not depend on what makes the load.
 */
import type { Figures, Scenario } from '../suite/scenario.js';
import type { Population } from '../trackers/peers.js';
import { DTORRENT_TRACKER, NPM_TRACKER, OPENTRACKER, type Tracker } from '../trackers/trackers.js';
import { programCommand } from '../workbench/programs.js';
import type { Workbench } from '../workbench/workbench.js';

interface Load extends Population {
  readonly seconds: number;
}

const FULL: Load = { peers: 1_000_000, swarms: 100_000, seconds: 10 };
const QUICK: Load = { peers: 50_000, swarms: 5000, seconds: 2 };
const TRACKERS = [DTORRENT_TRACKER, OPENTRACKER, NPM_TRACKER];

export const TRACKER_SCENARIOS: readonly Scenario[] = [
  {
    name: 'tracker-udp',
    title: 'tracker, 1 M peers, UDP',
    sides: sides('udp'),
    goals: [
      { figure: 'announcesPerSecond', against: NPM_TRACKER.name, bound: 3 },
      { figure: 'announcesPerSecond', against: OPENTRACKER.name, bound: 0.5 },
      { figure: 'cpuMicrosPerAnnounce', against: OPENTRACKER.name, bound: 2 },
      { figure: 'latencyP99Ms', bound: 5 },
      { figure: 'bytesPerPeer', bound: 120 },
    ],
  },
  {
    name: 'tracker-http',
    title: 'tracker, 1 M peers, HTTP',
    sides: sides('http'),
    goals: [{ figure: 'latencyP99Ms', bound: 5 }],
  },
];

function sides(protocol: 'udp' | 'http'): Scenario['sides'] {
  return TRACKERS.map((tracker) => ({
    name: tracker.name,
    run: (bench: Workbench) => measure(bench, tracker, protocol),
  }));
}

async function measure(bench: Workbench, tracker: Tracker, protocol: 'udp' | 'http'): Promise<Figures> {
  const load = bench.scale.hasFullMemory ? FULL : QUICK;
  const running = await tracker.start(bench, load);
  try {
    const args = [running.port, running.process.commandPid(), load.peers, load.swarms, load.seconds];
    const loading = bench.start(programCommand('tracker-load', [protocol, ...args.map(String)]));
    const figures: Figures = JSON.parse(await loading.match(/(\{"announcesPerSecond".*\})/));
    await loading.end();
    return figures;
  } finally {
    await running.process.stop();
  }
}
