import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, fromHex, fromLatin1, fromUtf8, toHex, toLatin1 } from '../base/bytes.js';
import { DtorrentError, type ErrorCode } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { type BencodeDict, type BencodeInput, decodeBencode, encodeBencode, RawBencode } from './bencode.js';
import { infoHashHex } from './infohash.js';
import { type Metainfo, parseInfoDictionary, parseMetainfo } from './metainfo.js';
import {
  HYBRID_INFO_HASH_V1,
  HYBRID_INFO_HASH_V2,
  HYBRID_TORRENT,
  LAYER_B,
  ROOT_A,
  ROOT_B,
  ROOT_C,
  V1_INFO_HASH,
  V1_PIECES,
  V2_INFO_HASH,
  V2_TORRENT,
} from './testing/example-torrents.js';

type Dict = { readonly [key: string]: BencodeInput | undefined };

const SINGLE: Dict = { length: 40000, name: 'v1.bin', 'piece length': 16384, pieces: V1_PIECES };
const ROOT = new Uint8Array(32).fill(7);

/** A v1 torrent of one piece with these files. */
function parseFiles(files: Dict[], outer: Dict = {}): Metainfo {
  return parseMetainfo(
    encodeBencode({ ...outer, info: { files, name: 't', 'piece length': 65536, pieces: new Uint8Array(20) } }),
  );
}

function parseInfo(info: Dict, outer: Dict = {}): Metainfo {
  return parseMetainfo(encodeBencode({ ...outer, info }));
}

function parseTree(tree: Dict, outer: Dict = {}, info: Dict = {}): Metainfo {
  return parseInfo({ 'file tree': tree, 'meta version': 2, name: 't', 'piece length': 16384, ...info }, outer);
}

function leaf(length: number, extra: Dict = {}): Dict {
  return { '': { length, ...(length > 0 ? { 'pieces root': ROOT } : {}), ...extra } };
}

function pathsOf(metainfo: Metainfo): string[] {
  return metainfo.files.map((file) => file.path.join('/'));
}

function assertRefused(parse: () => unknown, message: RegExp, code: ErrorCode = 'ETORRENT'): void {
  assert.throws(parse, (error) => error instanceof DtorrentError && error.code === code && message.test(error.message));
}

/** The outer dictionary of one of the example torrents, to be changed. */
function outerOf(torrent: Uint8Array): Map<string, BencodeInput> {
  return mapOf(decodeBencode(torrent).value as BencodeDict);
}

function mapOf(dict: BencodeDict): Map<string, BencodeInput> {
  return new Map(dict.keys.map((key, i) => [key, dict.values[i]!] as const));
}

test('a v1 torrent of a single file is read', () => {
  const metainfo = parseInfo(SINGLE);
  assert.equal(infoHashHex(metainfo.infoHash), V1_INFO_HASH);
  assert.equal(metainfo.infoHash.v2, null);
  assert.equal(metainfo.name, 'v1.bin');
  assert.equal(metainfo.pieceCount, 3);
  assert.equal(metainfo.totalLength, 40000);
  assert.deepEqual(metainfo.v1Pieces, V1_PIECES);
  assert.equal(metainfo.isPrivate, false);
  assert.deepEqual(metainfo.files, [
    {
      path: ['v1.bin'],
      lengthBytes: 40000,
      offsetBytes: 0,
      padding: false,
      executable: false,
      hidden: false,
      symlinkTarget: null,
      piecesRoot: null,
    },
  ]);
});

test('the v2 example torrent is read, with padding that keeps files on piece boundaries', () => {
  const metainfo = parseMetainfo(V2_TORRENT);
  assert.equal(infoHashHex(metainfo.infoHash), V2_INFO_HASH);
  assert.equal(metainfo.infoHash.v1, null);
  assert.equal(metainfo.v1Pieces, null);
  assert.deepEqual(pathsOf(metainfo), [
    'tree/a.txt',
    'tree/.pad/31768',
    'tree/b.bin',
    'tree/.pad/28304',
    'tree/empty',
    'tree/sub/c.bin',
    'tree/.pad/16384',
  ]);
  assert.deepEqual(
    metainfo.files.filter((file) => !file.padding).map((file) => [file.offsetBytes, file.lengthBytes]),
    [
      [0, 1000],
      [32768, 70000],
      [131072, 0],
      [131072, 16384],
    ],
  );
  const roots = metainfo.files.flatMap(({ piecesRoot }) => (piecesRoot === null ? [] : [toHex(piecesRoot)]));
  assert.deepEqual(roots, [ROOT_A, ROOT_B, ROOT_C]);
  assert.equal(metainfo.pieceCount, 5);
  assert.equal(metainfo.totalLength, 87384);
  assert.deepEqual([...metainfo.pieceLayers.keys()], [ROOT_B]);
  assert.equal(toHex(metainfo.pieceLayers.get(ROOT_B)!), LAYER_B.join(''));
  assert.deepEqual(metainfo.trackers, [['http://example.com/announce']]);
});

