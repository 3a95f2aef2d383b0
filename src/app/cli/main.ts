/**
 * The command line's process: streams, signals and exit codes. `main` is what bin/dtorrent.js runs.
 * Signals: the first asks the command to stop (announce it, flush, exit 7, or 0 when everything is complete), the
 * second ends the process at once.
 */
import { CommanderError } from 'commander';
import type { CommandContext } from './context.js';
import { spellOutSeed } from './options.js';
import { buildProgram, VersionRequest } from './program.js';

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
  let exitCode = 0;
  try {
    const program = buildProgram(context, (code) => {
      exitCode = code;
    });
    await program.parseAsync(spellOutSeed(argv), { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
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
