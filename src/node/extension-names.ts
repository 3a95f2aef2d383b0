/**
 * Which extensions the two sides of a connection speak (BEP 10): names to ids, each side's its own. What the remote
 * announces is bounded by LIMITS.extensionsPerPeerMax. Used by WireStream.
 */
import { LIMITS } from '../base/limits.js';
import { EXTENSION_IDS, type ExtensionHandshake } from '../protocol/wire/extension-handshake.js';

/** Ids from here on are for extensions that we do not know by name. */
const FIRST_FREE_ID = 16;
const ID_MAX = 255;

export class ExtensionNames {
  /** Our id to its name. */
  readonly #local = new Map<number, string>();
  /** Name to the id that the remote wants to hear it with; never 0. */
  readonly #remote = new Map<string, number>();

  /** @returns our id for `name`, the same each time; null when there are no more. */
  assign(name: string): number | null {
    for (const [id, known] of this.#local) if (known === name) return id;
    const wellKnown: Readonly<Record<string, number>> = EXTENSION_IDS;
    let id = Object.hasOwn(wellKnown, name) ? wellKnown[name]! : FIRST_FREE_ID;
    while (this.#local.has(id)) id++;
    if (id > ID_MAX) return null;
    this.#local.set(id, name);
    return id;
  }

  /** The remote's handshake changes only what it names. */
  learn({ extensions }: ExtensionHandshake): void {
    for (const [name, id] of extensions) {
      if (id === 0) this.#remote.delete(name);
      else if (this.#remote.size < LIMITS.extensionsPerPeerMax || this.#remote.has(name)) this.#remote.set(name, id);
    }
  }

  /** @returns what we called an id; null = we assigned none such. */
  nameOf(localId: number): string | null {
    return this.#local.get(localId) ?? null;
  }

  /** @returns the id to send with; null = the remote does not speak it. */
  remoteIdOf(name: string): number | null {
    return this.#remote.get(name) ?? null;
  }
}
