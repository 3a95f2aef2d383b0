/**
 * Actors that take: fake-progress, and the taking part of others. They want everything, ask for what the other side has
 * while it lets them, and give nothing.
 */
import { randomBelow } from '../../base/random.js';
import { Script } from './script.js';

const BLOCK_BYTES = 16_384;
const ASKED_AT_ONCE = 16;
const PROGRESS_EVERY_MS = 500;

export class Taker extends Script {
  isUnchoked = false;
  readonly #has: Uint8Array = new Uint8Array(this.actor.pieceCount);
  #asked = 0;

  protected override sayWhatItHas(): void {
    this.peer.send((say) => {
      say.haveNone();
      say.interested();
    });
  }

  /** @returns a piece that the other side has; -1 = it has told of none. */
  protected choosePiece(): number {
    const { pieceCount } = this.actor;
    const start = randomBelow(this.random, pieceCount);
    for (let i = 0; i < pieceCount; i++) if (this.#has[(start + i) % pieceCount] === 1) return (start + i) % pieceCount;
    return -1;
  }

  /** Asks for a random block of what the other side has. */
  protected ask(): void {
    const piece = this.choosePiece();
    if (piece < 0) return;
    const bytes = this.actor.world.pieceBytes(piece).length;
    const begin = BLOCK_BYTES * randomBelow(this.random, Math.ceil(bytes / BLOCK_BYTES));
    this.peer.send((say) => say.request(piece, begin, Math.min(BLOCK_BYTES, bytes - begin)));
    this.#asked++;
  }

  protected askOn(): void {
    while (this.isUnchoked && this.#asked < ASKED_AT_ONCE && this.choosePiece() >= 0) this.ask();
  }

  override onUnchoke(): void {
    this.isUnchoked = true;
    this.askOn();
  }

  override onChoke(): void {
    this.isUnchoked = false;
    this.#asked = 0;
  }

  override onHave(piece: number): void {
    this.#has[piece] = 1;
    this.askOn();
  }

  override onHaveAll(): void {
    this.#has.fill(1);
  }

  override onBitfield(bytes: Uint8Array): void {
    for (let piece = 0; piece < this.#has.length; piece++) {
      if ((bytes[piece >>> 3]! & (0x80 >>> (piece & 7))) !== 0) this.#has[piece] = 1;
    }
  }

  override onBlockEnd(): void {
    this.#asked = Math.max(0, this.#asked - 1);
    this.askOn();
  }

  override onReject(): void {
    this.#asked = Math.max(0, this.#asked - 1);
  }
}

/** free-rider: never tells of a piece · boaster: tells of pieces that it has not, one after the other, and refuses them. */
export class FakeProgress extends Taker {
  #told = 0;

  protected override onGreeted(): void {
    super.onGreeted();
    if (this.actor.variant === 'boaster') this.every(PROGRESS_EVERY_MS, () => this.#boast());
  }

  override onRequest(piece: number, begin: number, length: number): void {
    this.peer.send((say) => say.reject(piece, begin, length));
  }

  #boast(): void {
    if (this.#told < this.actor.pieceCount) this.peer.send((say) => say.have(this.#told++));
  }
}
