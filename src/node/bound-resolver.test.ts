import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns';
import { once } from 'node:events';
import { describe, mock, test } from 'node:test';
import type { Address } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import { BoundResolver } from './bound-resolver.js';
import { hostsFileAddresses } from './hosts-file.js';

type Result = readonly Address[] | DtorrentError;

function resolved(host: string, from: readonly string[], resolver = new BoundResolver()): Promise<Result> {
  return new Promise((resolve) => {
    let isInCall = true;
    resolver.resolve(host, from, (result) => {
      assert.equal(isInCall, false, 'done ran inside the call');
      resolve(result);
    });
    isInCall = false;
  });
}

function assertFailed(result: Result, message: RegExp): void {
  assert.ok(result instanceof DtorrentError);
  assert.match(result.message, message);
}

/** A name server of one IPv4 address for every name. @returns who has asked. */
async function nameServer(t: { after(fn: () => void): void }, answers: boolean): Promise<string[]> {
  const askers: string[] = [];
  const server = createSocket('udp4').bind(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${server.address().port}`;
  t.after(() => server.close());
  server.on('message', (question, from) => {
    askers.push(from.address);
    if (!answers) return;
    const isV4 = question[question.indexOf(0, 12) + 2] === 1;
    const end = question.indexOf(0, 12) + 5;
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 5]);
    const head = Buffer.from([question[0]!, question[1]!, 0x81, 0x80, 0, 1, 0, isV4 ? 1 : 0, 0, 0, 0, 0]);
    server.send(Buffer.concat([head, question.subarray(12, end), ...(isV4 ? [answer] : [])]), from.port, from.address);
  });
  mock.method(Resolver.prototype, 'getServers', () => [address]);
  t.after(() => mock.restoreAll());
  return askers;
}

describe('BoundResolver', () => {
  test('questions leave from the address that was given', async (t) => {
    const askers = await nameServer(t, true);
    assert.deepEqual(await resolved('tracker.example', ['127.0.0.7']), [{ family: 4, host: '192.0.2.5', port: 0 }]);
    assert.deepEqual(new Set(askers), new Set(['127.0.0.7']));
  });

  test('a name server of another family than the address is not asked', async (t) => {
    const askers = await nameServer(t, true);
    assertFailed(await resolved('tracker.example', ['::1']), /no name server of this machine can be asked from ::1$/);
    assert.deepEqual(askers, []);
  });

  test('when the address is abandoned, who waits hears of it at once, and nothing more is asked', async (t) => {
    const askers = await nameServer(t, false);
    const resolver = new BoundResolver();
    const waiting = resolved('tracker.example', ['127.0.0.7'], resolver);
    const early = resolved('other.example', ['127.0.0.8'], resolver);
    resolver.abandon('127.0.0.8');
    while (askers.length === 0) await new Promise(setImmediate);
    resolver.abandon('127.0.0.7');
    assertFailed(await waiting, /^cannot resolve "tracker\.example"/);
    assertFailed(await early, /^cannot resolve "other\.example": 127\.0\.0\.8 is not to be used any more$/);
    assert.deepEqual(new Set(askers), new Set(['127.0.0.7']));
  });

  test('localhost and addresses are known without asking, as far as they are of the right family', async (t) => {
    const askers = await nameServer(t, true);
    assert.deepEqual(await resolved('localhost', ['127.0.0.7']), [{ family: 4, host: '127.0.0.1', port: 0 }]);
    assert.deepEqual(await resolved('[2001:db8::1]', ['127.0.0.7']), [{ family: 6, host: '2001:db8::1', port: 0 }]);
    assert.deepEqual(askers, []);
  });

  test('a name that cannot be is an error that quotes it', async (t) => {
    await nameServer(t, false);
    assertFailed(await resolved('a\0b', ['127.0.0.7']), /^cannot resolve "a/);
  });
});

test('a hosts file has comments, several names a line, both families, and lines that mean nothing', () => {
  const text =
    '# 192.0.2.9 nas\n192.0.2.1\tNAS nas.home # 192.0.2.2\n\n2001:db8::5 nas\r\nfe80::1%eth0 nas\nx nas\nnas\n';
  assert.deepEqual(
    hostsFileAddresses(text, 'nas').map(({ host }) => host),
    ['192.0.2.1', '2001:db8::5', 'fe80::1'],
  );
  assert.deepEqual(hostsFileAddresses(text, '192.0.2.2'), []);
});
