/**
 * Child processes of a test: started with a bound, read line by line, ended by their own id when the test ends,
 * whatever its outcome.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { afterTest } from './cleanup.js';

export interface ProcessOptions {
  /** A network namespace to run in (ip netns exec). */
  readonly namespace?: string | undefined;
  readonly cwd?: string;
  /** Beside this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** Files and sockets that it may have open at one time (ulimit -n). */
  readonly descriptorsMax?: number;
  /** Whether `write` reaches it. Without, its stdin is empty. */
  readonly input?: boolean;
}

export class Process {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  errors = '';
  readonly #name: string;
  /** One of each who waits for a line. */
  readonly #wakes = new Set<() => void>();
  /** Its last line has come, which on a busy machine may be some time after its exit. */
  #isSilent = false;

  /** Ends with the test. */
  constructor(t: TestContext, command: string, args: readonly string[], options: ProcessOptions = {}) {
    const [program, ...programArgs] = within(options, [command, ...args]);
    this.#name = `${command} ${args.join(' ')}`;
    this.child = spawn(program!, programArgs, {
      stdio: [options.input === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
    });
    this.child.on('error', (error) => {
      this.errors += error.message;
      this.#wake();
    });
    const output = createInterface({ input: this.child.stdout! });
    output.on('line', (line) => {
      this.lines.push(line);
      this.#wake();
    });
    output.on('close', () => {
      this.#isSilent = true;
      this.#wake();
    });
    this.child.stderr!.on('data', (chunk) => {
      this.errors = (this.errors + String(chunk)).slice(-20_000);
    });
    // That nobody reads any more is told by its exit.
    this.child.stdin?.on('error', () => {});
    this.child.on('exit', () => this.#wake());
    afterTest(t, () => this.stop());
  }

  get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined;
  }

  write(text: string): void {
    this.child.stdin!.write(text);
  }

  /** The first line that `matches`, waiting for it; fails when the process ends or the time is over. */
  async line<T>(what: string, timeoutMs: number, matches: (line: string) => T | null | undefined | false): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    let next = 0;
    for (;;) {
      for (; next < this.lines.length; next++) {
        const found = matches(this.lines[next]!);
        if (found !== null && found !== undefined && found !== false) return found;
      }
      if (this.#hasSaidAll)
        throw new Error(`${this.#name} ended (${this.child.exitCode}) before ${what}${this.#tail()}`);
      if (Date.now() >= deadline) throw new Error(`${this.#name}: no ${what} in ${timeoutMs} ms${this.#tail()}`);
      await this.#change(deadline - Date.now());
    }
  }

  /** Waits for the end. @returns the exit code, or -1 when a signal ended it. */
  async exit(timeoutMs: number): Promise<number> {
    if (!this.hasExited) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${this.#name} still runs after ${timeoutMs} ms${this.#tail()}`)),
          timeoutMs,
        );
        this.child.once('exit', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.child.exitCode ?? -1;
  }

  /** Waits for the last line of what has exited. What it has started and left running may hold its stdout open. */
  async lastLine(timeoutMs = 5000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!this.#hasSaidAll && Date.now() < deadline) await this.#change(deadline - Date.now());
  }

  get #hasSaidAll(): boolean {
    return this.hasExited && (this.#isSilent || this.child.pid === undefined);
  }

  signal(name: NodeJS.Signals): void {
    if (!this.hasExited) this.child.kill(name);
  }

  /** SIGTERM, and SIGKILL to whatever still runs after 5 s. */
  async stop(): Promise<void> {
    if (this.hasExited) return;
    this.child.kill('SIGTERM');
    try {
      await this.exit(5000);
    } catch {
      this.child.kill('SIGKILL');
      await this.exit(5000);
    }
  }

  /** Resolves when it says something or ends, or after `timeoutMs`. */
  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#wakes.delete(settle);
        // The last lines may arrive just after the exit: let them.
        setImmediate(resolve);
      };
      const timer = setTimeout(settle, Math.max(1, timeoutMs));
      this.#wakes.add(settle);
    });
  }

  #wake(): void {
    for (const wake of this.#wakes) wake();
  }

  #tail(): string {
    return `\nstdout: ${this.lines.slice(-10).join('\n')}\nstderr: ${this.errors.slice(-2000)}`;
  }
}

/** What begins by preparing its ground and then becomes the command: the process id stays. */
function within({ namespace, descriptorsMax }: ProcessOptions, command: readonly string[]): readonly string[] {
  const limited =
    descriptorsMax === undefined ? command : ['sh', '-c', `ulimit -n ${descriptorsMax} && exec "$0" "$@"`, ...command];
  return namespace === undefined ? limited : ['ip', 'netns', 'exec', namespace, ...limited];
}

/** Runs a command to its end. Fails unless it exits with 0. @returns its stdout. */
export async function run(
  t: TestContext,
  command: string,
  args: readonly string[],
  options: ProcessOptions & { readonly timeoutMs?: number } = {},
): Promise<string> {
  const child = new Process(t, command, args, options);
  const code = await child.exit(options.timeoutMs ?? 60_000);
  await child.lastLine();
  if (code !== 0)
    throw new Error(
      `${command} ${args.join(' ')} exited with ${code}: ${child.errors}${child.lines.slice(-10).join('\n')}`,
    );
  return child.lines.join('\n');
}

/** Polls until `probe` gives something; for clients that cannot be asked to tell. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => T | null | undefined | false | Promise<T | null | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() >= deadline) throw new Error(`no ${what} within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
