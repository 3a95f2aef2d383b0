/**
 * What goes wrong in a scenario, when and to whom: plain data, planned from the seed. Everything heals: after its `forMs`
 * each trouble is over, so that everybody can finish. Carried out by TroubleMaker.
 */
import { randomBelow, type SeededRandom } from '../base/random.js';
import type { RateLimits } from '../engine/settings.js';
import type { CrashKind } from '../sim/machine.js';
import { HTTP_TRACKER_TROUBLES, type TrackerTrouble, UDP_TRACKER_TROUBLES } from '../sim/trackers/tracker-trouble.js';
import type { FaultKind } from './fault-kinds.js';
import type { ScenarioMember, ScenarioTracker } from './scenario.js';

/** When a trouble happens, and to whom. */
export interface TroubleTime {
  /** Virtual ms since the start. */
  readonly atMs: number;
  /** It is over after that; 0 = at once. */
  readonly forMs: number;
  /** Index of the member that it happens to. */
  readonly member: number;
}

/** One thing that goes wrong; `what` says which. */
export type Trouble = TroubleTime &
  (
    | { readonly what: 'pause' }
    | { readonly what: 'recheck' }
    | { readonly what: 'limits'; readonly limits: Required<RateLimits> }
    /** A few files only are wanted; `choice` has a bit a file. */
    | { readonly what: 'select'; readonly choice: number }
    | { readonly what: 'leave' }
    /** After it has done `actions` more things to the world, or after a while. */
    | { readonly what: 'crash'; readonly actions: number; readonly how: CrashKind }
    /** Between those whose bit is set in `side`, by index modulo 31, and the others. */
    | { readonly what: 'partition'; readonly side: number }
    /** Of its connections, this share. */
    | { readonly what: 'reset'; readonly share: number }
    /** No more than so many bytes fit on the disk beyond what is there. */
    | { readonly what: 'full'; readonly roomBytes: number }
    | { readonly what: 'disk-errors'; readonly ratio: number }
    | { readonly what: 'rot'; readonly bytes: number }
    | { readonly what: 'tracker'; readonly tracker: number; readonly trouble: TrackerTrouble }
    | { readonly what: 'clock'; readonly seconds: number }
  );

interface Plan {
  readonly members: readonly ScenarioMember[];
  readonly trackers: readonly ScenarioTracker[];
  readonly troubleMs: number;
  readonly totalBytes: number;
  readonly faults: readonly FaultKind[];
}

/** Draws one trouble of a kind, for which `common` has been drawn. @returns null when there is nothing to do it to. */
type Draw = (random: SeededRandom, common: TroubleTime, plan: Plan) => Trouble | null;

const NOTHING: Draw = () => null; // it is in the scenario from the start

const DRAWS: Readonly<Record<FaultKind, Draw>> = {
  api: drawApi,
  leave: (_random, common) => ({ ...common, what: 'leave' }),
  crash: (random, common) => ({ ...common, what: 'crash', actions: randomBelow(random, 300), how: 'killed' }),
  power: (random, common) => ({ ...common, what: 'crash', actions: randomBelow(random, 300), how: 'power' }),
  partition: (random, common) => ({ ...common, what: 'partition', side: random.uint32() }),
  reset: (random, common) => ({ ...common, forMs: 0, what: 'reset', share: (1 + randomBelow(random, 4)) / 4 }),
  loss: NOTHING,
  cutting: NOTHING,
  slow: NOTHING,
  nat: NOTHING,
  full: (random, common, { totalBytes }) => ({ ...common, what: 'full', roomBytes: randomBelow(random, totalBytes) }),
  disk: (random, common) => ({ ...common, what: 'disk-errors', ratio: (1 + randomBelow(random, 50)) / 100 }),
  // Not of the one that everybody can get everything from.
  rot: (random, common) =>
    common.member === 0 ? null : { ...common, forMs: 0, what: 'rot', bytes: 1 + randomBelow(random, 3) },
  tracker: drawTrackerTrouble,
  hostile: NOTHING,
  clock: (random, common) => ({ ...common, what: 'clock', seconds: randomBelow(random, 20_000_000) - 10_000_000 }),
};

export function planTrouble(random: SeededRandom, plan: Plan): readonly Trouble[] {
  const all: Trouble[] = [];
  for (const kind of plan.faults) {
    const own = random.split();
    const count = 1 + randomBelow(own, plan.members.length);
    for (let i = 0; i < count; i++) {
      const member = randomBelow(own, plan.members.length);
      const atMs = randomBelow(own, plan.troubleMs);
      const forMs = 1000 + randomBelow(own, plan.troubleMs / 4);
      const trouble = DRAWS[kind](own, { atMs, forMs, member }, plan);
      if (trouble !== null) all.push(trouble);
    }
  }
  return all.sort((a, b) => a.atMs - b.atMs);
}

function drawApi(random: SeededRandom, common: TroubleTime, { members }: Plan): Trouble {
  switch (randomBelow(random, 4)) {
    case 0:
      return { ...common, what: 'pause' };
    case 1:
      return { ...common, forMs: 0, what: 'recheck' };
    case 2:
      return { ...common, what: 'select', choice: random.uint32() };
    default: {
      const rate = members[common.member]!.upBytesPerMs * 1000;
      const limit = (): number => Math.ceil(rate * (0.1 + randomBelow(random, 100) / 100));
      return { ...common, what: 'limits', limits: { downloadLimit: limit(), uploadLimit: limit() } };
    }
  }
}

function drawTrackerTrouble(random: SeededRandom, common: TroubleTime, { trackers }: Plan): Trouble | null {
  if (trackers.length === 0) return null;
  const tracker = randomBelow(random, trackers.length);
  const choices = trackers[tracker]!.kind === 'http' ? HTTP_TRACKER_TROUBLES : UDP_TRACKER_TROUBLES;
  return { ...common, what: 'tracker', tracker, trouble: choices[randomBelow(random, choices.length)]! };
}
