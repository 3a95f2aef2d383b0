/** `dtorrent get INPUT...`: downloads until everything is complete and verified, then seeds if told to. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  DtorrentError,
  loadSource,
  type MutableMagnet,
  parseMagnet,
  parseMetainfoInTurns,
  parseMutableMagnet,
  type TorrentSource,
} from '../../../index.js';
import type { CliTorrent, CommandContext } from '../context.js';
import type { GetOptions } from '../options.js';
import { addOptionsOf, runTransferSession, type Transfer, type TransferSession } from '../transfer-session.js';

/** What there is to download: a torrent, or the key of one that changes (BEP 46). */
type GetSource = TorrentSource | { readonly kind: 'mutable'; readonly magnet: MutableMagnet };

/** @returns the exit code. */
export async function runGet(inputs: readonly string[], options: GetOptions, context: CommandContext): Promise<number> {
  // Before anything is listened on or written: a mistyped second input should not cost the first its download.
  const sources = await loadSources(inputs, options, context);
  await checkOutput(options.output);
  return runTransferSession(options, context, async (session) => {
    for (const source of sources) {
      if (source.kind === 'mutable') await follow(session, source.magnet, options);
      else await addOnce(session, source, options);
    }
    await session.settled();
    if (isToBeSeeded(options)) await session.seeded();
  });
}

/** A time alone means to seed for that time. */
function isToBeSeeded({ seed, seedTime }: GetOptions): boolean {
  return seed === undefined ? seedTime !== undefined : seed > 0;
}

/** Every source, read and found valid. */
async function loadSources(
  inputs: readonly string[],
  options: GetOptions,
  context: CommandContext,
): Promise<GetSource[]> {
  const paths = [...inputs, ...(options.file ?? []), ...(options.f ?? [])];
  const links = [...(options.magnet ?? []), ...(options.m ?? [])];
  if (paths.length + links.length === 0) {
    throw new DtorrentError('EOPTION', 'nothing to download: give a .torrent, a magnet link, a URL or an info-hash');
  }
  const sources: GetSource[] = [];
  for (const input of paths) {
    if (isMutableMagnet(input)) {
      sources.push({ kind: 'mutable', magnet: parseMutableMagnet(input) });
      continue;
    }
    const source = await loadSource(input, sourceOptions(options, context));
    sources.push(
      source.kind === 'metainfo' ? { ...source, metainfo: await parseMetainfoInTurns(source.bytes) } : source,
    );
  }
  for (const link of links) {
    if (isMutableMagnet(link)) sources.push({ kind: 'mutable', magnet: parseMutableMagnet(link) });
    else sources.push({ kind: 'magnet', magnet: parseMagnet(link) });
  }
  return sources;
}

/** Finds out before the first piece has come whether there will be a place for it. */
async function checkOutput(output: string): Promise<void> {
  const directory = resolve(output);
  const nearest = await nearestExisting(directory);
  if (!(await stat(nearest)).isDirectory()) {
    throw new DtorrentError('EDIRCREATE', `cannot download into ${output}: ${nearest} is a file`);
  }
  // What is complete already can be seeded from a directory that is there and read-only.
  if (nearest === directory) return;
  await access(nearest, constants.W_OK | constants.X_OK).catch((error) => {
    throw new DtorrentError('EDIRCREATE', `cannot create ${directory}: not allowed to write in ${nearest}`, {
      cause: error,
    });
  });
}

async function nearestExisting(path: string): Promise<string> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  return isThere || dirname(path) === path ? path : nearestExisting(dirname(path));
}

/** A link to a torrent that changes, which a link to one version may be as well. */
function isMutableMagnet(input: string): boolean {
  return /^magnet:\?(?:.*&)?xs=urn:btpk:/i.test(input);
}

async function follow(session: TransferSession, magnet: MutableMagnet, options: GetOptions): Promise<void> {
  await session.follow(magnet, { ...addOptionsOf(magnet, options), downloadDir: options.output });
}

async function addOnce(session: TransferSession, source: TorrentSource, options: GetOptions): Promise<void> {
  try {
    const transfer = await session.add(source, {
      ...addOptionsOf(source.kind === 'magnet' ? source.magnet : null, options),
      downloadDir: options.output,
    });
    const { torrent } = transfer;
    void assertPlace(session, transfer);
    if (isLonely(source, torrent, options)) {
      session.note(
        `${torrent.name}: no tracker and no peer to ask, and the DHT and local discovery are off; give a peer with --peer HOST:PORT`,
      );
    }
  } catch (error) {
    if (!(error instanceof DtorrentError && error.code === 'EDUPLICATE')) throw error;
    session.note(`${error.message}; it is downloaded once`);
  }
}

/**
 * Once it is known that something is missing: ends the transfer if its first file or directory may not be made, instead
 * of fetching a piece, which can take long, to find that out.
 */
async function assertPlace(session: TransferSession, transfer: Transfer): Promise<void> {
  if ((await session.checked(transfer)) !== 'downloading') return;
  const directory = resolve(transfer.directory);
  const path = join(directory, transfer.torrent.metainfo?.files[0]?.path[0] ?? '');
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  await access(directory, constants.W_OK | constants.X_OK).catch((error: NodeJS.ErrnoException) => {
    // It is made with the first piece.
    if (error.code === 'ENOENT') return;
    const why = error.code === 'EROFS' ? 'the file system is read-only' : `not allowed to write in ${directory}`;
    const message = `cannot create ${path}: ${why}; make it writable or choose another directory`;
    session.fail(transfer, new DtorrentError('EFILECREATE', message, { cause: error }));
  });
}

/** Nobody to ask for peers: all that can happen is that one connects to us. */
function isLonely(source: TorrentSource, { metainfo }: CliTorrent, options: GetOptions): boolean {
  if (metainfo?.isPrivate !== true && (options.dht || options.lsd)) return false;
  const magnet = source.kind === 'magnet' ? source.magnet : null;
  if ((options.peer ?? []).length + (magnet?.peers.length ?? 0) > 0) return false;
  return !options.trackers || (magnet ?? metainfo)?.trackers.length === 0;
}

function sourceOptions(
  options: GetOptions,
  context: CommandContext,
): { readonly signal: AbortSignal; readonly localAddress?: string } {
  const { bind } = options;
  return { signal: context.stop, ...(bind === undefined ? {} : { localAddress: bind }) };
}
