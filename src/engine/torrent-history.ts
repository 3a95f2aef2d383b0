/**
 * What a torrent has done in all its runs together: bytes moved, time seeded, when it was added and completed. The
 * swarm counts this run; what came before is taken from the record. Called by Torrent. Unix time in seconds, spans in
 * ms.
 */
import type { ResumeData } from '../format/resume-data.js';

type HistoryRecord = Pick<
  ResumeData,
  'uploadedBytes' | 'downloadedBytes' | 'seedingSeconds' | 'addedUnixTime' | 'completedUnixTime'
>;

export class TorrentHistory {
  addedUnixTime: number;
  completedUnixTime: number | null = null;
  #pastUploadedBytes = 0;
  #pastDownloadedBytes = 0;
  #seedingMs = 0;
  /** Null while it does not seed. */
  #seedingSinceMs: number | null = null;

  constructor(unixTime: number) {
    this.addedUnixTime = unixTime;
  }

  /** Takes up an earlier run. */
  restore(record: HistoryRecord): void {
    this.addedUnixTime = record.addedUnixTime;
    this.completedUnixTime ??= record.completedUnixTime;
    this.#pastUploadedBytes = record.uploadedBytes;
    this.#pastDownloadedBytes = record.downloadedBytes;
    this.#seedingMs += record.seedingSeconds * 1000;
  }

  /** @returns whether that was for the first time, in whichever run. */
  onFinished(unixTime: number): boolean {
    const isFirst = this.completedUnixTime === null;
    this.completedUnixTime ??= unixTime;
    return isFirst;
  }

  setSeeding(isSeeding: boolean, now: number): void {
    if (isSeeding === (this.#seedingSinceMs !== null)) return;
    this.#seedingMs = this.seedingMs(now);
    this.#seedingSinceMs = isSeeding ? now : null;
  }

  seedingMs(now: number): number {
    return this.#seedingMs + (this.#seedingSinceMs === null ? 0 : now - this.#seedingSinceMs);
  }

  /** `run`: the bytes of this run. A record may be planted: sums stay integers. */
  totals(run: { readonly uploadedBytes: number; readonly downloadedBytes: number }, now: number): HistoryRecord {
    return {
      uploadedBytes: Math.min(this.#pastUploadedBytes + run.uploadedBytes, Number.MAX_SAFE_INTEGER),
      downloadedBytes: Math.min(this.#pastDownloadedBytes + run.downloadedBytes, Number.MAX_SAFE_INTEGER),
      seedingSeconds: Math.min(Math.floor(this.seedingMs(now) / 1000), Number.MAX_SAFE_INTEGER),
      addedUnixTime: this.addedUnixTime,
      completedUnixTime: this.completedUnixTime,
    };
  }
}
