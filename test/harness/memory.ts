/** What a process has used of memory and of descriptors, as Linux tells it in /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** The most that was resident at one time since its start, in bytes. */
export function memoryPeakBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

/** Files, sockets and pipes that are open now. */
export function descriptorsOpen(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
