/**
 * For terminals: one block a torrent, redrawn in place.
 * Invariant: between writes the cursor stands on the first column of the block's first line. Terminals that reflow
 * text when they are resized carry the cursor along with that line, and terminals that do not leave both where they
 * were; so a redraw needs no count of rows that a resize would have made wrong. Every refresh is one write that
 * overwrites and then erases what is left over, so nothing flickers. Nothing is hidden or switched off (no cursor,
 * no alternate screen), so nothing needs restoring, however the process ends. Lines never reach the last column.
 */
import { formatCount, formatDuration, formatPercent, formatRate, formatSize, shareOf } from './formats.js';
import { completionSentence, endSentences, errorSentence, formatRatio, sourcesSentence } from './sentences.js';
import { clipText, sanitizeText, textWidth, toAscii } from './terminal-text.js';
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

const LINES_PER_TORRENT = 3;
/** With --verbose: where the peers are from. */
const LINES_PER_TORRENT_VERBOSE = LINES_PER_TORRENT + 1;
const BAR_COLUMNS_MAX = 40;
const BAR_COLUMNS_MIN = 8;
/** What terminals have that do not say. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

const ERASE_LINE_END = '\x1b[K';
const ERASE_BELOW = '\x1b[J';
const RESET_STYLE = '\x1b[0m';

interface LiveViewOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly verbose: boolean;
  /** False for terminals that show ASCII only. */
  readonly unicode: boolean;
  readonly color: boolean;
}

/** A piece of a line in one style; the numbers are SGR parameters. */
interface Span {
  readonly text: string;
  readonly style?: 'bold' | 'done' | 'faint';
}

const SGR = { bold: '\x1b[1m', done: '\x1b[32m', faint: '\x1b[2m' };

interface Glyphs {
  readonly done: string;
  readonly open: string;
  readonly down: string;
  readonly up: string;
  readonly ellipsis: string;
}

const UNICODE_GLYPHS: Glyphs = { done: '█', open: '░', down: '↓', up: '↑', ellipsis: '…' };
const ASCII_GLYPHS: Glyphs = { done: '#', open: '.', down: 'down', up: 'up', ellipsis: '...' };

export class LiveView implements View {
  readonly tickMs = 500;
  readonly #options: LiveViewOptions;
  readonly #glyphs: Glyphs;
  readonly #completions: CompletionNotice[] = [];
  #torrents: readonly TorrentSnapshot[] = [];
  /** Lines of the block on the screen; 0 = none. */
  #drawnLines = 0;
  readonly #redraw = (): void => this.#draw('');

