/** One download that is run again and again: a torrent, its recording seed, and the command line as a user types it. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { afterTest } from '../harness/cleanup.js';
import { type CliResult, runCli, spawnCli } from './cli-process.js';
import { RecordingSeed } from './recording-seed.js';

export type Event = Readonly<Record<string, unknown>>;

/** Bytes of a piece of every torrent here. */
export const PIECE = 65_536;

export class GetScene {
  readonly directory: string;
  readonly seed: RecordingSeed;
  /** The torrent's bytes. */
  readonly content: Buffer;
  /** Where it is downloaded to. */
  out: string;
  readonly #children: ChildProcess[] = [];

  private constructor(directory: string, seed: RecordingSeed, content: Buffer) {
    this.directory = directory;
    this.seed = seed;
    this.content = content;
    this.out = join(directory, 'out');
  }

  /** Makes a torrent of `files`, path to length, with random bytes, and seeds it. Gone with the test. */
  static async make(t: TestContext, files: Readonly<Record<string, number>>): Promise<GetScene> {
    const directory = mkdtempSync(join(tmpdir(), 'dtorrent-get-'));
    const paths = Object.keys(files);
    for (const path of paths) {
      mkdirSync(dirname(join(directory, 'data', path)), { recursive: true });
      writeFileSync(join(directory, 'data', path), randomBytes(files[path]!));
    }
    const isOneFile = !paths[0]!.includes('/');
    const from = join(directory, 'data', isOneFile ? paths[0]! : dirname(paths[0]!));
    const made = await runCli(['create', from, '-o', 'x.torrent', '--v1', '--piece-length', '64K'], { cwd: directory });
    assert.equal(made.exitCode, 0, made.stderr);
    const content = Buffer.concat(paths.map((path) => readFileSync(join(directory, 'data', path))));
    const seed = await RecordingSeed.start({ torrent: readFileSync(join(directory, 'x.torrent')), content });
    const scene = new GetScene(directory, seed, content);
    afterTest(t, () => scene.#end());
    return scene;
  }

  /** Runs the command to its end. */
  run(...more: readonly string[]): Promise<CliResult> {
    return runCli([...this.#args(), ...more], this.#options());
  }

  /** Begins it; `exited` waits for its end. */
  start(...more: readonly string[]): ChildProcess {
    const child = spawnCli([...this.#args(), ...more], this.#options());
    this.#children.push(child);
    child.stdout!.resume();
    child.stderr!.resume();
    return child;
  }

  /** Runs it to its end, which has to be good. @returns its last progress event. */
  async finish(): Promise<Event> {
    const { exitCode, stdout, stderr } = await this.run();
    assert.equal(exitCode, 0, stdout + stderr);
    for (const { path, from, to } of this.#files()) {
      assert.ok(readFileSync(join(this.out, path)).equals(this.content.subarray(from, to)), path);
    }
    return eventsOf(stdout).findLast(({ type }) => type === 'progress')!;
  }

  /** Pieces whose bytes are on disk and right, whatever anyone remembers of them. */
  piecesOnDisk(): Set<number> {
    const disk = Buffer.alloc(this.content.length);
    for (const { path, from } of this.#files()) {
      const file = join(this.out, path);
      if (existsSync(file)) readFileSync(file).copy(disk, from);
    }
    const good = new Set<number>();
    for (let begin = 0; begin < disk.length; begin += PIECE) {
      const end = begin + PIECE;
      if (disk.subarray(begin, end).equals(this.content.subarray(begin, end))) good.add(begin / PIECE);
    }
    return good;
  }

  /** Nothing of it is known any more. */
  forget(): void {
    rmSync(join(this.directory, 'state'), { recursive: true });
  }

  #args(): string[] {
    const { address } = this.seed;
    return ['get', 'x.torrent', '-o', this.out, '--json', '--port', '0', '--bind', '127.0.0.1', '--peer', address];
  }

  #options(): { readonly cwd: string; readonly env: Readonly<Record<string, string>> } {
    return { cwd: this.directory, env: { DTORRENT_STATE_DIR: join(this.directory, 'state') } };
  }

  #files(): { readonly path: string; readonly from: number; readonly to: number }[] {
    return this.seed.layout.files.map(({ path, offsetBytes, lengthBytes }) => ({
      path: join(...path),
      from: offsetBytes,
      to: offsetBytes + lengthBytes,
    }));
  }

  async #end(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.seed.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** @returns its exit code; null when a signal ended it. */
export function exited(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
    else child.on('close', resolve);
  });
}

export function eventsOf(stdout: string): Event[] {
  const lines = stdout.trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Event);
}
