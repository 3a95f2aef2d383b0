/**
 * A torrent whose publisher may replace it (BEP 46): what its key points at is added, and when it points at something
 * newer, that takes its place. The files stay where they are, so that only what has changed is downloaded: the new
 * version finds them under their names and checks them. Made by EngineBase.follow.
 * Invariant: one version is in the engine at a time; a newer one waits until the one before is gone.
 */
import { toHex } from '../base/bytes.js';
import { type DtorrentError, toDtorrentError } from '../base/errors.js';
import type { Magnet } from '../format/magnet.js';
import type { ItemKey } from './discovery/item-watch.js';
import type { TorrentHandle } from './torrent-handle.js';

/** What it needs of its engine. */
export interface FollowedTorrentOwner {
  add(magnet: Magnet): TorrentHandle;
  remove(torrent: TorrentHandle): Promise<void>;
  warn(error: DtorrentError): void;
}

/** A torrent that is followed through its versions. */
export class FollowedTorrent {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** At most 64 bytes; empty = none. */
  readonly salt: Uint8Array;
  /** The first version, once one was found; rejects with `ESTOPPED` when it is given up before. */
  readonly found: Promise<TorrentHandle>;
  readonly #owner: FollowedTorrentOwner;
  readonly #unfollow: () => void;
  readonly #stoppedError: () => DtorrentError;
  #torrent: TorrentHandle | null = null;
  #sequence: bigint | null = null;
  #infoHash = '';
  #work: Promise<void> = Promise.resolve();
  #isStopped = false;
  #resolveFound: (torrent: TorrentHandle) => void = () => {};
  #rejectFound: (error: DtorrentError) => void = () => {};

  /** @internal */
  constructor(
    { publicKey, salt }: ItemKey,
    owner: FollowedTorrentOwner,
    ends: { readonly unfollow: () => void; readonly stoppedError: () => DtorrentError },
  ) {
    this.publicKey = publicKey;
    this.salt = salt;
    this.#owner = owner;
    this.#unfollow = ends.unfollow;
    this.#stoppedError = ends.stoppedError;
    this.found = new Promise((resolve, reject) => {
      this.#resolveFound = resolve;
      this.#rejectFound = reject;
    });
    this.found.catch(() => {}); // whoever does not wait for it is not told that it failed
  }

  /** The version that is in the engine; null = none was found yet. */
  get torrent(): TorrentHandle | null {
    return this.#torrent;
  }

  /** Of the newest version; null = none was found yet. */
  get sequence(): bigint | null {
    return this.#sequence;
  }

  /** Follows no more. The torrent stays in the engine as it is. Idempotent. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#unfollow();
    this.#rejectFound(this.#stoppedError());
  }

  /** @internal A newer version was found. */
  onVersion(infoHash: Uint8Array, sequence: bigint): void {
    this.#sequence = sequence;
    this.#work = this.#work.then(() => this.#replace(infoHash));
  }

  async #replace(infoHash: Uint8Array): Promise<void> {
    const key = toHex(infoHash);
    if (this.#isStopped || key === this.#infoHash) return;
    this.#infoHash = key;
    try {
      // Before the new one is added: two torrents must not write to the same files.
      if (this.#torrent !== null) await this.#owner.remove(this.#torrent);
      if (this.#isStopped) return;
      this.#torrent = this.#owner.add({
        infoHash: { v1: infoHash, v2: null },
        name: null,
        trackers: [],
        webSeeds: [],
        peers: [],
        select: null,
      });
      this.#resolveFound(this.#torrent);
    } catch (error) {
      this.#owner.warn(toDtorrentError(error));
    }
  }
}
