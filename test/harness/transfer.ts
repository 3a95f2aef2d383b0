/**
 * What every test of a transfer needs: data with its torrent, and our side of it as a user would run it. The other side
 * is the client under test, which seeds from `content.data` or downloads into `content.out`.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { assertTree, type Tree, temporaryDirectory, writeTree } from './content.js';
import { Dtorrent } from './dtorrent.js';
import { run, until } from './process.js';
import { CLI } from './repository.js';

const LOOPBACK = '127.0.0.1';

export type TorrentKind = 'v1' | 'v2' | 'hybrid';

export interface Content {
  /** Removed with the test; a place for the client's own files. */
  readonly directory: string;
  /** Holds the complete `content`. */
  readonly data: string;
  /** Empty: what is downloaded goes here. */
  readonly out: string;
  /** Path of the .torrent. */
  readonly torrent: string;
  readonly magnet: string;
  /** Hex; null in a v2 torrent. */
  readonly infoHashV1: string | null;
  readonly tree: Tree;
}

export interface TorrentOptions {
  readonly kind: TorrentKind;
  /** Announce URLs, all in one tier. */
  readonly trackers?: readonly string[];
  /** Files that may be open while it is made. */
  readonly descriptorsMax?: number;
}

/** Writes `tree`, and makes its torrent. */
export async function makeContent(
  t: TestContext,
  { tree, ...options }: TorrentOptions & { readonly tree: Tree },
): Promise<Content> {
  const directory = temporaryDirectory(t);
  const data = join(directory, 'data');
  const out = join(directory, 'out');
  mkdirSync(out);
  const path = writeTree(data, 'content', tree);
  const torrent = join(directory, 'content.torrent');
  await createTorrent(t, path, torrent, options);
  const shown = JSON.parse(await run(t, process.execPath, [CLI, 'show', torrent, '--json']));
  return { directory, data, out, torrent, magnet: shown.magnet, infoHashV1: shown.infoHash.v1, tree };
}

/** `dtorrent create` of `path` into `torrent`, in pieces of 64 KiB. */
export async function createTorrent(
  t: TestContext,
  path: string,
  torrent: string,
  { kind, trackers = [], ...limits }: TorrentOptions,
): Promise<void> {
  const args = [`--${kind}`, '--piece-length', '65536', '--no-date', ...trackers.flatMap((url) => ['-t', url])];
  await run(t, process.execPath, [CLI, 'create', path, '-o', torrent, ...args], limits);
}

/** Where our side of a transfer runs, and what it is told beside the torrent. */
export interface OurSide {
  readonly args?: readonly string[];
  /** A network namespace; without one it is bound to loopback. */
  readonly namespace?: string;
  /** Files and sockets that it may have open at one time. */
  readonly descriptorsMax?: number;
  readonly env?: NodeJS.ProcessEnv;
}

/** `dtorrent get` to its end: exit code 0, every byte right, no piece that failed its hash. */
export async function assertDownloads(
  t: TestContext,
  content: Content,
  source: string,
  side: OurSide = {},
): Promise<void> {
  const get = start(t, ['get', source, '-o', content.out], side);
  const completed = await get.event('completed', 90_000);
  assert.equal(await get.exit(15_000), 0);
  assert.equal(completed['hashFailures'], 0);
  assertArrived(content);
}

/** `dtorrent seed`, once it has verified the data. @returns its port. */
export async function startSeed(t: TestContext, content: Content, side: OurSide = {}): Promise<number> {
  return (await runSeed(t, content, side)).port();
}

/** The same. @returns its process. */
export async function runSeed(t: TestContext, content: Content, side: OurSide = {}): Promise<Dtorrent> {
  const seed = start(t, ['seed', content.torrent, content.data], side);
  await seed.event('completed', 60_000);
  return seed;
}

/** `dtorrent get`, begun. */
export function startGet(t: TestContext, content: Content, side: OurSide = {}): Dtorrent {
  return start(t, ['get', content.torrent, '-o', content.out], side);
}

/** Fails unless all of the content is in `content.out`. */
export function assertArrived(content: Content): void {
  assertTree(content.out, 'content', content.tree);
}

/** `dtorrent tracker`. @returns its port, HTTP and UDP. */
export async function startTracker(t: TestContext): Promise<number> {
  return new Dtorrent(t, ['tracker', '--port', '0', '--bind', LOOPBACK]).port();
}

/** Waits until a tracker that serves HTTP on `port` knows a seed: who asks before that asks again much later. */
export async function untilSeedIsAnnounced(port: number, infoHashHex: string): Promise<void> {
  const query = infoHashHex.replace(/../g, '%$&');
  await until('a seed at the tracker', 30_000, async () => {
    const response = await fetch(`http://${LOOPBACK}:${port}/scrape?info_hash=${query}`);
    return /8:completei[1-9]/.test(Buffer.from(await response.arrayBuffer()).toString('latin1'));
  });
}

function start(t: TestContext, command: readonly string[], { args = [], ...options }: OurSide): Dtorrent {
  const all = [...command, '--port', '0', ...args];
  return new Dtorrent(t, options.namespace === undefined ? [...all, '--bind', LOOPBACK] : all, options);
}
