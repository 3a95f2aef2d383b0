/**
 * How many files and sockets the system lets this process have open (`ulimit -n`), and how many of those may be streams
 * of peers. Linux tells it in /proc; elsewhere it is not known, and Node has raised it to the hard limit anyway.
 */
import { readFileSync } from 'node:fs';

/** Node's own, of disk threads, of datagram sockets, HTTP and name resolution; 30 to 50 are in use. */
const OTHER_DESCRIPTORS = 64;
/** Files are given up for new ones where there are few descriptors, streams are not. */
const STREAMS_SHARE_MIN = 1 / 4;

/** @returns Infinity when it is not known. */
export function streamsAllowed(maxOpenFiles: number, limit: number = descriptorLimit()): number {
  return Math.floor(Math.max(limit - maxOpenFiles - OTHER_DESCRIPTORS, limit * STREAMS_SHARE_MIN));
}

/** @returns Infinity when it is not known, or there is none. */
export function descriptorLimit(path = '/proc/self/limits'): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync(path, 'latin1'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