test('the hybrid example torrent has both hashes and the layout of its v1 list', () => {
  const metainfo = parseMetainfo(HYBRID_TORRENT);
  assert.equal(toHex(metainfo.infoHash.v1!), HYBRID_INFO_HASH_V1);
  assert.equal(toHex(metainfo.infoHash.v2!), HYBRID_INFO_HASH_V2);
  assert.deepEqual(pathsOf(metainfo), pathsOf(parseMetainfo(V2_TORRENT)));
  assert.equal(metainfo.pieceCount, 5);
  assert.equal(metainfo.totalLength, 87384);
  assert.equal(metainfo.v1Pieces?.length, 100);
  assert.equal(metainfo.files[2]!.piecesRoot?.length, 32);
});

test('the info-hash is taken from the bytes of the file, however odd they are', () => {
  const odd = fromLatin1(`d4:name1:a6:lengthi05e12:piece lengthi16384e6:pieces20:${'x'.repeat(20)}e`);
  const { infoHash, infoBytes, files } = parseMetainfo(encodeBencode({ info: new RawBencode(odd) }));
  assert.deepEqual(infoBytes, odd);
  assert.equal(files[0]!.lengthBytes, 5);
  assert.deepEqual(infoHash, parseInfoDictionary(odd).infoHash);
});

test('bytes after the torrent and unsorted outer keys are let pass', () => {
  const info = toLatin1(encodeBencode(SINGLE));
  assert.equal(parseMetainfo(fromLatin1(`d4:info${info}8:announce8:http://ae\r\n`)).trackers[0]![0], 'http://a');
});

test('an info dictionary from a peer is read alone, with what the magnet adds', () => {
  const { infoBytes, pieceLayers } = parseMetainfo(V2_TORRENT);
  const bare = parseInfoDictionary(infoBytes);
  assert.equal(infoHashHex(bare.infoHash), V2_INFO_HASH);
  assert.equal(bare.pieceLayers.size, 0);
  assert.deepEqual(bare.trackers, []);
  const full = parseInfoDictionary(infoBytes, { pieceLayers, trackers: [['http://a/']] });
  assert.equal(full.pieceLayers.size, 1);
  assert.deepEqual(full.trackers, [['http://a/']]);
});

test('an info dictionary from a peer has a size limit and nothing after it', () => {
  const info = encodeBencode(SINGLE);
  assertRefused(() => parseInfoDictionary(concatBytes([info, fromUtf8('x')])), /more bytes follow/, 'EBENCODE');
  assertRefused(() => parseInfoDictionary(new Uint8Array(LIMITS.metadataBytesMax + 1)), /allowed/, 'EBENCODE');
  assertRefused(() => parseInfoDictionary(fromUtf8('le')), /not a dictionary/);
});

test('what is not a torrent is refused', () => {
  assertRefused(() => parseMetainfo(fromUtf8('<html>')), /byte 0/, 'EBENCODE');
  assertRefused(() => parseMetainfo(fromUtf8('le')), /not a dictionary/);
  assertRefused(() => parseMetainfo(fromUtf8('de')), /no info dictionary/);
  assertRefused(() => parseMetainfo(fromUtf8('d4:infoi1ee')), /no info dictionary/);
});

test('a torrent without name, piece length, pieces or files is refused', () => {
  assertRefused(() => parseInfo({ ...SINGLE, name: undefined }), /no name/);
  assertRefused(() => parseInfo({ ...SINGLE, name: 7 }), /no name/);
  assertRefused(() => parseInfo({ ...SINGLE, 'piece length': undefined }), /piece length/);
  assertRefused(() => parseInfo({ ...SINGLE, pieces: undefined }), /pieces are not 20 bytes/);
  assertRefused(() => parseInfo({ ...SINGLE, length: undefined }), /length/);
  assertRefused(() => parseInfo({ ...SINGLE, files: [] }), /both/);
  assertRefused(() => parseFiles([]), /file list is empty/);
  assertRefused(() => parseInfo({ ...SINGLE, length: undefined, files: { a: 1 } }), /file list is empty/);
});

