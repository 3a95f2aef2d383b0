/** Torrents of unusual size, hybrids made by dtorrent. What is all zeros is neither stored nor hashed. */
import { existsSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sha1, sha256 } from '../../src/base/crypto.js';
import { assembleTorrent, planTorrent } from '../../src/format/create-torrent.js';
import { merkleRoot } from '../../src/format/merkle.js';
import { plainFields } from '../../src/format/testing/plain-fields.js';
import { commandLine } from '../clients/dtorrent.js';
import type { Content } from './content.js';
import type { Workbench } from './workbench.js';

const LEAF_BYTES = 16 * 1024;

/**
 * One sparse file. `bytes` is a multiple of the piece length, so that all pieces are alike; `pieceBytes` null = the one
 * that dtorrent would choose.
 */
export function hybridOfZeros(
  bench: Workbench,
  { bytes, pieceBytes }: { readonly bytes: number; readonly pieceBytes: number | null },
): Content {
  const name = `zeros-${bytes}.bin`;
  const dataDirectory = bench.contents.dataDirectory;
  const path = join(dataDirectory, name);
  const torrent = `${path}.torrent`;
  const content = { torrent, dataDirectory, path, bytes };
  if (existsSync(torrent)) return content;
  mkdirSync(dataDirectory, { recursive: true });
  writeFileSync(path, '');
  truncateSync(path, bytes);
  const plan = planTorrent([{ path: [], lengthBytes: bytes, executable: false }], {
    kind: 'hybrid',
    pieceLength: pieceBytes,
    fields: plainFields(name),
  });
  const { pieceLength, pieceCount } = plan;
  if (pieceCount * pieceLength !== bytes) throw new Error('the last piece would be another');
  const leaves = repeated(sha256(new Uint8Array(LEAF_BYTES)), pieceLength / LEAF_BYTES);
  const digests = {
    v1: repeated(sha1(new Uint8Array(pieceLength)), pieceCount),
    v2: repeated(merkleRoot(leaves), pieceCount),
  };
  writeFileSync(torrent, assembleTorrent(plan, digests).bytes);
  return content;
}

/** A directory of small files of noise, with the piece length that dtorrent chooses. */
export async function hybridOfFiles(
  bench: Workbench,
  { count, fileBytes }: { readonly count: number; readonly fileBytes: number },
): Promise<Content> {
  const path = bench.contents.smallFiles(count, fileBytes);
  const torrent = `${path}.torrent`;
  if (!existsSync(torrent)) await bench.start(commandLine(['create', path, '-o', torrent, '--json'])).end();
  return { torrent, dataDirectory: dirname(path), path, bytes: count * fileBytes };
}

function repeated(bytes: Uint8Array, count: number): Uint8Array {
  const all = new Uint8Array(bytes.length * count);
  for (let i = 0; i < count; i++) all.set(bytes, i * bytes.length);
  return all;
}
