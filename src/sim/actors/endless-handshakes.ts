/**
 * The actor that connects and never becomes a peer.
 * mute: says nothing · partial: says half a handshake · garbage: says something else · wrong-hash: means another torrent ·
 * hang-up: says its handshake and leaves · mirror: says it is the one it talks to · impostor: says it is another honest
 * node, of which it has heard the peer id · one-name: many connections under one peer id.
 */
import { bytesEqual } from '../../base/bytes.js';
import { randomBelow } from '../../base/random.js';
import type { ScriptedActor } from './actor.js';
import { Script } from './script.js';

/** What all connections of one actor know: the peer ids of honest nodes, by whom it was that it talked to. */
export class HeardNames {
  readonly byNode: Map<string, Uint8Array> = new Map();
}

export class EndlessHandshakes extends Script {
  readonly #names: HeardNames;

  constructor(actor: ScriptedActor, names: HeardNames) {
    super(actor);
    this.#names = names;
  }

  protected override onAccepted(): void {
    if (this.actor.variant !== 'mirror' && this.actor.variant !== 'impostor') this.sayHello();
  }

  protected override sayHello(): void {
    const { infoHash } = this.actor;
    switch (this.actor.variant) {
      case 'mute':
        return;
      case 'partial':
        this.peer.sendBytes(this.#handshakeBytes().subarray(0, 1 + randomBelow(this.random, 67)));
        return;
      case 'garbage':
        this.peer.sendBytes(this.#garbage());
        return;
      case 'wrong-hash':
        this.peer.handshake(this.#noise(20));
        return;
      case 'one-name':
        this.peer.handshake(infoHash, new Uint8Array(20).fill(0x41));
        return;
      case 'impostor':
        this.peer.handshake(infoHash, this.#stolenName());
        return;
      case 'mirror':
        // The id is not known before the other side has said it.
        this.peer.sendBytes(this.#handshakeBytes().subarray(0, 48));
        return;
      default:
        this.peer.handshake(infoHash);
        this.after(1, () => this.end());
    }
  }

  override onPeerId(peerId: Uint8Array): void {
    if (this.dialledKey !== null) this.#names.byNode.set(this.dialledKey, peerId);
    if (this.actor.variant === 'mirror') this.peer.sendBytes(peerId.slice());
    super.onPeerId(peerId);
  }

  /** Of a node that it is not talking to, if it has heard of one; else its own. */
  #stolenName(): Uint8Array {
    for (const [key, name] of this.#names.byNode) {
      if (key !== this.dialledKey && !bytesEqual(name, this.peer.peerId)) return name;
    }
    return this.peer.peerId;
  }

  #handshakeBytes(): Uint8Array {
    const bytes = new Uint8Array(68);
    bytes.set([19, ...Array.from('BitTorrent protocol', (character) => character.charCodeAt(0))]);
    bytes.set(this.actor.infoHash, 28);
    bytes.set(this.peer.peerId, 48);
    return bytes;
  }

  #garbage(): Uint8Array {
    const bytes = this.#noise(1 + randomBelow(this.random, 2000));
    if (randomBelow(this.random, 2) === 0) bytes[0] = 19;
    return bytes;
  }

  #noise(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.random.fill(bytes);
    return bytes;
  }
}
