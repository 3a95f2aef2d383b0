/** How many seeds and leechers a torrent has (BEP 33): the filters of all nodes that answer, joined. */
import { parseIp } from '../../base/address.js';
import { BloomFilter } from './bloom-filter.js';
import type { JointGoal } from './joint-lookup.js';
import type { KrpcFields, KrpcResponse } from './krpc.js';
import type { LookupSummary, ScrapeListener } from './operations.js';
import { peersIn } from './peer-search.js';
import type { ScrapeFilters } from './peer-store.js';

export class ScrapeSearch implements JointGoal {
  readonly method = 'get_peers';
  readonly args: KrpcFields;
  readonly #listener: ScrapeListener;
  readonly #seeds = new BloomFilter();
  readonly #leechers = new BloomFilter();
  /** IPs of nodes that know nothing of filters: whether they are seeds, others may know. */
  readonly #others = new Set<string>();
  #isKnown = false;

  /** `own`: what we keep ourselves. */
  constructor(infoHash: Uint8Array, own: readonly ScrapeFilters[], listener: ScrapeListener) {
    this.args = { info_hash: infoHash, scrape: 1 };
    this.#listener = listener;
    for (const { seeds, peers } of own) this.#join(seeds, peers);
  }

  onResponse(response: KrpcResponse): void {
    const seeds = response.values.getBytes('BFsd');
    const leechers = response.values.getBytes('BFpe');
    if (seeds?.length === BloomFilter.BYTES && leechers?.length === BloomFilter.BYTES) {
      this.#join(seeds, leechers);
      return;
    }
    for (const { host } of peersIn(response)) {
      if (this.#others.size < OTHERS_MAX) this.#others.add(host);
      this.#isKnown = true;
    }
  }

  onEnd(summary: LookupSummary): void {
    for (const host of this.#others) {
      const ip = parseIp(host)!;
      if (!this.#seeds.has(ip)) this.#leechers.add(ip);
    }
    this.#listener.onDone({
      ...summary,
      seeds: this.#isKnown ? Math.round(this.#seeds.estimate()) : null,
      leechers: this.#isKnown ? Math.round(this.#leechers.estimate()) : null,
    });
  }

  #join(seeds: Uint8Array, leechers: Uint8Array): void {
    this.#seeds.union(seeds);
    this.#leechers.union(leechers);
    this.#isKnown = true;
  }
}

/** More than a filter can tell apart. */
const OTHERS_MAX = 10_000;
