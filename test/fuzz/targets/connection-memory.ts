/**
 * What strangers can make us hold: many connections that all say the same junk and stay. Memory for each of them, ours
 * and the simulator's together, is under a named bound while they are there, and next to nothing when they have gone.
 * Byte 0 is what we are to the torrent, byte 1 whether they read, byte 2 how often the script is said. Needs --expose-gc.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { makeAddress } from '../../../src/base/address.js';
import { concatBytes, writeUint32 } from '../../../src/base/bytes.js';
import { LIMITS } from '../../../src/base/limits.js';
import { SimEngine } from '../../../src/engine/testing/sim-swarm.js';
import type { ByteStream, ByteStreamHandler } from '../../../src/host/network.js';
import { encodeHandshake, encodeReserved } from '../../../src/protocol/wire/handshake.js';
import type { SimHost } from '../../../src/sim/sim-host.js';
import { Simulator } from '../../../src/sim/simulator.js';
import { liveScripts } from '../generators/live-scripts.js';
import { LIVE_TORRENTS } from '../live/live-torrents.js';
import type { FuzzTarget } from '../target.js';

const TORRENT = LIVE_TORRENTS.files;
const CONNECTIONS = 200;
/** For scripts beyond SCRIPT_BYTES_SHORT: two hundred of a megabyte each would be the test's own memory. */
const CONNECTIONS_OF_LONG = 20;
const SCRIPT_BYTES_SHORT = 100_000;
const SCRIPT_BYTES_MAX = 3_000_000;
const MEETING_MS = 30_000;
/** Objects of one connection: peer, decoder, pipeline, holdings; and its two ends in the simulator. */
const CONNECTION_HEAP_BYTES_MAX = 96 * 1024;
/** A message that has not come to its end, and the buffer that it is collected in. */
const UNFINISHED_BYTES_MAX = LIMITS.extendedMessageBytesMax + 64 * 1024;
/** Of a remote that does not read: blocks and messages, each bounded, and what the simulated kernel holds. */
const UNREAD_BYTES_MAX = 4 * LIMITS.outgoingMessageBytesMax;
/** An address that may be dialled again, and what a map keeps after it was large. */
const LEFT_BYTES_MAX = 4096;
/** Code that was compiled meanwhile, and such: of all connections together. */
const NOISE_BYTES_MAX = 1024 * 1024;
const CACHE_BYTES = 1024 * 1024;
const QUEUE_PLACES = 10_000;

const handshake = encodeHandshake(
  encodeReserved({ fast: true, extensions: true }),
  TORRENT.metainfo.infoHash.v1!,
  new Uint8Array(20).fill(0x41),
);

/** A message whose end never comes. */
function unfinished(length: number, id: number, sent: number): Uint8Array {
  const frame = new Uint8Array(5 + sent);
  writeUint32(frame, 0, length);
  frame[4] = id;
  return concatBytes([handshake, frame]);
}

const headed = (script: Uint8Array, ...head: readonly number[]): Uint8Array =>
  concatBytes([Uint8Array.from(head), script]);

export const connectionMemoryTarget: FuzzTarget = {
  name: 'connection-memory',
  inputs: fc
    .tuple(fc.nat({ max: 1 }), fc.nat({ max: 1 }), fc.nat({ max: 3 }), liveScripts(TORRENT))
    .map(([role, reads, times, script]) => headed(script, role, reads, times)),
  samples: [
    headed(handshake.subarray(0, 30), 0, 0, 1),
    headed(handshake, 1, 0, 1),
    headed(unfinished(LIMITS.extendedMessageBytesMax, 20, 1_000_000), 0, 0, 1),
    headed(unfinished(262_145, 5, 100_000), 0, 0, 1),
    headed(
      concatBytes([
        handshake,
        ...new Array<Uint8Array>(2000).fill(Uint8Array.of(0, 0, 0, 13, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0)),
      ]),
      1,
      1,
      1,
    ),
  ],
  bytesMax: SCRIPT_BYTES_MAX,
  casesPerRound: 2,
  check,
};

