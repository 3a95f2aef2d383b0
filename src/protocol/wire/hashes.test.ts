import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes, fromHex, fromLatin1, toHex, writeUint32 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { WireDecoder } from './decoder.js';
import { WireEncoder } from './encoder.js';
import { encodeHandshake, encodeReserved } from './handshake.js';
import type { HashRange } from './hashes.js';
import { Recorder } from './testing/recorder.js';

const ROOT = '4d87fa502e81fbcf118fbd0f137594e3285f9455e74752c6b039f757b726dcbd';
const RANGE: HashRange = { piecesRoot: fromHex(ROOT)!, baseLayer: 0, index: 8, length: 4, proofLayers: 5 };
const WORDS = `${ROOT} 0 8 4 5`;
const FIELDS = `${ROOT}${'00000000'}${'00000008'}${'00000004'}${'00000005'}`;

function written(write: (encoder: WireEncoder) => void): Uint8Array {
  const encoder = new WireEncoder();
  write(encoder);
  return encoder.take()!;
}

function heard(...chunks: readonly Uint8Array[]): string[] {
  const recorder = new Recorder();
  const decoder = new WireDecoder(recorder);
  decoder.push(encodeHandshake(encodeReserved({}), new Uint8Array(20), fromLatin1('-DT0100-000000000001')));
  recorder.lines.length = 0;
  for (const chunk of chunks) decoder.push(chunk);
  return recorder.lines;
}

/** A HASHES up to its hashes, which says that `count` of them follow. */
function hashesHead(count: number, range: HashRange): Uint8Array {
  const whole = written((encoder) => encoder.hashes(range, new Uint8Array(0)));
  writeUint32(whole, 0, 49 + 32 * count);
  return whole;
}

test('hash messages have the bytes of BEP 52', () => {
  assert.equal(toHex(written((say) => say.hashRequest(RANGE))), `00000031${'15'}${FIELDS}`);
  assert.equal(toHex(written((say) => say.hashReject(RANGE))), `00000031${'17'}${FIELDS}`);
  const hashes = new Uint8Array(8 * 32).fill(7);
  assert.equal(toHex(written((say) => say.hashes(RANGE, hashes))), `00000131${'16'}${FIELDS}${'07'.repeat(256)}`);
});

test('hash messages are heard as they were written, however they are cut', () => {
  const hashes = Uint8Array.from({ length: 8 * 32 }, (_, i) => i);
  const stream = written((say) => {
    say.hashRequest(RANGE);
    say.hashes(RANGE, hashes);
    say.hashReject(RANGE);
  });
  const lines = [`hash-request ${WORDS}`, `hashes ${WORDS} ${toHex(hashes)}`, `hash-reject ${WORDS}`];
  assert.deepEqual(heard(stream), lines);
  for (let cut = 1; cut < stream.length; cut++) {
    assert.deepEqual(heard(stream.subarray(0, cut), stream.subarray(cut)), lines, `cut at ${cut}`);
  }
});

test('a request or a reject that has not the length of one ends the connection', () => {
  for (const id of ['15', '17']) {
    assert.deepEqual(heard(fromHex(`00000030${id}`)!), ['violation bad-length']);
    assert.deepEqual(heard(fromHex(`00000032${id}`)!), ['violation bad-length']);
  }
});

test('hashes that are none, or not whole, end the connection before anything of them is kept', () => {
  assert.deepEqual(heard(fromHex('0000003116')!), ['violation bad-length']);
  assert.deepEqual(heard(fromHex('0000005216')!), ['violation bad-length']);
});

test('as many hashes as one message may have are heard, and one more ends the connection', () => {
  const count = LIMITS.hashesPerMessageMax + LIMITS.hashProofLayersMax;
  const range = { ...RANGE, length: LIMITS.hashesPerMessageMax, proofLayers: LIMITS.hashProofLayersMax };
  const lines = heard(concatBytes([hashesHead(count, range), new Uint8Array(32 * count)]));
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^hashes /);
  assert.deepEqual(heard(hashesHead(count + 1, range).subarray(0, 5)), ['violation message-too-long']);
});

test('hashes whose number is not that of the stretch they name end the connection', () => {
  for (const count of [3, 4 + 5 + 2]) {
    const lines = heard(concatBytes([hashesHead(count, RANGE), new Uint8Array(32 * count)]));
    assert.deepEqual(lines, ['violation bad-length']);
  }
});
