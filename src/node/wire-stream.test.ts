/** What a WireStream says and hears, and when a request's callbacks do nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Bitfield } from '../base/bitfield.js';
import { concatBytes } from '../base/bytes.js';
import { LIMITS } from '../base/limits.js';
import { SeededRandom } from '../base/random.js';
import { encodeBencode } from '../format/bencode.js';
import { WireEncoder } from '../protocol/wire/encoder.js';
import { encodeReserved } from '../protocol/wire/handshake.js';
import {
  BLOCK_BYTES,
  closed,
  FOUR_BYTES,
  INFO_HASH,
  LAYOUT,
  link,
  type Opening,
  open,
  PEER_ID,
  record,
  ScriptedWire,
} from './testing/scripted-wire.js';
import type { WireRequest } from './wire-events.js';
import type { WireStream } from './wire-stream.js';

test('two streams piped into each other hear every message of the other', async () => {
  const { dialler, listener } = await open();
  const lines = record(listener);
  dialler.bitfield(new Uint8Array([0x80, 0x40]));
  dialler.interested();
  dialler.interested();
  dialler.unchoke();
  dialler.have(3);
  dialler.choke();
  dialler.notInterested();
  dialler.end();
  await closed(listener);
  assert.deepEqual(lines, [
    'bitfield 8040',
    'interested',
    'unchoke',
    'have 3',
    'choke',
    'notInterested',
    'end',
    'close',
  ]);
});

test('the messages of the fast extension and of BEP 5 and 10 are heard too', async () => {
  const { dialler, listener } = await open();
  const lines = record(listener);
  dialler.haveAll();
  dialler.extensionHandshake({ extensions: ['ut_metadata', 'xx_own'], clientName: 'test' });
  dialler.suggest(4);
  dialler.allowedFast(5);
  dialler.port(6881);
  dialler.keepAlive();
  dialler.end();
  await closed(listener);
  assert.deepEqual(lines, [
    'haveAll',
    'extensionHandshake [["ut_metadata",2],["xx_own",16]]',
    'suggest 4',
    'allowedFast 5',
    'port 6881',
    'keepAlive',
    'end',
    'close',
  ]);
});

test('a block is asked for, answered by respond, and heard', async () => {
  const { dialler, listener } = await open();
  const block = Uint8Array.from({ length: 100 }, (_, i) => i);
  listener.on('interested', () => listener.unchoke());
  listener.on('request', ({ piece, begin, length, respond }) => {
    assert.deepEqual([piece, begin, length], [9, 0, 100]);
    respond(block);
  });
  dialler.on('unchoke', () => dialler.request(9, 0, 100));
  dialler.interested();
  const [heard] = await once(dialler, 'piece');
  assert.deepEqual(heard, { piece: 9, begin: 0, block });
  assert.ok(listener.isUnchoked && listener.isInterested && !dialler.isChokingUs && dialler.isInterestingToUs);
});

test('what both sides can do is known from the handshake event on', async () => {
  const { dialler, listener } = await open({ fast: false });
  assert.deepEqual([dialler.hasFast, listener.hasFast], [false, false]);
  assert.deepEqual([dialler.hasExtensions, listener.hasExtensions], [true, true]);
});

test('without the fast extension its messages are not sent, and everything is said as a bitfield', async () => {
  const { dialler, listener } = await open({ fast: false });
  const lines = record(dialler);
  assert.equal(listener.haveAll(), true);
  listener.haveNone();
  listener.suggest(1);
  listener.allowedFast(1);
  listener.end();
  await closed(dialler);
  assert.deepEqual(lines, ['bitfield ffc0', 'end', 'close']);
});

test('without the fast extension and without a layout everything cannot be said', async () => {
  const { dialler, listener } = link();
  listener.on('handshake', ({ infoHash }) => listener.handshake({ infoHash, features: { fast: false } }));
  dialler.handshake({ infoHash: INFO_HASH });
  await once(dialler, 'handshake');
  assert.equal(listener.haveAll(), false);
});

test('before handshake() nothing is sent; whoever dials need not wait for the answer', async () => {
  const { dialler, listener } = link();
  dialler.interested();
  assert.equal(dialler.isInterestingToUs, false);
  const lines = record(listener);
  listener.on('handshake', ({ infoHash }) => listener.handshake({ infoHash }));
  dialler.handshake({ infoHash: INFO_HASH, layout: LAYOUT });
  dialler.extensionHandshake({ extensions: ['xx_own'] });
  dialler.haveAll();
  dialler.interested();
  await once(listener, 'extensionHandshake');
  assert.deepEqual(lines.slice(1), ['bitfield ffc0', 'interested', 'extensionHandshake [["xx_own",16]]']);
});

test('what whoever was dialled says of its extensions before it answers is sent once it does', async () => {
  const { dialler, listener } = link();
  listener.extensionHandshake({ extensions: ['xx_own'], clientName: 'test' });
  listener.on('handshake', ({ infoHash }) => listener.handshake({ infoHash }));
  dialler.handshake({ infoHash: INFO_HASH });
  const [{ extensions, clientName, requestQueue, listenPort }] = await once(dialler, 'extensionHandshake');
  assert.deepEqual([...extensions], [['xx_own', 16]]);
  assert.deepEqual([clientName, requestQueue, listenPort], ['test', LIMITS.peerRequestsQueuedMax, null]);
});

test('whoever answers later is told nothing before that, and then everything', async () => {
  const { dialler, listener } = link();
  const lines = record(listener);
  dialler.handshake({ infoHash: INFO_HASH });
  dialler.interested();
  dialler.have(3);
  await once(listener, 'handshake');
  await nextTurn();
  assert.equal(lines.length, 1);
  listener.handshake({ infoHash: INFO_HASH });
  listener.bitfield(new Uint8Array(2));
  await once(listener, 'have');
  assert.deepEqual(lines.slice(1), ['interested', 'have 3']);
});

test('a stream that is ended or destroyed instead of answered closes', async () => {
  for (const act of [(wire: WireStream) => wire.end(), (wire: WireStream) => wire.destroy()]) {
    const { dialler, listener } = link();
    dialler.handshake({ infoHash: INFO_HASH });
    dialler.interested();
    await once(listener, 'handshake');
    await nextTurn();
    act(listener);
    await Promise.all([closed(listener), closed(dialler)]);
    listener.handshake({ infoHash: INFO_HASH });
    assert.equal(listener.errored, null);
  }
});

test('an info-hash may be given as hex, and the peer id of whoever gives none is ours', async () => {
  const { dialler, listener } = link();
  dialler.handshake({ infoHash: 'AA'.repeat(20) });
  const [{ infoHash, peerId }] = await once(listener, 'handshake');
  assert.deepEqual(infoHash, INFO_HASH);
  assert.match(Buffer.from(peerId).toString('latin1'), /^-DT/);
});

test('messages arrive whole however the bytes are cut', () => {
  const random = new SeededRandom(7);
  const encoder = new WireEncoder();
  encoder.handshake(encodeReserved({ fast: true, extensions: true }), INFO_HASH, PEER_ID);
  encoder.extended(0, encodeBencode({ m: { ut_metadata: 3 } }));
  encoder.bitfield(new Uint8Array([0xff, 0xc0]));
  encoder.unchoke();
  encoder.pieceHeader(1, 0, 1000);
  const bytes = concatBytes([encoder.take()!, new Uint8Array(1000).fill(7)]);
  for (let round = 0; round < 50; round++) {
    const peer = new ScriptedWire({ isOpen: false });
    peer.wire.on('handshake', ({ infoHash }) => {
      peer.wire.handshake({ infoHash, layout: LAYOUT });
      peer.wire.request(1, 0, 1000);
    });
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + (random.uint32() % 300));
      // A socket's buffer is used again.
      const chunk = bytes.slice(at, end);
      peer.hear(chunk);
      chunk.fill(0xee);
      at = end;
    }
    assert.deepEqual(peer.lines.slice(1), [
      'extensionHandshake [["ut_metadata",3]]',
      'bitfield ffc0',
      'unchoke',
      'piece 1 0 1000',
    ]);
  }
});

// ---- requests: respond, and what makes it do nothing ----

/** An unchoked remote that has asked for the first block of piece 0; `request` is what the listener was told. */
async function askedOnce(options: Opening = {}): Promise<{ peer: ScriptedWire; request: WireRequest }> {
  const peer = new ScriptedWire(options);
  peer.wire.unchoke();
  const told: WireRequest[] = [];
  peer.wire.on('request', (request) => told.push(request));
  peer.encoder.request(0, 0, 4);
  peer.hear();
  assert.equal(await peer.said(), '0000000101');
  assert.equal(told.length, 1);
  assert.ok(told[0]!.isOpen);
  return { peer, request: told[0]! };
}

