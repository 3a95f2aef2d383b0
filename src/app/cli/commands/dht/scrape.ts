/**
 * `dtorrent dht scrape TORRENT`: about how many seeds and leechers it has, as the DHT knows (BEP 33). Exit code 0 when a
 * node could say, 3 when none could.
 */
import { DtorrentError, type ScrapeSummary } from '../../../../dht.js';
import type { CommandContext } from '../../context.js';
import type { DhtQueryOptions } from '../../dht-options.js';
import { dhtHashes, noAnswer, queryDht } from '../../dht-session.js';
import { formatCount } from '../../display/formats.js';

/** @returns the exit code. */
export async function runDhtScrape(
  torrent: string,
  options: DhtQueryOptions,
  context: CommandContext,
): Promise<number> {
  const hashes = await dhtHashes(torrent, context);
  const scrapes = await queryDht(options, context, (client, request) =>
    Promise.all(hashes.map((hash) => client.scrape(hash, request))),
  );
  if (scrapes.every(({ answers }) => answers === 0)) throw noAnswer();
  if (scrapes.every(({ seeds, leechers }) => seeds === null && leechers === null)) {
    throw new DtorrentError('ENOTFOUND', `no DHT node can say how many peers ${torrent} has`);
  }
  // The swarms of a hybrid torrent are two; who is in both is counted twice.
  const seeds = total(scrapes, (scrape) => scrape.seeds);
  const leechers = total(scrapes, (scrape) => scrape.leechers);
  if (options.json) {
    const answers = total(scrapes, (scrape) => scrape.answers);
    context.stdout.write(`${JSON.stringify({ seeds, leechers, answers })}\n`);
  } else {
    context.stdout.write(`about ${formatCount(seeds, 'seed')}, ${formatCount(leechers, 'leecher')}\n`);
  }
  return 0;
}

function total(scrapes: readonly ScrapeSummary[], countOf: (scrape: ScrapeSummary) => number | null): number {
  return scrapes.reduce((sum, scrape) => sum + Math.round(countOf(scrape) ?? 0), 0);
}
