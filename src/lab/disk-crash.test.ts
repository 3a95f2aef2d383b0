/** Engines whose machine crashes in the middle of anything, again and again, over one disk and one state. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseSelection } from '../engine/data/file-selection.js';
import { LabTorrent } from './lab-torrent.js';
import { DiskScene, type DiskSceneOptions } from './testing/disk-scene.js';

const KIB = 1024;
const SMALL = new LabTorrent({
  lengths: { 'a.bin': 200 * KIB, 'b/c.bin': 150 * KIB + 7, empty: 0, 'b/d.bin': 20 * KIB, 'e.bin': 300 * KIB - 5 },
  pieceLength: 32 * KIB,
  seed: 1,
});
/** Too large to be held whole: they go to disk in parts, unverified. */
const SPILLED = new LabTorrent({
  lengths: { 'a.bin': 1500 * KIB, 'b.bin': 1700 * KIB + 3 },
  pieceLength: 1024 * KIB,
  seed: 2,
});
const SEEDS = Number(process.env['CRASH_SEEDS'] ?? 8);
const FIRST = Number(process.env['CRASH_FIRST'] ?? 1);
const KINDS = ['killed', 'power'] as const;
const ALLOCATIONS = ['none', 'sparse', 'full'] as const;

for (const [name, torrent, settings] of [
  ['small pieces', SMALL, {}],
  ['pieces that are spilled', SPILLED, { writeCacheBytes: 1024 * KIB }],
] as const) {
  describe(`a download whose machine crashes: ${name}`, () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      test(`it loses nothing that was saved, claims nothing that is not there, and ends (seed ${seed})`, () => {
        const scene = new DiskScene({
          seed,
          torrent,
          settings: { ...settings, preallocation: ALLOCATIONS[seed % 3]! },
        });
        crashOften(scene, 12);
        scene.finish();
      });
    }
  });
}

describe('a download whose machine crashes while its owner changes his mind', () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    test(`it loses nothing that was saved, claims nothing that is not there, and ends (seed ${seed})`, () => {
      const torrent = seed % 2 === 0 ? SMALL : SPILLED;
      const settings = { writeCacheBytes: 1024 * KIB, preallocation: ALLOCATIONS[seed % 3]! };
      const options: DiskSceneOptions = { seed, torrent, settings, options: { selection: parseSelection(['1']) } };
      const scene = new DiskScene(options);
      for (let life = 0; life < 10; life++) {
        for (let step = 0; step < 4; step++) {
          scene.run(scene.below(600));
          changeMind(scene);
        }
        scene.crashAndRestart(KINDS[scene.below(2)]!, scene.below(300), scene.below(3000));
      }
      scene.run(3000);
      scene.node.session.inTurn(() => scene.download.setSelection(parseSelection([])));
      scene.node.session.resume(scene.download);
      scene.finish();
    });
  }
});

describe('a download whose machine crashes, among liars, with records that fail, without metadata at first', () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    test(`it loses nothing that was saved, claims nothing that is not there, and ends (seed ${seed})`, () => {
      const torrent = seed % 2 === 0 ? SMALL : SPILLED;
      const settings = { writeCacheBytes: 1024 * KIB, preallocation: ALLOCATIONS[seed % 3]! };
      const trouble = { hasLiar: seed % 5 < 3, hasMagnet: seed % 7 < 3, stateErrorRatio: (seed % 4) / 10 };
      const scene = new DiskScene({ seed, torrent, settings, ...trouble });
      crashOften(scene, 12);
      scene.finish();
    });
  }
});

describe('a piece too large to be held', () => {
  const torrent = new LabTorrent({ lengths: { 'a.bin': 4000 * KIB }, pieceLength: 4096 * KIB, seed: 3 });
  for (const kind of KINDS) {
    for (const preallocation of ALLOCATIONS) {
      test(`loses only what has come since the last save: ${kind}, ${preallocation}`, () => {
        const settings = { preallocation, writeCacheBytes: 1024 * KIB };
        const scene = new DiskScene({ seed: 1, torrent, settings, bytesPerMs: 200 });
        for (let life = 1; life <= 3; life++) {
          scene.crashAndRestart(kind, Number.POSITIVE_INFINITY, 5000);
          scene.runUntilChecked();
          // At 200 bytes a ms; a save a second, and what is in memory.
          const kibLeft = scene.blocksOnDisk * 16;
          assert.ok(kibLeft > life * 500, `${kibLeft} KiB after ${life} crashes`);
        }
        scene.finish();
      });
    }
  }
});

function crashOften(scene: DiskScene, lives: number): void {
  for (let life = 0; life < lives; life++) {
    scene.crashAndRestart(KINDS[scene.below(2)]!, 1 << scene.below(11), 10 + scene.below(4000));
  }
}

function changeMind(scene: DiskScene): void {
  const { node, download } = scene;
  switch (scene.below(7)) {
    case 0:
      node.session.pause(download, () => {});
      break;
    case 1:
      node.session.recheck(download);
      break;
    case 2:
      scene.restart();
      break;
    case 3:
    case 4: {
      const file = 1 + scene.below(download.metainfo!.files.length);
      node.session.inTurn(() => download.setSelection(parseSelection([String(file)])));
      break;
    }
    case 5:
      if (download.files !== null) scene.stream(scene.below(download.metainfo!.files.length));
      break;
    default:
      node.session.resume(download);
  }
}