const FOUR_BYTE_PIECE = '0000000d07000000000000000001020304';
const REJECT = '0000000d10000000000000000000000004';

test('respond sends the block, and the second time nothing', async () => {
  const { peer, request } = await askedOnce();
  request.respond(FOUR_BYTES);
  request.respond(FOUR_BYTES);
  request.reject();
  assert.equal(await peer.said(), FOUR_BYTE_PIECE);
  assert.equal(request.isOpen, false);
});

test('respond after a cancel sends nothing; the remote hears a reject', async () => {
  const { peer, request } = await askedOnce();
  peer.encoder.cancel(0, 0, 4);
  peer.hear();
  assert.equal(request.isOpen, false);
  request.respond(FOUR_BYTES);
  assert.equal(await peer.said(), REJECT);
  assert.ok(peer.lines.includes('cancel 0 0 4'));
});

test('without the fast extension a cancelled request just ends', async () => {
  const { peer, request } = await askedOnce({ fast: false });
  peer.encoder.cancel(0, 0, 4);
  peer.hear();
  request.respond(FOUR_BYTES);
  assert.equal(await peer.said(), '');
});

test('a request that is cancelled before the listener was told is never told', () => {
  const peer = new ScriptedWire();
  peer.wire.unchoke();
  peer.encoder.request(0, 0, 4);
  peer.encoder.cancel(0, 0, 4);
  peer.hear();
  assert.deepEqual(peer.lines, ['cancel 0 0 4']);
});

