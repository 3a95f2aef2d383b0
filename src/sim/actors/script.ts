/**
 * What an actor does on one connection, from the first byte to the last: says hello as a seed would, and hears the rest
 * without doing anything. Each kind of actor overrides what it is bad at. Timers end with the connection.
 */
import type { Address } from '../../base/address.js';
import type { Random } from '../../base/random.js';
import type { Wake } from '../../host/clock.js';
import type { ByteStream } from '../../host/network.js';
import type { BlockTarget, WireHandler, WireViolation } from '../../protocol/wire/decoder.js';
import { decodeExtensionHandshake, EXTENSION_IDS } from '../../protocol/wire/extension-handshake.js';
import { decodeReserved } from '../../protocol/wire/handshake.js';
import type { HashRange } from '../../protocol/wire/hashes.js';
import type { ScriptedActor } from './actor.js';
import { WirePeer } from './wire-peer.js';

/** What is not read by the other side is not piled up: an actor is to be a burden on others, not on the machine. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;

export class Script implements WireHandler {
  readonly actor: ScriptedActor;
  readonly peer: WirePeer;
  /** Whom it dialled; null = it was dialled. */
  dialledKey: string | null = null;
  /** The other side's ids for extension messages. */
  readonly extensionIds: Map<string, number> = new Map();
  readonly #wakes = new Set<Wake>();
  #isHelloSaid = false;

  constructor(actor: ScriptedActor) {
    this.actor = actor;
    this.peer = new WirePeer(actor.host, this, { fast: true, extensions: true });
    this.peer.onOpened = () => this.onOpened();
    this.peer.onEnded = () => this.#onEnded();
  }

  get random(): Random {
    return this.actor.world.random;
  }

  /** Too much of what was said has not been taken yet: say no more. */
  get isBackedUp(): boolean {
    return (this.peer.stream?.bufferedBytes ?? 0) > UNSENT_BYTES_MAX;
  }

  dial(to: Address, key: string, timeoutMs: number): void {
    this.dialledKey = key;
    this.peer.connect(to, timeoutMs);
  }

  accept(stream: ByteStream): void {
    this.peer.adopt(stream);
    this.onAccepted();
  }

  /** Closes the connection. */
  end(): void {
    this.#cancelAll();
    this.peer.close();
  }

  /** Calls `fn` later, unless the connection has ended before. */
  after(delayMs: number, fn: () => void): void {
    const wake = this.actor.after(delayMs, () => {
      this.#wakes.delete(wake);
      fn();
    });
    this.#wakes.add(wake);
  }

  /** Calls `fn` again and again, the first time after `intervalMs`. */
  every(intervalMs: number, fn: () => void): void {
    this.after(intervalMs, () => {
      fn();
      this.every(intervalMs, fn);
    });
  }

  /** The right bytes of a block; short where the piece is. */
  content(piece: number, begin: number, length: number): Uint8Array {
    return this.actor.world.pieceBytes(piece).subarray(begin, begin + length);
  }

  sendExtended(name: keyof typeof EXTENSION_IDS, payload: Uint8Array): void {
    const id = this.extensionIds.get(name) ?? 0;
    if (id !== 0) this.peer.send((say) => say.extended(id, payload));
  }

  // ---- to be overridden ----

  /** A dialled connection is open. */
  protected onOpened(): void {
    this.sayHello();
  }

  /** It was dialled; the other side's handshake is to come. */
  protected onAccepted(): void {}

  /** Both handshakes are done. */
  protected onGreeted(): void {
    this.sayWhatItHas();
    this.sayExtensions();
  }

  /** The other side told its extensions. */
  protected onExtensions(): void {}

  protected sayHello(): void {
    this.#isHelloSaid = true;
    this.peer.handshake(this.actor.infoHash);
  }

  protected sayWhatItHas(): void {
    this.peer.send((say) => say.haveAll());
  }

  protected sayExtensions(): void {
    this.peer.extensionHandshake({
      extensions: new Map(Object.entries(EXTENSION_IDS)),
      listenPort: this.actor.address.port,
      metadataBytes: this.actor.world.metainfo.infoBytes.length,
      requestQueue: 500,
    });
  }

  // ---- WireHandler ----

  onHandshakeHash(reserved: Uint8Array, _infoHash: Uint8Array): void {
    this.peer.decoder.isFastNegotiated = decodeReserved(reserved).fast;
    if (!this.#isHelloSaid) this.sayHello();
  }
  onPeerId(_peerId: Uint8Array): void {
    this.onGreeted();
  }
  onInterested(): void {
    this.peer.send((say) => say.unchoke());
  }
  onExtended(id: number, payload: Uint8Array): void {
    if (id !== 0) return;
    for (const [name, its] of decodeExtensionHandshake(payload)?.extensions ?? []) this.extensionIds.set(name, its);
    this.onExtensions();
  }
  onKeepAlive(): void {}
  onChoke(): void {}
  onUnchoke(): void {}
  onNotInterested(): void {}
  onHave(_piece: number): void {}
  onBitfield(_bytes: Uint8Array): void {}
  onRequest(_piece: number, _begin: number, _length: number): void {}
  onCancel(_piece: number, _begin: number, _length: number): void {}
  onPort(_port: number): void {}
  onSuggest(_piece: number): void {}
  onHaveAll(): void {}
  onHaveNone(): void {}
  onReject(_piece: number, _begin: number, _length: number): void {}
  onAllowedFast(_piece: number): void {}
  onHashRequest(_range: HashRange): void {}
  onHashes(_range: HashRange, _hashes: Uint8Array): void {}
  onHashReject(_range: HashRange): void {}
  onUnknown(_id: number): void {}
  onBlockStart(_piece: number, _begin: number, _length: number, _target: BlockTarget): void {}
  onBlockEnd(_piece: number, _begin: number, _length: number): void {}
  onViolation(_reason: WireViolation): void {
    this.end();
  }

  // ---- inside ----

  #onEnded(): void {
    this.#cancelAll();
    this.actor.onEnded(this);
  }

  #cancelAll(): void {
    for (const wake of this.#wakes) wake.cancel();
    this.#wakes.clear();
  }
}
