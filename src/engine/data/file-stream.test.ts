/** `for await` over files of a torrent, on a simulated host: what the caller of the library sees. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from '../../base/bytes.js';
import { type HandleScene, settle, startHandles } from '../testing/handle-scenes.js';
import { makeSimTorrent } from '../testing/sim-swarm.js';
import type { TorrentFile } from '../torrent-file.js';

const PIECE = 32_768;
const TORRENT = makeSimTorrent({ lengths: { 'a.bin': 20 * PIECE - 5, empty: 0, 'b.bin': PIECE }, pieceLength: PIECE });
const CONTENT = TORRENT.files.get('content/a.bin')!;

test('a file is read whole, from a byte, and to a byte that is included', async () => {
  const scene = await startHandles(TORRENT);
  const file = await complete(scene);
  assert.deepEqual(await read(scene, file.stream()), CONTENT);
  assert.deepEqual(await read(scene, file.stream({ start: 100_000 })), CONTENT.subarray(100_000));
  assert.deepEqual(await read(scene, file.stream({ start: 10, end: 10 })), CONTENT.subarray(10, 11));
  assert.deepEqual(
    await read(scene, file.stream({ start: PIECE - 1, end: PIECE })),
    CONTENT.subarray(PIECE - 1, PIECE + 1),
  );
  assert.deepEqual(await read(scene, file.stream({ start: 5, end: 1e12 })), CONTENT.subarray(5), 'the end is cut');
});

test('an empty file ends at once', async () => {
  const scene = await startHandles(TORRENT);
  await complete(scene);
  assert.deepEqual(await read(scene, scene.torrent.files[1]!.stream()), new Uint8Array(0));
});

test('a range that is not in the file is refused at once', async () => {
  const { torrent } = await startHandles(TORRENT);
  const [file, empty] = torrent.files as [TorrentFile, TorrentFile];
  for (const range of [
    { start: -1 },
    { start: 1.5 },
    { start: 5, end: 4 },
    { end: Number.NaN },
    { start: file.length },
  ]) {
    assert.throws(() => file.stream(range), { code: 'EOPTION' }, JSON.stringify(range));
  }
  assert.throws(() => empty.stream({ start: 0, end: 0 }), { code: 'EOPTION' });
});

test('each iteration of one stream is a reader of its own', async () => {
  const scene = await startHandles(TORRENT);
  const stream = (await complete(scene)).stream({ end: 2 * PIECE - 1 });
  const [one, two] = await Promise.all([read(scene, stream), read(scene, stream)]);
  assert.deepEqual(one, CONTENT.subarray(0, 2 * PIECE));
  assert.deepEqual(two, one);
});

test('it is read while it is downloaded, and leaving the loop ends the reader', async () => {
  const scene = await startHandles(TORRENT);
  let bytes = 0;
  await settle(
    scene.simulator,
    (async () => {
      for await (const chunk of scene.torrent.files[0]!.stream({ start: 5 * PIECE })) {
        bytes += chunk.length;
        if (bytes >= 3 * PIECE) break;
      }
    })(),
  );
  assert.ok(bytes >= 3 * PIECE && bytes < 5 * PIECE);
  await settle(scene.simulator, scene.torrent.completed);
  assert.equal(scene.torrent.phase, 'seeding', 'no reader keeps it downloading');
});

test('return() ends a read that is waiting, and the iterator stays ended', async () => {
  const { torrent } = await startHandles(TORRENT, { isAlone: true });
  const iterator = torrent.files[0]!.stream()[Symbol.asyncIterator]();
  const waiting = [iterator.next(), iterator.next()];
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await iterator.return!(), { done: true, value: undefined });
  assert.deepEqual(await Promise.all(waiting), Array(2).fill({ done: true, value: undefined }));
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
});

test('chunks that are asked for at once come one after the other', async () => {
  const scene = await startHandles(TORRENT);
  const file = await complete(scene);
  const iterator = file.stream()[Symbol.asyncIterator]();
  const results = await settle(scene.simulator, Promise.all([iterator.next(), iterator.next(), iterator.next()]));
  const chunks = results.map(({ value }) => value as Uint8Array);
  assert.deepEqual(concatBytes(chunks), CONTENT.subarray(0, concatBytes(chunks).length));
  await iterator.return!();
});

test('an abort signal ends the iteration with an error, before and in the middle', async () => {
  const { torrent } = await startHandles(TORRENT, { isAlone: true });
  const controller = new AbortController();
  const waiting = torrent.files[0]!.stream({ signal: controller.signal })[Symbol.asyncIterator]().next();
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error('enough'));
  await assert.rejects(waiting, { code: 'ESTOPPED' });
  const late = torrent.files[0]!.stream({ signal: controller.signal })[Symbol.asyncIterator]();
  await assert.rejects(late.next(), { code: 'ESTOPPED' });
  assert.deepEqual(await late.next(), { done: true, value: undefined });
});

test('the end of the engine ends the iteration with an error', async () => {
  const scene = await startHandles(TORRENT, { isAlone: true });
  const waiting = scene.torrent.files[0]!.stream()[Symbol.asyncIterator]().next();
  await new Promise((resolve) => setImmediate(resolve));
  await settle(scene.simulator, scene.engine.stop());
  await assert.rejects(waiting, { code: 'ESTOPPED' });
  await assert.rejects(read(scene, scene.torrent.files[0]!.stream()), { code: 'ESTOPPED' });
});

async function complete({ simulator, torrent }: HandleScene): Promise<TorrentFile> {
  await settle(simulator, torrent.completed);
  return torrent.files[0]!;
}

async function read({ simulator }: HandleScene, stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all = async (): Promise<Uint8Array> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) {
      assert.ok(chunk.length > 0 && chunk.length <= 256 * 1024);
      chunks.push(chunk);
    }
    return concatBytes(chunks);
  };
  return settle(simulator, all());
}
