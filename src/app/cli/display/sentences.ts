/** The sentences that the live and the plain view share. Names are sanitised here. */
import type { EngineEvent, PeerSource, SourceCounts, TorrentStats } from '../../../index.js';
import { formatDuration, formatPercent, formatRate, formatSize, shareOf } from './formats.js';
import { sanitizeText } from './terminal-text.js';
import type { CompletionNotice, Ending, ErrorNotice } from './view.js';

/** `ubuntu.iso: complete, 4.70 GiB in 6m 01s (13.3 MiB/s), saved to downloads/ubuntu.iso` and what went to waste, if much. */
export function completionSentence(notice: CompletionNotice): string {
  const { bytes, seconds, downloadedBytes } = notice;
  const name = sanitizeText(notice.name);
  const where = sanitizeText(notice.path);
  if (downloadedBytes === 0) return `${name}: already complete, ${formatSize(bytes)} in ${where}`;
  const rate = seconds >= 1 ? ` (${formatRate(downloadedBytes / seconds)})` : '';
  const failures = notice.hashFailures > 0 ? `, ${notice.hashFailures} bad pieces fetched again` : '';
  // Below one part in a hundred, waste is the ordinary cost of the endgame.
  const waste = notice.wastedBytes * 100 > bytes ? `, ${formatSize(notice.wastedBytes)} wasted` : '';
  const duration = seconds >= 1 ? formatDuration(seconds) : 'less than 1s';
  return `${name}: complete, ${formatSize(bytes)} in ${duration}${rate}${waste}${failures}, saved to ${where}`;
}

/** What there is to say about the torrents when the command ends; nothing about those that failed. */
export function endSentences(ending: Ending): string[] {
  const sentences: string[] = [];
  for (const { name, stats } of ending.torrents) {
    const start = `${sanitizeText(name)}: `;
    if (stats.bytesTotal > 0 && stats.bytesDone >= stats.bytesTotal) {
      const uploaded = `uploaded ${formatSize(stats.uploadedBytes)} (ratio ${formatRatio(stats)})`;
      if (stats.uploadedBytes > 0) sentences.push(start + uploaded);
    } else if (ending.interrupted && stats.phase !== 'failed') {
      const percent = formatPercent(shareOf(stats.bytesDone, stats.bytesTotal));
      const where =
        stats.bytesTotal > 0 ? `at ${percent} of ${formatSize(stats.bytesTotal)}` : 'before its metadata came';
      sentences.push(`${start}stopped ${where}; the same command goes on from there`);
    }
  }
  return sentences;
}

/** The sources in the order and the words in which people are told. */
const SOURCE_WORDS: readonly (readonly [PeerSource, string])[] = [
  ['tracker', 'tracker'],
  ['dht', 'DHT'],
  ['pex', 'PEX'],
  ['lsd', 'LSD'],
  ['incoming', 'incoming'],
  ['user', 'user'],
  ['magnet', 'magnet'],
  ['resume', 'earlier run'],
];

/** `connected: tracker 2, DHT 1; known: tracker 40, DHT 12`, or `nobody is known`; for those who want to know. */
export function sourcesSentence({ peersBySource, candidatesBySource }: TorrentStats): string {
  const parts = [sourceList('connected: ', peersBySource), sourceList('known: ', candidatesBySource)];
  return parts.filter((part) => part !== '').join('; ') || 'nobody is known';
}

function sourceList(start: string, counts: SourceCounts): string {
  const counted = SOURCE_WORDS.filter(([source]) => counts[source] > 0);
  return counted.length === 0 ? '' : start + counted.map(([source, word]) => `${word} ${counts[source]}`).join(', ');
}

/** Whether and where others reach us, for those who want to know; null for other events. */
export function reachabilityRemark(event: EngineEvent): string | null {
  switch (event.type) {
    case 'portMapped': {
      // UDP follows TCP, on the same port but for odd routers.
      if (event.protocol !== 'tcp') return null;
      const family = event.gateway.includes(':') ? ' over IPv6' : '';
      return `the router lets peers in at port ${event.externalPort}${family} (${event.method})`;
    }
    case 'portMappingWarning':
      return event.message;
    case 'externalAddress':
      return `others see us at ${event.ip}`;
    default:
      return null;
  }
}

/** `dtorrent: message`, of something that the command goes on without. */
export function warningSentence({ message }: { readonly message: string }): string {
  return `dtorrent: ${sanitizeText(message)}`;
}

/** `dtorrent: message (CODE)` */
export function errorSentence(notice: ErrorNotice): string {
  return `dtorrent: ${sanitizeText(notice.message)} (${notice.code})`;
}

/** Uploaded, this session, for each byte of the torrent. */
export function formatRatio(stats: { readonly uploadedBytes: number; readonly bytesTotal: number }): string {
  return (stats.bytesTotal > 0 ? stats.uploadedBytes / stats.bytesTotal : 0).toFixed(2);
}
