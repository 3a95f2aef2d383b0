/**
 * `dtorrent scrape INPUT`: how many seeds and leechers each tracker of a torrent knows, without joining the swarm. Exit
 * code 0 when at least one tracker answered, otherwise that of the first failure.
 */
import {
  DtorrentError,
  exitCodeOf,
  loadSource,
  parseMetainfo,
  scrapeTrackers,
  type TrackerScrape,
} from '../../../index.js';
import type { CommandContext } from '../context.js';
import { formatCount } from '../display/formats.js';
import { errorSentence } from '../display/sentences.js';
import { sanitizeText } from '../display/terminal-text.js';
import { hexPair } from '../info-hash-hex.js';
import type { ScrapeOptions } from '../options.js';

/** @returns the exit code. */
export async function runScrape(input: string, options: ScrapeOptions, context: CommandContext): Promise<number> {
  const { bind } = options;
  const source = await loadSource(input, {
    signal: context.stop,
    ...(bind === undefined ? {} : { localAddress: bind }),
  });
  const { infoHash } = source.kind === 'magnet' ? source.magnet : parseMetainfo(source.bytes);
  const scrapes = await scrapeTrackers(source, bind === undefined ? {} : { bind });
  if (scrapes.length === 0) throw new DtorrentError('ETRACKER', `${input} names no tracker that could be asked`);
  if (options.json) {
    context.stdout.write(`${JSON.stringify({ infoHash: hexPair(infoHash), trackers: scrapes.map(forPrograms) })}\n`);
  } else {
    for (const scrape of scrapes) tellPerson(scrape, context);
  }
  const failure = scrapes.every((scrape) => scrape.error !== null) ? scrapes[0]!.error : null;
  return failure === null ? 0 : exitCodeOf(failure.code);
}

function forPrograms({ url, tier, seeds, leechers, completed, error }: TrackerScrape): object {
  const failure = error === null ? null : { code: error.code, message: error.message };
  return { url, tier, seeds, leechers, completed, error: failure };
}

function tellPerson({ url, seeds, leechers, completed, error }: TrackerScrape, context: CommandContext): void {
  if (error !== null) {
    context.stderr.write(`${errorSentence({ code: error.code, message: `${url}: ${error.message}` })}\n`);
    return;
  }
  const told: string[] = [];
  if (seeds !== null) told.push(formatCount(seeds, 'seed'));
  if (leechers !== null) told.push(formatCount(leechers, 'leecher'));
  if (completed !== null) told.push(`${completed} completed`);
  context.stdout.write(`${sanitizeText(url)}: ${told.join(', ') || 'says nothing'}\n`);
}
