import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatBytes, fromHex, toHex } from '../base/bytes.js';
import { sha1, sha256 } from '../base/crypto.js';
import type { PieceHashes } from '../host/storage.js';
import { FileLayout, pieceHashesOf } from './file-layout.js';
import { parseInfoDictionary, parseMetainfo } from './metainfo.js';
import { contentOf, HYBRID_TORRENT, LAYER_B, ROOT_A, ROOT_C, V2_TORRENT } from './testing/example-torrents.js';
import { v1Torrent } from './testing/v1-torrent.js';

const v2 = parseMetainfo(V2_TORRENT);
const hybrid = parseMetainfo(HYBRID_TORRENT);

function spans(layout: FileLayout, piece: number, begin: number, length: number): number[][] {
  const found: number[][] = [];
  layout.forEachSpan(piece, begin, length, (...span) => found.push(span));
  return found;
}

function perPiece(layout: FileLayout, ask: (piece: number) => number): number[] {
  return Array.from({ length: layout.pieceCount }, (_, piece) => ask(piece));
}

/** What peers of a v1 or hybrid torrent exchange as this piece. */
function pieceOf(layout: FileLayout, piece: number): Uint8Array {
  const parts: Uint8Array[] = [];
  layout.forEachSpan(piece, 0, layout.pieceBytes(piece), (index, offset, length) => {
    const file = layout.files[index]!;
    const content = file.padding
      ? new Uint8Array(file.lengthBytes)
      : contentOf(file.path.slice(1).join('/'), file.lengthBytes);
    parts.push(content.subarray(offset, offset + length));
  });
  return concatBytes(parts);
}

/** BEP 52, literally: leaves of 16 KiB, zero leaves up to `leafCount`, pairs up to the root. */
function v2HashOf(data: Uint8Array, leafCount: number): string {
  let row: Uint8Array[] = [];
  for (let offset = 0; offset < data.length; offset += 16384) row.push(sha256(data.subarray(offset, offset + 16384)));
  while (row.length < leafCount) row.push(new Uint8Array(32));
  while (row.length > 1)
    row = row.flatMap((hash, i) => (i % 2 === 0 ? [sha256(concatBytes([hash, row[i + 1]!]))] : []));
  return toHex(row[0]!);
}

function assertV2Hashes(layout: FileLayout, hashes: PieceHashes): void {
  for (let piece = 0; piece < layout.pieceCount; piece++) {
    const data = pieceOf(layout, piece).subarray(0, hashes.v2PieceBytes(piece));
    const expected = toHex(hashes.v2!.subarray(32 * piece, 32 * (piece + 1)));
    assert.equal(v2HashOf(data, hashes.v2LeafCount(piece)), expected, `piece ${piece}`);
  }
}

test('the last piece of a v1 torrent is short, the others are not', () => {
  const layout = new FileLayout(v1Torrent([20000, 5, 30000], 16384));
  assert.deepEqual(
    perPiece(layout, (piece) => layout.pieceBytes(piece)),
    [16384, 16384, 16384, 853],
  );
  assert.deepEqual(
    perPiece(layout, (piece) => layout.dataBytes(piece)),
    [16384, 16384, 16384, 853],
  );
  assert.deepEqual(
    perPiece(layout, (piece) => layout.blocksInPiece(piece)),
    [1, 1, 1, 1],
  );
});

test('the last piece of each file of a v2 torrent is short on the wire', () => {
  const layout = new FileLayout(v2);
  const expected = [1000, 32768, 32768, 4464, 16384];
  assert.deepEqual(
    perPiece(layout, (piece) => layout.pieceBytes(piece)),
    expected,
  );
  assert.deepEqual(
    perPiece(layout, (piece) => layout.dataBytes(piece)),
    expected,
  );
  assert.deepEqual(
    perPiece(layout, (piece) => layout.blocksInPiece(piece)),
    [1, 2, 2, 1, 1],
  );
});

test('pieces of a hybrid are full on the wire, but their padding need not be fetched', () => {
  const layout = new FileLayout(hybrid);
  assert.deepEqual(
    perPiece(layout, (piece) => layout.pieceBytes(piece)),
    [32768, 32768, 32768, 32768, 32768],
  );
  assert.deepEqual(
    perPiece(layout, (piece) => layout.dataBytes(piece)),
    [1000, 32768, 32768, 4464, 16384],
  );
  assert.deepEqual(
    perPiece(layout, (piece) => layout.blocksInPiece(piece)),
    [2, 2, 2, 2, 2],
  );
});

test('only trailing padding is cut from a piece; one that is all padding has no data', () => {
  const layout = new FileLayout(v1Torrent([10, -20, 10, -30, 0, -30, 50, -10], 40));
  assert.deepEqual(
    perPiece(layout, (piece) => layout.pieceBytes(piece)),
    [40, 40, 40, 40],
  );
  assert.deepEqual(
    perPiece(layout, (piece) => layout.dataBytes(piece)),
    [40, 0, 40, 30],
  );
});

