/**
 * What a peer told through the extension protocol (BEP 10): its ids for our messages, its name, where it listens.
 * Handshakes may be repeated: a later one changes only what it names. Used by Peer.
 */
import { LIMITS } from '../../base/limits.js';
import {
  decodeExtensionHandshake,
  EXTENSION_IDS,
  type ExtensionHandshake,
} from '../../protocol/wire/extension-handshake.js';
import { decodeUploadOnly } from '../../protocol/wire/extension-messages.js';

export type ExtensionName = keyof typeof EXTENSION_IDS;

export class PeerExtensions {
  /** `v`, the client's own name for itself; '' when not told. */
  clientName = '';
  /** BEP 21: it downloads nothing more. */
  isUploadOnly = false;
  /** `p` of the first handshake that had one; each further port would be one more candidate, in use for ever. */
  listenPort: number | null = null;
  readonly #ids = new Map<ExtensionName, number>();
  #handshakes = 0;

  /** The id that the peer wants to receive `name` with; 0 = it does not want it. */
  idOf(name: ExtensionName): number {
    return this.#ids.get(name) ?? 0;
  }

  /** @returns null when `payload` is no handshake, or one too many: it is ignored, which costs less than to read it. */
  onHandshake(payload: Uint8Array): ExtensionHandshake | null {
    if (++this.#handshakes > LIMITS.extensionHandshakesMax) return null;
    const handshake = decodeExtensionHandshake(payload);
    if (handshake === null) return null;
    if (handshake.clientName !== null) this.clientName = handshake.clientName;
    if (handshake.isUploadOnly !== null) this.isUploadOnly = handshake.isUploadOnly;
    this.listenPort ??= handshake.listenPort;
    for (const name of EXTENSION_NAMES) {
      const id = handshake.extensions.get(name);
      if (id !== undefined) this.#ids.set(name, id);
    }
    return handshake;
  }

  /** The message of that name. @returns whether anything has changed. */
  onUploadOnly(payload: Uint8Array): boolean {
    const isUploadOnly = decodeUploadOnly(payload);
    if (isUploadOnly === null || isUploadOnly === this.isUploadOnly) return false;
    this.isUploadOnly = isUploadOnly;
    return true;
  }
}

const EXTENSION_NAMES = Object.keys(EXTENSION_IDS) as ExtensionName[];
