/**
 * For logs and pipes: plain lines. Invariant: at most one progress line a second, all torrents together, and none
 * unless something meaningful changed for that torrent: its phase, a whole percent, peers coming or all leaving;
 * while seeding, a tenth of the ratio. What happens once (metadata, completion, errors) is said when it happens.
 */
import { formatCount, formatDuration, formatPercent, formatRate, formatSize, shareOf } from './formats.js';
import { completionSentence, endSentences, errorSentence, formatRatio, sourcesSentence } from './sentences.js';
import { sanitizeText } from './terminal-text.js';
import {
  type CompletionNotice,
  type Ending,
  type ErrorNotice,
  type MetadataNotice,
  type OutputStream,
  PHASE_WORDS,
  type TorrentSnapshot,
  type View,
} from './view.js';

const LINE_INTERVAL_MS = 1000;

export class PlainView implements View {
  readonly tickMs = 1000;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #verbose: boolean;
  /** What was last said of each torrent. */
  readonly #said = new Map<string, string>();
  /** Info-hashes of what completed() has told of. */
  readonly #completed = new Set<string>();
  /** Which torrent may speak first, so that a busy one does not silence the others. */
  #turn = 0;
  #lastLineAt = Number.NEGATIVE_INFINITY;

  constructor(options: { readonly stdout: OutputStream; readonly stderr: OutputStream; readonly verbose: boolean }) {
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.#verbose = options.verbose;
  }

  listening(port: number): void {
    this.#line(`listening on port ${port}`);
  }

  metadata(notice: MetadataNotice): void {
    this.#line(`${sanitizeText(notice.name)}: ${formatSize(notice.totalLength)}`);
  }

  magnet(link: string): void {
    this.#line(sanitizeText(link));
  }

  progress(torrents: readonly TorrentSnapshot[], now: number): void {
    if (now - this.#lastLineAt < LINE_INTERVAL_MS) return;
    for (let i = 0; i < torrents.length; i++) {
      const index = (this.#turn + i) % torrents.length;
      const torrent = torrents[index]!;
      // The last snapshot before completion is in that phase already: "seeding" comes after "complete", if at all.
      if (torrent.stats.phase === 'seeding' && !this.#completed.has(hashOf(torrent))) continue;
      const gist = gistOf(torrent);
      if (this.#said.get(torrent.key) === gist) continue;
      this.#said.set(torrent.key, gist);
      this.#turn = index + 1;
      this.#lastLineAt = now;
      this.#line(progressSentence(torrent, this.#verbose ? ` (${sourcesSentence(torrent.stats)})` : ''));
      return;
    }
  }

  completed(notice: CompletionNotice): void {
    this.#completed.add(hashOf(notice));
    this.#line(completionSentence(notice));
  }

  failed(notice: ErrorNotice): void {
    this.#stderr.write(`${errorSentence(notice)}\n`);
  }

  note(message: string, importance: 'important' | 'verbose'): void {
    if (importance === 'important' || this.#verbose) this.#stderr.write(`${sanitizeText(message)}\n`);
  }

  end(ending: Ending): void {
    for (const sentence of endSentences(ending)) this.#line(sentence);
  }

  #line(text: string): void {
    this.#stdout.write(`${text}\n`);
  }
}

function hashOf({ infoHash }: TorrentSnapshot | CompletionNotice): string {
  return `${infoHash.v1} ${infoHash.v2}`;
}

/** Two states with the same gist are not worth two lines. */
function gistOf({ stats }: TorrentSnapshot): string {
  const peers = stats.peers > 0 ? 'peers' : 'alone';
  if (stats.phase === 'seeding') return `seeding ${peers} ${Math.floor(Number(formatRatio(stats)) * 10)}`;
  const checking = stats.phase === 'checking';
  const share = checking ? shareOf(stats.bytesChecked, stats.bytesToCheck) : shareOf(stats.bytesDone, stats.bytesTotal);
  return `${stats.phase} ${peers} ${Math.floor(share * 100)}`;
}

/** `sources` is said right after the number of peers. */
function progressSentence({ name, stats }: TorrentSnapshot, sources: string): string {
  const start = `${sanitizeText(name)}: ${PHASE_WORDS[stats.phase]}`;
  const peers = formatCount(stats.peers, 'peer') + sources;
  switch (stats.phase) {
    case 'metadata':
      return `${start}, ${peers}`;
    case 'checking':
      return `${start} ${formatPercent(shareOf(stats.bytesChecked, stats.bytesToCheck))}`;
    case 'downloading': {
      const share = `${formatPercent(shareOf(stats.bytesDone, stats.bytesTotal))} of ${formatSize(stats.bytesTotal)}`;
      const rates = `${formatRate(stats.downloadRate)} down, ${formatRate(stats.uploadRate)} up`;
      const eta = stats.etaSeconds === null ? '' : `, ${formatDuration(stats.etaSeconds)} left`;
      return `${start} ${share}, ${rates}, ${peers}${eta}`;
    }
    case 'seeding': {
      const uploaded = `${formatSize(stats.uploadedBytes)} uploaded (ratio ${formatRatio(stats)})`;
      return `${start}, ${formatRate(stats.uploadRate)} up, ${uploaded}, ${peers}`;
    }
    case 'paused':
    case 'failed':
    case 'stopped':
      return start;
  }
}
