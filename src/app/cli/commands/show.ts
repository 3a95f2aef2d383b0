/** `dtorrent show INPUT`: what a torrent file or magnet link holds, for people or, with --json, as one object. */
import { formatMagnet, type Magnet, magnetOf } from '../../../magnet.js';
import { type Metainfo, parseMetainfo } from '../../../metainfo.js';
import { loadSource } from '../../../tools.js';
import type { CommandContext } from '../context.js';
import { formatCount, formatSize, formatUnixTime } from '../display/formats.js';
import { sanitizeText } from '../display/terminal-text.js';
import type { InfoHashHex } from '../display/view.js';
import { hexPair } from '../info-hash-hex.js';
import type { ShowOptions } from '../options.js';

/** The command line's contract. Lengths in bytes; null = not there, or not known from a magnet link. */
interface Description {
  readonly infoHash: InfoHashHex;
  readonly name: string | null;
  /** Without padding files. */
  readonly totalLength: number | null;
  readonly pieceLength: number | null;
  readonly pieceCount: number | null;
  readonly private: boolean | null;
  readonly source: string | null;
  readonly comment: string | null;
  readonly createdBy: string | null;
  /** Unix seconds. */
  readonly creationDate: number | null;
  /** Paths as a download would write them, with `/`. */
  readonly files: readonly { readonly path: string; readonly length: number; readonly padding: boolean }[];
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly magnet: string;
}

/** @returns the exit code. */
export async function runShow(input: string, options: ShowOptions, context: CommandContext): Promise<number> {
  const source = await loadSource(input, { signal: context.stop });
  const description = source.kind === 'magnet' ? describeMagnet(source.magnet) : describe(parseMetainfo(source.bytes));
  context.stdout.write(options.json ? `${JSON.stringify(description)}\n` : forPeople(description));
  return 0;
}

function describe(metainfo: Metainfo): Description {
  return {
    infoHash: hexPair(metainfo.infoHash),
    name: metainfo.name,
    totalLength: metainfo.totalLength,
    pieceLength: metainfo.pieceLength,
    pieceCount: metainfo.pieceCount,
    private: metainfo.isPrivate,
    source: metainfo.source,
    comment: metainfo.comment,
    createdBy: metainfo.createdBy,
    creationDate: metainfo.creationDate,
    files: metainfo.files.map(({ path, lengthBytes, padding }) => ({
      path: path.join('/'),
      length: lengthBytes,
      padding,
    })),
    trackers: metainfo.trackers,
    webSeeds: metainfo.webSeeds,
    magnet: formatMagnet(magnetOf(metainfo)),
  };
}

/** All that is known before a peer has sent the info dictionary. */
function describeMagnet(magnet: Magnet): Description {
  return {
    infoHash: hexPair(magnet.infoHash),
    name: magnet.name,
    totalLength: null,
    pieceLength: null,
    pieceCount: null,
    private: null,
    source: null,
    comment: null,
    createdBy: null,
    creationDate: null,
    files: [],
    trackers: magnet.trackers.map((url) => [url]),
    webSeeds: magnet.webSeeds,
    magnet: formatMagnet(magnet),
  };
}

function forPeople(description: Description): string {
  const { infoHash, totalLength, pieceLength, pieceCount, creationDate } = description;
  const rows: [label: string, value: string | null][] = [
    ['Name', description.name],
    ['Info-hash v1', infoHash.v1],
    ['Info-hash v2', infoHash.v2],
    ['Size', totalLength === null ? null : `${formatSize(totalLength)} (${totalLength} bytes)`],
    ['Pieces', pieceLength === null ? null : `${pieceCount} of ${formatSize(pieceLength)}`],
    ['Private', description.private ? 'yes' : null],
    ['Source', description.source],
    ['Comment', description.comment],
    ['Created by', description.createdBy],
    ['Created', creationDate === null ? null : formatUnixTime(creationDate)],
    ...description.trackers.map((tier, i): [string, string] => [i === 0 ? 'Trackers' : '', tier.join('  ')]),
    ...description.webSeeds.map((url, i): [string, string] => [i === 0 ? 'Web seeds' : '', url]),
    ['Magnet', description.magnet],
  ];
  let text = '';
  for (const [label, value] of rows) {
    if (value !== null) text += `${label.padEnd(14)}${sanitizeText(value)}\n`;
  }
  return text + fileList(description);
}

function fileList({ files, totalLength }: Description): string {
  if (totalLength === null) return '\nFiles are known once a peer has sent the metadata.\n';
  const stored = files.filter((file) => !file.padding);
  let text = `\n${formatCount(stored.length, 'file')}:\n`;
  // The numbers are what --select takes.
  const digits = String(stored.length).length;
  for (const [i, { path, length }] of stored.entries()) {
    text += `${String(i + 1).padStart(digits)}  ${formatSize(length).padStart(10)}  ${sanitizeText(path)}\n`;
  }
  return text;
}
