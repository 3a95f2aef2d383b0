/** The hash messages of BEP 52 with libtorrent 2.0.8: a bare connection made of our codec asks, libtorrent answers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { concatBytes, fromHex, fromLatin1, toHex } from '../../src/base/bytes.js';
import { sha256 } from '../../src/base/crypto.js';
import { wireHashes } from '../../src/format/infohash.js';
import { merkleRoot } from '../../src/format/merkle.js';
import { provenRoot } from '../../src/format/merkle-proof.js';
import { type Metainfo, parseMetainfo } from '../../src/format/metainfo.js';
import { WireDecoder } from '../../src/protocol/wire/decoder.js';
import { WireEncoder } from '../../src/protocol/wire/encoder.js';
import { encodeReserved } from '../../src/protocol/wire/handshake.js';
import { Recorder } from '../../src/protocol/wire/testing/recorder.js';
import { afterTest } from '../harness/cleanup.js';
import { temporaryDirectory, writeTree } from '../harness/content.js';
import { freePort } from '../harness/ports.js';
import { Process, run, until } from '../harness/process.js';
import { SHARED } from '../harness/repository.js';
import { requireClient } from './clients.js';

const PYTHON = '/usr/bin/python3';
const BLOCK = 16_384;
/** Five pieces of four blocks, a tree of 32 leaves. */
const LENGTH = 19 * BLOCK - 100;
const PIECE_LENGTH = 4 * BLOCK;

for (const kind of ['v2', 'hybrid'] as const) {
  test(`libtorrent tells us the hashes of a ${kind} torrent, and they lead to its roots`, async (t) => {
    if (!requireClient(t, 'libtorrent')) return;
    const { metainfo, content, port } = await seed(t, kind);
    // By the v1 hash where there is one: the bit moves us to the v2 swarm.
    const [hash] = wireHashes(metainfo.infoHash);
    const heard = await ask(t, port, hash!, metainfo);
    assert.equal(heard[0]!.split(' ')[2], toHex(metainfo.infoHash.v2!.subarray(0, 20)));
    const [leaves, proven, layer] = heard.slice(-3).map((line) => fromHex(line.split(' ')[6] ?? '')!);
    const root = toHex(metainfo.files[0]!.piecesRoot!);
    assert.deepEqual(leaves, leavesOf(content.subarray(PIECE_LENGTH, 2 * PIECE_LENGTH)));
    assert.equal(toHex(provenRoot(proven!.subarray(0, 128), 0, 4, proven!.subarray(128))), root);
    assert.equal(toHex(merkleRoot(layer!, { height: 2, width: 8 })), root);
  });
}

async function seed(t: TestContext, kind: string): Promise<{ metainfo: Metainfo; content: Uint8Array; port: number }> {
  const directory = temporaryDirectory(t);
  const data = join(directory, 'data');
  const path = writeTree(data, 'content', { '': LENGTH });
  const torrent = join(directory, 'content.torrent');
  const script = (name: string): string => join(SHARED, 'peers', name);
  await run(t, PYTHON, [script('lt_create.py'), path, torrent, String(PIECE_LENGTH), kind]);
  const port = await freePort();
  // Told to fetch what is there: a seed that has not looked at its data does not know the hashes of its blocks.
  const args = [script('lt_peer.py'), 'leech', torrent, data, String(port), '--stay'];
  const client = new Process(t, PYTHON, args);
  await client.line('the data is checked', 20_000, (line) => line.includes('"secs"'));
  return { metainfo: parseMetainfo(readFileSync(torrent)), content: readFileSync(path), port };
}

/** @returns what libtorrent said, the answers last. */
async function ask(t: TestContext, port: number, hash: Uint8Array, metainfo: Metainfo): Promise<readonly string[]> {
  const recorder = new Recorder();
  const decoder = new WireDecoder(recorder);
  recorder.decoder = decoder;
  const socket = createConnection(port, '127.0.0.1');
  afterTest(t, () => void socket.destroy());
  socket.on('data', (chunk) => decoder.push(chunk));
  socket.on('error', () => {});
  const encoder = new WireEncoder();
  const reserved = encodeReserved({ fast: true, extensions: true, v2Upgrade: true });
  encoder.handshake(reserved, hash, fromLatin1('-RW0001-000000000052'));
  encoder.haveNone();
  const range = { piecesRoot: metainfo.files[0]!.piecesRoot!, baseLayer: 0, index: 4, length: 4, proofLayers: 0 };
  encoder.hashRequest(range);
  encoder.hashRequest({ ...range, proofLayers: 4 });
  encoder.hashRequest({ ...range, baseLayer: 2, index: 0, length: 8 });
  socket.write(encoder.take()!);
  const answers = (): string[] => recorder.lines.filter((line) => line.startsWith('hash'));
  await until('three answers', 10_000, () => answers().length === 3);
  return [recorder.lines[0]!, ...answers()];
}

function leavesOf(bytes: Uint8Array): Uint8Array {
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK) leaves.push(sha256(bytes.subarray(at, at + BLOCK)));
  return concatBytes(leaves);
}
