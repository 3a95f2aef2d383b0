/**
 * What every client that runs as a process of its own is tried in: both directions of a transfer, with a peer that is
 * told to one side, with peers that our tracker tells over HTTP and UDP, and by magnet link. The client's part is a
 * driver, of a harness file with its name.
 */
import { type TestContext, test } from 'node:test';
import type { Tree } from '../harness/content.js';
import { until } from '../harness/process.js';
import {
  assertArrived,
  assertDownloads,
  type Content,
  makeContent,
  startSeed,
  startTracker,
  type TorrentKind,
  untilSeedIsAnnounced,
} from '../harness/transfer.js';
import { type ClientName, requireClient } from './clients.js';

/** One running client on loopback, for one torrent. */
export interface ClientDriver {
  /** Where it takes peers. */
  readonly port: number;
  /** Has it verify and offer what is in `content.data`. Resolves when it takes peers. */
  seed(content: Content): Promise<void>;
  /** Has it download `source`, the path of a .torrent or a magnet link, into `content.out`. */
  download(content: Content, source: string): Promise<void>;
  /** Tells it of a peer of its torrent, HOST:PORT. */
  addPeer(peer: string): Promise<void>;
  isComplete(): Promise<boolean>;
  /** What it says of itself, for the message of a test that failed. */
  describe(): Promise<string>;
}

export interface TransferTests {
  readonly client: string;
  readonly requires: ClientName;
  /** `directory` is for the client's own files. */
  readonly start: (t: TestContext, directory: string) => Promise<ClientDriver>;
  readonly tree: Tree;
  /** Of the torrents whose peers are told. Those that the tracker tells are of v1 torrents. */
  readonly toldKind: TorrentKind;
}

/** rtorrent takes no torrent without a tracker. Nobody answers here. */
const DEAD_TRACKER = 'http://127.0.0.1:9/announce';

export function testTransfers(tests: TransferTests): void {
  const { client, toldKind } = tests;
  test(`dtorrent downloads a ${toldKind} torrent from ${client}`, (t) => downloadTold(t, tests));
  test(`${client} downloads a ${toldKind} torrent from dtorrent`, (t) => uploadTold(t, tests));
  for (const scheme of ['http', 'udp'] as const) {
    const meeting = { scheme, by: 'torrent' } as const;
    test(`dtorrent and ${client} meet over ${scheme}, dtorrent downloads`, (t) => downloadMet(t, tests, meeting));
    test(`dtorrent and ${client} meet over ${scheme}, ${client} downloads`, (t) => uploadMet(t, tests, meeting));
  }
  const meeting = { scheme: 'http', by: 'magnet' } as const;
  test(`dtorrent fetches metadata and data from ${client} by magnet`, (t) => downloadMet(t, tests, meeting));
  test(`${client} fetches metadata and data from dtorrent by magnet`, (t) => uploadMet(t, tests, meeting));
}

async function downloadTold(t: TestContext, tests: TransferTests): Promise<void> {
  if (!requireClient(t, tests.requires)) return;
  const content = await makeContent(t, { tree: tests.tree, kind: tests.toldKind, trackers: [DEAD_TRACKER] });
  const client = await tests.start(t, content.directory);
  await client.seed(content);
  await assertDownloads(t, content, content.torrent, { args: ['--peer', `127.0.0.1:${client.port}`] });
}

export async function uploadTold(t: TestContext, tests: TransferTests): Promise<void> {
  if (!requireClient(t, tests.requires)) return;
  const content = await makeContent(t, { tree: tests.tree, kind: tests.toldKind, trackers: [DEAD_TRACKER] });
  const port = await startSeed(t, content);
  const client = await tests.start(t, content.directory);
  await client.download(content, content.torrent);
  await client.addPeer(`127.0.0.1:${port}`);
  await assertCompletes(client, content);
}

/** How the two find each other and what they know before: a tracker, and the torrent or only its magnet link. */
interface Meeting {
  readonly scheme: 'http' | 'udp';
  readonly by: 'torrent' | 'magnet';
}

async function downloadMet(t: TestContext, tests: TransferTests, meeting: Meeting): Promise<void> {
  if (!requireClient(t, tests.requires)) return;
  const { content, trackerPort } = await announcedContent(t, tests, meeting);
  const client = await tests.start(t, content.directory);
  await client.seed(content);
  await untilSeedIsAnnounced(trackerPort, content.infoHashV1!);
  await assertDownloads(t, content, content[meeting.by]);
}

async function uploadMet(t: TestContext, tests: TransferTests, meeting: Meeting): Promise<void> {
  if (!requireClient(t, tests.requires)) return;
  const { content, trackerPort } = await announcedContent(t, tests, meeting);
  await startSeed(t, content);
  await untilSeedIsAnnounced(trackerPort, content.infoHashV1!);
  const client = await tests.start(t, content.directory);
  await client.download(content, content[meeting.by]);
  await assertCompletes(client, content);
}

async function announcedContent(
  t: TestContext,
  { tree }: TransferTests,
  { scheme }: Meeting,
): Promise<{ readonly content: Content; readonly trackerPort: number }> {
  const trackerPort = await startTracker(t);
  const trackers = [`${scheme}://127.0.0.1:${trackerPort}/announce`];
  return { content: await makeContent(t, { tree, kind: 'v1', trackers }), trackerPort };
}

export async function assertCompletes(
  client: Pick<ClientDriver, 'isComplete' | 'describe'>,
  content: Content,
  timeoutMs = 120_000,
): Promise<void> {
  try {
    await until('end of the download', timeoutMs, () => client.isComplete());
  } catch (error) {
    throw new Error(`not complete: ${await client.describe()}`, { cause: error });
  }
  assertArrived(content);
}