test('impossible lengths are refused', () => {
  for (const length of [-1, 2n ** 62n, 'x']) assertRefused(() => parseInfo({ ...SINGLE, length }), /no valid length/);
  assertRefused(() => parseFiles([{ path: ['a'] }]), /no valid length/);
  assertRefused(() => parseFiles([{ path: ['a'], length: -5 }]), /no valid length/);
  for (const pieceLength of [0, -16384, 2n ** 62n]) {
    assertRefused(() => parseInfo({ ...SINGLE, 'piece length': pieceLength }), /no valid piece length/);
  }
});

test('a torrent without data is refused', () => {
  assertRefused(() => parseInfo({ ...SINGLE, length: 0, pieces: '' }), /no data/);
  assertRefused(
    () =>
      parseFiles([
        { path: ['a'], length: 0 },
        { attr: 'p', length: 100 },
      ]),
    /no data/,
  );
  assertRefused(() => parseTree({ a: leaf(0) }), /no data/);
  assertRefused(() => parseTree({}), /no data/);
});

test('the pieces have to fit the data exactly', () => {
  for (const count of [0, 59, 40, 61, 80]) {
    assertRefused(() => parseInfo({ ...SINGLE, pieces: new Uint8Array(count) }), /20 bytes for each of 3 pieces/);
  }
});

test('the limits on pieces and their length hold', () => {
  const { pieceCountMax, pieceLengthBytesMax } = LIMITS;
  const huge = { ...SINGLE, 'piece length': pieceLengthBytesMax, pieces: new Uint8Array(20) };
  assert.equal(parseInfo(huge).pieceCount, 1);
  assertRefused(() => parseInfo({ ...huge, 'piece length': pieceLengthBytesMax + 1 }), /longer than 536870912 bytes/);
  const small = { ...SINGLE, 'piece length': 1, length: pieceCountMax, pieces: new Uint8Array(20 * pieceCountMax) };
  assert.equal(parseInfo(small).pieceCount, pieceCountMax);
  assertRefused(() => parseInfo({ ...small, length: pieceCountMax + 1 }), /more than 2097152 pieces/);
  const wide = { a: leaf(2 ** 53 - 1), b: leaf(2 ** 53 - 1) };
  assertRefused(() => parseTree(wide), /more than 2097152 pieces/);
  assertRefused(() => parseFiles([{ path: ['a'], length: 2 ** 53 - 1 }]), /more than 2097152 pieces/);
});

test('the limit on files holds', () => {
  const parse = (count: number): Metainfo => {
    const files = new Uint8Array(2 * count + 2);
    for (let i = 0; i < files.length; i++) files[i] = i % 2 === 0 ? 0x65 : 0x64;
    files[0] = 0x6c;
    files[files.length - 1] = 0x65;
    return parseInfo({ ...SINGLE, length: undefined, files: new RawBencode(files) });
  };
  assertRefused(() => parse(LIMITS.fileCountMax), /a file has no valid path/);
  assertRefused(() => parse(LIMITS.fileCountMax + 1), /1000000 files/);
});

test('the limits on path depth hold, in the list by count and in the tree by the decoder', () => {
  const deep = (depth: number): string[] => Array.from({ length: depth }, () => 'd');
  assert.equal(parseFiles([{ path: deep(LIMITS.pathDepthMax), length: 1 }]).files[0]!.path.length, 101);
  assertRefused(() => parseFiles([{ path: deep(LIMITS.pathDepthMax + 1), length: 1 }]), /nested deeper/);
  let tree: Dict = { f: leaf(1) };
  for (let i = 0; i < LIMITS.pathDepthMax; i++) tree = { d: tree };
  assertRefused(() => parseTree(tree), /nested deeper/, 'EBENCODE');
});

test('a small tree cannot unfold into gigabytes of paths', () => {
  let tree: BencodeInput = new Map(Array.from({ length: 120_000 }, (_, i) => [String(i), leaf(0)]));
  for (let i = 0; i < 90; i++) tree = new Map([['d', tree]]);
  assertRefused(() => parseTree({ d: tree }), /too long in total/);
});

