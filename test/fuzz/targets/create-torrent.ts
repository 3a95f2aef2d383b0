/**
 * Making torrents of any tree of files, with real hashes: what was made reads as what was asked for, whole and each
 * version alone; a piece layer that is changed is refused.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { concatBytes, toHex } from '../../../src/base/bytes.js';
import { sha1, sha256 } from '../../../src/base/crypto.js';
import { randomBelow } from '../../../src/base/random.js';
import {
  type AssembledTorrent,
  assembleTorrent,
  planTorrent,
  type SourceFile,
  type TorrentKind,
  type TorrentPlan,
} from '../../../src/format/create-torrent.js';
import { merkleRoot, pieceLeafCount } from '../../../src/format/merkle.js';
import { type Metainfo, parseMetainfo } from '../../../src/format/metainfo.js';
import { checkedPieceLayers } from '../../../src/format/piece-layers.js';
import { runSteps } from '../../../src/format/steps.js';
import type { TorrentFields } from '../../../src/format/torrent-fields.js';
import { Dice } from '../dice.js';
import { readOrRefuse } from '../expect.js';
import { type FuzzTarget, randomOf } from '../target.js';
import { checkMetainfo } from './metainfo.js';

const FILES_MAX = 6;
const KIB_16 = 16_384;
const NAMES = ['a', 'b', 'a.txt', 'é', 'con', 'x.', '', '..', '/', 'z'.repeat(250), '\0', 'A', '😀', '.'];
const URLS = [
  'http://a.example/announce',
  'udp://b.example:80',
  'x',
  'ftp://a',
  '',
  'http://a b',
  `http://${'a'.repeat(3000)}`,
];

export const createTorrentTarget: FuzzTarget = {
  name: 'create-torrent',
  inputs: fc.uint8Array({ maxLength: 80 }),
  samples: fc.sample(fc.uint8Array({ minLength: 40, maxLength: 80 }), { seed: 1, numRuns: 5 }),
  bytesMax: 200,
  casesPerRound: 40,
  check,
};

function check(input: Uint8Array): void {
  const dice = new Dice(input);
  const kind = dice.pick<TorrentKind>(['v1', 'v2', 'hybrid']);
  const fields = readFields(dice);
  const pieceLength =
    dice.below(8) === 0 ? dice.pick([0, -1, 12_345, 2 ** 30, Number.NaN]) : dice.pick([null, KIB_16, 2 * KIB_16]);
  const files = readFiles(dice);
  const plan = readOrRefuse(['EOPTION', 'ETORRENT'], () => planTorrent(files, { kind, pieceLength, fields }));
  if (plan === null) return;
  const made = assembleTorrent(plan, digestsOf(plan));
  checkMade(plan, made, fields);
}

function readFields(dice: Dice): TorrentFields {
  return {
    name: dice.below(4) === 0 ? dice.pick(NAMES) : 'n',
    trackers: Array.from({ length: dice.below(3) }, () => Array.from({ length: dice.below(3) }, () => pickUrl(dice))),
    webSeeds: Array.from({ length: dice.below(2) }, () => pickUrl(dice)),
    isPrivate: dice.flag(),
    comment: dice.flag() ? dice.text() : null,
    source: dice.flag() ? dice.text() : null,
    createdBy: null,
    creationDate: dice.flag() ? dice.number() : null,
  };
}

function pickUrl(dice: Dice): string {
  return dice.below(16) === 0 ? dice.pick(URLS) : dice.pick(URLS.slice(0, 2));
}

/** As the file system gives them: no path twice, none below a file. */
function readFiles(dice: Dice): SourceFile[] {
  const byPath = new Map<string, SourceFile>();
  if (dice.below(4) === 0) return [{ path: [], lengthBytes: dice.below(200) * 1000, executable: dice.flag() }];
  const count = 1 + dice.below(FILES_MAX);
  for (let i = 0; i < count; i++) {
    const names = NAMES.filter((name) => !/^\.{0,2}$|[/\0]/.test(name));
    const directory = dice.flag() ? ['dir'] : [];
    const path = [...directory, dice.pick(names)];
    byPath.set(path.join('/'), {
      path,
      lengthBytes: dice.below(200) * dice.pick([1, 1000, 100]),
      executable: dice.flag(),
    });
  }
  return [...byPath.values()];
}

