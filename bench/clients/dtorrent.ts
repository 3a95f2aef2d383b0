/** dtorrent by its command line, as it comes: no setting is other than a user's. */
import { CLI } from '../../test/harness/repository.js';
import type { Content } from '../workbench/content.js';
import type { Workbench } from '../workbench/workbench.js';
import type { Client, Downloading, Joined, Seeding } from './client.js';

/** Nothing of it outlives a run, and nothing outside of the benchmark is asked. */
/** Of libtorrent the same is off. */
const OFFLINE = ['--no-dht', '--no-lsd', '--no-pex', '--no-port-mapping'];
const ALONE = ['--bind', '127.0.0.1', '--state-dir', '', '--no-trackers', ...OFFLINE, '--json'];
const ANY_PORT = ['--port', '0'];

export interface DtorrentOptions {
  /** For node, before the command line's own file. */
  readonly nodeOptions?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly extra?: readonly string[];
}

export const DTORRENT: Client = {
  name: 'dtorrent',
  seed: (bench, content) => seedWithDtorrent(bench, content),
  download: (bench, content, into, peers) => downloadWithDtorrent(bench, content, into, peers),
  join: (bench, content, into, options) => joinWithDtorrent(bench, content, into, options),
};

export async function seedWithDtorrent(
  bench: Workbench,
  content: Content,
  options: DtorrentOptions = {},
): Promise<Seeding> {
  const args = ['seed', content.torrent, content.dataDirectory, '--trust', ...ANY_PORT, ...ALONE];
  const process = bench.start(commandLine(args, options), options.env);
  const port = Number(await process.match(/"listening","port":(\d+)/));
  return { port, stop: () => process.stop() };
}

export async function downloadWithDtorrent(
  bench: Workbench,
  content: Content,
  into: string,
  peers: readonly number[],
  options: DtorrentOptions = {},
): Promise<Downloading> {
  const args = ['get', content.torrent, '-o', into, ...named(peers), ...ANY_PORT, ...ALONE];
  const process = bench.start(commandLine(args, options), options.env);
  return {
    process,
    seconds: async () => Number(await process.match(/"seconds":([\d.]+)/)),
    end: () => process.end(),
  };
}

export function joinWithDtorrent(
  bench: Workbench,
  content: Content,
  into: string,
  { port, peers, ...options }: DtorrentOptions & { readonly port: number; readonly peers: readonly number[] },
): Joined {
  const listening = ['--port', String(port)];
  const args = ['get', content.torrent, '-o', into, '--seed', ...named(peers), ...listening, ...ALONE];
  const process = bench.start(commandLine(args, options), options.env);
  return {
    completed: async () => void (await process.match(/"type":"completed"/)),
    stop: () => process.stop(),
  };
}

function named(peers: readonly number[]): string[] {
  return peers.flatMap((port) => ['--peer', `127.0.0.1:${port}`]);
}

export function commandLine(args: readonly string[], { nodeOptions = [], extra = [] }: DtorrentOptions = {}): string[] {
  return [process.execPath, ...nodeOptions, CLI, ...args, ...extra];
}
