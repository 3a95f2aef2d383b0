import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StorageFile } from '../../host/storage.js';
import { Simulator } from '../../sim/simulator.js';
import { makeSimTorrent, SimEngine } from '../testing/sim-swarm.js';
import { FileClaims } from './file-claims.js';

function file(path: string, padding = false): StorageFile {
  return { path: path.split('/'), lengthBytes: 1, offsetBytes: 0, padding, executable: false };
}

test('a file has one owner at a time, in whatever case its name is written', () => {
  const claims = new FileClaims<string>();
  assert.equal(claims.claim('first', '/d', [file('a/x'), file('a/y')]), null);
  assert.deepEqual(claims.claim('second', '/d', [file('a/z'), file('A/X')]), { path: '/d/A/X', owner: 'first' });
  assert.equal(claims.claim('third', '/d', [file('a/z')]), null, 'a refused claim takes nothing');
  assert.equal(claims.claim('second', '/elsewhere', [file('a/x')]), null);
  claims.release('first');
  assert.equal(claims.claim('second', '/d', [file('a/x')]), null);
});

test('padding files are nobody’s, and claiming again is no conflict with oneself', () => {
  const claims = new FileClaims<string>();
  assert.equal(claims.claim('first', '/d', [file('.pad/5', true), file('x')]), null);
  assert.equal(claims.claim('first', '/d', [file('x')]), null);
  assert.equal(claims.claim('second', '/d', [file('.pad/5', true)]), null);
});

test('a second torrent that would write over the first one’s file fails, and the file stays as it is', () => {
  const simulator = new Simulator({ seed: 1 });
  const engine = new SimEngine(simulator);
  const first = makeSimTorrent({ lengths: { 'a.bin': 100_000 }, pieceLength: 16_384 });
  engine.give(first);
  const kept = engine.add(first.metainfo);
  simulator.run(() => kept.phase === 'seeding');
  const second = engine.add(makeSimTorrent({ lengths: { 'a.bin': 50_000 }, pieceLength: 32_768 }).metainfo);
  simulator.run(() => second.phase === 'failed');
  assert.equal(second.error?.code, 'EDUPLICATE');
  assert.equal(kept.phase, 'seeding');
  assert.ok(engine.has(first));
  engine.session.remove(second, () => {});
  engine.session.remove(kept, () => {});
  simulator.run(simulator.now + 10_000);
  const third = engine.add(makeSimTorrent({ lengths: { 'a.bin': 50_000 }, pieceLength: 32_768 }).metainfo);
  simulator.run(() => third.phase === 'downloading');
});
