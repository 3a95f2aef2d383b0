/** What of a peer's messages is written when: with a flush, and what may wait with the next one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import type { ByteStream } from '../../host/network.js';
import { Simulator } from '../../sim/simulator.js';
import { Turn } from '../turn.js';
import { HELD_BYTES_MAX, PeerConnection } from './peer-connection.js';

const HAVE_BYTES = 9;

test('messages that may wait are written with the next flush', () => {
  const { turn, connection, written } = scene();
  turn.run(() => holdHaves(connection, 2));
  assert.deepEqual([written.length, connection.heldBytes, connection.unflushedBytes], [0, 2 * HAVE_BYTES, 0]);
  turn.run(() => {
    connection.encoder.keepAlive();
    connection.wantsFlush();
  });
  assert.deepEqual(written, [2 * HAVE_BYTES + 4]);
  assert.deepEqual([connection.heldBytes, connection.unflushedBytes], [0, 0]);
});

test('what nobody flushes, and must not wait, is seen beside what may', () => {
  const { turn, connection } = scene();
  turn.run(() => {
    holdHaves(connection, 1);
    connection.encoder.keepAlive();
  });
  assert.equal(connection.unflushedBytes, 4);
});

test('so many messages wait, and no more', () => {
  const { turn, connection, written } = scene();
  const most = Math.ceil(HELD_BYTES_MAX / HAVE_BYTES);
  turn.run(() => holdHaves(connection, most - 1));
  assert.deepEqual(written, []);
  turn.run(() => holdHaves(connection, 1));
  assert.deepEqual(written, [most * HAVE_BYTES]);
});

function holdHaves(connection: PeerConnection, count: number): void {
  for (let piece = 0; piece < count; piece++) {
    connection.encoder.have(piece);
    connection.holdBack(HAVE_BYTES);
  }
}

/** An open connection; `written` has the length of each write. */
function scene() {
  const turn = new Turn(new Simulator({ seed: 1 }).clock, assert.ifError);
  const written: number[] = [];
  const handler = {
    onOpen() {},
    onBytes() {},
    onWritten() {},
    writeBlocks() {},
    onEnd() {},
    onBug: assert.ifError,
  };
  const connection = new PeerConnection({ turn, isDialled: false, handler });
  const stream: ByteStream = {
    handler: connection,
    remote: makeAddress('10.0.0.1', 6881)!,
    bufferedBytes: 0,
    write: (chunk) => {
      written.push(chunk.length);
      return true;
    },
    cork() {},
    uncork() {},
    pause() {},
    resume() {},
    close() {},
  };
  connection.attach(stream);
  return { turn, connection, written };
}
