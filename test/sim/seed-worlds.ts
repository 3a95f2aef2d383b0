/**
 * The worlds that CI runs, one a seed: small ones of every size, most of them with all faults. `npm run sim` replays each
 * by its options. A worker runs some of them and says one line of JSON about each.
 */
import { ALL_FAULTS } from '../../src/lab/fault-kinds.js';
import { LabSwarm, replayCommand } from '../../src/lab/lab-swarm.js';
import type { LabFailure } from '../../src/lab/lab-watch.js';
import { makeScenario, type ScenarioOptions } from '../../src/lab/scenario.js';

export const SEED_COUNT = 200;

/** What a worker says of one world. */
export interface SeedReport {
  readonly seed: number;
  readonly failure: LabFailure | null;
  readonly replay: string;
  readonly traceHash: string;
}

/** Every tenth has no faults, and each kind has worlds of its own. */
export function optionsOf(seed: number): ScenarioOptions {
  const alone = ALL_FAULTS[Math.floor(seed / 10) % ALL_FAULTS.length]!;
  const faults = seed % 10 === 0 ? [] : seed % 10 === 5 ? [alone] : ALL_FAULTS;
  return { seed, peers: 3 + (seed % 6), faults, minutes: 3 + (seed % 4) };
}

export function runSeed(seed: number): SeedReport {
  const scenario = makeScenario(optionsOf(seed));
  const { failure, traceHash } = new LabSwarm(scenario).run();
  return { seed, failure, replay: replayCommand(scenario), traceHash };
}
