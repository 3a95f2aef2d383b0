/**
 * Torrent files (v1, v2, hybrid) and info dictionaries. What is read has to keep every promise of the Metainfo type,
 * because storage and wire rely on them without asking again.
 */
import assert from 'node:assert/strict';
import { fromUtf8, toLatin1 } from '../../../src/base/bytes.js';
import { sha1, sha256 } from '../../../src/base/crypto.js';
import { LIMITS } from '../../../src/base/limits.js';
import { FileLayout } from '../../../src/format/file-layout.js';
import { formatMagnet, magnetOf, parseMagnet } from '../../../src/format/magnet.js';
import { type Metainfo, type MetainfoFile, parseInfoDictionary, parseMetainfo } from '../../../src/format/metainfo.js';
import { HYBRID_TORRENT, V2_TORRENT } from '../../../src/format/testing/example-torrents.js';
import { isOneLine, readOrRefuse } from '../expect.js';
import { torrentFiles } from '../generators/torrent-files.js';
import type { FuzzTarget } from '../target.js';
import { checkSafeElement } from './safe-path.js';

const CODES = ['EBENCODE', 'ETORRENT', 'EUNSUPPORTED'] as const;
const PIECES_WALKED_MAX = 50;

export const metainfoTarget: FuzzTarget = {
  name: 'metainfo',
  inputs: torrentFiles,
  samples: [V2_TORRENT, HYBRID_TORRENT],
  isBencode: true,
  tokens: [
    ...[
      'announce',
      'announce-list',
      'attr',
      'file tree',
      'files',
      'httpseeds',
      'info',
      'length',
      'meta version',
      'name',
    ],
    ...[
      'name.utf-8',
      'nodes',
      'path',
      'path.utf-8',
      'piece layers',
      'piece length',
      'pieces',
      'pieces root',
      'private',
    ],
    ...['root hash', 'source', 'symlink path', 'url-list', '', 'a.txt', '_____padding_file_0'],
  ],
  check,
};

function check(input: Uint8Array): void {
  const metainfo = readOrRefuse(CODES, () => parseMetainfo(input));
  if (metainfo === null) return;
  checkMetainfo(metainfo);
  // What a peer is sent of it reads as the same torrent.
  const { infoBytes } = metainfo;
  const alone = parseInfoDictionary(infoBytes);
  assert.deepEqual(alone.infoHash, metainfo.infoHash);
  assert.deepEqual(alone.files, metainfo.files);
  checkMagnet(metainfo);
}

export function checkMetainfo(metainfo: Metainfo): void {
  const { infoHash, infoBytes, pieceLength, pieceCount, files, v1Pieces } = metainfo;
  if (infoHash.v1 !== null) assert.deepEqual(infoHash.v1, sha1(infoBytes));
  if (infoHash.v2 !== null) assert.deepEqual(infoHash.v2, sha256(infoBytes));
  assert.equal(v1Pieces === null, infoHash.v1 === null);
  assert.ok(pieceLength >= 1 && pieceLength <= LIMITS.pieceLengthBytesMax);
  assert.ok(pieceCount >= 1 && pieceCount <= LIMITS.pieceCountMax && files.length <= 2 * LIMITS.fileCountMax);
  assert.ok(v1Pieces === null || v1Pieces.length === 20 * pieceCount);
  checkSafeElement(metainfo.name);
  checkOffsets(metainfo);
  checkPaths(files);
  checkOuter(metainfo);
  checkLayout(metainfo);
}

function checkOffsets({ files, totalLength, pieceCount, pieceLength }: Metainfo): void {
  let offset = 0;
  let stored = 0;
  for (const file of files) {
    assert.equal(file.offsetBytes, offset);
    assert.ok(Number.isSafeInteger(file.lengthBytes) && file.lengthBytes >= 0);
    assert.ok(file.piecesRoot === null || (file.piecesRoot.length === 32 && file.lengthBytes > 0));
    offset += file.lengthBytes;
    if (!file.padding) stored += file.lengthBytes;
  }
  assert.equal(stored, totalLength);
  assert.ok(totalLength > 0);
  assert.equal(pieceCount, Math.ceil(offset / pieceLength));
}

/** On every platform each file has a path of its own, and none lies below another. */
function checkPaths(files: readonly MetainfoFile[]): void {
  const kinds = new Map<string, 'file' | 'directory'>();
  for (const { path, padding, symlinkTarget } of files) {
    assert.ok(path.length >= 1 && path.length <= LIMITS.pathDepthMax + 1);
    for (const element of [...path, ...(symlinkTarget ?? [])]) checkSafeElement(element);
    if (padding) continue;
    let key = '';
    for (const [i, element] of path.entries()) {
      key += `/${element.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC')}`;
      const kind = i === path.length - 1 ? 'file' : 'directory';
      const known = kinds.get(key);
      assert.ok(known === undefined || (known === 'directory' && kind === 'directory'), `${key} is there twice`);
      kinds.set(key, kind);
    }
  }
}

function checkOuter({ trackers, webSeeds, httpSeeds, nodes, pieceLayers, files }: Metainfo): void {
  const urls = trackers.flat();
  assert.ok(urls.length <= LIMITS.trackersPerTorrentMax && new Set(urls).size === urls.length);
  assert.ok(trackers.every((tier) => tier.length > 0));
  assert.ok(webSeeds.length <= LIMITS.webSeedsMax && httpSeeds.length <= LIMITS.webSeedsMax);
  assert.ok(nodes.length <= LIMITS.torrentNodesMax);
  for (const url of [...urls, ...webSeeds, ...httpSeeds]) {
    assert.ok(url !== '' && isOneLine(url), 'a line break in a URL ends up in a request line');
  }
  const roots = new Set(files.flatMap((file) => (file.piecesRoot === null ? [] : [toLatin1(file.piecesRoot)])));
  for (const [root, layer] of pieceLayers) {
    assert.ok(roots.has(toLatin1(Uint8Array.from(root.match(/../g)!, (hex) => Number.parseInt(hex, 16)))));
    assert.equal(layer.length % 32, 0);
  }
}

function checkLayout(metainfo: Metainfo): void {
  const layout = new FileLayout(metainfo);
  const step = Math.max(1, Math.floor(metainfo.pieceCount / PIECES_WALKED_MAX));
  for (let piece = 0; piece < metainfo.pieceCount; piece += step) {
    const bytes = layout.pieceBytes(piece);
    let walked = 0;
    layout.forEachSpan(piece, 0, bytes, (index, offset, length) => {
      const file = metainfo.files[index]!;
      assert.ok(length > 0 && offset >= 0 && offset + length <= file.lengthBytes);
      walked += length;
    });
    assert.equal(walked, bytes);
    assert.ok(layout.dataBytes(piece) <= layout.paddedPieceBytes(piece));
  }
}

function checkMagnet(metainfo: Metainfo): void {
  const magnet = magnetOf(metainfo);
  const link = formatMagnet(magnet);
  const again = parseMagnet(link);
  assert.deepEqual(again.infoHash, metainfo.infoHash);
  assert.equal(again.name, metainfo.name);
  assert.ok(fromUtf8(link).length <= LIMITS.magnetBytesMax);
}
