/**
 * Actors that look like seeds and are none: what they send is wrong (corrupting-seed), nothing (never-sends), not what
 * was asked for (sends-unasked), or they lie about what they have (bitfield-liar).
 */
import { randomBelow } from '../../base/random.js';
import { encodeDontHave } from '../../protocol/wire/extension-messages.js';
import { Script } from './script.js';

const BLOCK_BYTES = 16_384;
/** How often those say something who say it again and again, and how much of it each time. */
const SAY_EVERY_MS = 100;
const SAID_AT_ONCE = 50;

/**
 * always: every byte wrong · sometimes: one block in eight, one byte of it · other-piece: what another piece has there ·
 * short-piece: the right bytes of the last piece, zeros behind its end, for every piece.
 */
export class CorruptingSeed extends Script {
  override onRequest(piece: number, begin: number, length: number): void {
    if (!this.isBackedUp) this.peer.block(piece, begin, this.#wrong(piece, begin, length));
  }

  #wrong(piece: number, begin: number, length: number): Uint8Array {
    const { variant, pieceCount } = this.actor;
    if (variant === 'other-piece' || variant === 'short-piece') {
      const other = variant === 'other-piece' ? (piece + 1) % pieceCount : pieceCount - 1;
      const bytes = new Uint8Array(length);
      bytes.set(this.content(other, begin, length));
      return bytes;
    }
    const bytes = this.content(piece, begin, length).slice();
    if (variant === 'sometimes') {
      if (randomBelow(this.random, 8) === 0) bytes[randomBelow(this.random, bytes.length)]! ^= 1;
    } else for (let i = 0; i < bytes.length; i++) bytes[i]! ^= 0xff;
    return bytes;
  }
}

/** silent: takes requests · rejects: refuses them · hostage: answers one a minute, rightly · chokes: as soon as it is asked. */
export class NeverSends extends Script {
  readonly #asked: (readonly [piece: number, begin: number, length: number])[] = [];

  protected override onGreeted(): void {
    super.onGreeted();
    if (this.actor.variant === 'hostage') this.every(60_000, () => this.#answerOne());
  }

  override onRequest(piece: number, begin: number, length: number): void {
    if (this.actor.variant === 'hostage') this.#asked.push([piece, begin, length]);
    else if (this.actor.variant === 'rejects') this.peer.send((say) => say.reject(piece, begin, length));
    else if (this.actor.variant === 'chokes') this.peer.send((say) => say.choke());
  }

  override onCancel(piece: number, begin: number): void {
    const index = this.#asked.findIndex((asked) => asked[0] === piece && asked[1] === begin);
    if (index >= 0) this.#asked.splice(index, 1);
  }

  #answerOne(): void {
    const asked = this.#asked.shift();
    if (asked !== undefined) this.peer.block(asked[0], asked[1], this.content(...asked));
  }
}

/**
 * right, wrong: blocks nobody asked for, besides those that were · twice: each block again · stubborn: late, and whatever
 * was cancelled meanwhile · odd: blocks that begin and end where none does, of pieces that there are not, and empty ones.
 */
export class SendsUnasked extends Script {
  protected override onGreeted(): void {
    super.onGreeted();
    const { variant } = this.actor;
    if (variant === 'right' || variant === 'wrong' || variant === 'odd')
      this.every(SAY_EVERY_MS, () => this.#sendOne());
  }

  override onRequest(piece: number, begin: number, length: number): void {
    if (this.isBackedUp) return;
    const answer = (): unknown => this.peer.block(piece, begin, this.content(piece, begin, length));
    if (this.actor.variant === 'stubborn') this.after(3000, answer);
    else answer();
    if (this.actor.variant === 'twice') answer();
  }

  #sendOne(): void {
    if (this.isBackedUp) return;
    const piece = randomBelow(this.random, this.actor.pieceCount);
    const bytes = this.actor.world.pieceBytes(piece);
    const begin = BLOCK_BYTES * randomBelow(this.random, Math.ceil(bytes.length / BLOCK_BYTES));
    if (this.actor.variant === 'odd') this.#sendOdd(piece, bytes);
    else if (this.actor.variant === 'right') this.peer.block(piece, begin, this.content(piece, begin, BLOCK_BYTES));
    else this.peer.block(piece, begin, new Uint8Array(this.content(piece, begin, BLOCK_BYTES).length));
  }

  #sendOdd(piece: number, bytes: Uint8Array): void {
    const { pieceCount } = this.actor;
    const choices = [
      () => this.peer.block(piece, 0, new Uint8Array(0)),
      () => this.peer.block(piece, 1, new Uint8Array(BLOCK_BYTES)),
      () => this.peer.block(piece, 0, new Uint8Array(1)),
      () => this.peer.block(piece, Math.max(0, bytes.length - 5), new Uint8Array(BLOCK_BYTES)),
      () => this.peer.block(piece, 0xffff_c000, new Uint8Array(BLOCK_BYTES)),
      () => this.peer.block(pieceCount, 0, new Uint8Array(BLOCK_BYTES)),
      () => this.peer.block(0xffff_ffff, 0, new Uint8Array(BLOCK_BYTES)),
      () => this.peer.block(piece, 0, new Uint8Array(8 * BLOCK_BYTES)),
    ];
    choices[randomBelow(this.random, choices.length)]!();
  }
}

/**
 * empty-handed: claims all, refuses each request and takes the piece back · spare-bits, wrong-length, too-late: bitfields
 * that are none · out-of-range: has a piece that there is not · haves: tells of the same pieces without end · fickle:
 * has pieces and has them not, without end.
 */
export class BitfieldLiar extends Script {
  protected override sayWhatItHas(): void {
    const { pieceCount, variant } = this.actor;
    const bytes = new Uint8Array(Math.ceil(pieceCount / 8));
    if (variant === 'spare-bits') this.peer.sendBitfield(bytes.fill(0xff).length * 8 === pieceCount ? [] : bytes);
    else if (variant === 'wrong-length') this.peer.sendBitfield(new Uint8Array(bytes.length + 1));
    else if (variant === 'empty-handed') this.peer.send((say) => say.haveAll());
    else {
      this.peer.send((say) => say.have(0));
      if (variant === 'too-late') this.peer.send((say) => say.haveAll());
      if (variant === 'out-of-range') this.peer.send((say) => say.have(pieceCount));
    }
  }

  protected override onGreeted(): void {
    super.onGreeted();
    const { variant } = this.actor;
    if (variant === 'haves' || variant === 'fickle') this.every(SAY_EVERY_MS, () => this.#sayPieces());
  }

  override onRequest(piece: number, begin: number, length: number): void {
    this.peer.send((say) => say.reject(piece, begin, length));
    if (this.actor.variant === 'empty-handed') this.sendExtended('lt_donthave', encodeDontHave(piece));
  }

  #sayPieces(): void {
    if (this.isBackedUp) return;
    for (let i = 0; i < SAID_AT_ONCE; i++) {
      const piece = randomBelow(this.random, this.actor.pieceCount);
      this.peer.send((say) => say.have(piece));
      if (this.actor.variant === 'fickle') this.sendExtended('lt_donthave', encodeDontHave(piece));
    }
  }
}
