/** The public handles on a simulated host: promises settle when the simulator has run far enough. */
import assert from 'node:assert/strict';
import { Simulator } from '../../sim/simulator.js';
import { EngineBase } from '../engine.js';
import type { TorrentHandle } from '../torrent-handle.js';
import { DOWNLOADS, SimEngine, type SimTorrent } from './sim-swarm.js';

export interface HandleScene {
  readonly simulator: Simulator;
  readonly engine: EngineBase;
  /** Has everything of the torrent. */
  readonly seed: SimEngine;
  readonly torrent: TorrentHandle;
}

/** An engine, and a seed beside it. */
export async function startEngine(torrent: SimTorrent): Promise<Omit<HandleScene, 'torrent'>> {
  const simulator = new Simulator({ seed: 1 });
  const seed = new SimEngine(simulator);
  seed.give(torrent);
  const seeding = seed.add(torrent.metainfo);
  simulator.run(() => seeding.phase === 'seeding');
  const starting = EngineBase.startOn(simulator.createHost(), { downloadDir: DOWNLOADS });
  return { simulator, engine: await settle(simulator, starting), seed };
}

/** The same with the torrent added; `isAlone`: it knows of no peer. */
export async function startHandles(
  torrent: SimTorrent,
  { isAlone = false }: { readonly isAlone?: boolean } = {},
): Promise<HandleScene> {
  const scene = await startEngine(torrent);
  const peers = isAlone ? [] : [scene.seed.address];
  return { ...scene, torrent: scene.engine.addParsed(torrent.metainfo, { peers }) };
}

/** Runs the world until the promise has settled. */
export async function settle<T>(simulator: Simulator, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const note = (): void => {
    isSettled = true;
  };
  promise.then(note, note);
  for (let i = 0; i < 600 && !isSettled; i++) {
    simulator.run(simulator.now + 100);
    // What the simulator settled is heard in microtasks.
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(isSettled, 'it did not settle within a minute');
  return promise;
}
