/** Looking for the peers of a torrent, and announcing that we are one (get_peers and announce_peer of BEP 5, `seed` of BEP 33). */
import { type Address, addressFromIp, addressKey, isDiallable } from '../../base/address.js';
import { readUint16 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import type { JointGoal, KrpcWrite } from './joint-lookup.js';
import type { KrpcFields, KrpcResponse } from './krpc.js';
import type { AnnounceListener, AnnounceOptions, LookupSummary, PeersListener } from './operations.js';

export class PeerSearch implements JointGoal {
  readonly method = 'get_peers';
  readonly args: KrpcFields;
  /** What we keep ourselves: told with the first answer, or at the end. */
  own: readonly Address[] = [];
  readonly #onPeers: (addresses: readonly Address[]) => void;
  readonly #seen = new Set<string>();
  readonly #onDone: (summary: LookupSummary & { readonly peers: number }) => void;

  constructor(infoHash: Uint8Array, { isSeed }: { readonly isSeed: boolean }, listener: PeersListener) {
    // A seed has no use for other seeds (BEP 33).
    this.args = { info_hash: infoHash, noseed: isSeed ? 1 : undefined };
    this.#onPeers = (addresses) => listener.onPeers(addresses);
    this.#onDone = (summary) => listener.onDone(summary);
  }

  onResponse(response: KrpcResponse): void {
    this.#tell(peersIn(response));
  }

  onEnd(summary: LookupSummary): void {
    this.#tell([]);
    this.#onDone({ ...summary, peers: this.#seen.size });
  }

  #tell(found: readonly Address[]): void {
    const fresh: Address[] = [];
    const all = this.own.length > 0 ? [...this.own, ...found] : found;
    this.own = [];
    for (const address of all) {
      const key = addressKey(address);
      if (this.#seen.has(key) || this.#seen.size >= LIMITS.dhtLookupPeersMax) continue;
      this.#seen.add(key);
      fresh.push(address);
    }
    if (fresh.length > 0) this.#onPeers(fresh);
  }
}

export class PeerAnnounce extends PeerSearch {
  readonly #announce: KrpcWrite;
  #stored = 0;

  constructor(infoHash: Uint8Array, options: AnnounceOptions, listener: AnnounceListener) {
    super(infoHash, options, {
      onPeers: (addresses) => listener.onPeers(addresses),
      onDone: (summary) => listener.onDone({ ...summary, stored: this.#stored }),
    });
    this.#announce = {
      method: 'announce_peer',
      // The port is there in any case: some nodes know nothing of the implied one.
      args: {
        info_hash: infoHash,
        port: options.port,
        implied_port: options.isImpliedPort ? 1 : undefined,
        seed: options.isSeed ? 1 : undefined,
      },
    };
  }

  writeTo(): KrpcWrite {
    return this.#announce;
  }

  onWritten(refusal: object | null): void {
    if (refusal === null) this.#stored++;
  }
}

/** @returns what `values` names, of both families (BEP 32); addresses that nobody can have are left out. */
export function peersIn(response: KrpcResponse): Address[] {
  const peers: Address[] = [];
  for (const item of response.values.getList('values')?.items ?? []) {
    if (!(item instanceof Uint8Array) || (item.length !== 6 && item.length !== 18)) continue;
    const address = addressFromIp(item.subarray(0, -2), readUint16(item, item.length - 2));
    if (address !== null && isDiallable(address)) peers.push(address);
  }
  return peers;
}
