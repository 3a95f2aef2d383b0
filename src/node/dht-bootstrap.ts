/**
 * The names that a DHT node begins with, made into addresses: at once, and again from time to time while nobody is known,
 * because networks and name servers come and go. Owned by DhtRunner.
 */
import type { Address, HostPort } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import type { Clock, Wake } from '../host/clock.js';
import { resolveHost } from './resolve.js';

export interface DhtBootstrapSurroundings {
  readonly clock: Clock;
  /** Whether no node is known. */
  readonly isAlone: () => boolean;
  readonly onAddresses: (addresses: readonly Address[]) => void;
  /** A name has no address. */
  readonly onWarning: (error: DtorrentError) => void;
}

const RETRY_MS = 30_000;
const RETRY_MAX_MS = 600_000;
const NAMES_WAIT_MS = 1000;

export class DhtBootstrap {
  readonly #names: readonly HostPort[];
  readonly #surroundings: DhtBootstrapSurroundings;
  #families: ReadonlySet<4 | 6> = new Set();
  #ready: Promise<void> = Promise.resolve();
  #retryMs = RETRY_MS;
  #wake: Wake | null = null;
  #soonWake: Wake | null = null;
  #isStopped = false;

  constructor(names: readonly HostPort[], surroundings: DhtBootstrapSurroundings) {
    this.#names = names;
    this.#surroundings = surroundings;
  }

  /**
   * Resolves as soon as it makes sense to ask for something: somebody is known, or nobody is to be asked. Rejects with
   * ERESOLVE when nobody is known from before and none of the names has an address.
   */
  get ready(): Promise<void> {
    return this.#ready;
  }

  begin(families: ReadonlySet<4 | 6>, { isAlone }: { readonly isAlone: boolean }): void {
    this.#families = families;
    const resolved = this.#resolveAll();
    // Whoever asks for something hears of it, and it may be that nobody does.
    resolved.catch(() => {});
    this.#ready = isAlone ? resolved : this.#orSoon(resolved);
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake?.cancel();
    this.#soonWake?.cancel();
  }

  /** Those of an earlier run may all be gone, so names are waited for; but not for long, as they may do as well. */
  #orSoon(resolved: Promise<void>): Promise<void> {
    const { clock } = this.#surroundings;
    return new Promise((resolve) => {
      this.#soonWake = clock.wakeAt(clock.now() + NAMES_WAIT_MS, resolve);
      resolved.then(resolve, resolve);
    });
  }

  /** Resolves with the first name that has an address. */
  async #resolveAll(): Promise<void> {
    if (this.#names.length === 0) return;
    const { clock } = this.#surroundings;
    this.#wake = clock.wakeAt(clock.now() + this.#retryMs, () => this.#retry());
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS);
    try {
      await Promise.any(this.#names.map((name) => this.#resolve(name)));
    } catch (thrown) {
      throw (thrown as AggregateError).errors[0];
    }
  }

  #retry(): void {
    if (this.#isStopped || !this.#surroundings.isAlone()) return;
    const resolved = this.#resolveAll();
    resolved.then(
      () => {
        this.#ready = resolved;
      },
      () => {},
    );
  }

  async #resolve({ host, port }: HostPort): Promise<void> {
    const found = await new Promise<readonly Address[] | DtorrentError>((resolve) => resolveHost(host, resolve));
    if (this.#isStopped) return;
    if (found instanceof DtorrentError) {
      this.#surroundings.onWarning(found);
      throw found;
    }
    const addresses = found.filter(({ family }) => this.#families.has(family));
    if (addresses.length === 0) {
      throw new DtorrentError('ERESOLVE', `"${host}" has no address that can be reached from the local address`);
    }
    this.#surroundings.onAddresses(addresses.map((address) => ({ ...address, port })));
  }
}
