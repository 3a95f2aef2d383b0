/**
 * The actor that lies by peer exchange (BEP 11), and serves well otherwise, so that it is listened to.
 * garbage: messages that are none, lists that are cut off · crowd: hundreds of dead addresses a second · aimed: the same
 * honest nodes at ports where they do not listen, and the listener itself.
 */
import { type Address, toCompact } from '../../base/address.js';
import { concatBytes, fromLatin1 } from '../../base/bytes.js';
import { randomBelow } from '../../base/random.js';
import { encodeBencode } from '../../format/bencode.js';
import { Script } from './script.js';

const SAY_EVERY_MS = 1000;
const CROWD = 500;
const AIMED = 50;

export class PexLiar extends Script {
  protected override onGreeted(): void {
    super.onGreeted();
    this.every(SAY_EVERY_MS, () => this.#say());
  }

  override onRequest(piece: number, begin: number, length: number): void {
    if (!this.isBackedUp) this.peer.block(piece, begin, this.content(piece, begin, length));
  }

  #say(): void {
    if (this.isBackedUp) return;
    const { variant } = this.actor;
    if (variant === 'garbage') this.sendExtended('ut_pex', this.#garbage());
    else this.sendExtended('ut_pex', pexOf(variant === 'crowd' ? this.#crowd() : this.#aimed()));
  }

  #garbage(): Uint8Array {
    const noise = new Uint8Array(randomBelow(this.random, 500));
    this.random.fill(noise);
    const choices = [
      noise,
      fromLatin1('de'),
      fromLatin1('d5:added'),
      fromLatin1('d5:addedi-1ee'),
      encodeBencode({ added: noise, 'added.f': new Uint8Array(1), added6: noise, dropped: noise, dropped6: noise }),
      encodeBencode({ added: [], 'added.f': 7, dropped: { a: 1 } }),
    ];
    return choices[randomBelow(this.random, choices.length)]!;
  }

  #crowd(): Address[] {
    return Array.from({ length: CROWD }, () => {
      const word = this.random.uint32();
      const host = `198.${18 + (word & 1)}.${(word >>> 1) & 255}.${(word >>> 9) & 255}`;
      return { family: 4, host, port: word >>> 17 };
    });
  }

  #aimed(): Address[] {
    const peers = [...this.actor.world.peers(), this.actor.address];
    return Array.from({ length: AIMED }, () => {
      const peer = peers[randomBelow(this.random, peers.length)]!;
      return { ...peer, port: 1 + randomBelow(this.random, 65_535) };
    });
  }
}

function pexOf(peers: readonly Address[]): Uint8Array {
  const added = concatBytes(peers.filter(({ family }) => family === 4).map(toCompact));
  const added6 = concatBytes(peers.filter(({ family }) => family === 6).map(toCompact));
  return encodeBencode({ added, 'added.f': new Uint8Array(added.length / 6), added6, dropped: new Uint8Array(0) });
}
