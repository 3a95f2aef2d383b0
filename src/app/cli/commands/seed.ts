/**
 * `dtorrent seed TORRENT DIR` and `dtorrent seed PATH`: offers data that exists, until stopped or until `--seed=RATIO`
 * is reached. The data is verified first, and a seed with pieces missing is an error: someone would wait for them.
 */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  createTorrent,
  DtorrentError,
  findUnsafeName,
  formatMagnet,
  loadSource,
  magnetOf,
  parseMetainfoInTurns,
  type TorrentSource,
} from '../../../index.js';
import type { CommandContext } from '../context.js';
import { dataDirectory, existingDirectory } from '../data-directory.js';
import { formatPercent, shareOf } from '../display/formats.js';
import { HashingLine } from '../display/hashing-line.js';
import type { SeedOptions } from '../options.js';
import { addOptionsOf, runTransferSession, type Transfer } from '../transfer-session.js';

/** A torrent and the directory that holds what it names. */
interface Offer {
  readonly source: TorrentSource;
  readonly directory: string;
  /** Hashed a moment ago to make the torrent, so not verified once more. */
  readonly verified: boolean;
}

/** @returns the exit code. */
export async function runSeed(
  paths: { readonly path: string; readonly directory: string | undefined },
  options: SeedOptions,
  context: CommandContext,
): Promise<number> {
  const offer = await findOffer(paths, options, context);
  const trust = options.trust || offer.verified;
  return runTransferSession(options, context, async (session) => {
    const transfer = await session.add(offer.source, {
      ...addOptionsOf(offer.source.kind === 'magnet' ? offer.source.magnet : null, options),
      downloadDir: offer.directory,
      trust,
      superSeed: options.superSeed,
    });
    const { metainfo } = transfer.torrent;
    if (metainfo !== null) session.magnet(formatMagnet(magnetOf(metainfo)));
    if ((await session.checked(transfer)) === 'downloading') throw await incomplete(transfer);
    await session.settled();
    await session.seeded();
  });
}

async function findOffer(
  { path, directory }: { readonly path: string; readonly directory: string | undefined },
  options: SeedOptions,
  context: CommandContext,
): Promise<Offer> {
  // A .torrent alone is far more likely to lack its DIR than to be what someone wants to share.
  if (directory === undefined && !(await isTorrentFile(path))) return createOffer(path, options, context);
  const { bind } = options;
  const source = await loadSource(path, {
    signal: context.stop,
    ...(bind === undefined ? {} : { localAddress: bind }),
  });
  const given = directory ?? options.output;
  if (source.kind !== 'metainfo') return { source, directory: await existingDirectory(given), verified: false };
  const metainfo = await parseMetainfoInTurns(source.bytes);
  return { source: { ...source, metainfo }, directory: await dataDirectory(given, metainfo), verified: false };
}

async function createOffer(path: string, options: SeedOptions, context: CommandContext): Promise<Offer> {
  const { stderr, now, stop } = context;
  const hashing = new HashingLine({ stderr, now, enabled: !options.quiet && !options.json });
  const torrent = await createTorrent(path, {
    signal: stop,
    onProgress: hashing.show,
    // The engine looks for the data under the safe names, and trusts that it is there.
    onlySafeNames: true,
  }).finally(hashing.clear);
  return { source: { kind: 'metainfo', bytes: torrent.bytes }, directory: dirname(resolve(path)), verified: true };
}

async function isTorrentFile(path: string): Promise<boolean> {
  if (!path.toLowerCase().endsWith('.torrent')) return false;
  return (await stat(path).catch(() => null))?.isFile() ?? true;
}

async function incomplete({ torrent, directory }: Transfer): Promise<DtorrentError> {
  const { bytesDone, bytesTotal, piecesDone, pieceCount } = torrent.stats();
  const have = `${directory} has ${formatPercent(shareOf(bytesDone, bytesTotal))} of ${torrent.name}`;
  const lack = `${pieceCount - piecesDone} of ${pieceCount} pieces are missing or damaged`;
  const rename = torrent.metainfo === null ? null : await findUnsafeName(directory, torrent.metainfo);
  const advice =
    rename === null
      ? `dtorrent get with -o ${directory} fetches them`
      : `${rename.diskPath} would be found if its name were "${rename.safeName}", which works on every system`;
  return new DtorrentError('EINCOMPLETE', `${have}: ${lack}; ${advice}`);
}
