/** What another process costs while it runs, by /proc. */
import { readFileSync } from 'node:fs';

/** Of CPU time in /proc; Linux says 100 a second to every program. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;
/** Fields of /proc/PID/stat behind the name, which may have blanks in it. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) / TICKS_PER_SECOND;
}

export function rssBytesOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
}

/**
 * Packets that came for the UDP socket of `port` on loopback and were dropped because nobody had read those before.
 * @throws {Error} when there is no such socket
 */
export function droppedPackets(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of readFileSync('/proc/net/udp', 'utf8').split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields[1] === local) return Number(fields.at(-1));
  }
  throw new Error(`no UDP socket has port ${port}`);
}
