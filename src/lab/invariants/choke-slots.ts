/**
 * Not more interested peers are unchoked than there are slots. One that was unchoked before it became interested uses
 * none, until the next round decides: those are counted that have been both for longer than a round.
 */
import type { LabLife } from '../lab-life.js';
import type { Invariant } from './invariant.js';

/** A round is due with the first tick after its time. */
const TICK_MS = 2000;

export class ChokeSlots implements Invariant {
  readonly name: string = 'choke slots are kept';
  /** Of each life's peers that are unchoked and interested, by address: since when. */
  readonly #sinceMs = new WeakMap<LabLife, ReadonlyMap<string, number>>();

  onLook(life: LabLife, nowMs: number): string | null {
    const { torrent } = life;
    if (torrent === null) return null;
    const { session } = life.node;
    const { uploadSlots, optimisticSlots, chokeRoundMs } = session.context.settings;
    const before = this.#sinceMs.get(life);
    const sinceMs = new Map<string, number>();
    let longUnchoked = 0;
    for (const { address, isChokedByUs, isInterested } of session.peers(torrent)) {
      if (isChokedByUs || !isInterested) continue;
      const since = before?.get(address) ?? nowMs;
      sinceMs.set(address, since);
      if (nowMs - since > chokeRoundMs + TICK_MS) longUnchoked++;
    }
    this.#sinceMs.set(life, sinceMs);
    if (longUnchoked <= uploadSlots + optimisticSlots) return null;
    return `${longUnchoked} interested peers have been unchoked for longer than a round, and there are ${uploadSlots}+${optimisticSlots} slots`;
  }
}