test('paths are made safe, and distinct', () => {
  const metainfo = parseFiles([
    { path: ['..', '..', 'etc', 'passwd'], length: 1 },
    { path: ['/etc', 'passwd'], length: 1 },
    { path: ['ETC', 'PASSWD'], length: 1 },
    { path: ['a\0b'], length: 1 },
    { path: [''], length: 1 },
    { path: ['etc'], length: 1 },
  ]);
  assert.deepEqual(pathsOf(metainfo), ['t/etc/passwd', 't/etc/passwd.1', 't/ETC/PASSWD.2', 't/a_b', 't/_', 't/etc.1']);
  assert.equal(metainfo.name, 't');
});

test('a path that is no list of strings is refused', () => {
  for (const path of [undefined, [], ['a', 7], 'a', [['a']]]) {
    assertRefused(() => parseFiles([{ path, length: 1 }]), /no valid path/);
  }
});

test('the UTF-8 spelling of a name or path wins', () => {
  assert.equal(parseInfo({ ...SINGLE, name: new Uint8Array([0xe4]), 'name.utf-8': 'ä' }).files[0]!.path[0], 'ä');
  const files = [{ path: [new Uint8Array([0xe4])], 'path.utf-8': ['ä'], length: 1 }];
  assert.deepEqual(pathsOf(parseFiles(files)), ['t/ä']);
});

test('a name of which nothing can be used is replaced by the info-hash', () => {
  for (const name of ['..', '', '/']) {
    const metainfo = parseInfo({ ...SINGLE, name });
    assert.equal(metainfo.name, infoHashHex(metainfo.infoHash));
    assert.deepEqual(metainfo.files[0]!.path, [metainfo.name]);
  }
});

test('attributes mark padding, executables, hidden files and links (BEP 47)', () => {
  const { files, totalLength } = parseFiles([
    { path: ['run'], length: 100, attr: 'xh' },
    { attr: 'p', length: 65436 - 200 },
    { path: ['_____padding_file_0_BitComet'], length: 100 },
    { path: ['l'], attr: 'l', length: 999, 'symlink path': ['run'] },
    { path: ['m'], attr: 'l', 'symlink path': ['..', '..', 'etc', 'passwd'] },
    { path: ['last'], length: 100 },
  ]);
  assert.deepEqual(
    files.map((file) => [file.path.join('/'), file.lengthBytes, file.padding, file.symlinkTarget?.join('/') ?? null]),
    [
      ['t/run', 100, false, null],
      ['t/.pad/65236', 65236, true, null],
      ['t/_____padding_file_0_BitComet', 100, true, null],
      ['t/l', 0, false, 't/run'],
      ['t/m', 0, false, null],
      ['t/last', 100, false, null],
    ],
  );
  assert.equal(files[0]!.executable, true);
  assert.equal(files[0]!.hidden, true);
  assert.equal(files[5]!.executable, false);
  assert.equal(totalLength, 200);
});

test('private torrents and their salt are told', () => {
  const { isPrivate, source } = parseInfo({ ...SINGLE, private: 1, source: 'tracker' });
  assert.equal(isPrivate, true);
  assert.equal(source, 'tracker');
  assert.equal(parseInfo({ ...SINGLE, private: 0 }).isPrivate, false);
});

test('newer and dead formats are told apart from broken ones', () => {
  assertRefused(() => parseTree({ a: leaf(1) }, {}, { 'meta version': 3 }), /format version 3/, 'EUNSUPPORTED');
  assertRefused(() => parseInfo({ ...SINGLE, pieces: undefined, 'root hash': 'x' }), /BEP 30/, 'EUNSUPPORTED');
  assertRefused(() => parseTree({ a: leaf(1) }, {}, { 'meta version': undefined }), /disagree/);
  assertRefused(() => parseInfo({ ...SINGLE, 'meta version': 2 }), /disagree/);
  assertRefused(() => parseInfo({ ...SINGLE, 'meta version': 'two' }), /meta version/);
});

test('the v2 piece length is a power of two from 16 KiB on', () => {
  for (const pieceLength of [8192, 16385, 49152]) {
    assertRefused(() => parseTree({ a: leaf(1) }, {}, { 'piece length': pieceLength }), /power of two/);
  }
});

