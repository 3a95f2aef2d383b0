/**
 * How soon a command has started: `--version` beside a program that does nothing, and `get` until its first peer is
 * dialled. All of it is over in a moment, so each run is the median of many.
 */
import { createServer, type Socket } from 'node:net';
import { freePort } from '../../test/harness/ports.js';
import { CLI } from '../../test/harness/repository.js';
import type { Client } from '../clients/client.js';
import { downloadWithDtorrent } from '../clients/dtorrent.js';
import { LIBTORRENT } from '../clients/libtorrent.js';
import { median } from '../suite/result.js';
import { type Figures, type Scenario, sidesOf } from '../suite/scenario.js';
import type { Content } from '../workbench/content.js';
import type { Usage } from '../workbench/measured.js';
import type { Workbench } from '../workbench/workbench.js';

/** In a run. */
const STARTS = 15;
const CONTENT_MIB = 4;
const PIECE_BYTES = 256 * 1024;
const NOTHING = 'node -e 0';

type Downloader = Pick<Client, 'name' | 'download'>;

/** As a user starts it, with a place for resume data. */
const DTORRENT_WITH_STATE: Downloader = {
  name: 'dtorrent',
  download: (bench, content, into, peers) =>
    downloadWithDtorrent(bench, content, into, peers, { extra: ['--state-dir', bench.newPath('state')] }),
};

export const STARTUP_SCENARIOS: readonly Scenario[] = [
  {
    name: 'startup-version',
    title: 'start-up, `--version`',
    sides: [
      { name: 'dtorrent', run: (bench) => runToEnd(bench, [CLI, '--version']) },
      { name: NOTHING, run: (bench) => runToEnd(bench, ['-e', '0']) },
    ],
    goals: [{ figure: 'wallSeconds', against: NOTHING, bound: 2 }],
  },
  {
    name: 'startup-dial',
    title: 'start-up, `get` to first dial',
    sides: sidesOf([DTORRENT_WITH_STATE, LIBTORRENT], dialOften),
    goals: [{ figure: 'startMs', bound: 250 }],
  },
];

async function runToEnd(bench: Workbench, args: readonly string[]): Promise<Figures> {
  const usages: Usage[] = [];
  for (let i = 0; i < STARTS; i++) usages.push(await bench.start([process.execPath, ...args]).end());
  return {
    wallSeconds: median(usages.map(({ wallSeconds }) => wallSeconds)),
    cpuSeconds: median(usages.map(({ cpuSeconds }) => cpuSeconds)),
    rssMib: median(usages.map(({ rssMib }) => rssMib)),
  };
}

async function dialOften(bench: Workbench, client: Downloader): Promise<Figures> {
  const content = bench.contents.oneFile(CONTENT_MIB, PIECE_BYTES);
  const startsMs: number[] = [];
  for (let i = 0; i < STARTS; i++) startsMs.push(await dialOnce(bench, client, content));
  return { startMs: median(startsMs) };
}

/** @returns how long after its start the client connects to a peer that it was told of. */
async function dialOnce(bench: Workbench, client: Downloader, content: Content): Promise<number> {
  const peer = await SilentPeer.listen();
  try {
    return await bench.withFolder(async (into) => {
      const downloading = await client.download(bench, content, into, [peer.port]);
      const ended = downloading.end().then(
        () => 'complete',
        (error: unknown) => String(error),
      );
      const dialledAtMs = await Promise.race([peer.dialledAtMs, ended]);
      if (typeof dialledAtMs === 'string') throw new Error(`${client.name} has dialled nobody: ${dialledAtMs}`);
      const { startedAtMs } = await downloading.process.stop();
      return dialledAtMs - startedAtMs;
    });
  } finally {
    peer.close();
  }
}

/** Accepts a connection, notes when, and says nothing. */
class SilentPeer {
  readonly port: number;
  /** Of the first connection, on the clock of process.hrtime. */
  readonly dialledAtMs: Promise<number>;
  readonly #server = createServer();
  readonly #sockets: Socket[] = [];

  static async listen(): Promise<SilentPeer> {
    const peer = new SilentPeer(await freePort());
    await new Promise<void>((resolve) => peer.#server.listen(peer.port, '127.0.0.1', resolve));
    return peer;
  }

  private constructor(port: number) {
    this.port = port;
    this.dialledAtMs = new Promise((resolve) => {
      this.#server.on('connection', (socket) => {
        resolve(Number(process.hrtime.bigint()) / 1e6);
        // A client that ends may reset it.
        socket.on('error', () => {});
        this.#sockets.push(socket);
      });
    });
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
