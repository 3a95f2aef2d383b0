/**
 * Scenes for tests of one peer against an engine: a session that seeds, downloads or has a magnet only, and scripted
 * peers that join it. Everything in virtual time; times in ms.
 */
import assert from 'node:assert/strict';
import { makeAddress } from '../../base/address.js';
import { fromHex, fromLatin1, toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { wireHashes } from '../../format/infohash.js';
import { decodeExtensionHandshake, type ExtensionHandshake } from '../../protocol/wire/extension-handshake.js';
import type { Link } from '../../sim/network/internet.js';
import { Simulator } from '../../sim/simulator.js';
import type { Settings } from '../settings.js';
import type { Torrent } from '../torrent.js';
import { RawPeer, type RawPeerOptions } from './raw-peer.js';
import { DOWNLOADS, makeSimTorrent, SimEngine, type SimTorrent } from './sim-swarm.js';

export const BLOCK: number = LIMITS.blockBytes;
/** 20 pieces of two blocks. */
export const TORRENT: SimTorrent = makeSimTorrent({ lengths: { 'a.bin': 20 * 32_768 }, pieceLength: 32_768 });
export const HASH: Uint8Array = wireHashes(TORRENT.metainfo.infoHash)[0]!;
/** So many that they are no newcomer's. */
export const TWELVE: readonly number[] = Array.from({ length: 12 }, (_, piece) => piece);
export const SLOW: Link = { latencyMs: 5, bytesPerMs: 100, lossRatio: 0 };
export const METADATA_REJECT: string = toHex(fromLatin1('d8:msg_typei2e5:piecei0ee'));
export const ONE_SLOT: Partial<Settings> = { uploadSlots: 1, optimisticSlots: 0 };

export interface Scene {
  readonly simulator: Simulator;
  readonly engine: SimEngine;
  readonly added: Torrent;
}

export interface SceneOptions {
  readonly simulator?: Simulator;
  readonly torrent?: SimTorrent;
  readonly settings?: Partial<Settings>;
}

export function seeding({
  simulator = new Simulator({ seed: 1 }),
  torrent = TORRENT,
  settings = {},
}: SceneOptions = {}): Scene {
  const engine = new SimEngine(simulator, settings);
  engine.give(torrent);
  const added = engine.add(torrent.metainfo);
  assert.ok(simulator.run(() => added.phase === 'seeding', { maxVirtualMs: 10_000 }));
  return { simulator, engine, added };
}

export function downloading({
  simulator = new Simulator({ seed: 2 }),
  torrent = TORRENT,
  settings = {},
}: SceneOptions = {}): Scene {
  const engine = new SimEngine(simulator, settings);
  const added = engine.add(torrent.metainfo);
  assert.ok(simulator.run(() => added.phase === 'downloading', { maxVirtualMs: 10_000 }));
  return { simulator, engine, added };
}

/** `hasFiles`: all but piece 0 is on disk. */
export function fromMagnet(hasFiles = false, settings: Partial<Settings> = {}): Scene {
  const simulator = new Simulator({ seed: 3 });
  const engine = new SimEngine(simulator, settings);
  if (hasFiles) {
    engine.give(TORRENT);
    engine.host.disk.corrupt(`${DOWNLOADS}/content/a.bin`, 0);
  }
  return { simulator, engine, added: engine.add(TORRENT.magnet) };
}

/** A peer that has the metadata and nothing else. */
export function giveMetadata(simulator: Simulator, engine: SimEngine, added: Torrent): void {
  const other = new SimEngine(simulator);
  other.add(TORRENT.metainfo, { from: [engine] });
  assert.ok(simulator.run(() => added.phase === 'downloading', { maxVirtualMs: 60_000 }));
}

/** Dialled, and the handshake sent. */
export function join(
  simulator: Simulator,
  engine: SimEngine,
  options: RawPeerOptions = {},
  torrent = TORRENT,
): RawPeer {
  return new RawPeer(simulator, options).dial(engine).handshake(wireHashes(torrent.metainfo.infoHash)[0]!);
}

/** With the fast extension, no newcomer. */
export function unchokedPeer(simulator: Simulator, engine: SimEngine): RawPeer {
  const peer = join(simulator, engine, { fast: true }).bitfield(20, TWELVE);
  peer.send((encoder) => encoder.interested());
  wait(simulator, 200);
  assert.deepEqual(peer.heard('unchoke'), ['unchoke']);
  return peer;
}

/** Takes the only upload slot. */
export function occupySlot(simulator: Simulator, engine: SimEngine): void {
  unchokedPeer(simulator, engine);
}

/** The same block again and again, which is allowed. */
export function askOften(peer: RawPeer, count: number): void {
  peer.send((encoder) => {
    for (let i = 0; i < count; i++) encoder.request(15, 0, BLOCK);
  });
}

export function lastExtensionHandshake(peer: RawPeer): ExtensionHandshake {
  const payload = peer.heard('extended 0').at(-1)!.split(' ')[2]!;
  return decodeExtensionHandshake(fromHex(payload)!)!;
}

/** Has the engine dial the peer. */
export function dialled(engine: SimEngine, added: Torrent, peer: RawPeer): void {
  const address = makeAddress(peer.host.ipv4!, 6881)!;
  engine.session.context.turn.run(() => added.addPeers([address], 'user'));
}

export function wait(simulator: Simulator, ms: number): void {
  simulator.run(simulator.now + ms);
}

export function assertWithin(value: number, from: number, tolerance: number): void {
  assert.ok(value >= from && value <= from + tolerance, `${value} is not within ${tolerance} of ${from}`);
}
