/**
 * How long a process's main thread was busy at a time. Loaded by `node --import` before the program, whose worker threads
 * it leaves alone; bench/workbench/event-loop.ts starts programs with it. When the process exits it writes to the path in
 * DTORRENT_BENCH_EVENT_LOOP: {"p50Ms", "p99Ms", "p999Ms", "maxMs", "meanMs", "samples"}, Node's event-loop delay histogram
 * from the loop's first turn on, so that loading modules counts as well. A timer is due every millisecond; a sample is
 * how much later it came: what anything else that was due then waited. `maxMs` is the longest step.
 */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const RESOLUTION_MS = 1;
const NANOSECONDS_PER_MS = 1e6;

const path = process.env['DTORRENT_BENCH_EVENT_LOOP'];
if (path !== undefined && isMainThread) watch(path);

function watch(path: string): void {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  process.once('exit', () => {
    delays.disable();
    const report = {
      p50Ms: delayMs(delays.percentile(50)),
      p99Ms: delayMs(delays.percentile(99)),
      p999Ms: delayMs(delays.percentile(99.9)),
      maxMs: delayMs(delays.max),
      meanMs: delayMs(delays.mean),
      samples: delays.count,
    };
    writeFileSync(path, JSON.stringify(report));
  });
}

/** The histogram has the time from one turn of the timer to the next. */
function delayMs(betweenNs: number): number {
  return Math.max(betweenNs / NANOSECONDS_PER_MS - RESOLUTION_MS, 0);
}
