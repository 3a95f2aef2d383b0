/**
 * What every ByteStream has to do, as one suite that each implementation runs: TCP on real sockets, the simulator's
 * pipes, later uTP, MSE and WebRTC. Everything goes through the Network port; time and waiting are the harness's.
 */
import assert from 'node:assert/strict';
import { createHash, type Hash } from 'node:crypto';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Address, makeAddress } from '../../base/address.js';
import type { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import type { ByteStream, ByteStreamHandler, Listener, Network } from '../network.js';

export interface ByteStreamHarness {
  readonly diallerNetwork: Network;
  readonly listenerNetwork: Network;
  /** IP text that reaches the listener. */
  readonly listenerHost: string;
  /** Canonical IP text that connections come from, as the listener sees them. */
  readonly diallerHost: string;
  /** Less than 1 where every byte is dear: the share of the usual amounts that is moved. Left out = 1. */
  readonly volume?: number;
  /** Lets things happen until `condition` holds; rejects when it does not within a bounded time. */
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

const MIB = 1024 * 1024;

/** Records what a stream says, and fails on what no stream may do. */
class Recorder implements ByteStreamHandler {
  stream!: ByteStream;
  opens = 0;
  writtenBytes = 0;
  writtenCalls = 0;
  receivedBytes = 0;
  dataCalls = 0;
  closes = 0;
  error: DtorrentError | null = null;
  violations: string[] = [];
  readonly hash: Hash = createHash('sha1');
  onChunk: (chunk: Uint8Array) => void = () => {};
  onProgress: () => void = () => {};
  #isInCall = false;

  onOpen(): void {
    this.#check('onOpen');
    this.opens++;
  }
  onData(chunk: Uint8Array): void {
    this.#check('onData');
    if (chunk.length === 0) this.violations.push('an empty chunk');
    this.receivedBytes += chunk.length;
    this.dataCalls++;
    this.hash.update(chunk);
    this.onChunk(chunk);
  }
  onWritten(totalBytes: number): void {
    this.#check('onWritten');
    if (totalBytes <= this.writtenBytes) this.violations.push('onWritten did not grow');
    this.writtenBytes = totalBytes;
    this.writtenCalls++;
    this.onProgress();
  }
  onClose(error: DtorrentError | null): void {
    this.#check('onClose');
    this.closes++;
    this.error = error;
  }

  /** Does something to the stream, during which nothing may be called. */
  call<T>(action: (stream: ByteStream) => T): T {
    this.#isInCall = true;
    const result = action(this.stream);
    this.#isInCall = false;
    return result;
  }

  #check(callback: string): void {
    if (this.#isInCall) this.violations.push(`${callback} inside a call`);
    if (this.closes > 0) this.violations.push(`${callback} after onClose`);
  }
}

/** Registers the suite. `makeHarness` is called for every test. */
export function describeByteStream(
  name: string,
  makeHarness: () => Promise<ByteStreamHarness> | ByteStreamHarness,
): void {
  describe(`ByteStream over ${name}`, () => {
    let harness: ByteStreamHarness;
    let recorders: Recorder[];
    let listeners: Listener[];

    beforeEach(async () => {
      harness = await makeHarness();
      recorders = [];
      listeners = [];
    });
    afterEach(async () => {
      for (const listener of listeners) listener.close();
      await harness.close();
      assert.deepEqual(
        recorders.flatMap((recorder) => recorder.violations),
        [],
      );
      for (const recorder of recorders) assert.ok(recorder.closes <= 1, 'onClose more than once');
    });

    const bytes = (usual: number): number => Math.ceil(usual * (harness.volume ?? 1));

    const record = (): Recorder => {
      const recorder = new Recorder();
      recorders.push(recorder);
      return recorder;
    };

    /** A listener whose connections get a recorder each. */
    const listen = async (): Promise<{ address: Address; accepted: Recorder[] }> => {
      const accepted: Recorder[] = [];
      let port = -1;
      const listener = harness.listenerNetwork.listen(
        { host: '', port: 0 },
        {
          onListening: (bound) => {
            port = bound;
          },
          onConnection: (stream) => {
            const recorder = record();
            recorder.stream = stream;
            stream.handler = recorder;
            accepted.push(recorder);
          },
          onError: (error) => assert.fail(error),
        },
      );
      listeners.push(listener);
      assert.equal(port, -1, 'onListening ran inside listen()');
      await harness.until(() => port > 0);
      return { address: makeAddress(harness.listenerHost, port)!, accepted };
    };

    const dial = (to: Address, timeoutMs = 10_000, bindHost = ''): Recorder => {
      const recorder = record();
      recorder.stream = harness.diallerNetwork.dial(to, { bindHost, timeoutMs }, recorder);
      assert.equal(recorder.opens + recorder.closes, 0, 'a callback ran inside dial()');
      return recorder;
    };

    const connect = async (): Promise<{ dialled: Recorder; accepted: Recorder }> => {
      const { address, accepted } = await listen();
      const dialled = dial(address);
      await harness.until(() => dialled.opens === 1 && accepted.length === 1);
      return { dialled, accepted: accepted[0]! };
    };

    test('a dialled stream opens, and both ends know the address of the other', async () => {
      const { address, accepted } = await listen();
      const dialled = dial(address);
      await harness.until(() => dialled.opens === 1 && accepted.length === 1);
      assert.deepEqual(dialled.stream.remote, address);
      assert.equal(accepted[0]!.stream.remote.host, harness.diallerHost);
      assert.ok(accepted[0]!.stream.remote.port > 0);
      assert.equal(accepted[0]!.opens, 0, 'an accepted stream is open when it is handed over');
    });

    test('streams from an address that is abandoned end with an error at once, at both ends', async () => {
      const { address, accepted } = await listen();
      const dialled = dial(address, 10_000, harness.diallerHost);
      await harness.until(() => dialled.opens === 1 && accepted.length === 1);
      dialled.call(() => harness.diallerNetwork.abandon('192.0.2.77'));
      dialled.call(() => harness.diallerNetwork.abandon(harness.diallerHost));
      await harness.until(() => dialled.closes === 1 && accepted[0]!.closes === 1);
      assert.equal(dialled.error?.code, 'ENETWORK');
    });

    test('bytes arrive in order and unchanged, in both directions at once', async () => {
      const { dialled, accepted } = await connect();
      const up = transfer(dialled, bytes(24 * MIB + 13), 1);
      const down = transfer(accepted, bytes(16 * MIB + 7), 2);
      await harness.until(() => accepted.receivedBytes === up.totalBytes && dialled.receivedBytes === down.totalBytes);
      assert.equal(accepted.hash.digest('hex'), up.digest());
      assert.equal(dialled.hash.digest('hex'), down.digest());
    });

    test('what is written before the stream opens is sent when it does', async () => {
      const { address, accepted } = await listen();
      const dialled = dial(address);
      dialled.call((stream) => stream.write(new Uint8Array([1, 2, 3])));
      assert.equal(dialled.stream.bufferedBytes, 3);
      await harness.until(() => accepted[0]?.receivedBytes === 3 && dialled.writtenBytes === 3);
      assert.equal(dialled.opens, 1);
    });

    test('onWritten counts every byte from the start, and then nothing is buffered', async () => {
      const { dialled, accepted } = await connect();
      for (const length of [1, 1000, 70_000]) {
        const before = dialled.writtenBytes;
        dialled.call((stream) => stream.write(new Uint8Array(length)));
        await harness.until(() => dialled.writtenBytes === before + length);
        assert.equal(dialled.stream.bufferedBytes, 0);
      }
      await harness.until(() => accepted.receivedBytes === 71_001);
    });

    test('a chunk may be reused as soon as onWritten has passed it', async () => {
      const { dialled, accepted } = await connect();
      const expected = createHash('sha1');
      const chunk = new Uint8Array(bytes(50_000));
      const rounds = 200;
      for (let round = 1; round <= rounds; round++) {
        chunk.fill(round);
        expected.update(chunk);
        dialled.call((stream) => stream.write(chunk));
        await harness.until(() => dialled.writtenBytes === round * chunk.length);
      }
      chunk.fill(0xee);
      await harness.until(() => accepted.receivedBytes === rounds * chunk.length);
      assert.equal(accepted.hash.digest('hex'), expected.digest('hex'));
    });

    test('chunks in shared memory are sent like any other', async () => {
      const { dialled, accepted } = await connect();
      const shared = new Uint8Array(new SharedArrayBuffer(100_000)).fill(7);
      dialled.call((stream) => {
        stream.cork();
        stream.write(shared.subarray(0, 60_000));
        stream.write(shared.subarray(60_000));
        stream.uncork();
      });
      await harness.until(() => accepted.receivedBytes === 100_000 && dialled.writtenBytes === 100_000);
      assert.equal(
        accepted.hash.digest('hex'),
        createHash('sha1').update(new Uint8Array(100_000).fill(7)).digest('hex'),
      );
    });

    test('chunks written between cork and uncork wait for uncork, and are reported once', async () => {
      const { dialled, accepted } = await connect();
      const other = dial((await listen()).address);
      dialled.call((stream) => {
        stream.cork();
        for (let i = 0; i < 10; i++) stream.write(new Uint8Array([i]));
      });
      await harness.until(() => other.opens === 1); // time enough for the others to do a round trip
      assert.equal(dialled.stream.bufferedBytes, 10);
      assert.equal(accepted.receivedBytes, 0);
      dialled.call((stream) => stream.uncork());
      await harness.until(() => accepted.receivedBytes === 10);
      assert.equal(dialled.writtenCalls, 1);
      assert.equal(
        accepted.hash.digest('hex'),
        createHash('sha1')
          .update(new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
          .digest('hex'),
      );
    });

    test('write says false above the high-water mark, and true again when the pipe has drained', async () => {
      const { dialled, accepted } = await connect();
      accepted.call((stream) => stream.pause());
      const chunk = new Uint8Array(256 * 1024);
      let writes = 0;
      while (dialled.call((stream) => stream.write(chunk))) {
        writes++;
        assert.ok(writes < 1000, 'write() never says false');
      }
      assert.ok(dialled.stream.bufferedBytes > LIMITS.streamHighWaterBytes);
      const totalBytes = (writes + 1) * chunk.length;
      accepted.call((stream) => stream.resume());
      await harness.until(() => accepted.receivedBytes === totalBytes && dialled.stream.bufferedBytes === 0);
      assert.equal(
        dialled.call((stream) => stream.write(chunk)),
        true,
      );
    });

    test('a paused stream gets nothing and pushes back on the sender, until it resumes', async () => {
      const { dialled, accepted } = await connect();
      accepted.onChunk = () => {
        if (accepted.dataCalls === 1) accepted.call((stream) => stream.pause());
      };
      const sent = transfer(dialled, bytes(64 * MIB), 3);
      await harness.until(() => accepted.dataCalls === 1);
      const receivedBytes = accepted.receivedBytes;
      // Another pair moves as much meanwhile, so that there was time.
      const other = await connect();
      const otherSent = transfer(other.dialled, bytes(16 * MIB), 4);
      await harness.until(() => other.accepted.receivedBytes === otherSent.totalBytes);
      assert.equal(accepted.receivedBytes, receivedBytes);
      assert.equal(accepted.dataCalls, 1);
      assert.ok(dialled.stream.bufferedBytes > 0);
      accepted.call((stream) => stream.resume());
      await harness.until(() => accepted.receivedBytes === sent.totalBytes);
      assert.equal(accepted.hash.digest('hex'), sent.digest());
    });

    test('a stream that is paused before it opens gets nothing until it resumes', async () => {
      const { address, accepted } = await listen();
      const dialled = dial(address);
      dialled.call((stream) => stream.pause());
      await harness.until(() => dialled.opens === 1 && accepted.length === 1);
      accepted[0]!.call((stream) => stream.write(new Uint8Array(1000)));
      const other = await connect();
      other.accepted.call((stream) => stream.write(new Uint8Array(1000)));
      await harness.until(() => other.dialled.receivedBytes === 1000);
      assert.equal(dialled.receivedBytes, 0);
      dialled.call((stream) => stream.resume());
      await harness.until(() => dialled.receivedBytes === 1000);
    });

    test('close ends both ends, once, without an error and not inside the call', async () => {
      const { dialled, accepted } = await connect();
      dialled.call((stream) => stream.close());
      dialled.call((stream) => stream.close());
      assert.equal(dialled.closes, 0);
      await harness.until(() => dialled.closes === 1 && accepted.closes === 1);
      assert.equal(dialled.error, null);
      assert.equal(accepted.error, null);
    });

    test('after close nothing is heard but onClose, and calls do nothing', async () => {
      const { dialled, accepted } = await connect();
      const sent = transfer(accepted, bytes(8 * MIB), 5);
      await harness.until(() => dialled.receivedBytes > 0);
      const { receivedBytes, writtenBytes } = dialled;
      dialled.call((stream) => {
        stream.write(new Uint8Array(10));
        stream.close();
        assert.equal(stream.write(new Uint8Array(10)), false);
        stream.cork();
        stream.uncork();
        stream.pause();
        stream.resume();
      });
      await harness.until(() => dialled.closes === 1 && accepted.closes === 1);
      assert.equal(dialled.receivedBytes, receivedBytes);
      assert.equal(dialled.writtenBytes, writtenBytes);
      assert.ok(accepted.writtenBytes <= sent.totalBytes);
      dialled.call((stream) => stream.close());
    });

    test('a stream closed from within onData hears no more of it', async () => {
      const { dialled, accepted } = await connect();
      accepted.onChunk = () => accepted.call((stream) => stream.close());
      transfer(dialled, bytes(4 * MIB), 6);
      await harness.until(() => accepted.closes === 1 && dialled.closes === 1);
      assert.equal(accepted.dataCalls, 1);
      assert.equal(accepted.error, null);
    });

    test('what was written before a close of the other side still arrives', async () => {
      const { dialled, accepted } = await connect();
      dialled.onProgress = () => {
        if (dialled.writtenBytes === 100_000) dialled.call((stream) => stream.close());
      };
      dialled.call((stream) => stream.write(new Uint8Array(100_000)));
      await harness.until(() => accepted.closes === 1);
      assert.equal(accepted.receivedBytes, 100_000);
      assert.equal(accepted.error, null);
    });

    test('a handler can be replaced while the stream is open', async () => {
      const { dialled, accepted } = await connect();
      dialled.call((stream) => stream.write(new Uint8Array(10)));
      await harness.until(() => accepted.receivedBytes === 10);
      const successor = record();
      successor.stream = accepted.stream;
      accepted.stream.handler = successor;
      dialled.call((stream) => stream.write(new Uint8Array(20)));
      await harness.until(() => successor.receivedBytes === 20);
      dialled.call((stream) => stream.close());
      await harness.until(() => successor.closes === 1);
      assert.equal(accepted.closes, 0);
    });

    test('a dial to a port where nobody listens is refused, and the error names the address', async () => {
      const { address } = await listen();
      listeners[0]!.close();
      await harness.until(() => true);
      const dialled = dial(address);
      await harness.until(() => dialled.closes === 1);
      assert.equal(dialled.opens, 0);
      assert.equal(dialled.error?.code, 'ENETWORK');
      assert.match(dialled.error?.message ?? '', /connection refused/);
      assert.ok(dialled.error?.message.includes(String(address.port)));
    });

    test('a dial from an address that this machine does not have fails', async () => {
      const { address } = await listen();
      const bindHost = address.family === 4 ? '192.0.2.77' : '2001:db8:ffff::77';
      const dialled = dial(address, 10_000, bindHost);
      const malformed = dial(address, 10_000, 'not an address');
      await harness.until(() => dialled.closes === 1 && malformed.closes === 1);
      assert.equal(dialled.error?.code, 'ENETWORK');
      assert.equal(malformed.error?.code, 'ENETWORK');
    });

    test('a dial can be given up before it opens', async () => {
      const { address } = await listen();
      const dialled = dial(address);
      dialled.call((stream) => stream.close());
      await harness.until(() => dialled.closes === 1);
      assert.equal(dialled.opens, 0);
      assert.equal(dialled.error, null);
    });

    test('a port that is taken is an error of the listener, and a closed listener is silent', async () => {
      const { address } = await listen();
      let error: DtorrentError | null = null;
      const silent = { onListening: () => assert.fail(), onConnection: () => assert.fail() };
      const onError = (told: DtorrentError): void => {
        error = told;
      };
      harness.listenerNetwork.listen({ host: '', port: address.port }, { ...silent, onError });
      assert.equal(error, null, 'onError ran inside listen()');
      const closed = harness.listenerNetwork.listen({ host: '', port: 0 }, { ...silent, onError: () => assert.fail() });
      closed.close();
      closed.close();
      await harness.until(() => error !== null);
      assert.match(error!.message, new RegExp(`${address.port}.*another program uses this port`));
    });

    test('streams stay open when their listener closes', async () => {
      const { dialled, accepted } = await connect();
      listeners[0]!.close();
      dialled.call((stream) => stream.write(new Uint8Array(5)));
      await harness.until(() => accepted.receivedBytes === 5);
    });

    test('many streams carry their own bytes', async () => {
      const { address, accepted } = await listen();
      const count = 40;
      const dialled = Array.from({ length: count }, () => dial(address));
      await harness.until(() => accepted.length === count && dialled.every((recorder) => recorder.opens === 1));
      const transfers = [...dialled, ...accepted].map((recorder, i) =>
        transfer(recorder, bytes(MIB + i * 1001), 100 + i),
      );
      const remaining = new Map(transfers.map((sent) => [sent.digest(), sent.totalBytes]));
      const receivers = [...accepted, ...dialled];
      const totalBytes = transfers.reduce((sum, sent) => sum + sent.totalBytes, 0);
      await harness.until(() => receivers.reduce((sum, recorder) => sum + recorder.receivedBytes, 0) === totalBytes);
      for (const receiver of receivers) {
        const digest = receiver.hash.digest('hex');
        assert.equal(remaining.get(digest), receiver.receivedBytes);
        remaining.delete(digest);
      }
      assert.equal(remaining.size, 0);
    });
  });
}

interface Transfer {
  readonly totalBytes: number;
  digest(): string;
}

/**
 * Sends `totalBytes` of seeded bytes in chunks of odd lengths, respecting write's answer; every chunk is overwritten
 * once onWritten has passed it.
 */
function transfer(recorder: Recorder, totalBytes: number, seed: number): Transfer {
  const random = new SeededRandom(seed);
  const content = new Uint8Array(64 * 1024);
  random.fill(content);
  const expected = createHash('sha1');
  for (let left = totalBytes, i = 0; left > 0; i++) {
    const chunk = content.subarray(0, Math.min(left, chunkLength(i)));
    expected.update(chunk);
    left -= chunk.length;
  }
  const digest = expected.digest('hex');
  const lent: { chunk: Uint8Array; endBytes: number }[] = [];
  let queuedBytes = 0;
  let index = 0;
  const fill = (): void => {
    while (lent.length > 0 && lent[0]!.endBytes <= recorder.writtenBytes) lent.shift()!.chunk.fill(0xaa);
    let canWrite = true;
    while (canWrite && queuedBytes < totalBytes && recorder.closes === 0) {
      const chunk = content.slice(0, Math.min(totalBytes - queuedBytes, chunkLength(index++)));
      queuedBytes += chunk.length;
      lent.push({ chunk, endBytes: queuedBytes });
      canWrite = recorder.call((stream) => stream.write(chunk));
    }
  };
  recorder.onProgress = fill;
  fill();
  return { totalBytes, digest: () => digest };
}

/** Mostly blocks, now and then a few bytes, as a peer connection writes. */
function chunkLength(index: number): number {
  return index % 7 === 0 ? 1 + (index % 23) : 1 + ((index * 7919) % (64 * 1024));
}