test('respond after our choke sends nothing; the remote hears a reject', async () => {
  const { peer, request } = await askedOnce();
  peer.wire.choke();
  request.respond(FOUR_BYTES);
  assert.equal(await peer.said(), `0000000100${REJECT}`);
});

test('a choke leaves requests for allowed-fast pieces open', async () => {
  const { peer, request } = await askedOnce();
  peer.wire.allowedFast(0);
  peer.wire.choke();
  request.respond(FOUR_BYTES);
  assert.equal(await peer.said(), `000000051100000000${'0000000100'}${FOUR_BYTE_PIECE}`);
});

test('respond after the end of the connection does nothing', async () => {
  const { peer, request } = await askedOnce();
  peer.wire.end();
  request.respond(FOUR_BYTES);
  assert.equal(request.isOpen, false);
  assert.equal(await peer.said(), '');
  request.respond(FOUR_BYTES);
  request.reject();
});

test('respond after destroy does nothing', async () => {
  const { peer, request } = await askedOnce();
  peer.wire.destroy();
  request.respond(FOUR_BYTES);
  await closed(peer.wire);
  assert.equal(request.isOpen, false);
  assert.equal(peer.wire.errored, null);
});

test('a longer block is the mistake of whoever responds, and the request stays open', async () => {
  const { peer, request } = await askedOnce();
  assert.throws(() => request.respond(new Uint8Array(5)), { code: 'EOPTION', message: /5 bytes, only 4/ });
  request.respond(FOUR_BYTES);
  assert.equal(await peer.said(), FOUR_BYTE_PIECE);
});

test('a shorter block refuses: a remote may have asked for more than there is', async () => {
  const { peer, request } = await askedOnce();
  request.respond(new Uint8Array(3));
  assert.equal(await peer.said(), REJECT);
});

test('what may not be asked for is rejected and not told: choked, empty, too long, out of range', async () => {
  const peer = new ScriptedWire();
  peer.encoder.request(0, 0, 4);
  peer.hear();
  assert.equal(await peer.said(), REJECT);
  peer.wire.unchoke();
  for (const [piece, begin, length] of [
    [0, 0, 0],
    [0, 0, LIMITS.requestBytesMax + 1],
    [0, 4 * BLOCK_BYTES, 1],
    [9, 99, 2],
    [10, 0, 1],
    [0xffffffff, 0xffffffff, 0xffffffff],
  ] as const) {
    peer.encoder.request(piece, begin, length);
  }
  peer.hear();
  assert.equal((await peer.said()).length, '0000000101'.length + 6 * 34);
  assert.deepEqual(peer.lines, []);
});

test('a choked remote may ask for allowed-fast pieces', async () => {
  const peer = new ScriptedWire();
  peer.wire.on('request', ({ respond }) => respond(FOUR_BYTES));
  peer.wire.allowedFast(0);
  peer.encoder.request(0, 0, 4);
  peer.hear();
  assert.equal(await peer.said(), `000000051100000000${FOUR_BYTE_PIECE}`);
});

