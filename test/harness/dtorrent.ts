/** Our own command line as a process of a test: what a user would type, and the JSON lines that come back. */
import type { TestContext } from 'node:test';
import { temporaryDirectory } from './content.js';
import { LOOPBACK_ONLY } from './loopback-only.js';
import { Process, type ProcessOptions } from './process.js';
import { CLI } from './repository.js';

/** One line of `--json` output. */
export interface JsonEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** One a test: a second run finds what the first has left, and nobody else's. */
const stateDirectories = new WeakMap<TestContext, string>();

export class Dtorrent extends Process {
  constructor(t: TestContext, args: readonly string[], options: ProcessOptions = {}) {
    const stateDirectory = stateDirectories.get(t) ?? temporaryDirectory(t);
    stateDirectories.set(t, stateDirectory);
    super(t, process.execPath, [CLI, ...args, '--json'], {
      ...options,
      env: { ...LOOPBACK_ONLY, DTORRENT_STATE_DIR: stateDirectory, ...options.env },
    });
  }

  /** The first event of this type. An `error` event fails the wait, unless it is what is waited for. */
  event(type: string, timeoutMs = 30_000): Promise<JsonEvent> {
    return this.line(`event ${type}`, timeoutMs, (line) => {
      const event = JSON.parse(line) as JsonEvent;
      if (event.type === 'error' && type !== 'error') throw new Error(`dtorrent: ${line}`);
      return event.type === type ? event : null;
    });
  }

  async port(): Promise<number> {
    return Number((await this.event('listening'))['port']);
  }
}
