/**
 * Priorities that a program sets file by file, taken up together: each change of what is wanted costs O(files + pieces),
 * so ten thousand of them in a row have to be one. They are in force as soon as the program lets go of the thread, or
 * looks at what they do. Made by TorrentHandle, for its files.
 */
import type { Session } from '../session.js';
import type { Torrent } from '../torrent.js';

export class PriorityBatch {
  readonly #session: Pick<Session, 'inTurn'>;
  readonly #torrent: Pick<Torrent, 'files' | 'setFilePriorities'>;
  #next: Uint8Array | null = null;

  constructor(session: Pick<Session, 'inTurn'>, torrent: Pick<Torrent, 'files' | 'setFilePriorities'>) {
    this.#session = session;
    this.#torrent = torrent;
  }

  /** `file`: index in the layout. What was set last, in force or not. */
  get(file: number): number {
    return (this.#next ?? this.#torrent.files!.ofFile)[file]!;
  }

  set(file: number, priority: number): void {
    if (this.#next === null) {
      this.#next = this.#torrent.files!.ofFile.slice();
      queueMicrotask(() => this.flush());
    }
    this.#next[file] = priority;
  }

  /** Puts in force what has been set. */
  flush(): void {
    const next = this.#next;
    if (next === null) return;
    this.#next = null;
    this.#session.inTurn(() => this.#torrent.setFilePriorities(next));
  }
}
