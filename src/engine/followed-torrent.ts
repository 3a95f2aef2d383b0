/**
 * A torrent whose publisher may replace it (BEP 46): what its key points at is added, and when it points at something
 * newer, that takes its place. The files stay where they are, so that only what has changed is downloaded: the new
 * version finds them under their names and checks them. Made by EngineBase.follow.
 * Invariant: one version is in the engine at a time; a newer one waits until the one before is gone.
 */
import { toHex } from '../base/bytes.js';
import { type DtorrentError, toDtorrentError } from '../base/errors.js';
import { type InfoHash, wireHashes } from '../format/infohash.js';
import type { Magnet, MutableMagnet } from '../format/magnet.js';
import type { TorrentHandle } from './torrent-handle.js';

/** What it needs of its engine. */
export interface FollowedTorrentOwner {
  add(magnet: Magnet): TorrentHandle;
  remove(torrent: TorrentHandle): Promise<void>;
  warn(error: DtorrentError): void;
  /** A version was added, the first or a newer one; those before are no longer in the engine. */
  onVersion(torrent: TorrentHandle): void;
}

/** A torrent that is followed through its versions. */
export class FollowedTorrent {
  /** What it was followed by. */
  readonly magnet: MutableMagnet;
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
    magnet: MutableMagnet,
    owner: FollowedTorrentOwner,
    ends: { readonly unfollow: () => void; readonly stoppedError: () => DtorrentError },
  ) {
    this.magnet = magnet;
    this.#owner = owner;
    this.#unfollow = ends.unfollow;
    this.#stoppedError = ends.stoppedError;
    this.found = new Promise((resolve, reject) => {
      this.#resolveFound = resolve;
      this.#rejectFound = reject;
    });
    this.found.catch(() => {}); // whoever does not wait for it is not told that it failed
    const { infoHash } = magnet;
    if (infoHash !== null) this.#work = this.#work.then(() => this.#replace(infoHash));
  }

  /** The version that is in the engine; null = none was found yet. */
  get torrent(): TorrentHandle | null {
    return this.#torrent;
  }

  /** Of the newest version; null = none was found in the DHT yet. */
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
  update(infoHash: Uint8Array, sequence: bigint): void {
    this.#sequence = sequence;
    this.#work = this.#work.then(() => this.#replace({ v1: infoHash, v2: null }));
  }

  async #replace(infoHash: InfoHash): Promise<void> {
    const key = toHex(wireHashes(infoHash)[0]!);
    if (this.#isStopped || key === this.#infoHash) return;
    this.#infoHash = key;
    try {
      // Before the new one is added: two torrents must not write to the same files.
      if (this.#torrent !== null) await this.#owner.remove(this.#torrent);
      if (this.#isStopped) return;
      const { name, trackers, webSeeds, peers, select } = this.magnet;
      this.#torrent = this.#owner.add({ infoHash, name, trackers, webSeeds, peers, select });
      this.#owner.onVersion(this.#torrent);
      this.#resolveFound(this.#torrent);
    } catch (error) {
      this.#owner.warn(toDtorrentError(error));
    }
  }
}