/** Of files that are all zeros but for their first byte, which says how long they are. */
function digestsOf({ kind, files, pieceCount, pieceLength, endBytes }: TorrentPlan): {
  v1: Uint8Array;
  v2: Uint8Array;
} {
  const content = new Uint8Array(endBytes);
  for (const { source, lengthBytes, offsetBytes } of files)
    if (source !== null && lengthBytes > 0) content[offsetBytes] = lengthBytes;
  const v1 = new Uint8Array(kind === 'v2' ? 0 : 20 * pieceCount);
  const v2 = new Uint8Array(kind === 'v1' ? 0 : 32 * pieceCount);
  for (let piece = 0; piece < pieceCount; piece++) {
    const bytes = content.subarray(piece * pieceLength, (piece + 1) * pieceLength);
    if (v1.length > 0) v1.set(sha1(bytes), 20 * piece);
  }
  if (v2.length === 0) return { v1, v2 };
  for (const { source, lengthBytes, offsetBytes } of files) {
    if (source === null) continue;
    for (let at = 0; at < lengthBytes; at += pieceLength) {
      const bytes = content.subarray(offsetBytes + at, offsetBytes + Math.min(at + pieceLength, lengthBytes));
      const width = pieceLeafCount(lengthBytes, pieceLength);
      v2.set(merkleRoot(leavesOf(bytes), { width }), (32 * (offsetBytes + at)) / pieceLength);
    }
  }
  return { v1, v2 };
}

function leavesOf(bytes: Uint8Array): Uint8Array {
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += KIB_16) leaves.push(sha256(bytes.subarray(at, at + KIB_16)));
  return concatBytes(leaves);
}

function checkMade(plan: TorrentPlan, made: AssembledTorrent, fields: TorrentFields): void {
  const metainfo = parseMetainfo(made.bytes);
  checkMetainfo(metainfo);
  assert.deepEqual(metainfo.infoHash, made.infoHash);
  assert.equal(metainfo.totalLength, plan.totalLength);
  assert.equal(metainfo.pieceLength, plan.pieceLength);
  assert.equal(metainfo.pieceCount, plan.pieceCount);
  // An empty file lies nowhere: before or behind the padding is the same.
  const stored = metainfo.files.filter((file) => !file.padding);
  const planned = plan.files.filter((file) => file.source !== null);
  assert.deepEqual(
    stored.map(({ lengthBytes, offsetBytes, executable }) => [
      lengthBytes,
      lengthBytes > 0 ? offsetBytes : 0,
      executable,
    ]),
    planned.map(({ source, lengthBytes, offsetBytes }) => [
      lengthBytes,
      lengthBytes > 0 ? offsetBytes : 0,
      source!.executable,
    ]),
  );
  assert.equal(metainfo.isPrivate, fields.isPrivate);
  const trackers = fields.trackers.flat();
  assert.deepEqual(new Set(metainfo.trackers.flat()), new Set(trackers));
  assert.deepEqual(assembleTorrent(plan, digestsOf(plan)).bytes, made.bytes, 'the same files give the same torrent');
  checkLayers(plan, metainfo);
}

/** Every file longer than a piece has its layer, and one that is changed is refused. */
function checkLayers(plan: TorrentPlan, metainfo: Metainfo): void {
  if (plan.kind === 'v1') return;
  const long = metainfo.files.filter((file) => !file.padding && file.lengthBytes > plan.pieceLength);
  assert.equal(metainfo.pieceLayers.size, new Set(long.map((file) => toHex(file.piecesRoot!))).size);
  const random = randomOf(metainfo.infoBytes);
  for (const [root, layer] of metainfo.pieceLayers) {
    const changed = layer.slice();
    changed[randomBelow(random, changed.length)]! ^= 1 << randomBelow(random, 8);
    const layers = new Map([...metainfo.pieceLayers, [root, changed]]);
    const accepted = readOrRefuse(['ETORRENT'], () =>
      runSteps(checkedPieceLayers(metainfo.files, plan.pieceLength, layers)),
    );
    assert.equal(accepted, null, 'a changed layer is refused');
  }
}
