import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localHosts } from './local-hosts.js';

test('a list is the addresses of this machine that it means; an empty one is any', () => {
  assert.deepEqual(localHosts(''), ['']);
  assert.deepEqual(localHosts(' 127.0.0.5, lo,').slice(0, 2), ['127.0.0.5', '127.0.0.1']);
});

test('a list of what is not there is an error that names it', () => {
  assert.throws(
    () => localHosts('none0'),
    /^DtorrentError: this machine does not have the interface none0, or it is down$/,
  );
  assert.throws(() => localHosts('192.0.2.77'), /this machine does not have the address 192\.0\.2\.77/);
});
