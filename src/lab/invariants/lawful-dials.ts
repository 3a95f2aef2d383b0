/**
 * Nobody is dialled who cannot be a peer, whoever named him: no port 0, no address of nobody or of everybody. Nor is a
 * machine or a network of ours on the word of a peer that is elsewhere (BEP 11); trackers may know of such. And a node does
 * not go on dialling itself.
 */
import { type Address, addressKey, formatHostPort, isDiallable } from '../../base/address.js';
import { isWithinReach } from '../../base/address-reach.js';
import { decodePex } from '../../protocol/wire/pex.js';
import type { Conversation } from '../conversation.js';
import type { LabLife } from '../lab-life.js';
import type { WireMessage } from '../wire-tap.js';
import type { Invariant } from './invariant.js';

export class LawfulDials implements Invariant {
  readonly name: string = 'dials are lawful';
  /** What peers named to each life that they cannot know. */
  readonly #lies = new WeakMap<LabLife, Set<string>>();
  /** How often each life has dialled itself. */
  readonly #ownDials = new WeakMap<LabLife, number>();

  onHeard({ life, own, stream }: Conversation, { kind, id, bytes }: WireMessage): string | null {
    if (kind !== 'extended' || id === 0 || id !== own.pexId) return null;
    for (const { address } of decodePex(bytes)?.added ?? []) {
      if (isWithinReach(address, stream.remote)) continue;
      const lies = this.#lies.get(life) ?? new Set();
      this.#lies.set(life, lies.add(addressKey(address)));
    }
    return null;
  }

  onDialled(life: LabLife, to: Address): string | null {
    const where = formatHostPort(to);
    if (!isDiallable(to)) return `it dials ${where}, where nobody can be`;
    if (this.#lies.get(life)?.has(addressKey(to)) === true) return `it dials ${where} on the word of a peer elsewhere`;
    if (to.host !== life.member.spec.ipv4 || to.port !== life.node.session.listenPort) return null;
    const count = (this.#ownDials.get(life) ?? 0) + 1;
    this.#ownDials.set(life, count);
    return count > 1 ? `it dials itself, ${where}, time number ${count}` : null;
  }
}