test('a v2 info dictionary has to be canonical', () => {
  const file = `d0:d6:lengthi1e11:pieces root32:${'r'.repeat(32)}ee`;
  const info = (tree: string): Uint8Array =>
    fromLatin1(`d4:infod9:file treed${tree}e12:meta versioni2e4:name1:t12:piece lengthi16384eee`);
  assert.equal(parseMetainfo(info(`1:a${file}1:b${file}`)).files.length, 4);
  assertRefused(() => parseMetainfo(info(`1:b${file}1:a${file}`)), /not sorted/, 'EBENCODE');
  assertRefused(() => parseMetainfo(info(`1:a${file}1:a${file}`)), /twice/, 'EBENCODE');
});

test('paths of a file tree that are too long in total are refused', () => {
  const depth = 80;
  const parse = (fileCount: number): Metainfo => {
    const file = (length: number, root: string): string => `d0:d6:lengthi${length}e${root}ee`;
    const names = Array.from({ length: fileCount - 1 }, (_, i) => `7:${String(i).padStart(7, '0')}`);
    const last = `1:z${file(1, `11:pieces root32:${'x'.repeat(32)}`)}`;
    // Directories called `.` count as sent, though they are left out of the safe paths, which keeps the test small.
    const files = `d${names.map((name) => name + file(0, '')).join('')}${last}e`;
    const tree = `${'d1:.'.repeat(depth - 1)}${files}${'e'.repeat(depth - 1)}`;
    return parseMetainfo(fromLatin1(`d4:infod9:file tree${tree}12:meta versioni2e4:name1:t12:piece lengthi16384eee`));
  };
  const directoryElements = (depth * (depth - 1)) / 2;
  const fileCount = Math.floor((LIMITS.pathElementsMax - directoryElements) / depth);
  assert.equal(parse(fileCount).files.filter(({ padding }) => !padding).length, fileCount);
  assertRefused(() => parse(fileCount + 1), /too long in total/);
});

test('a file tree that breaks a rule is refused', () => {
  assertRefused(() => parseTree(leaf(1)), /root is a file/);
  assertRefused(() => parseTree({ a: { ...leaf(1), b: leaf(1) } }), /without a name/);
  assertRefused(() => parseTree({ a: 1 }), /neither a file nor a directory/);
  assertRefused(() => parseTree({ a: { '': 1 } }), /not a dictionary/);
  assertRefused(() => parseTree({ a: { '': {} } }), /no valid length/);
  assertRefused(() => parseTree({ a: leaf(-1) }), /no valid length/);
  assertRefused(() => parseTree({ a: { '': { length: 1 } } }), /pieces root/);
  assertRefused(() => parseTree({ a: leaf(1, { 'pieces root': new Uint8Array(32) }) }), /pieces root/);
  assertRefused(() => parseTree({ a: leaf(1, { 'pieces root': new Uint8Array(31).fill(1) }) }), /pieces root/);
  assertRefused(() => parseTree({ a: leaf(1, { attr: 'p' }) }), /padding/);
  assertRefused(() => parseTree([] as unknown as Dict), /not a dictionary/);
});

test('a lone v2 file has no directory, any other tree lies below the name', () => {
  assert.deepEqual(pathsOf(parseTree({ f: leaf(16384) })), ['f']);
  assert.deepEqual(pathsOf(parseTree({ d: { f: leaf(16384) } })), ['t/d/f']);
  assert.deepEqual(pathsOf(parseTree({ f: leaf(16384), g: {} })), ['t/f']);
  assert.deepEqual(pathsOf(parseTree({ '..': leaf(16384), '/': leaf(16384) })), ['t/_', 't/_.1']);
});

test('v2 links have no bytes, and lead inside the torrent', () => {
  const { files } = parseTree({ f: leaf(16384), l: { '': { attr: 'l', 'symlink path': ['f'] } } });
  assert.deepEqual(files[1]!.symlinkTarget, ['t', 'f']);
  assert.equal(files[1]!.lengthBytes, 0);
});

test('missing piece layers are let pass, and so are layers of other torrents', () => {
  const outer = outerOf(V2_TORRENT);
  outer.delete('piece layers');
  assert.equal(parseMetainfo(encodeBencode(outer)).pieceLayers.size, 0);
  outer.set('piece layers', new Map([['r'.repeat(32), new Uint8Array(64)]]));
  assert.equal(parseMetainfo(encodeBencode(outer)).pieceLayers.size, 0);
});

