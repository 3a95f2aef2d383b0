import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Address } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import { isPrivateAddress } from '../base/ip-ranges.js';
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
