import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { DtorrentError } from '../base/errors.js';
import { type DiskAction, diskError } from './disk-error.js';

function from(systemCode: string, action: DiskAction, neededBytes = 0): DtorrentError {
  const thrown = Object.assign(new Error(`${systemCode}: as the system says it`), { code: systemCode });
  return diskError(thrown, { action, path: '/d/file.iso', directory: tmpdir(), neededBytes });
}

for (const [systemCode, action, code, message] of [
  ['EACCES', 'open', 'EFILEOPEN', /cannot open \/d\/file\.iso: permission denied/],
  ['EACCES', 'create', 'EFILECREATE', /cannot create \/d\/file\.iso: permission denied/],
  ['EROFS', 'create', 'EFILECREATE', /read-only/],
  ['EROFS', 'create the directory', 'EDIRCREATE', /cannot create the directory \/d\/file\.iso/],
  ['ENOTDIR', 'create the directory', 'EDIRCREATE', /is a file, not a directory/],
  ['ELOOP', 'open', 'EFILEOPEN', /symbolic link/],
  ['EMFILE', 'open', 'EFILEOPEN', /maxOpenFiles/],
  ['EIO', 'read', 'EFILEIO', /check the system log/],
  ['EIO', 'open', 'EFILEIO', /check the system log/],
  ['EFBIG', 'write', 'EFILEIO', /does not allow files this large/],
  ['EWHATEVER', 'write', 'EFILEIO', /as the system says it/],
  ['EDQUOT', 'write', 'EDISKFULL', /quota/],
  ['ENOSPC', 'create the directory', 'EDISKFULL', /free for \/d\/file\.iso/],
] as const) {
  test(`${systemCode} when trying to ${action} is ${code}`, () => {
    const error = from(systemCode, action);
    assert.equal(error.code, code);
    assert.match(error.message, message);
  });
}

test('a full disk says what is free, what is needed and what to do', () => {
  const error = from('ENOSPC', 'write', 5_000_000_000);
  assert.equal(error.code, 'EDISKFULL');
  assert.match(error.message, /has [\d.]+ [A-Za-z]+ free, \/d\/file\.iso needs 4\.66 GiB more; free some space/);
  assert.ok(error.message.startsWith(tmpdir()));
});

test('an error that is understood already passes through', () => {
  const error = new DtorrentError('EFILEOPEN', 'known');
  assert.equal(diskError(error, { action: 'write', path: '/x', directory: '/' }), error);
});