test('a piece layer of the wrong size, type or hash is refused', () => {
  const outer = outerOf(V2_TORRENT);
  const root = toLatin1(fromHex(ROOT_B)!);
  const layer = fromHex(LAYER_B.join(''))!;
  const withLayer = (value: BencodeInput): Metainfo =>
    parseMetainfo(encodeBencode(new Map([...outer, ['piece layers', new Map([[root, value]])]])));
  assert.equal(withLayer(layer).pieceLayers.size, 1);
  assertRefused(() => withLayer(layer.subarray(0, 64)), /size/);
  assertRefused(() => withLayer(7), /malformed/);
  const wrong = layer.slice();
  wrong[95]! ^= 1;
  assertRefused(() => withLayer(wrong), /does not match the root/);
  assertRefused(() => parseMetainfo(encodeBencode(new Map([...outer, ['piece layers', 7]]))), /not a dictionary/);
  const shortKey = new Map([...outer, ['piece layers', new Map([['short', layer]])] as const]);
  assertRefused(() => parseMetainfo(encodeBencode(shortKey)), /malformed/);
});

/** The hybrid example with another v1 file list. */
function hybridWith(change: (files: Dict[]) => Dict[]): Metainfo {
  const outer = outerOf(HYBRID_TORRENT);
  const info = mapOf(outer.get('info') as BencodeDict);
  const pad = (length: number): Dict => ({ attr: 'p', length, path: ['.pad', String(length)] });
  const files = [
    { length: 1000, path: ['a.txt'] },
    pad(31768),
    { length: 70000, path: ['b.bin'] },
    pad(28304),
    { length: 0, path: ['empty'] },
    { length: 16384, path: ['sub', 'c.bin'] },
    pad(16384),
  ];
  info.set('files', change(files));
  return parseMetainfo(encodeBencode(outer.set('info', info)));
}

test('a hybrid may lack the padding after its last file, and place empty files around a padding', () => {
  assert.equal(toHex(hybridWith((files) => files).infoHash.v1!), HYBRID_INFO_HASH_V1);
  const short = hybridWith((files) => files.slice(0, -1));
  assert.equal(short.files.length, 6);
  assert.equal(short.pieceCount, 5);
  const swapped = hybridWith((files) => [...files.slice(0, 3), files[4]!, files[3]!, ...files.slice(5)]);
  assert.equal(swapped.files[3]!.path.join('/'), 'tree/empty');
});

test('a hybrid whose v1 and v2 parts disagree is refused', () => {
  const disagreements: ((files: Dict[]) => Dict[])[] = [
    (files) => files.slice(2),
    (files) => files.toSpliced(1, 1),
    (files) => files.toSpliced(4, 1),
    (files) => files.toSpliced(0, 1, { length: 1000, path: ['other.txt'] }),
    (files) => files.toSpliced(0, 2, { length: 1001, path: ['a.txt'] }, { attr: 'p', length: 31767 }),
    (files) => [...files, { length: 0, path: ['more'] }],
    (files) => [...files, { attr: 'p', length: 1 }],
    (files) => files.toSpliced(1, 1, { length: 31768, path: ['.pad', '31768'] }),
  ];
  for (const change of disagreements) assertRefused(() => hybridWith(change), /describe different files/);
});

test('a hybrid of a single file takes its name from both parts', () => {
  const info = { length: 16384, name: 'f', pieces: new Uint8Array(20) };
  assert.deepEqual(pathsOf(parseTree({ f: leaf(16384) }, {}, info)), ['f']);
  assertRefused(() => parseTree({ g: leaf(16384) }, {}, info), /describe different files/);
  const listed = { files: [{ length: 16384, path: ['f'] }], name: 'd', pieces: new Uint8Array(20) };
  assert.deepEqual(pathsOf(parseTree({ f: leaf(16384) }, {}, listed)), ['d/f']);
});

test('trackers come in tiers, trimmed and unique; announce counts only without a list', () => {
  const trackers = (outer: Dict): readonly (readonly string[])[] => parseInfo(SINGLE, outer).trackers;
  assert.deepEqual(trackers({ announce: '\t http://a ' }), [['http://a']]);
  assert.deepEqual(trackers({ announce: 'http://a', 'announce-list': [['http://b', 'http://c'], ['http://b'], [7]] }), [
    ['http://b', 'http://c'],
  ]);
  assert.deepEqual(trackers({ announce: 'http://a', 'announce-list': [] }), [['http://a']]);
  assert.deepEqual(trackers({ announce: 'http://a', 'announce-list': [['']] }), [['http://a']]);
  assert.deepEqual(trackers({ 'announce-list': ['http://a', ['http://b']] }), [['http://a'], ['http://b']]);
  assert.deepEqual(trackers({ announce: 'http://a/\r\nHost: b' }), []);
  assert.deepEqual(trackers({ announce: 7, 'announce-list': 7 }), []);
});