test('requests wait while their answers have no room, and are told as the remote reads', async () => {
  const peer = new ScriptedWire();
  peer.wire.unchoke();
  let told = 0;
  peer.wire.on('request', ({ length, respond }) => {
    told++;
    respond(new Uint8Array(length));
  });
  const count = 200;
  for (let i = 0; i < count; i++) peer.encoder.request(0, 0, BLOCK_BYTES);
  peer.hear();
  const room = LIMITS.outgoingMessageBytesMax / BLOCK_BYTES;
  assert.ok(told <= room, `${told} told at once`);
  assert.ok(peer.wire.readableLength <= LIMITS.outgoingMessageBytesMax + BLOCK_BYTES);
  let bytes = 0;
  peer.wire.on('data', (chunk: Uint8Array) => {
    bytes += chunk.length;
  });
  while (told < count) await nextTurn();
  await nextTurn();
  assert.equal(bytes, 68 + 5 + count * (13 + BLOCK_BYTES));
});

test('a listener that does not answer is told no more than it may send', () => {
  const peer = new ScriptedWire();
  peer.wire.unchoke();
  let told = 0;
  peer.wire.on('request', () => told++);
  for (let i = 0; i < 200; i++) peer.encoder.request(0, 0, BLOCK_BYTES);
  peer.hear();
  assert.equal(told, LIMITS.outgoingMessageBytesMax / BLOCK_BYTES);
});

test('more open requests than the limit are rejected', async () => {
  const peer = new ScriptedWire();
  peer.wire.unchoke();
  for (let i = 0; i < LIMITS.peerRequestsQueuedMax + 3; i++) peer.encoder.request(0, 0, 4);
  peer.hear();
  assert.equal(peer.lines.length, LIMITS.peerRequestsQueuedMax);
  assert.equal(await peer.said(), `0000000101${REJECT.repeat(3)}`);
});

// ---- our own requests ----

test('without the fast extension a choke voids our requests, and blocks under way do no harm', () => {
  const peer = new ScriptedWire({ fast: false });
  peer.wire.request(0, 0, 4);
  peer.encoder.choke();
  peer.hear();
  peer.encoder.pieceHeader(0, 0, 4);
  peer.hear(concatBytes([peer.encoder.take()!, FOUR_BYTES]));
  assert.deepEqual(peer.lines, ['choke']);
});

test('with the fast extension requests outlive a choke, and a reject is told', () => {
  const peer = new ScriptedWire();
  peer.wire.request(0, 0, 4);
  peer.wire.request(0, 4, 4);
  peer.encoder.choke();
  peer.encoder.reject(0, 4, 4);
  peer.encoder.reject(0, 4, 4);
  peer.encoder.pieceHeader(0, 0, 4);
  peer.hear(concatBytes([peer.encoder.take()!, FOUR_BYTES]));
  assert.deepEqual(peer.lines, ['choke', 'reject 0 4 4', 'piece 0 0 4']);
});

test('a cancelled block is not told when it comes all the same', async () => {
  const peer = new ScriptedWire();
  peer.wire.request(0, 0, 4);
  peer.wire.cancel(0, 0, 4);
  peer.wire.cancel(0, 0, 4);
  peer.encoder.pieceHeader(0, 0, 4);
  peer.hear(concatBytes([peer.encoder.take()!, FOUR_BYTES]));
  assert.deepEqual(peer.lines, []);
  assert.equal(await peer.said(), '0000000d06000000000000000000000004' + '0000000d08000000000000000000000004');
});

test('cancelled blocks do not count as unasked ones', () => {
  const peer = new ScriptedWire();
  for (let i = 0; i < LIMITS.unrequestedBlocksMax + 10; i++) {
    peer.wire.request(0, 0, 4);
    peer.wire.cancel(0, 0, 4);
    peer.encoder.pieceHeader(0, 0, 4);
    peer.hear(concatBytes([peer.encoder.take()!, FOUR_BYTES]));
  }
  assert.equal(peer.wire.destroyed, false);
});

// ---- extensions ----

test('extension messages go by the ids that each side gave, and their names are told', async () => {
  const { dialler, listener } = await open();
  const lines = record(listener);
  listener.extensionHandshake({ extensions: ['xx_ping', 'ut_metadata'] });
  dialler.extensionHandshake({ extensions: ['xx_pong'] });
  assert.equal(dialler.extended('xx_ping', FOUR_BYTES), false, 'not announced yet');
  await once(dialler, 'extensionHandshake');
  assert.equal(dialler.extended('xx_ping', FOUR_BYTES), true);
  assert.equal(dialler.extended('xx_other', FOUR_BYTES), false);
  await once(listener, 'extended');
  assert.deepEqual(lines, ['extensionHandshake [["xx_pong",16]]', 'extended xx_ping 01020304']);
});

