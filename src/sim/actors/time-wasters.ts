/** Actors that take others' time: unchoke-flapper changes its mind too often, slow-loris says and reads all too slowly. */
import { WireEncoder } from '../../protocol/wire/encoder.js';
import { Script } from './script.js';
import { Taker } from './takers.js';

/** storm: every millisecond · quick: ten times a second · sly: unchokes, and chokes as soon as it is asked, every two seconds. */
export class UnchokeFlapper extends Script {
  #isUnchoked = false;

  protected override onGreeted(): void {
    super.onGreeted();
    const { variant } = this.actor;
    this.every(variant === 'storm' ? 1 : variant === 'quick' ? 100 : 2000, () => this.#flap());
  }

  override onInterested(): void {}

  override onRequest(): void {
    if (this.actor.variant !== 'sly' || !this.#isUnchoked) return;
    this.#isUnchoked = false;
    this.peer.send((say) => say.choke());
  }

  #flap(): void {
    if (this.isBackedUp || (this.actor.variant === 'sly' && this.#isUnchoked)) return;
    this.#isUnchoked = !this.#isUnchoked;
    this.peer.send((say) => (this.#isUnchoked ? say.unchoke() : say.choke()));
  }
}

/**
 * handshake: a byte of it a second · messages: all it says, a byte every ten milliseconds · blocks: the head of each
 * block at once, the rest a byte a second · reads: asks for much, and hardly reads.
 */
export class SlowLoris extends Taker {
  /** What is to be said, a byte at a time. */
  readonly #unsaid: Uint8Array[] = [];
  #offset = 0;
  #isTrickling = false;

  protected override sayHello(): void {
    if (this.actor.variant === 'handshake')
      this.#trickle((say) => say.handshake(new Uint8Array(8), this.actor.infoHash, this.peer.peerId));
    else super.sayHello();
  }

  protected override sayWhatItHas(): void {
    if (this.actor.variant === 'reads') super.sayWhatItHas();
    else this.peer.send((say) => say.haveAll());
  }

  protected override onGreeted(): void {
    super.onGreeted();
    if (this.actor.variant === 'reads') this.every(5000, () => this.#readALittle());
  }

  override onInterested(): void {
    if (this.actor.variant === 'messages') this.#trickle((say) => say.unchoke());
    else super.onInterested();
  }

  override onUnchoke(): void {
    if (this.actor.variant !== 'reads') return;
    super.onUnchoke();
    this.peer.stream?.pause();
  }

  override onRequest(piece: number, begin: number, length: number): void {
    if (this.actor.variant === 'reads') return;
    const bytes = this.content(piece, begin, length);
    if (this.actor.variant === 'blocks') {
      if (this.#isTrickling) return;
      this.peer.send((say) => say.pieceHeader(piece, begin, length));
    } else this.#trickle((say) => say.pieceHeader(piece, begin, length));
    this.#trickleBytes(bytes);
  }

  #readALittle(): void {
    const { stream } = this.peer;
    stream?.resume();
    this.after(1, () => stream?.pause());
  }

  #trickle(words: (encoder: WireEncoder) => void): void {
    const encoder = new WireEncoder();
    words(encoder);
    this.#trickleBytes(encoder.take()!);
  }

  #trickleBytes(bytes: Uint8Array): void {
    this.#unsaid.push(bytes);
    if (this.#isTrickling) return;
    this.#isTrickling = true;
    this.#sayByte();
  }

  #sayByte(): void {
    const bytes = this.#unsaid[0];
    if (bytes === undefined) {
      this.#isTrickling = false;
      return;
    }
    this.peer.sendBytes(bytes.subarray(this.#offset, ++this.#offset));
    if (this.#offset === bytes.length) {
      this.#unsaid.shift();
      this.#offset = 0;
    }
    this.after(this.actor.variant === 'messages' ? 10 : 1000, () => this.#sayByte());
  }
}
