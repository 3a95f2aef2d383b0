/**
 * What a benchmark is made of. A scenario has sides, one of them ours; each side does the same work once a run and
 * tells its figures; goals say what the medians, or their ratios to another side, have to be.
 */
import type { Workbench } from '../workbench/workbench.js';

/** What a side may tell of one run: name -> how it is shown. Less is better, where a row does not say otherwise. */
export const FIGURES = {
  wallSeconds: { label: 'wall s', decimals: 2 },
  cpuSeconds: { label: 'CPU-s', decimals: 2 },
  rssMib: { label: 'peak RSS MiB', decimals: 0 },
  /** Of the main thread's event loop, while the work is done. */
  delayP99Ms: { label: 'loop delay p99 ms', decimals: 1 },
  /** The longest time for which nothing else could run on the main thread. */
  stepMaxMs: { label: 'longest step ms', decimals: 0 },
  startMs: { label: 'start ms', decimals: 0 },
  memoryPerTorrentKib: { label: 'KiB a torrent', decimals: 1 },
  idleCpuPercent: { label: 'idle, % of a core', decimals: 2 },
  announcesPerSecond: { label: 'announces/s', decimals: 0, moreIsBetter: true },
  cpuMicrosPerAnnounce: { label: 'CPU µs an announce', decimals: 1 },
  /** At half of the rate above. */
  latencyP99Ms: { label: 'p99 ms at half load', decimals: 2 },
  bytesPerPeer: { label: 'bytes a peer', decimals: 0 },
  /** From the start of the program. */
  firstPeerMs: { label: 'first peer ms', decimals: 0 },
  lookupMs: { label: 'end of lookup ms', decimals: 0 },
  /** To the end of the lookup, without the start of the program: from when its library is asked to start. */
  searchMs: { label: 'lookup alone ms', decimals: 0 },
  /** Sent by the client, until it ended. */
  queries: { label: 'queries', decimals: 0 },
  payloadPercent: { label: 'payload, % of the link', decimals: 1, moreIsBetter: true },
} as const satisfies Record<string, { label: string; decimals: number; moreIsBetter?: boolean }>;

export type FigureName = keyof typeof FIGURES;
/** Of one run. */
export type Figures = Partial<Readonly<Record<FigureName, number>>>;

export interface Side {
  /** The client, as the table calls it. */
  readonly name: string;
  /** Does the work once. Whatever it starts has ended, and whatever it wrote is gone, when it is done. */
  run(bench: Workbench): Promise<Figures>;
}

/** A bound on a figure of ours, or with `against` on its ratio to that side's figure of the same run. */
export interface Goal {
  readonly figure: FigureName;
  readonly against?: string;
  readonly bound: number;
}

export interface Scenario {
  /** What it is called on the command line. */
  readonly name: string;
  /** What it is called in the table. */
  readonly title: string;
  /** Ours first. */
  readonly sides: readonly Side[];
  readonly goals: readonly Goal[];
}

/** A side for each client: all of them do the same. */
export function sidesOf<Client extends { readonly name: string }>(
  clients: readonly Client[],
  run: (bench: Workbench, client: Client) => Promise<Figures>,
): readonly Side[] {
  return clients.map((client) => ({ name: client.name, run: (bench) => run(bench, client) }));
}

/** A goal in words, `CPU-s ≤ 0.90 × libtorrent`. */
export function describeGoal({ figure, against, bound }: Goal): string {
  const { label } = FIGURES[figure];
  const relation = moreIsBetter(figure) ? '≥' : '≤';
  return against === undefined ? `${label} ${relation} ${bound}` : `${label} ${relation} ${bound} × ${against}`;
}

export function moreIsBetter(figure: FigureName): boolean {
  return 'moreIsBetter' in FIGURES[figure];
}
