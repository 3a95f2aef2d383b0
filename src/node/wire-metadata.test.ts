import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LIMITS } from '../base/limits.js';
import { encodeBencode } from '../format/bencode.js';
import { infoHashOf } from '../format/infohash.js';
import { encodeMetadataRequest } from '../protocol/wire/metadata.js';
import { link, ScriptedWire } from './testing/scripted-wire.js';
import { fetchMetadata, serveMetadata } from './wire-metadata.js';
import type { WireStream } from './wire-stream.js';

/** Three blocks, the last one short. */
const INFO_BYTES = new Uint8Array(2 * LIMITS.blockBytes + 77).map((_, i) => i * 31);
const INFO_HASH = infoHashOf(INFO_BYTES, { v1: true, v2: true });

/** Fetches over two linked streams; `serve` is what the other side does in its handshake event. */
function fetchFrom(serve: (wire: WireStream) => void): Promise<Uint8Array> {
  const { dialler, listener } = link();
  listener.on('handshake', ({ infoHash }) => {
    listener.handshake({ infoHash });
    serve(listener);
  });
  dialler.handshake({ infoHash: INFO_HASH.v1! });
  return fetchMetadata(dialler, INFO_HASH);
}

test('metadata that one side serves is fetched by the other, block by block', async () => {
  assert.deepEqual(await fetchFrom((wire) => serveMetadata(wire, INFO_BYTES)), INFO_BYTES);
});

test('metadata that does not match the info-hash is refused', async () => {
  const other = INFO_BYTES.slice();
  other[5]! ^= 1;
  await assert.rejects(
    fetchFrom((wire) => serveMetadata(wire, other)),
    { code: 'EPROTOCOL', message: /bad-metadata/ },
  );
});

test('a block of the wrong length is refused', async () => {
  const liar = (wire: WireStream): void => {
    // The first claim counts.
    wire.extensionHandshake({ extensions: ['ut_metadata'], metadataBytes: INFO_BYTES.length });
    serveMetadata(wire, INFO_BYTES.subarray(0, INFO_BYTES.length - 1));
  };
  await assert.rejects(fetchFrom(liar), { code: 'EPROTOCOL' });
});

test('a peer without metadata, or without the extension, is an error that says so', async () => {
  await assert.rejects(
    fetchFrom((wire) => wire.extensionHandshake()),
    { code: 'EFAILED', message: /another one/ },
  );
  const refusing = (wire: WireStream): void =>
    wire.extensionHandshake({ extensions: ['ut_metadata'], metadataBytes: INFO_BYTES.length });
  const silent = fetchFrom((wire) => {
    refusing(wire);
    wire.on('extended', () => wire.end());
  });
  await assert.rejects(silent, { code: 'ENETWORK' });
});

test('fetching fails with the error that the stream ends with', async () => {
  const peer = new ScriptedWire();
  const fetched = fetchMetadata(peer.wire, INFO_HASH);
  peer.encoder.have(10);
  peer.hear();
  await assert.rejects(fetched, { code: 'EPROTOCOL', message: /piece-out-of-range/ });
});

test('fetching from a stream that is closed already fails too', async () => {
  const peer = new ScriptedWire();
  peer.wire.destroy();
  await nextTurn();
  await assert.rejects(fetchMetadata(peer.wire, INFO_HASH), { code: 'ENETWORK' });
});

test('a claim of metadata that never comes costs no memory', async () => {
  const peer = new ScriptedWire();
  const fetched = fetchMetadata(peer.wire, INFO_HASH);
  const before = process.memoryUsage().arrayBuffers;
  peer.encoder.extended(0, encodeBencode({ m: { ut_metadata: 1 }, metadata_size: LIMITS.metadataBytesMax }));
  peer.hear();
  assert.ok(process.memoryUsage().arrayBuffers - before < LIMITS.metadataBytesMax / 10);
  peer.wire.destroy();
  await assert.rejects(fetched, { code: 'ENETWORK' });
});

test('a side that fetches rejects what it is asked for itself', async () => {
  const { dialler, listener } = link();
  listener.on('handshake', ({ infoHash }) => {
    listener.handshake({ infoHash });
    void fetchMetadata(listener, INFO_HASH).catch(() => {});
    serveMetadata(listener, INFO_BYTES);
  });
  dialler.on('handshake', () => dialler.extensionHandshake({ extensions: ['ut_metadata'] }));
  dialler.handshake({ infoHash: INFO_HASH.v1! });
  await once(dialler, 'extensionHandshake');
  dialler.extended('ut_metadata', encodeMetadataRequest(0));
  const [{ payload }] = await once(dialler, 'extended');
  assert.match(Buffer.from(payload).toString('latin1'), /^d8:msg_typei2e5:piecei0ee$/);
});

test('each block is served so many times, then rejected, and what does not exist is rejected', async () => {
  const peer = new ScriptedWire();
  peer.wire.resume();
  let served = 0;
  let rejected = 0;
  peer.wire.on('data', (chunk: Buffer) => {
    served += chunk.toString('latin1').split('msg_typei1e').length - 1;
    rejected += chunk.toString('latin1').split('msg_typei2e').length - 1;
  });
  serveMetadata(peer.wire, INFO_BYTES.subarray(0, 100));
  peer.encoder.extended(0, encodeBencode({ m: { ut_metadata: 1 } }));
  peer.encoder.extended(2, encodeMetadataRequest(1));
  for (let i = 0; i < LIMITS.metadataServedPerBlockMax + 5; i++) peer.encoder.extended(2, encodeMetadataRequest(0));
  peer.hear();
  await nextTurn();
  assert.equal(served, LIMITS.metadataServedPerBlockMax);
  assert.equal(rejected, 1 + 5);
});
