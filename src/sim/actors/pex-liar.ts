/**
 * The actor that lies by peer exchange (BEP 11), and serves well otherwise, so that it is listened to.
 * garbage: messages that are none, lists that are cut off · crowd: hundreds of dead addresses a second · aimed: the same
 * honest nodes at ports where they do not listen, and the listener itself · forbidden: addresses that nobody may dial on the
 * word of a stranger, and the listener's own.
 */
import { type Address, makeAddress, toCompact } from '../../base/address.js';
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
    else if (variant === 'crowd') this.sendExtended('ut_pex', pexOf(this.#crowd()));
    else this.sendExtended('ut_pex', pexOf(variant === 'aimed' ? this.#aimed() : this.#forbidden()));
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

  /** And those that exist, at port 0. */
  #forbidden(): Address[] {
    const peers = this.actor.world.peers();
    const port = 1 + randomBelow(this.random, 65_535);
    return [
      ...FORBIDDEN.map((host) => makeAddress(host, port)!),
      ...peers.map((peer) => ({ ...peer, port: 0 })),
      ...(this.peer.stream === null ? [] : [{ ...this.peer.stream.remote, port: peers[0]?.port ?? port }]),
    ];
  }
}

/** This machine, the networks that it is in, nobody, and everybody. */
const FORBIDDEN: readonly string[] = [
  '127.0.0.1',
  '127.255.0.9',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.0.1',
  '100.64.0.1',
  '169.254.0.1',
  '0.0.0.0',
  '0.1.2.3',
  '224.0.0.1',
  '239.192.152.143',
  '255.255.255.255',
  '::',
  '::1',
  'fe80::1',
  'fd00::1',
  'ff02::1',
];

function pexOf(peers: readonly Address[]): Uint8Array {
  const added = concatBytes(peers.filter(({ family }) => family === 4).map(toCompact));
  const added6 = concatBytes(peers.filter(({ family }) => family === 6).map(toCompact));
  return encodeBencode({ added, 'added.f': new Uint8Array(added.length / 6), added6, dropped: new Uint8Array(0) });
}
