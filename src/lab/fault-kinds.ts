/** The names of what can go wrong in a simulated world, as `--faults` takes them. Each is off unless it is named. */
import { DtorrentError } from '../base/errors.js';

/** See FAULT_KINDS. */
export type FaultKind =
  | 'api'
  | 'leave'
  | 'crash'
  | 'power'
  | 'partition'
  | 'reset'
  | 'loss'
  | 'cutting'
  | 'slow'
  | 'nat'
  | 'full'
  | 'disk'
  | 'rot'
  | 'tracker'
  | 'hostile'
  | 'clock';

/** Name -> what it does, for people. */
export const FAULT_KINDS: Readonly<Record<FaultKind, string>> = {
  api: 'torrents are paused, resumed, rechecked and selected from, and limits changed, at random times',
  leave: 'nodes stop in good order and come back',
  crash: 'nodes are killed, mostly in the middle of something, and start again',
  power: 'nodes lose power: what was not synced may be lost or torn, and nobody is told; they start again',
  partition: 'the network falls apart for a while',
  reset: 'connections are reset',
  loss: 'packets are lost, late, doubled and out of order',
  cutting: 'some nodes get what they are sent byte by byte',
  slow: 'some lines and disks are slow',
  nat: 'some nodes cannot be dialled',
  full: 'disks are full for a while',
  disk: 'disks fail for a while, now and then',
  rot: 'bytes change on disks, all by themselves',
  tracker: 'trackers are slow, silent, mad or away for a while',
  hostile: 'peers lie, corrupt, flood, stall and never give anything',
  clock: 'clocks step forwards and back by hours',
};

/** Every kind, in the table's order. */
export const ALL_FAULTS: readonly FaultKind[] = Object.keys(FAULT_KINDS) as FaultKind[];

/**
 * Reads `all`, `none`, or names with commas between them.
 * @throws {DtorrentError} `EOPTION` for a name that is none.
 */
export function parseFaults(text: string): readonly FaultKind[] {
  if (text === 'all') return ALL_FAULTS;
  if (text === 'none' || text === '') return [];
  const named = new Set<string>(text.split(',').map((name) => name.trim()));
  for (const name of named) {
    if (Object.hasOwn(FAULT_KINDS, name)) continue;
    throw new DtorrentError('EOPTION', `there is no fault "${name}": all, none, or of ${ALL_FAULTS.join(', ')}`);
  }
  return ALL_FAULTS.filter((kind) => named.has(kind));
}

/** Inverse of parseFaults. */
export function faultsText(faults: readonly FaultKind[]): string {
  if (faults.length === ALL_FAULTS.length) return 'all';
  return faults.length === 0 ? 'none' : faults.join(',');
}
