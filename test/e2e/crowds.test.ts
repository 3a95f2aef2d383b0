/**
 * Two thousand connections at one time, of which most never speak: real peers get through, and neither memory nor
 * descriptors run out.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fromHex } from '../../src/base/bytes.js';
import { LIMITS } from '../../src/base/limits.js';
import { SETTINGS_TABLE } from '../../src/index.js';
import { encodeHandshake, encodeReserved } from '../../src/wire.js';
import { Crowd } from '../harness/crowd.js';
import { descriptorsOpen, memoryPeakBytes } from '../harness/memory.js';
import { assertArrived, assertDownloads, type Content, makeContent, runSeed, startGet } from '../harness/transfer.js';

const STRANGERS = 2000;
const MEBIBYTE = 1024 * 1024;
/** Of a flood of 2,000 short-lived connections; 60 to 75 MiB were measured. */
const MEMORY_BYTES_MAX = 160 * MEBIBYTE;
const PEERS_MAX = SETTINGS_TABLE.maxPeersPerTorrent.default;

const skip = !existsSync('/proc/self/fd') && 'memory and descriptors are told by Linux';

/** One in forty shakes hands properly and then says no more, as many stop in the middle of it. */
function greeting({ infoHashV1 }: Content): (number: number) => Uint8Array | null {
  const peerId = (number: number): Uint8Array => Buffer.from(`-XX0000-${String(number).padStart(12, '0')}`);
  const reserved = encodeReserved({ extensions: true, fast: true });
  return (number) => {
    if (number % 40 > 1) return null;
    const handshake = encodeHandshake(reserved, fromHex(infoHashV1!)!, peerId(number));
    return number % 40 === 0 ? handshake : handshake.subarray(0, 30);
  };
}

async function gather(t: TestContext, content: Content, port: number): Promise<Crowd> {
  const crowd = await Crowd.gather(t, { port, count: STRANGERS, greeting: greeting(content) });
  // Who is closed at once may hear of nothing but that. The others are more than there are places.
  assert.ok(crowd.connectedCount > LIMITS.incomingHandshakesMax + PEERS_MAX, `only ${crowd.connectedCount} came`);
  return crowd;
}

test('a seed that two thousand strangers connect to serves whoever wants the torrent', { skip }, async (t) => {
  const content = await makeContent(t, { tree: { '': 6_000_000 }, kind: 'v1' });
  const seed = await runSeed(t, content);
  const port = await seed.port();
  const before = memoryPeakBytes(seed.child.pid!);
  const crowd = await gather(t, content, port);
  await assertDownloads(t, content, content.torrent, { args: ['--peer', `127.0.0.1:${port}`] });
  await crowd.shrinksTo(LIMITS.incomingHandshakesMax + PEERS_MAX);
  const grown = memoryPeakBytes(seed.child.pid!) - before;
  assert.ok(grown < MEMORY_BYTES_MAX, `${grown / MEBIBYTE} MiB more than before`);
});

test('with 256 descriptors, a download and its seed get through two crowds, and files are opened', {
  skip,
}, async (t) => {
  const tree = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i}.bin`, 20_000]));
  const content = await makeContent(t, { tree, kind: 'v1' });
  const descriptorsMax = 256;
  const seed = await runSeed(t, content, { descriptorsMax });
  const get = startGet(t, content, {
    descriptorsMax,
    args: ['--peer', `127.0.0.1:${await seed.port()}`, '--download-limit', '2M', '--seed'],
  });
  await gather(t, content, await get.port());
  await gather(t, content, await seed.port());
  assert.ok(descriptorsOpen(get.child.pid!) <= descriptorsMax);
  await get.event('completed', 90_000);
  assertArrived(content);
  assert.equal(seed.hasExited, false);
});
