/** Starts a program of Node's with bench/probes/event-loop.ts in it, and reads what that says once the program has ended. */
import { readFileSync } from 'node:fs';
import type { DtorrentOptions } from '../clients/dtorrent.js';
import type { Workbench } from './workbench.js';

/** Of the main thread, milliseconds; bench/probes/event-loop.ts says what they mean. */
export interface EventLoopReport {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly meanMs: number;
  readonly samples: number;
}

export class EventLoopWatch {
  /** What the program has to be started with. */
  readonly options: DtorrentOptions;
  readonly #path: string;

  constructor(bench: Workbench) {
    this.#path = bench.newPath('event-loop.json');
    const probe = new URL('../probes/event-loop.js', import.meta.url).href;
    this.options = { nodeOptions: ['--import', probe], env: { DTORRENT_BENCH_EVENT_LOOP: this.#path } };
  }

  /** Only after the end of the program. */
  read(): EventLoopReport {
    return JSON.parse(readFileSync(this.#path, 'utf8'));
  }
}