test('a span is cut at file borders, and empty files hold nothing', () => {
  const layout = new FileLayout(v1Torrent([0, 10, 0, 0, 20, -5, 30], 16));
  assert.deepEqual(spans(layout, 0, 0, 16), [
    [1, 0, 10],
    [4, 0, 6],
  ]);
  assert.deepEqual(spans(layout, 1, 14, 2), [[5, 0, 2]]);
  assert.deepEqual(spans(layout, 2, 0, 16), [
    [5, 2, 3],
    [6, 0, 13],
  ]);
  assert.deepEqual(spans(layout, 4, 0, 1), [[6, 29, 1]]);
  assert.deepEqual(spans(layout, 0, 10, 0), []);
});

test('a span outside its piece is a bug that is reported', () => {
  const layout = new FileLayout(v1Torrent([100], 64));
  for (const [begin, length] of [
    [0, 65],
    [-1, 2],
    [64, 1],
  ] as const) {
    assert.throws(() => spans(layout, 0, begin, length), { code: 'EINTERNAL' });
  }
  assert.throws(() => spans(layout, 1, 0, 37), { code: 'EINTERNAL' });
});

test('each file tells its pieces', () => {
  const layout = new FileLayout(v1Torrent([10, 0, 6, 32, 1], 16));
  const ranges = layout.files.map((_, i) => [layout.firstPieceOf(i), layout.lastPieceOf(i)]);
  assert.deepEqual(ranges, [
    [0, 0],
    [0, -1],
    [0, 0],
    [1, 2],
    [3, 3],
  ]);
});

test('the data of the example torrents matches the hashes of both formats', () => {
  const layout = new FileLayout(hybrid);
  const hashes = pieceHashesOf(hybrid)!;
  for (let piece = 0; piece < layout.pieceCount; piece++) {
    assert.equal(toHex(sha1(pieceOf(layout, piece))), toHex(hashes.v1!.subarray(20 * piece, 20 * (piece + 1))));
  }
  assertV2Hashes(layout, hashes);
  const v2Hashes = pieceHashesOf(v2)!;
  assert.equal(v2Hashes.v1, null);
  assertV2Hashes(new FileLayout(v2), v2Hashes);
});

test('v2 piece hashes are the layer of a long file and the root of a short one', () => {
  const hashes = pieceHashesOf(v2)!;
  assert.equal(toHex(hashes.v2!), [ROOT_A, ...LAYER_B, ROOT_C].join(''));
  const pieces = [0, 1, 2, 3, 4];
  assert.deepEqual(
    pieces.map((piece) => hashes.v2PieceBytes(piece)),
    [1000, 32768, 32768, 4464, 16384],
  );
  assert.deepEqual(
    pieces.map((piece) => hashes.v2LeafCount(piece)),
    [1, 2, 2, 2, 1],
  );
});

test('without piece layers a v2 torrent has nothing to check against, a hybrid has its v1 hashes', () => {
  assert.equal(pieceHashesOf(parseInfoDictionary(v2.infoBytes)), null);
  const hashes = pieceHashesOf(parseInfoDictionary(hybrid.infoBytes))!;
  assert.equal(hashes.v2, null);
  assert.equal(hashes.v1?.length, 100);
  const fetched = pieceHashesOf({ ...parseInfoDictionary(v2.infoBytes), pieceLayers: v2.pieceLayers })!;
  assert.deepEqual(fetched.v2, fromHex([ROOT_A, ...LAYER_B, ROOT_C].join('')));
});

test('spans of any request tile it, in order, inside their files', () => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: -40, max: 100 }), fc.constant(0)), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(
      lengths,
      fc.integer({ min: 1, max: 64 }),
      fc.nat(),
      fc.nat(),
      fc.nat(),
      (sizes, pieceLength, a, b, c) => {
        fc.pre(sizes.some((length) => length > 0));
        const metainfo = v1Torrent(sizes, pieceLength);
        const layout = new FileLayout(metainfo);
        const piece = a % layout.pieceCount;
        const begin = b % layout.pieceBytes(piece);
        const length = c % (layout.pieceBytes(piece) - begin + 1);
        let offset = piece * pieceLength + begin;
        let last = -1;
        for (const [index, fileOffset, spanBytes] of spans(layout, piece, begin, length) as [
          number,
          number,
          number,
        ][]) {
          const file = layout.files[index]!;
          assert.ok(index > last && spanBytes > 0);
          assert.equal(file.offsetBytes + fileOffset, offset);
          assert.ok(fileOffset + spanBytes <= file.lengthBytes);
          offset += spanBytes;
          last = index;
        }
        assert.equal(offset, piece * pieceLength + begin + length);
        assert.equal(layout.dataBytes(piece), dataBytesByByte(layout, piece));
      },
    ),
    { numRuns: 500 },
  );
});

/** The slow way: from the end of the piece, byte by byte, while it is padding. */
function dataBytesByByte(layout: FileLayout, piece: number): number {
  let bytes = layout.pieceBytes(piece);
  while (bytes > 0 && layout.files[layout.fileAt(piece * layout.pieceLength + bytes - 1)]!.padding) bytes--;
  return bytes;
}