test('the limits on trackers, web seeds and nodes hold', () => {
  const urls = Array.from({ length: 1000 }, (_, i) => `http://${i}/`);
  const nodes = urls.map((_, i) => ['example.org', i + 1]);
  const metainfo = parseInfo(SINGLE, {
    'announce-list': urls.map((url) => [url]),
    'url-list': urls,
    httpseeds: urls,
    nodes,
  });
  assert.equal(metainfo.trackers.length, LIMITS.trackersPerTorrentMax);
  assert.equal(metainfo.webSeeds.length, LIMITS.webSeedsMax);
  assert.equal(metainfo.httpSeeds.length, LIMITS.webSeedsMax);
  assert.equal(metainfo.nodes.length, LIMITS.torrentNodesMax);
  const url = `http://a/${'b'.repeat(LIMITS.trackerUrlBytesMax - 9)}`;
  assert.deepEqual(parseInfo(SINGLE, { announce: url }).trackers, [[url]]);
  assert.deepEqual(parseInfo(SINGLE, { announce: `${url}b` }).trackers, []);
});

test('web seeds are read in every shape', () => {
  const seeds = (value: BencodeInput): readonly string[] => parseInfo(SINGLE, { 'url-list': value }).webSeeds;
  assert.deepEqual(seeds('http://a/f'), ['http://a/f']);
  assert.deepEqual(seeds(['http://a/f', 'http://b/f', 'http://a/f']), ['http://a/f', 'http://b/f']);
  for (const none of ['', [], [''], [['']], 7, [-20], { a: 'b' }]) assert.deepEqual(seeds(none), []);
  assert.deepEqual(seeds('http://a/ü %20"<>'), ['http://a/%C3%BC%20%20%22%3C%3E']);
  const multi = parseFiles(
    [
      { path: ['a'], length: 1 },
      { path: ['b'], length: 1 },
    ],
    { 'url-list': ['http://a', 'http://a/'] },
  );
  assert.deepEqual(multi.webSeeds, ['http://a/']);
  assert.deepEqual(parseInfo(SINGLE, { httpseeds: ['http://a/seed.php'] }).httpSeeds, ['http://a/seed.php']);
});

test('DHT nodes are host and port; others are left out', () => {
  const nodes = [
    ['1.2.3.4', 6881],
    ['example.org', 1],
    ['2001:db8::1', 2],
    ['x', 0],
    ['x', 65536],
    ['x y', 3],
    ['x'],
    7,
    [7, 7],
  ];
  assert.deepEqual(parseInfo(SINGLE, { nodes: [...nodes, ['h'.repeat(254), 1]] }).nodes, [
    { host: '1.2.3.4', port: 6881 },
    { host: 'example.org', port: 1 },
    { host: '2001:db8::1', port: 2 },
  ]);
});

test('remarks are read, in UTF-8 where there is a choice', () => {
  const metainfo = parseInfo(SINGLE, {
    comment: 'c',
    'comment.utf-8': 'ç',
    'created by': 'x',
    'creation date': 1234567,
  });
  assert.equal(metainfo.comment, 'ç');
  assert.equal(metainfo.createdBy, 'x');
  assert.equal(metainfo.creationDate, 1234567);
  const bare = parseInfo(SINGLE, { 'creation date': 'yesterday', comment: 7 });
  assert.deepEqual([bare.comment, bare.createdBy, bare.creationDate], [null, null, null]);
});

test('a damaged torrent is refused with an error that says so, or read; it never crashes', () => {
  const change = fc.tuple(fc.nat(2000), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(
      fc.constantFrom(V2_TORRENT, HYBRID_TORRENT),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      (torrent, changes) => {
        const damaged = torrent.slice();
        for (const [at, byte] of changes) damaged[at % damaged.length] = byte;
        try {
          parseMetainfo(damaged);
        } catch (error) {
          assert.ok(error instanceof DtorrentError && error.code !== 'EINTERNAL', String(error));
        }
      },
    ),
    { numRuns: 1000 },
  );
});
