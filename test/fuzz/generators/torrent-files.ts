/** Torrent files: made as `dtorrent create` makes them, of any tree of files, with hashes that match nothing. */
import fc from 'fast-check';
import { LIMITS } from '../../../src/base/limits.js';
import { type BencodeInput, decodeBencode, encodeBencode } from '../../../src/format/bencode.js';
import { assembleTorrent, planTorrent, type SourceFile, type TorrentKind } from '../../../src/format/create-torrent.js';
import { bencodeTrees } from './bencode-values.js';

const KIB_16 = LIMITS.blockBytes;

export const fileNames: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('a', 'b', 'A', 'a.txt', 'a.1.txt', 'é', 'e\u0301', 'con', 'x.', ' ', '...', 'x'.repeat(300), '_'),
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: 12 })
    .map((text) => text.replaceAll(/[/\0]/g, '_'))
    .filter((text) => text !== '.' && text !== '..'),
);
const lengths = fc.oneof(fc.constantFrom(0, 1, KIB_16 - 1, KIB_16, KIB_16 + 1), fc.nat({ max: 300_000 }));

/** Where no path is a directory of another. */
export const sourceFiles: fc.Arbitrary<SourceFile[]> = fc
  .array(
    fc.record({
      path: fc.array(fileNames, { minLength: 1, maxLength: 4 }),
      lengthBytes: lengths,
      executable: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map(withoutConflicts)
  .map((files) => (files.some((file) => file.lengthBytes > 0) ? files : [{ ...files[0]!, lengthBytes: 5 }]));

function withoutConflicts(files: readonly SourceFile[]): SourceFile[] {
  const taken = new Set<string>();
  return files.filter(({ path }) => {
    const ways = path.map((_, i) => path.slice(0, i + 1).join('\0'));
    const whole = ways.at(-1)!;
    if (taken.has(whole) || ways.some((way) => taken.has(`file ${way}`))) return false;
    for (const way of ways) taken.add(way);
    taken.add(`file ${whole}`);
    return true;
  });
}

const fields = fc.record({
  name: fileNames,
  trackers: fc.array(
    fc.array(fc.constantFrom('http://a.example/announce', 'udp://b.example:80', 'wss://c.example'), { maxLength: 3 }),
    { maxLength: 3 },
  ),
  webSeeds: fc.array(fc.constantFrom('http://w.example/x y', 'https://v.example/é/'), { maxLength: 2 }),
  isPrivate: fc.boolean(),
  comment: fc.option(fc.string({ maxLength: 10 })),
  source: fc.option(fc.string({ maxLength: 10 })),
  createdBy: fc.option(fc.string({ maxLength: 10 })),
  creationDate: fc.option(fc.nat()),
});

/** As they should be. */
export const createdTorrents: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.constantFrom<TorrentKind>('v1', 'v2', 'hybrid'),
    fc.oneof(
      sourceFiles,
      lengths.map((length): SourceFile[] => [{ path: [], lengthBytes: length + 1, executable: false }]),
    ),
    fc.constantFrom(KIB_16, 2 * KIB_16, 4 * KIB_16),
    fields,
    fc.nat({ max: 255 }),
  )
  .map(([kind, files, pieceLength, given, fill]) => {
    const plan = planTorrent(files, { kind, pieceLength, fields: given });
    const v1 = new Uint8Array(kind === 'v2' ? 0 : 20 * plan.pieceCount).fill(fill);
    const v2 = new Uint8Array(kind === 'v1' ? 0 : 32 * plan.pieceCount).fill(fill === 0 ? 1 : fill);
    return assembleTorrent(plan, { v1, v2 }).bytes;
  });

/** v1 lists with what `create` never writes: paths that climb, links, padding of all kinds, odd types. */
const oddLists: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.array(oddFiles(), { minLength: 1, maxLength: 8 }), fc.constantFrom(1, 7, KIB_16), fc.option(bencodeTrees))
  .map(([files, pieceLength, odd]) => {
    const total = files.reduce((sum, file) => sum + (file.length as number), 0);
    const pieces = new Uint8Array(20 * Math.ceil(total / pieceLength));
    const info: Record<string, BencodeInput> = { files, name: 'n', 'piece length': pieceLength, pieces };
    return encodeBencode({
      info,
      nodes: odd ?? undefined,
      'url-list': odd ?? undefined,
      'announce-list': odd ?? undefined,
    });
  });

function oddFiles(): fc.Arbitrary<{ readonly [key: string]: BencodeInput | undefined; readonly length: number }> {
  const elements = fc.array(fc.oneof(fileNames, fc.constantFrom('..', '.', '', '/', 'n')), {
    minLength: 1,
    maxLength: 4,
  });
  return fc
    .record({
      length: fc.nat({ max: 60 }),
      path: elements,
      'path.utf-8': fc.option(elements),
      attr: fc.option(fc.constantFrom('p', 'l', 'x', 'hx', 'lp', '')),
      'symlink path': fc.option(elements),
    })
    .map((file) => ({
      ...file,
      'path.utf-8': file['path.utf-8'] ?? undefined,
      attr: file.attr ?? undefined,
      'symlink path': file['symlink path'] ?? undefined,
    }));
}

export const torrentFiles: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 3, arbitrary: createdTorrents },
  { weight: 2, arbitrary: oddLists },
  { weight: 1, arbitrary: bencodeTrees.map((info) => encodeBencode({ info })) },
);

/** The info dictionary inside of a torrent file. */
export function infoBytesOf(torrent: Uint8Array): Uint8Array {
  const { value } = decodeBencode(torrent);
  if (!(typeof value === 'object' && 'span' in value)) throw new Error('no torrent file');
  const { start, end } = value.span('info')!;
  return torrent.subarray(start, end);
}
