/**
 * `dtorrent create PATH`: makes a .torrent. The same input and flags give the same bytes: the creation date is that of
 * the newest file (or SOURCE_DATE_EPOCH), not the time of day. Progress goes to stderr, the result to stdout.
 */
import type { Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { CreatedTorrent, CreateTorrentOptions } from '../../../index.js';
import { DtorrentError, formatMagnet } from '../../../magnet.js';
import { createTorrent } from '../../../tools.js';
import type { CommandContext } from '../context.js';
import { formatSize } from '../display/formats.js';
import { HashingLine } from '../display/hashing-line.js';
import { sanitizeText } from '../display/terminal-text.js';
import { hexPair } from '../info-hash-hex.js';
import type { CreateOptions } from '../options.js';

/** @returns the exit code. */
export async function runCreate(path: string, options: CreateOptions, context: CommandContext): Promise<number> {
  const output = await outputPath(path, options);
  // Hours of hashing should not end in a refusal that could have come first.
  if (!options.force && (await statOrNull(output)) !== null) throw existsError(output);
  const { stderr, now } = context;
  const hashing = new HashingLine({ stderr, now, enabled: !options.quiet && !options.json });
  const torrent = await createTorrent(path, {
    ...torrentOptions(options),
    creationDate: options.date ? creationDateOf(context) : null,
    signal: context.stop,
    onProgress: hashing.show,
  }).finally(hashing.clear);
  await write(output, torrent.bytes, options);
  report(output, torrent, options, context);
  return 0;
}

function torrentOptions(options: CreateOptions): CreateTorrentOptions {
  return {
    kind: options.v1 ? 'v1' : options.v2 ? 'v2' : 'hybrid',
    pieceLength: options.pieceLength ?? null,
    trackers: options.tracker ?? [],
    webSeeds: options.webSeed ?? [],
    isPrivate: options.private,
    comment: options.comment ?? null,
    source: options.source ?? null,
    ...(options.name === undefined ? {} : { name: options.name }),
  };
}

/** https://reproducible-builds.org/specs/source-date-epoch, or else the newest file's time. */
function creationDateOf(context: CommandContext): number | 'newestFile' {
  const epoch = context.environment['SOURCE_DATE_EPOCH'];
  return epoch !== undefined && /^\d{1,11}$/.test(epoch) ? Number(epoch) : 'newestFile';
}

async function outputPath(path: string, options: CreateOptions): Promise<string> {
  const output = options.output ?? '.';
  const isDirectory = (await statOrNull(output))?.isDirectory() === true;
  return isDirectory ? join(output, `${options.name ?? basename(resolve(path))}.torrent`) : output;
}

function statOrNull(path: string): Promise<Stats | null> {
  return stat(path).catch(() => null);
}

async function write(path: string, bytes: Uint8Array, options: CreateOptions): Promise<void> {
  try {
    // wx refuses to replace a file, even one that came into being a moment ago.
    const file = await open(path, options.force ? 'w' : 'wx');
    await file.writeFile(bytes).finally(() => file.close());
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'EEXIST') throw existsError(path);
    const reason = WRITE_PROBLEMS[String(code)] ?? (error instanceof Error ? error.message : String(error));
    const message = `cannot write ${resolve(path)}: ${reason}`;
    throw new DtorrentError(code === 'ENOSPC' ? 'EDISKFULL' : 'EFILECREATE', message, { cause: error });
  }
}

const WRITE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such directory',
  ENOTDIR: 'a part of its path is a file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

function existsError(path: string): DtorrentError {
  return new DtorrentError('EFILECREATE', `${path} is already there; --force overwrites it`);
}

function report(output: string, torrent: CreatedTorrent, options: CreateOptions, context: CommandContext): void {
  const { totalLength, pieceLength, pieceCount, skippedPaths, renames } = torrent;
  const infoHash = hexPair(torrent.infoHash);
  const magnet = formatMagnet(torrent.magnet);
  if (options.json) {
    const created = {
      path: output,
      infoHash,
      name: torrent.magnet.name,
      totalLength,
      pieceLength,
      pieceCount,
      magnet,
      skippedPaths,
      renames,
    };
    context.stdout.write(`${JSON.stringify(created)}\n`);
    return;
  }
  for (const path of skippedPaths) context.stderr.write(`left out: ${sanitizeText(path)} is not a regular file\n`);
  for (const { diskPath, safeName } of renames) {
    const advice = `downloads will call it "${safeName}"; it has to have that name to be seeded`;
    context.stderr.write(`${sanitizeText(`rename ${diskPath}: ${advice}`)}\n`);
  }
  if (options.quiet) return;
  const size = `${formatSize(totalLength)}, ${pieceCount} pieces of ${formatSize(pieceLength)}`;
  context.stdout.write(`${sanitizeText(output)} (${size})\n`);
  if (infoHash.v1 !== null) context.stdout.write(`info-hash v1  ${infoHash.v1}\n`);
  if (infoHash.v2 !== null) context.stdout.write(`info-hash v2  ${infoHash.v2}\n`);
  context.stdout.write(`${sanitizeText(magnet)}\n`);
}
