import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { concatBytes, fromLatin1 } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { TextRecords } from './text-records.js';

const NO_SUCH_NAME = 3;

/** A name server on loopback that knows one host's TXT records: each a list of strings. */
class NameServer {
  readonly #socket: Socket;
  readonly askedFrom: string[] = [];
  isSilent = false;
  onQuestion: () => void = () => {};

  private constructor(socket: Socket, host: string, records: readonly (readonly string[])[]) {
    this.#socket = socket;
    socket.on('message', (question, from) => {
      this.askedFrom.push(from.address);
      this.onQuestion();
      if (!this.isSilent) socket.send(answerTo(question, host, records), from.port, from.address);
    });
  }

  static async start(t: TestContext, host: string, records: readonly (readonly string[])[]): Promise<NameServer> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    t.after(() => socket.close());
    return new NameServer(socket, host, records);
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }
}

/** RFC 1035 4.1: the question comes back, and behind it one answer a record. */
function answerTo(question: Uint8Array, host: string, records: readonly (readonly string[])[]): Uint8Array {
  const labels = host.split('.').map((label) => fromLatin1(String.fromCharCode(label.length) + label));
  const name = concatBytes([...labels, Uint8Array.of(0)]);
  const asked = question.slice(12, 12 + name.length + 4);
  const isKnown =
    Buffer.from(asked).subarray(0, name.length).toString('latin1').toLowerCase() ===
    Buffer.from(name).toString('latin1');
  const answers = isKnown ? records.map(txtAnswer) : [];
  const code = isKnown ? 0 : NO_SUCH_NAME;
  const header = Uint8Array.of(question[0]!, question[1]!, 0x81, 0x80 | code, 0, 1, 0, answers.length, 0, 0, 0, 0);
  const end = question.indexOf(0, 12) + 5;
  return concatBytes([header, question.slice(12, end), ...answers]);
}

/** Name: that of the question. TXT, IN, a minute. */
function txtAnswer(strings: readonly string[]): Uint8Array {
  const data = concatBytes(strings.map((text) => fromLatin1(String.fromCharCode(text.length) + text)));
  return concatBytes([Uint8Array.of(0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 255), data]);
}

function resolved(records: TextRecords, host: string, from: readonly string[] = []): Promise<unknown> {
  return new Promise((resolve) => {
    let isInCall = true;
    records.resolve(
      host,
      (result) => {
        assert.equal(isInCall, false, 'done ran inside the call');
        resolve(result);
      },
      from,
    );
    isInCall = false;
  });
}

test('the strings of a record are one text', async (t) => {
  const server = await NameServer.start(t, 'tracker.test', [['v=spf1'], ['BITTORRENT UDP:1', '337 TCP:80']]);
  const found = await resolved(new TextRecords([server.address]), 'tracker.test');
  assert.deepEqual(found, ['v=spf1', 'BITTORRENT UDP:1337 TCP:80']);
});

test('a name that has none, or is not there, has no records', async (t) => {
  const server = await NameServer.start(t, 'tracker.test', []);
  const records = new TextRecords([server.address]);
  assert.deepEqual(await resolved(records, 'tracker.test'), []);
  assert.deepEqual(await resolved(records, 'other.test'), []);
});

test('a question leaves from the address that it may leave from', async (t) => {
  const server = await NameServer.start(t, 'tracker.test', [['x']]);
  const records = new TextRecords([server.address]);
  assert.deepEqual(await resolved(records, 'tracker.test', ['127.0.0.2']), ['x']);
  assert.deepEqual(server.askedFrom, ['127.0.0.2']);
  const result = await resolved(records, 'tracker.test', ['2001:db8::1']);
  assert.ok(result instanceof DtorrentError);
  assert.match(result.message, /no name server .* can be asked from 2001:db8::1/);
});

test('to close, or to give an address up, ends the wait', async (t) => {
  const server = await NameServer.start(t, 'tracker.test', []);
  server.isSilent = true;
  const records = new TextRecords([server.address]);
  server.onQuestion = () => records.close();
  assert.ok((await resolved(records, 'tracker.test')) instanceof DtorrentError);
  server.onQuestion = () => records.abandon('127.0.0.2');
  assert.ok((await resolved(records, 'tracker.test', ['127.0.0.2'])) instanceof DtorrentError);
});

test('a name that cannot be is an error that quotes it', async () => {
  const result = await resolved(new TextRecords(['127.0.0.1']), `${'a'.repeat(70)}.test`);
  assert.ok(result instanceof DtorrentError);
  assert.match(result.message, /"a{70}\.test"/);
});