function check(input: Uint8Array): void {
  const [role = 0, reading = 0, times = 0] = input;
  const script = input.subarray(3);
  const rest = script.length > handshake.length ? script.subarray(handshake.length) : new Uint8Array(0);
  const repeats = Math.min(times % 4, Math.floor(SCRIPT_BYTES_MAX / Math.max(1, script.length)));
  const said = concatBytes([script, ...new Array<Uint8Array>(Math.max(0, repeats - 1)).fill(rest)]);
  new Crowd(said, { isSeed: role % 2 === 1, isReading: reading % 2 === 0 }).meet();
}

class Crowd {
  readonly #script: Uint8Array;
  readonly #isReading: boolean;
  readonly #count: number;
  readonly #simulator = new Simulator({ seed: 1 });
  readonly #engine: SimEngine;
  /** Made before anything is measured: what a machine takes up is the simulator's. */
  readonly #hosts: SimHost[];
  readonly #streams: ByteStream[] = [];

  constructor(script: Uint8Array, { isSeed, isReading }: { readonly isSeed: boolean; readonly isReading: boolean }) {
    this.#script = script;
    this.#isReading = isReading;
    this.#count = script.length > SCRIPT_BYTES_SHORT ? CONNECTIONS_OF_LONG : CONNECTIONS;
    this.#engine = new SimEngine(this.#simulator, {
      maxPeers: 1000,
      maxPeersPerTorrent: 1000,
      uploadSlots: 100,
      readCacheBytes: CACHE_BYTES,
      writeCacheBytes: CACHE_BYTES,
    });
    this.#hosts = Array.from({ length: 2 * this.#count }, () => this.#simulator.createHost());
    this.#engine.isAudited = false;
    if (isSeed) this.#engine.give(TORRENT);
    this.#engine.add(TORRENT.metainfo);
    this.#simulator.run(this.#simulator.now + 1000);
  }

  meet(): void {
    // Once unmeasured: the simulator keeps segments and queues for later, as many as were needed at one time.
    this.#come();
    this.#go();
    const before = usedBytes();
    this.#come();
    const during = usedBytes();
    const heapBytes = (during.heap - before.heap - NOISE_BYTES_MAX) / this.#count;
    const bufferBytes = (during.buffers - before.buffers) / this.#count;
    const buffersMax =
      Math.min(UNFINISHED_BYTES_MAX, this.#script.length + 64 * 1024) + (this.#isReading ? 0 : UNREAD_BYTES_MAX);
    assert.ok(heapBytes <= CONNECTION_HEAP_BYTES_MAX, `${Math.round(heapBytes)} bytes of objects a connection`);
    assert.ok(bufferBytes <= buffersMax, `${Math.round(bufferBytes)} bytes of buffers a connection`);

    this.#go();
    const after = usedBytes();
    const left = after.heap + after.buffers - before.heap - before.buffers - NOISE_BYTES_MAX;
    const leftBytes = left / this.#count;
    assert.ok(leftBytes <= LEFT_BYTES_MAX, `${Math.round(leftBytes)} bytes are left of each connection`);
    this.#engine.stop(this.#simulator);
  }

  /** These two on their own, so that no frame on the stack holds the last one. */
  #come(): void {
    for (const host of this.#hosts.splice(0, this.#count)) this.#dial(host);
    this.#pass();
  }

  #go(): void {
    for (const stream of this.#streams.splice(0)) stream.close();
    this.#pass();
  }

  #pass(): void {
    this.#simulator.run(this.#simulator.now + MEETING_MS);
    this.#engine.events.length = 0;
    // The simulator's queue keeps what it did until others take the places.
    for (let i = 0; i < QUEUE_PLACES; i++) this.#simulator.defer(() => {});
    this.#simulator.run(this.#simulator.now + 1);
  }

  #dial(host: SimHost): void {
    const handler: ByteStreamHandler = { onOpen() {}, onData() {}, onWritten() {}, onClose() {} };
    const address = makeAddress(this.#engine.host.ipv4!, this.#engine.session.listenPort)!;
    const stream = host.network.dial(address, { bindHost: '', timeoutMs: 60_000 }, handler);
    if (!this.#isReading) stream.pause();
    stream.write(this.#script);
    this.#streams.push(stream);
  }
}

function usedBytes(): { readonly heap: number; readonly buffers: number } {
  if (globalThis.gc === undefined) throw new Error('memory is measured with node --expose-gc only');
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers };
}
