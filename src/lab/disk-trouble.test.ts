/** Engines on disks that fill up, fail and rot: each is said, got over, and never claimed to be what it is not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LabTorrent } from './lab-torrent.js';
import { DiskScene } from './testing/disk-scene.js';

const KIB = 1024;
const TORRENT = new LabTorrent({
  lengths: { 'a.bin': 200 * KIB, 'b/c.bin': 150 * KIB + 7, empty: 0, 'b/d.bin': 20 * KIB, 'e.bin': 300 * KIB - 5 },
  pieceLength: 32 * KIB,
  seed: 1,
});
const SPILLED = new LabTorrent({ lengths: { 'a.bin': 3200 * KIB + 3 }, pieceLength: 1024 * KIB, seed: 2 });
const SEEDS = Array.from({ length: Number(process.env['DISK_SEEDS'] ?? 6) }, (_, i) => i + 1);
const ALLOCATIONS = ['none', 'sparse', 'full'] as const;

for (const seed of SEEDS) {
  const torrent = seed % 2 === 0 ? TORRENT : SPILLED;
  const settings = { preallocation: ALLOCATIONS[seed % 3]!, writeCacheBytes: 1024 * KIB };

  describe(`a download on a disk in trouble (seed ${seed})`, () => {
    test('waits while the disk is full, and ends when there is room', () => {
      const scene = new DiskScene({ seed, torrent, settings });
      scene.disk.capacityBytes = 32 * KIB * (1 + scene.below(8));
      scene.run(30_000);
      assert.match(scene.errors[0]!, /^\/downloads has .* free, .* needs .* more; free some space/);
      scene.disk.capacityBytes += 64 * KIB;
      scene.run(60_000);
      assert.ok(scene.errors.length > 1 && scene.errors.length < 10, `it is told ${scene.errors.length} times`);
      scene.disk.capacityBytes = torrent.content.length;
      scene.finish();
    });

    test('goes on after errors of any operation, and ends', () => {
      const scene = new DiskScene({ seed, torrent, settings });
      scene.disk.trouble.errorRatio = 0.1;
      scene.disk.trouble.failNext('write');
      for (let step = 0; step < 20; step++) {
        scene.run(10_000);
        scene.checkClaims();
      }
      assert.ok(scene.errors.length > 0);
      scene.disk.trouble.errorRatio = 0;
      scene.finish();
    });

    test('crashes on top of it, and ends', () => {
      const scene = new DiskScene({ seed, torrent, settings });
      scene.disk.trouble.errorRatio = 0.05;
      scene.disk.capacityBytes = torrent.content.length / 2;
      for (let life = 0; life < 10; life++) {
        scene.crashAndRestart(scene.below(2) === 0 ? 'killed' : 'power', 1 << scene.below(11), 5000);
      }
      scene.disk.trouble.errorRatio = 0;
      scene.disk.capacityBytes = Number.POSITIVE_INFINITY;
      scene.finish();
    });

    test('finds what has rotted when it hashes, and fetches it again', () => {
      const scene = new DiskScene({ seed, torrent, settings });
      scene.finish();
      for (let i = 0; i < 5; i++) scene.disk.rot(scene.random);
      assert.ok(scene.rotten.length > 0);
      scene.node.session.recheck(scene.download);
      scene.run(50);
      scene.finish();
      assert.equal(scene.rotten.length, 0);
      assert.equal(scene.piecesOnDisk().count, torrent.metainfo.pieceCount);
    });

    test('that rots as it is read is never claimed to be good', () => {
      const scene = new DiskScene({ seed, torrent, settings });
      scene.disk.trouble.rotRatio = 0.05;
      for (let life = 0; life < 6; life++) {
        scene.crashAndRestart('killed', 1 << (5 + scene.below(7)), 3000);
      }
      scene.disk.trouble.rotRatio = 0;
      scene.node.session.recheck(scene.download);
      scene.run(50);
      scene.finish();
      assert.equal(scene.piecesOnDisk().count, torrent.metainfo.pieceCount);
    });
  });
}
