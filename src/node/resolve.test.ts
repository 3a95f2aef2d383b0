import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Address } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import { isPrivateAddress } from './private-address.js';
import { resolveHost } from './resolve.js';

function resolved(host: string): Promise<readonly Address[] | DtorrentError> {
  return new Promise((resolve) => {
    let isInCall = true;
    resolveHost(host, (result) => {
      assert.equal(isInCall, false, 'done ran inside the call');
      resolve(result);
    });
    isInCall = false;
  });
}

describe('resolveHost', () => {
  test('IP text passes through, in canonical form', async () => {
    assert.deepEqual(await resolved('192.0.2.1'), [{ family: 4, host: '192.0.2.1', port: 0 }]);
    assert.deepEqual(await resolved('[2001:DB8:0::1]'), [{ family: 6, host: '2001:db8::1', port: 0 }]);
    assert.deepEqual(await resolved('::ffff:192.0.2.1'), [{ family: 4, host: '192.0.2.1', port: 0 }]);
  });

  test('localhost is this machine', async () => {
    const result = await resolved('localhost');
    assert.ok(!(result instanceof DtorrentError));
    assert.ok(result.length > 0 && result.every(isPrivateAddress));
  });

  test('a name that cannot be is an error that quotes it', async () => {
    for (const host of ['no-such-name.invalid', 'a\0b']) {
      const result = await resolved(host);
      assert.ok(result instanceof DtorrentError);
      assert.match(result.message, /^cannot resolve "/);
    }
  });
});

describe('isPrivateAddress', () => {
  const isPrivate = (host: string): boolean => isPrivateAddress({ family: host.includes(':') ? 6 : 4, host, port: 0 });
  test('knows the ranges that are not of the Internet, and their edges', () => {
    const inside = [
      '10.0.0.0',
      '10.255.255.255',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '127.0.0.1',
      '0.0.0.0',
    ];
    inside.push('169.254.1.1', '100.64.0.1', '::', '::1', 'fc00::1', 'fdff::1', 'fe80::1', 'febf::1');
    const outside = ['9.255.255.255', '11.0.0.0', '172.15.0.1', '172.32.0.0', '192.169.0.1', '128.0.0.1', '1.1.1.1'];
    outside.push('169.255.0.1', '100.128.0.1', '::2', '2001:db8::1', 'fec0::1');
    assert.deepEqual(
      inside.filter((host) => !isPrivate(host)),
      [],
    );
    assert.deepEqual(outside.filter(isPrivate), []);
  });
});
