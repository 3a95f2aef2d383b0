import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { type Magnet, parseMutableMagnet } from '../format/magnet.js';
import { FollowedTorrent } from './followed-torrent.js';
import type { TorrentHandle } from './torrent-handle.js';

const FIRST = new Uint8Array(20).fill(1);
const SECOND = new Uint8Array(20).fill(2);
const THIRD = new Uint8Array(20).fill(3);

/** An engine that notes what it is asked. */
class Owner {
  readonly log: string[] = [];
  readonly warnings: DtorrentError[] = [];
  readonly told: string[] = [];
  unfollowed = 0;
  refusal: DtorrentError | null = null;
  readonly followed: FollowedTorrent;

  constructor(link = `magnet:?xs=urn:btpk:${'07'.repeat(32)}&tr=http%3A%2F%2Ftracker.example%2Fannounce`) {
    const ends = {
      unfollow: () => {
        this.unfollowed++;
      },
      stoppedError: () => new DtorrentError('ESTOPPED', 'given up'),
    };
    this.followed = new FollowedTorrent(parseMutableMagnet(link), this, ends);
  }

  add({ infoHash, trackers }: Magnet): TorrentHandle {
    if (this.refusal !== null) throw this.refusal;
    assert.equal(trackers.length, 1);
    const hash = toHex(infoHash.v1!).slice(0, 2);
    this.log.push(`add ${hash}`);
    return { name: hash } as TorrentHandle;
  }

  async remove({ name }: TorrentHandle): Promise<void> {
    this.log.push(`remove ${name}`);
    await Promise.resolve();
    this.log.push(`removed ${name}`);
  }

  onVersion({ name }: TorrentHandle): void {
    this.told.push(name);
  }

  warn(error: DtorrentError): void {
    this.warnings.push(error);
  }
}

test('the first version that is found is added', async () => {
  const { followed, log } = new Owner();
  assert.equal(followed.torrent, null);
  followed.update(FIRST, 1n);
  const torrent = await followed.found;
  assert.equal(followed.torrent, torrent);
  assert.equal(followed.sequence, 1n);
  assert.deepEqual(log, ['add 01']);
});

test('a link that has an info-hash too begins with that version', async () => {
  const hash = toHex(FIRST);
  const owner = new Owner(`magnet:?xt=urn:btih:${hash}&xs=urn:btpk:${'07'.repeat(32)}&tr=udp%3A%2F%2Fa.example%3A1`);
  assert.equal((await owner.followed.found).name, '01');
  assert.equal(owner.followed.sequence, null);
  owner.followed.update(FIRST, 4n);
  owner.followed.update(SECOND, 5n);
  await settled();
  assert.deepEqual(owner.log, ['add 01', 'remove 01', 'removed 01', 'add 02']);
  assert.deepEqual(owner.told, ['01', '02']);
});

test('a newer version is added once the one before is gone', async () => {
  const { followed, log } = new Owner();
  followed.update(FIRST, 1n);
  followed.update(SECOND, 2n);
  await settled();
  assert.deepEqual(log, ['add 01', 'remove 01', 'removed 01', 'add 02']);
  assert.equal(followed.torrent!.name, '02');
});

test('a version that points at the same torrent changes nothing', async () => {
  const { followed, log } = new Owner();
  followed.update(FIRST, 1n);
  followed.update(FIRST, 2n);
  await settled();
  assert.deepEqual(log, ['add 01']);
  assert.equal(followed.sequence, 2n);
});

test('a version that the engine refuses is told, and the next one is taken', async () => {
  const owner = new Owner();
  owner.refusal = new DtorrentError('EDUPLICATE', 'it is there already');
  owner.followed.update(FIRST, 1n);
  await settled();
  assert.deepEqual(
    owner.warnings.map(({ code }) => code),
    ['EDUPLICATE'],
  );
  owner.refusal = null;
  owner.followed.update(THIRD, 2n);
  assert.equal((await owner.followed.found).name, '03');
});

test('what is given up before anything was found rejects, and does so once', async () => {
  const owner = new Owner();
  owner.followed.stop();
  owner.followed.stop();
  await assert.rejects(owner.followed.found, { code: 'ESTOPPED' });
  assert.equal(owner.unfollowed, 1);
  owner.followed.update(FIRST, 1n);
  await settled();
  assert.deepEqual(owner.log, []);
});

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
