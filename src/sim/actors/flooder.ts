/** The actor that says too much: thousands of messages a second, allowed and not, until it is let go. */
import { randomBelow } from '../../base/random.js';
import type { WireEncoder } from '../../protocol/wire/encoder.js';
import { EXTENSION_IDS } from '../../protocol/wire/extension-handshake.js';
import { encodeMetadataRequest } from '../../protocol/wire/metadata.js';
import { Taker } from './takers.js';

const BLOCK_BYTES = 16_384;
const FLOOD_EVERY_MS = 100;
const FLOOD_MESSAGES = 200;
/** Of those that are large, as many as make the same number of bytes. */
const FLOOD_LARGE = 2;
const LARGE_BYTES = 512 * 1024;

/**
 * requests: for what there is not · cancels: asks and takes back · repeats: asks for one block again and again ·
 * keep-alives, interest, ports: words that cost nothing to say · fast: allows, suggests and refuses what nobody asked
 * for · handshakes: extension handshakes with other ids each time · metadata, hashes: asks for them · unknown: large
 * messages of a type that there is not · huge: announces a message of two gigabytes.
 */
export class Flooder extends Taker {
  #count = 0;

  protected override onGreeted(): void {
    super.onGreeted();
    this.every(FLOOD_EVERY_MS, () => this.#flood());
  }

  /** Only what it floods with. */
  protected override askOn(): void {}

  #flood(): void {
    if (this.isBackedUp) return;
    const { variant } = this.actor;
    if (variant === 'huge') this.peer.sendBytes(Uint8Array.of(0x80, 0, 0, 0, 7));
    else if (variant === 'unknown') this.#sendUnknown();
    else if (variant === 'handshakes') for (let i = 0; i < FLOOD_MESSAGES / 10; i++) this.#sendHandshake();
    else {
      this.peer.send((say) => {
        for (let i = 0; i < FLOOD_MESSAGES; i++) this.#sayOne(say, variant);
      });
    }
  }

  #sayOne(say: WireEncoder, variant: string): void {
    const { pieceCount } = this.actor;
    const piece = randomBelow(this.random, pieceCount);
    if (variant === 'requests') this.#sayBadRequest(say, piece);
    else if (variant === 'cancels') {
      say.request(piece, 0, BLOCK_BYTES);
      say.cancel(piece, 0, BLOCK_BYTES);
    } else if (variant === 'repeats') say.request(0, 0, BLOCK_BYTES);
    else if (variant === 'keep-alives') say.keepAlive();
    else if (variant === 'ports') say.port(1 + randomBelow(this.random, 65_535));
    else if (variant === 'interest') this.#count++ % 2 === 0 ? say.notInterested() : say.interested();
    else if (variant === 'fast') this.#sayFast(say, piece);
    else if (variant === 'metadata') {
      const id = this.extensionIds.get('ut_metadata') ?? 0;
      if (id !== 0) say.extended(id, encodeMetadataRequest(randomBelow(this.random, 4)));
    } else this.#sayHashes(say);
  }

  #sayBadRequest(say: WireEncoder, piece: number): void {
    const choices = [
      () => say.request(this.actor.pieceCount, 0, BLOCK_BYTES),
      () => say.request(piece, 0, 0),
      () => say.request(piece, 0, 8 * BLOCK_BYTES + 1),
      () => say.request(piece, this.actor.world.pieceBytes(piece).length - 1, BLOCK_BYTES),
      () => say.request(piece, 0xffff_ffff, BLOCK_BYTES),
    ];
    choices[randomBelow(this.random, choices.length)]!();
  }

  #sayFast(say: WireEncoder, piece: number): void {
    const choices = [
      () => say.allowedFast(piece),
      () => say.allowedFast(0xffff_ffff),
      () => say.suggest(piece),
      () => say.reject(piece, 0, BLOCK_BYTES),
    ];
    choices[randomBelow(this.random, choices.length)]!();
  }

  #sayHashes(say: WireEncoder): void {
    const piecesRoot = new Uint8Array(32);
    this.random.fill(piecesRoot);
    const range = { piecesRoot, baseLayer: 0, index: 0, length: 512, proofLayers: 10 };
    if (this.#count++ % 3 === 0) say.hashReject(range);
    else say.hashRequest(range);
  }

  #sendHandshake(): void {
    const names = Object.keys(EXTENSION_IDS);
    this.peer.extensionHandshake({
      extensions: new Map(names.map((name) => [name, randomBelow(this.random, 256)])),
      listenPort: 1 + randomBelow(this.random, 65_535),
      requestQueue: randomBelow(this.random, 3),
      metadataBytes: 1 + randomBelow(this.random, 1_000_000),
      clientName: `client ${this.#count++}`,
      isUploadOnly: false,
    });
  }

  #sendUnknown(): void {
    for (let i = 0; i < FLOOD_LARGE; i++) {
      const message = new Uint8Array(5 + LARGE_BYTES);
      message.set([0, (LARGE_BYTES + 1) >>> 16, ((LARGE_BYTES + 1) >>> 8) & 255, (LARGE_BYTES + 1) & 255, 99]);
      this.peer.sendBytes(message);
    }
  }
}
