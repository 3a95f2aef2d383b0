/**
 * What goes wrong in a scenario, when and to whom: plain data, planned from the seed. Everything heals: after its `forMs`
 * each trouble is over, so that everybody can finish. Carried out by TroubleMaker.
 */
import { randomBelow, type SeededRandom } from '../base/random.js';
import type { RateLimits } from '../engine/settings.js';
import type { CrashKind } from '../sim/machine.js';
import type { FaultKind } from './fault-kinds.js';
import type { ScenarioMember } from './scenario.js';

/** `member`: its index. It is over after `forMs`, 0 = at once. */
export type Trouble = { readonly atMs: number; readonly forMs: number; readonly member: number } & (
  | { readonly what: 'pause' }
  | { readonly what: 'recheck' }
  | { readonly what: 'limits'; readonly limits: Required<RateLimits> }
  | { readonly what: 'leave' }
  /** After it has done `actions` more things to the world, or after a while. */
  | { readonly what: 'crash'; readonly actions: number; readonly how: CrashKind }
);

interface Plan {
  readonly members: readonly ScenarioMember[];
  readonly troubleMs: number;
  readonly faults: readonly FaultKind[];
}

/** Draws one trouble of a kind; `atMs` and `forMs` are drawn for it. */
type Draw = (random: SeededRandom, common: { atMs: number; forMs: number; member: number }, plan: Plan) => Trouble;

const DRAWS: Readonly<Record<FaultKind, Draw>> = {
  api: (random, common, plan) => {
    const what = randomBelow(random, 3);
    if (what === 0) return { ...common, what: 'pause' };
    if (what === 1) return { ...common, forMs: 0, what: 'recheck' };
    const { upBytesPerMs } = plan.members[common.member]!;
    const limit = (): number => Math.ceil(upBytesPerMs * 1000 * (0.1 + randomBelow(random, 100) / 100));
    return { ...common, what: 'limits', limits: { downloadLimit: limit(), uploadLimit: limit() } };
  },
  leave: (_random, common) => ({ ...common, what: 'leave' }),
  crash: (random, common) => ({ ...common, what: 'crash', actions: randomBelow(random, 300), how: 'killed' }),
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
      all.push(DRAWS[kind](own, { atMs, forMs, member }, plan));
    }
  }
  return all.sort((a, b) => a.atMs - b.atMs);
}
