/** Runs bin/dtorrent.js of this checkout as a user's shell would: the built dist, a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOOPBACK_ONLY } from '../harness/loopback-only.js';
import { CLI } from '../harness/repository.js';

/** Each test file is a process: none sees what another, or the user of this machine, has left. */
const STATE_DIRECTORY = mkdtempSync(join(tmpdir(), 'dtorrent-state-'));
process.on('exit', () => rmSync(STATE_DIRECTORY, { recursive: true, force: true }));

export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
}

export function spawnCli(args: readonly string[], options: CliOptions = {}): ChildProcess {
  return spawn(process.execPath, [CLI, ...args], {
    cwd: options.cwd,
    env: {
      PATH: process.env['PATH'] ?? '',
      LANG: 'C.UTF-8',
      DTORRENT_STATE_DIR: STATE_DIRECTORY,
      ...LOOPBACK_ONLY,
      ...options.env,
    },
    stdio: 'pipe',
  });
}

/** Runs to the end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = spawnCli(args, options);
  child.stdin!.end(options.stdin);
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}
