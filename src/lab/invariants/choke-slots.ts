/**
 * Not more interested peers are unchoked than there are slots. One that was unchoked before it became interested uses
 * none, until the next round decides: what is too many has to be so for longer than a round.
 */
import type { LabLife } from '../lab-life.js';
import type { Invariant } from './invariant.js';

/** A round is due with the first tick after its time. */
const TICK_MS = 2000;

export class ChokeSlots implements Invariant {
  readonly name: string = 'choke slots are kept';
  readonly #tooManySinceMs = new WeakMap<LabLife, number>();

  onLook(life: LabLife, nowMs: number): string | null {
    const { torrent } = life;
    if (torrent === null) return null;
    const { session } = life.node;
    const { uploadSlots, optimisticSlots, chokeRoundMs } = session.context.settings;
    let unchoked = 0;
    for (const peer of session.peers(torrent)) if (!peer.isChokedByUs && peer.isInterested) unchoked++;
    if (unchoked <= uploadSlots + optimisticSlots) {
      this.#tooManySinceMs.delete(life);
      return null;
    }
    const sinceMs = this.#tooManySinceMs.get(life) ?? nowMs;
    this.#tooManySinceMs.set(life, sinceMs);
    if (nowMs - sinceMs <= chokeRoundMs + TICK_MS) return null;
    return `${unchoked} interested peers have been unchoked for ${nowMs - sinceMs} ms, and there are ${uploadSlots}+${optimisticSlots} slots`;
  }
}
