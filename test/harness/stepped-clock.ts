/**
 * Clocks that jump in a process under test: what a person does with `date`, what a time server does, and what a machine
 * or a process finds that was stopped for a while. A preload (`clockSteps`) moves `Date.now` and `performance.now` when
 * the process hears the signal.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from './content.js';

export const STEP_SIGNAL = 'SIGUSR2';

export interface ClockStep {
  /** The wall clock, at once: one that was wrong all the time. */
  readonly wallMsAtStart?: number;
  /** At the signal. */
  readonly wallMs?: number;
  /** At the signal; forwards only, as the monotonic clock does. */
  readonly monotonicMs?: number;
}

/** @returns the environment of a process whose clocks step. */
export function clockSteps(t: TestContext, step: ClockStep): { readonly NODE_OPTIONS: string } {
  const path = join(temporaryDirectory(t), 'clock-steps.mjs');
  const { wallMsAtStart = 0, wallMs = 0, monotonicMs = 0 } = step;
  const lines = [
    `let wall = ${wallMsAtStart}, monotonic = 0;`,
    'const wallNow = Date.now, monotonicNow = performance.now.bind(performance);',
    'Date.now = () => wallNow() + wall;',
    'performance.now = () => monotonicNow() + monotonic;',
    // Disk threads load this as well, and have no signals.
    "import { isMainThread } from 'node:worker_threads';",
    'if (isMainThread) {',
    `  process.on('${STEP_SIGNAL}', () => { wall += ${wallMs}; monotonic += ${monotonicMs}; console.error('the clocks have stepped'); });`,
    '}',
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return { NODE_OPTIONS: `--import ${path}` };
}
