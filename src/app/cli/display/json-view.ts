/**
 * `--json`: one object a line on stdout and nothing else there; remarks for people go to stderr. The event shapes are
 * the command line's contract: fields may be added, never renamed or removed. Times in seconds.
 */
import { sanitizeText } from './terminal-text.js';
import type {
  CompletionNotice,
  Ending,
  ErrorNotice,
  MetadataNotice,
  OutputStream,
  TorrentSnapshot,
  View,
} from './view.js';

export class JsonView implements View {
  readonly tickMs = 1000;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #verbose: boolean;

  constructor(options: { readonly stdout: OutputStream; readonly stderr: OutputStream; readonly verbose: boolean }) {
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.#verbose = options.verbose;
  }

  listening(port: number): void {
    this.#event({ type: 'listening', port });
  }

  metadata(notice: MetadataNotice): void {
    const { infoHash, name, totalLength, magnet } = notice;
    this.#event({ type: 'metadata', infoHash, name, totalLength, magnet });
  }

  progress(torrents: readonly TorrentSnapshot[]): void {
    for (const { infoHash, stats } of torrents) {
      this.#event({
        type: 'progress',
        infoHash,
        phase: stats.phase,
        bytesDone: stats.bytesDone,
        bytesTotal: stats.bytesTotal,
        bytesChecked: stats.bytesChecked,
        bytesToCheck: stats.bytesToCheck,
        downloadRate: Math.round(stats.downloadRate),
        uploadRate: Math.round(stats.uploadRate),
        uploadedBytes: stats.uploadedBytes,
        peers: stats.peers,
        seeds: stats.seeds,
        peersBySource: stats.peersBySource,
        candidatesBySource: stats.candidatesBySource,
        etaSeconds: stats.etaSeconds === null ? null : Math.round(stats.etaSeconds),
      });
    }
  }

  completed(notice: CompletionNotice): void {
    const { infoHash, path, bytes, seconds, wastedBytes, hashFailures } = notice;
    this.#event({ type: 'completed', infoHash, path, bytes, seconds, wastedBytes, hashFailures });
  }

  failed(notice: ErrorNotice): void {
    this.#event({ type: 'error', code: notice.code, message: notice.message });
  }

  /** Part of the metadata event. */
  magnet(): void {}

  note(message: string, importance: 'important' | 'verbose'): void {
    if (importance === 'important' || this.#verbose) this.#stderr.write(`${sanitizeText(message)}\n`);
  }

  end(ending: Ending): void {
    if (ending.interrupted) this.failed({ code: 'ESTOPPED', message: 'stopped before everything was complete' });
  }

  #event(event: object): void {
    this.#stdout.write(`${JSON.stringify(event)}\n`);
  }
}