  constructor(options: LiveViewOptions) {
    this.#options = options;
    this.#glyphs = options.unicode ? UNICODE_GLYPHS : ASCII_GLYPHS;
    options.stdout.on?.('resize', this.#redraw);
  }

  listening(port: number): void {
    this.note(`listening on port ${port}`, 'verbose');
  }

  /** The block shows it. */
  metadata(_notice: MetadataNotice): void {}

  magnet(link: string): void {
    this.#draw(`${this.#printable(link)}\n`);
  }

  progress(torrents: readonly TorrentSnapshot[]): void {
    this.#torrents = torrents;
    this.#draw('');
  }

  completed(notice: CompletionNotice): void {
    this.#completions.push(notice);
  }

  failed(notice: ErrorNotice): void {
    this.#aboveBlock(errorSentence(notice));
  }

  note(message: string, importance: 'important' | 'verbose'): void {
    if (importance === 'important' || this.#options.verbose) this.#aboveBlock(message);
  }

  end(ending: Ending): void {
    const { stdout } = this.#options;
    stdout.off?.('resize', this.#redraw);
    this.#torrents = ending.torrents;
    this.#draw('');
    const below = this.#drawnLines > 1 ? `\x1b[${this.#drawnLines - 1}B` : '';
    const summary = [...this.#completions.map(completionSentence), ...endSentences(ending)];
    const lines = summary.map((sentence) => `${this.#printable(sentence)}\n`).join('');
    stdout.write(this.#drawnLines > 0 ? `${below}\r\n${lines}` : lines);
    this.#drawnLines = 0;
  }

  /** stderr may be another file, so the block is taken away first and put back after. */
  #aboveBlock(message: string): void {
    if (this.#drawnLines > 0) this.#options.stdout.write(`\r${ERASE_BELOW}`);
    this.#options.stderr.write(`${this.#printable(message)}\n`);
    this.#draw('');
  }

  #printable(text: string): string {
    const clean = sanitizeText(text);
    return this.#options.unicode ? clean : toAscii(clean);
  }

  /** @param above whole lines to leave above the block, in the same write */
  #draw(above: string): void {
    const { stdout } = this.#options;
    const columns = Math.max(1, (stdout.columns || DEFAULT_COLUMNS) - 1);
    const rows = Math.max(1, (stdout.rows || DEFAULT_ROWS) - 1);
    const lines = this.#block(columns, rows).map((spans) => this.#render(spans, columns) + ERASE_LINE_END);
    const start = above === '' ? '' : `${this.#drawnLines > 0 ? `\r${ERASE_BELOW}` : ''}${above}`;
    if (start === '' && lines.length === 0) return;
    const back = lines.length > 1 ? `\x1b[${lines.length - 1}A` : '';
    const block = lines.length === 0 ? '' : `\r${lines.join('\r\n')}${ERASE_BELOW}${back}\r`;
    this.#drawnLines = lines.length;
    stdout.write(start + block);
  }

  /** A block taller than the screen could not be redrawn in place: what does not fit is counted instead. */
  #block(columns: number, rows: number): Span[][] {
    const torrents = this.#torrents;
    const linesPerTorrent = this.#options.verbose ? LINES_PER_TORRENT_VERBOSE : LINES_PER_TORRENT;
    if (torrents.length * linesPerTorrent <= rows) return torrents.flatMap((torrent) => this.#lines(torrent, columns));
    const fitting = Math.max(1, Math.floor((rows - 1) / linesPerTorrent));
    const unfinished = torrents.filter((torrent) => torrent.stats.phase !== 'seeding');
    const finished = torrents.filter((torrent) => torrent.stats.phase === 'seeding');
    const shown = [...unfinished, ...finished].slice(0, fitting).flatMap((torrent) => this.#lines(torrent, columns));
    const hidden = torrents.length - fitting;
    if (hidden > 0) shown.push([{ text: `${this.#glyphs.ellipsis} and ${hidden} more`, style: 'faint' }]);
    return shown.slice(0, rows);
  }

  #lines(torrent: TorrentSnapshot, columns: number): Span[][] {
    const lines: Span[][] = [
      [{ text: this.#printable(torrent.name), style: 'bold' }],
      this.#barLine(torrent, columns),
      this.#factsLine(torrent),
    ];
    if (this.#options.verbose) lines.push([{ text: `  ${sourcesSentence(torrent.stats)}`, style: 'faint' }]);
    return lines;
  }

  #barLine({ stats }: TorrentSnapshot, columns: number): Span[] {
    if (stats.bytesTotal === 0) return [{ text: `  ${PHASE_WORDS[stats.phase]}` }];
    const checking = stats.phase === 'checking';
    const done = checking ? stats.bytesChecked : stats.bytesDone;
    const total = checking ? stats.bytesToCheck : stats.bytesTotal;
    const share = shareOf(done, total);
    const label = ` ${formatPercent(share).padStart(6)}  ${formatSize(done)} of ${formatSize(total)}`;
    const room = columns - 2 - textWidth(label);
    const width = Math.max(BAR_COLUMNS_MIN, Math.min(BAR_COLUMNS_MAX, room));
    const filled = Math.floor(share * width);
    return [
      { text: '  ' },
      { text: this.#glyphs.done.repeat(filled), style: 'done' },
      { text: this.#glyphs.open.repeat(width - filled), style: 'faint' },
      { text: label },
    ];
  }

  #factsLine({ stats }: TorrentSnapshot): Span[] {
    const { down, up } = this.#glyphs;
    const seeds = stats.seeds > 0 ? ` (${formatCount(stats.seeds, 'seed')})` : '';
    const peers = `${formatCount(stats.peers, 'peer')}${seeds}`;
    const facts: string[] = stats.bytesTotal === 0 ? [] : [PHASE_WORDS[stats.phase]];
    if (stats.phase === 'metadata') facts.push(peers);
    if (stats.phase === 'downloading') {
      facts.push(`${down} ${formatRate(stats.downloadRate)}`, `${up} ${formatRate(stats.uploadRate)}`, peers);
      facts.push(stats.etaSeconds === null ? 'ETA unknown' : `ETA ${formatDuration(stats.etaSeconds)}`);
    }
    if (stats.phase === 'seeding') {
      const uploaded = `${formatSize(stats.uploadedBytes)} uploaded (ratio ${formatRatio(stats)})`;
      facts.push(`${up} ${formatRate(stats.uploadRate)}`, uploaded, peers);
    }
    return [{ text: `  ${facts.join('  ')}` }];
  }

  /** Clips before it styles, so that no escape sequence is ever cut. */
  #render(spans: readonly Span[], columns: number): string {
    let line = '';
    let room = columns;
    for (const { text, style } of spans) {
      const clipped = clipText(text, room, this.#glyphs.ellipsis);
      room -= textWidth(clipped);
      line += style !== undefined && this.#options.color ? SGR[style] + clipped + RESET_STYLE : clipped;
      if (clipped !== text) break;
    }
    return line;
  }
}