test('an extension that the remote takes back is spoken no more', () => {
  const peer = new ScriptedWire();
  peer.encoder.extended(0, encodeBencode({ m: { xx_own: 9 } }));
  peer.hear();
  assert.equal(peer.wire.extended('xx_own', FOUR_BYTES), true);
  peer.encoder.extended(0, encodeBencode({ m: { xx_own: 0 } }));
  peer.hear();
  assert.equal(peer.wire.extended('xx_own', FOUR_BYTES), false);
});

test('without BEP 10 on both sides an extension handshake is not sent', async () => {
  const { dialler, listener } = link();
  listener.on('handshake', ({ infoHash }) => listener.handshake({ infoHash, features: { extensions: false } }));
  dialler.handshake({ infoHash: INFO_HASH });
  await once(dialler, 'handshake');
  const lines = record(listener);
  dialler.extensionHandshake({ extensions: ['ut_metadata'] });
  dialler.keepAlive();
  await once(listener, 'keepAlive');
  assert.deepEqual(lines, ['keepAlive']);
});

// ---- mistakes of the owner ----

test('mistakes of whoever calls are DtorrentErrors that say so', async () => {
  const { dialler, listener } = link();
  assert.throws(() => dialler.handshake({ infoHash: 'abc' }), { code: 'EOPTION' });
  assert.throws(() => dialler.handshake({ infoHash: INFO_HASH, peerId: FOUR_BYTES }), { code: 'EOPTION' });
  dialler.handshake({ infoHash: INFO_HASH, layout: LAYOUT });
  assert.throws(() => dialler.handshake({ infoHash: INFO_HASH }), { code: 'EOPTION' });
  await once(listener, 'handshake');
  listener.handshake({ infoHash: INFO_HASH });
  await once(dialler, 'handshake');
  const mistakes: (() => void)[] = [
    () => dialler.have(10),
    () => dialler.have(-1),
    () => dialler.have(1.5),
    () => dialler.bitfield(new Uint8Array(3)),
    () => listener.bitfield(new Uint8Array(LIMITS.pieceCountMax / 8 + 1)),
    () => dialler.request(10, 0, 1),
    () => dialler.request(0, -1, 1),
    () => dialler.request(0, 0, 0),
    () => dialler.request(0, 0, LIMITS.requestBytesMax + 1),
    () => dialler.cancel(0, LIMITS.pieceLengthBytesMax, 1),
    () => dialler.port(0),
    () => dialler.extensionHandshake({ extensions: Array.from({ length: 241 }, (_, i) => `xx_${i}`) }),
  ];
  for (const mistake of mistakes) assert.throws(mistake, { code: 'EOPTION' }, String(mistake));
  assert.equal(dialler.destroyed || listener.destroyed, false);
});

test('a listener that throws is heard of by whoever feeds the stream, which is destroyed', () => {
  const peer = new ScriptedWire();
  peer.wire.on('have', () => {
    throw new RangeError('mine');
  });
  peer.encoder.have(1);
  assert.throws(() => peer.hear(), RangeError);
  assert.ok(peer.wire.destroyed);
});

test('methods do nothing once the stream is over', () => {
  const peer = new ScriptedWire();
  peer.wire.end();
  peer.wire.unchoke();
  peer.wire.haveAll();
  peer.wire.request(0, 0, 1);
  assert.equal(peer.wire.extended('ut_metadata', FOUR_BYTES), false);
  assert.equal(peer.wire.isUnchoked, false);
});

test('a listener can be taken away, and hear one event only', async () => {
  const peer = new ScriptedWire();
  const heard: string[] = [];
  const onHave = (piece: number): void => void heard.push(`on ${piece}`);
  peer.wire.on('have', onHave);
  peer.wire.once('have', (piece) => heard.push(`once ${piece}`));
  peer.encoder.have(1);
  peer.hear();
  peer.wire.off('have', onHave);
  peer.encoder.have(2);
  peer.hear();
  assert.deepEqual(heard, ['on 1', 'once 1']);
});

test('a bitfield that is told can be read with Bitfield', () => {
  const peer = new ScriptedWire();
  let pieces: Bitfield | null = null;
  peer.wire.on('bitfield', (bytes) => {
    pieces = Bitfield.fromWire(bytes, LAYOUT.pieceCount);
  });
  peer.encoder.bitfield(new Uint8Array([0xff, 0xc0]));
  peer.hear();
  assert.ok(pieces !== null && (pieces as Bitfield).isFull);
});
