/** A process under measurement: what it says is waited for, and what it cost is the operating system's account of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../../test/harness/repository.js';

/** The system's python: Debian's libtorrent is made for it, and measured.py runs on it. */
export const PYTHON = '/usr/bin/python3';
const MEASURED = join(REPOSITORY, 'bench', 'workbench', 'measured.py');
/** Of output, for messages; a downloader's progress lines are not kept. */
const KEPT_CHARACTERS = 64 * 1024;

/**
 * What is set up for Node on this machine and not by those who start the client: certificates that are read at each
 * start, measured, take 45 ms and as much again as Node itself.
 */
const NODE_SETTINGS: readonly string[] = ['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS'];
const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !NODE_SETTINGS.includes(name)));

/** Of the whole process, start and end included. */
export interface Usage {
  /** When the command was started, on the system's monotonic clock; process.hrtime is the same one. */
  readonly startedAtMs: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly rssMib: number;
}

export class MeasuredProcess {
  readonly #command: readonly string[];
  readonly #usagePath: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #hasExited = false;
  #output = '';
  #wake: () => void = () => {};

  /** @param usagePath where measured.py leaves its account. `env` comes beside what there is here. */
  constructor(command: readonly string[], usagePath: string, env: NodeJS.ProcessEnv = {}) {
    this.#command = command;
    this.#usagePath = usagePath;
    this.#child = spawn(PYTHON, [MEASURED, usagePath, ...command], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...ENVIRONMENT, ...env },
    });
    this.#child.stdout!.on('data', (chunk) => {
      this.#output = (this.#output + String(chunk)).slice(-KEPT_CHARACTERS);
      this.#wake();
    });
    this.#exited = new Promise((resolve) => {
      this.#child.on('exit', () => {
        this.#hasExited = true;
        resolve();
        this.#wake();
      });
    });
  }

  /** Waits until the output matches. @returns the first group, or ''. */
  async match(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#output);
      if (found !== null) return found[1] ?? '';
      if (this.#hasExited) throw new Error(`${this.#command.join(' ')} ended early: ${this.#output.slice(-500)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Of the command itself, while it runs. */
  commandPid(): number {
    const { pid } = this.#child;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
  }

  /** Waits for the end. @throws {Error} unless it ended by itself, with exit code 0. */
  async end(): Promise<Usage> {
    await this.#exited;
    const usage = this.#readUsage();
    if (usage.code !== 0) {
      throw new Error(`${this.#command.join(' ')} ended with ${usage.code}: ${this.#output.slice(-500)}`);
    }
    return usage;
  }

  /** Ends it by SIGTERM. */
  async stop(): Promise<Usage> {
    this.#child.kill('SIGTERM');
    await this.#exited;
    return this.#readUsage();
  }

  /** For when the benchmark ends before its time. */
  kill(): void {
    if (!this.#hasExited) this.#child.kill('SIGKILL');
  }

  #readUsage(): Usage & { readonly code: number } {
    return JSON.parse(readFileSync(this.#usagePath, 'utf8'));
  }
}
