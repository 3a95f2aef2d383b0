/**
 * The command line's process: streams, signals and exit codes. `main` is what bin/dtorrent.js runs.
 * Signals: the first asks the command to stop (announce it, flush, exit 7, or 0 when everything is complete), the
 * second ends the process at once.
 */
import type { CommandContext } from './context.js';

const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
/** A socket or timer that something forgot must not keep a finished command from ending. */
const EXIT_GRACE_MS = 1000;

/** Runs the process's command line and ends the process with the exit code of the command line's contract. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  const stopping = new AbortController();
  for (const [signal, number] of Object.entries(SIGNAL_NUMBERS)) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(128 + number);
      stopping.abort();
    });
  }
  // A reader that went away (`| head`) is no error: whatever still runs is asked to stop.
  process.stdout.on('error', () => stopping.abort());
  process.stderr.on('error', () => {});
  process.exitCode = await runCommandLine(argv, processContext(stopping.signal));
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
}

/** Runs one command line in `context`. @returns its exit code; never rejects. */
export async function runCommandLine(argv: readonly string[], context: CommandContext): Promise<number> {
  // As programs ask, which start us for nothing else: the parser of options takes as long to load as Node.
  if (argv.length === 1 && argv[0] === '--version') return printVersion(context);
  const { parse, VersionRequest } = await import('./program.js');
  try {
    return await parse(argv, context);
  } catch (thrown) {
    if (thrown instanceof VersionRequest) return printVersion(context);
    return reportFailure(thrown, argv, context);
  }
}

async function printVersion(context: CommandContext): Promise<number> {
  const { VERSION } = await import('../../version.js');
  context.stdout.write(`${VERSION}\n`);
  return 0;
}

async function reportFailure(thrown: unknown, argv: readonly string[], context: CommandContext): Promise<number> {
  const [{ describeFailure }, { errorSentence }] = await Promise.all([
    import('./errors.js'),
    import('./display/sentences.js'),
  ]);
  const failure = await describeFailure(thrown, context.stop.aborted);
  const { code, message } = failure;
  // The arguments may be what could not be parsed, so they are searched rather than parsed.
  if (argv.includes('--json') || context.environment['DTORRENT_JSON']) {
    context.stdout.write(`${JSON.stringify({ type: 'error', code, message })}\n`);
  } else {
    context.stderr.write(`${errorSentence(failure)}\n`);
  }
  if (failure.stack !== null) context.stderr.write(`${failure.stack}\n`);
  return failure.exitCode;
}

function processContext(stop: AbortSignal): CommandContext {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    stop,
    now: () => performance.now(),
    every: (intervalMs, run) => {
      const timer = setInterval(run, intervalMs);
      return () => clearInterval(timer);
    },
    startEngine: async (settings, { verbose }) => {
      const { Engine } = await import('../../index.js');
      // The engine's own remarks go straight to stderr: on a terminal they would tear the live display.
      return Engine.start(settings, { logLevel: verbose && !process.stderr.isTTY ? 'info' : 'error' });
    },
  };
}
