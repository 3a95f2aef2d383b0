/**
 * `dtorrent dht get-peers TORRENT`: the addresses of its peers, one a line, as they are found. Exit code 0 when there is
 * one, 3 when there is none.
 */
import { type DhtClient, DtorrentError } from '../../../../dht.js';
import type { CommandContext } from '../../context.js';
import type { DhtQueryOptions } from '../../dht-options.js';
import { dhtHashes, noAnswer, queryDht } from '../../dht-session.js';
import { formatCount } from '../../display/formats.js';

/** @returns the exit code. */
export async function runDhtGetPeers(
  torrent: string,
  options: DhtQueryOptions,
  context: CommandContext,
): Promise<number> {
  const hashes = await dhtHashes(torrent, context);
  const search = new Search(options.json, context);
  await queryDht(options, context, (client, request) =>
    Promise.all(hashes.map((hash) => search.run(client, hash, request.signal))),
  );
  search.finish(torrent);
  return 0;
}

class Search {
  readonly #json: boolean;
  readonly #context: CommandContext;
  readonly #startedAtMs: number;
  readonly #peers = new Set<string>();
  #queries = 0;
  #answers = 0;

  constructor(json: boolean, context: CommandContext) {
    this.#json = json;
    this.#context = context;
    this.#startedAtMs = context.now();
  }

  async run(client: DhtClient, infoHash: Uint8Array, signal: AbortSignal): Promise<void> {
    const search = client.getPeers(infoHash, { signal });
    try {
      for await (const { family, host, port } of search)
        this.#tell(family === 6 ? `[${host}]:${port}` : `${host}:${port}`);
    } catch (thrown) {
      // Who allows so much time wants what there is by then.
      if (isTimeout(thrown) && this.#peers.size > 0) return;
      throw thrown;
    }
    const { queries, answers } = await search.summary;
    this.#queries += queries;
    this.#answers += answers;
  }

  /** @throws {DtorrentError} when there is nobody. */
  finish(torrent: string): void {
    const { stdout, stderr } = this.#context;
    if (this.#peers.size === 0) {
      throw this.#answers === 0
        ? noAnswer()
        : new DtorrentError('ENOTFOUND', `no peers of ${torrent} are known to the DHT`);
    }
    const seconds = Math.round(this.#context.now() - this.#startedAtMs) / 1000;
    const peers = this.#peers.size;
    if (this.#json) {
      const summary = { type: 'completed', peers, queries: this.#queries, answers: this.#answers, seconds };
      stdout.write(`${JSON.stringify(summary)}\n`);
    } else {
      const asked = this.#answers === 0 ? '' : ` from ${formatCount(this.#answers, 'node')}`;
      stderr.write(`${formatCount(peers, 'peer')}${asked} in ${seconds.toFixed(1)} s\n`);
    }
  }

  #tell(address: string): void {
    if (this.#peers.has(address)) return;
    this.#peers.add(address);
    this.#context.stdout.write(this.#json ? `${JSON.stringify({ type: 'peer', address })}\n` : `${address}\n`);
  }
}

function isTimeout(thrown: unknown): boolean {
  return thrown instanceof DtorrentError && thrown.code === 'ETIMEOUT';
}
