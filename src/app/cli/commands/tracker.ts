/** `dtorrent tracker`: the embedded tracker, HTTP and UDP on one port, until a signal. */
import { startTracker } from '../../../tools.js';
import type { CommandContext } from '../context.js';
import type { TrackerOptions } from '../options.js';

/** @returns the exit code. */
export async function runTracker(options: TrackerOptions, context: CommandContext): Promise<number> {
  const tracker = await startTracker({ port: options.port, host: options.bind ?? '' });
  if (options.json) {
    context.stdout.write(`${JSON.stringify({ type: 'listening', port: tracker.port })}\n`);
  } else {
    const host = announceHost(tracker.host);
    context.stdout.write(`http://${host}:${tracker.port}/announce\nudp://${host}:${tracker.port}/announce\n`);
  }
  await stopped(context.stop);
  await tracker.close();
  return 0;
}

/** A host to put in URLs: an address that stands for every address is reached, from here, as localhost. */
function announceHost(bind: string): string {
  if (bind === '' || bind === '0.0.0.0' || bind === '::') return 'localhost';
  return bind.includes(':') ? `[${bind}]` : bind;
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
