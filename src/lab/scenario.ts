/**
 * A world as plain data, made from a seed: the torrent, its swarm, the links between them and what goes wrong when.
 * The same seed and options give the same scenario, and a scenario the same run. Times are virtual ms since the start,
 * rates bytes per ms. Made by makeScenario, run by LabSwarm.
 */
import { randomBelow, SeededRandom } from '../base/random.js';
import type { Settings } from '../engine/settings.js';
import type { ActorKind } from '../sim/actors/actor.js';
import { ACTOR_KINDS } from '../sim/actors/create-actor.js';
import type { Cutting, Link } from '../sim/network/link.js';
import { NAT_KINDS, type NatKind } from '../sim/network/nat.js';
import type { DiskModel } from '../sim/storage/disk-model.js';
import type { FaultKind } from './fault-kinds.js';
import type { LabTorrentOptions } from './lab-torrent.js';
import { planTrouble, type Trouble } from './trouble.js';

/** What a world is drawn from. */
export interface ScenarioOptions {
  /** An integer from 0 to 2^32 - 1. */
  readonly seed: number;
  /** Honest nodes, seeds included. */
  readonly peers: number;
  /** What may go wrong. */
  readonly faults: readonly FaultKind[];
  /** Virtual time that the world has: trouble in the first half of it, and then everybody is to finish. */
  readonly minutes: number;
}

/** An honest node. */
export interface ScenarioMember {
  /** `seed-0`, `peer-1` and so on. */
  readonly name: string;
  /** IP text. */
  readonly ipv4: string;
  /** It has everything from the start. */
  readonly isSeed: boolean;
  /** When it begins. */
  readonly joinAtMs: number;
  /** It is given the magnet and fetches the metadata from peers. */
  readonly hasMagnet: boolean;
  /** It is told of nobody, and has to ask a tracker. */
  readonly knowsNobody: boolean;
  /** Its own line, away from it. */
  readonly upBytesPerMs: number;
  /** And towards it. */
  readonly downBytesPerMs: number;
  /** Null = it can be dialled. */
  readonly nat: NatKind | null;
  /** Its part of the way to another node; what is not a sum is the worse of the two. */
  readonly line: Omit<Link, 'bytesPerMs'>;
  /** How fast its disk is. */
  readonly disk: DiskModel;
  /** Of its engine. */
  readonly settings: Partial<Settings>;
}

/** A tracker that the torrent names. */
export interface ScenarioTracker {
  /** How it is spoken to. */
  readonly kind: 'http' | 'udp';
  /** Host name. */
  readonly name: string;
  /** Of the server. */
  readonly port: number;
}

/** A hostile peer. */
export interface ScenarioActor {
  /** What it does to others. */
  readonly kind: ActorKind;
  /** When it begins. */
  readonly joinAtMs: number;
  /** Null = it stays to the end, and nobody may be kept from finishing by it. */
  readonly leaveAtMs: number | null;
}

/** A world as plain data. */
export interface Scenario {
  /** What it was drawn from. */
  readonly options: ScenarioOptions;
  /** What the swarm is about. */
  readonly torrent: LabTorrentOptions;
  /** The first one is a seed that can be dialled, and whose disk does not rot: every piece is always to be had again. */
  readonly members: readonly ScenarioMember[];
  /** Those that the torrent names. */
  readonly trackers: readonly ScenarioTracker[];
  /** Hostile peers. */
  readonly actors: readonly ScenarioActor[];
  /** In order of time. */
  readonly trouble: readonly Trouble[];
  /** From here on nothing goes wrong any more. */
  readonly calmFromMs: number;
  /** By then every honest node has to be complete. */
  readonly deadlineMs: number;
}

/** What a transfer may take beyond its bytes: choke rounds, and dials that are tried again after ten minutes. */
const SLACK_MS = 25 * 60_000;
/** And who depends on trackers: they are asked again after half an hour, or after an hour when they had failed. */
const TRACKER_SLACK_MS = 130 * 60_000;
/** Overhead, cuts, endgame and unlucky choking, as a multiple of the bytes' own time. */
const SLOWNESS = 4;
const KIB = 1024;
/** Those that come again and again, in numbers or without a pause. */
const FLOODS: ReadonlySet<ActorKind> = new Set(['endless-handshakes', 'flooder', 'sends-unasked', 'corrupting-seed']);
const FLOOD_MS = 20_000;
/** A byte at a time is dear: only in small worlds. */
const CUT_CONTENT_BYTES_MAX = 160 * KIB;

/** What a member is drawn from. */
interface World {
  readonly index: number;
  readonly options: ScenarioOptions;
  readonly typicalRate: number;
  readonly troubleMs: number;
  readonly totalBytes: number;
  readonly hasTrackers: boolean;
}

/** Draws a world. The same options give the same one. */
export function makeScenario(options: ScenarioOptions): Scenario {
  const random = new SeededRandom(options.seed);
  const troubleMs = (options.minutes * 60_000) / 2;
  const trackers = drawTrackers(random);
  const torrent = drawTorrent(random, options, trackers);
  const totalBytes = Object.values(torrent.lengths).reduce((sum, length) => sum + length, 0);
  // So that a download lasts about as long as the trouble does.
  const typicalRate = Math.max(4, totalBytes / (troubleMs * 0.6));
  const world = { options, typicalRate, troubleMs, totalBytes, hasTrackers: trackers.length > 0 };
  let members = Array.from({ length: options.peers }, (_, index) => drawMember(random.split(), { ...world, index }));
  const trouble = planTrouble(random.split(), { members, trackers, troubleMs, totalBytes, faults: options.faults });
  const actors = options.faults.includes('hostile') ? drawActors(random.split(), options, troubleMs) : [];
  const lastTroubleMs = trouble.reduce((end, { atMs, forMs }) => Math.max(end, atMs + forMs), 0);
  const calmFromMs = Math.max(lastTroubleMs, ...members.map(({ joinAtMs }) => joinAtMs));
  const transferMs = (SLOWNESS * totalBytes * options.peers) / members[0]!.upBytesPerMs;
  const slackMs = SLACK_MS + (members.some(({ knowsNobody }) => knowsNobody) ? TRACKER_SLACK_MS : 0);
  const deadlineMs = Math.max(options.minutes * 60_000, calmFromMs + slackMs + transferMs);
  const isPrivate = randomBelow(random, 6) === 0;
  // Nobody serves the metadata of a private torrent.
  if (isPrivate) members = members.map((member) => ({ ...member, hasMagnet: false }));
  return { options, torrent: { ...torrent, isPrivate }, members, trackers, actors, trouble, calmFromMs, deadlineMs };
}

function drawTrackers(random: SeededRandom): ScenarioTracker[] {
  const trackers: ScenarioTracker[] = [];
  const count = randomBelow(random, 3);
  for (let i = 0; i < count; i++) {
    trackers.push({ kind: randomBelow(random, 2) === 0 ? 'http' : 'udp', name: `tracker-${i}.test`, port: 6969 + i });
  }
  return trackers;
}

function drawActors(random: SeededRandom, { peers }: ScenarioOptions, troubleMs: number): ScenarioActor[] {
  return Array.from({ length: between(random, 1, 1 + Math.floor(peers / 5)) }, () => {
    const kind = ACTOR_KINDS[randomBelow(random, ACTOR_KINDS.length)]!;
    const joinAtMs = randomBelow(random, troubleMs / 2);
    // What a flood costs here is real time: it is over soon.
    const leaveAtMs = FLOODS.has(kind) ? joinAtMs + FLOOD_MS : randomBelow(random, 2) === 0 ? troubleMs : null;
    return { kind, joinAtMs, leaveAtMs };
  });
}

function drawTorrent(
  random: SeededRandom,
  options: ScenarioOptions,
  trackers: readonly ScenarioTracker[],
): LabTorrentOptions {
  const pieceLength = (16 * KIB) << randomBelow(random, 5);
  const pieces = between(random, 3, 40);
  const fileCount = randomBelow(random, 3) === 0 ? 1 : between(random, 2, 9);
  let left = Math.max(1, pieces * pieceLength - randomBelow(random, pieceLength));
  const lengths: Record<string, number> = {};
  for (let i = 0; i < fileCount; i++) {
    const length = i === fileCount - 1 ? left : randomBelow(random, left);
    lengths[i % 3 === 2 ? `folder/file ${i}` : `file ${i}`] = length;
    left -= length;
  }
  return { lengths, pieceLength, seed: options.seed, trackers: trackers.map(trackerUrl) };
}

/** As SimHttpTracker and SimUdpTracker have it. */
export function trackerUrl({ kind, name, port }: ScenarioTracker): string {
  return kind === 'http' ? `http://${name}:${port}/announce` : `udp://${name}:${port}`;
}

function drawMember(random: SeededRandom, world: World): ScenarioMember {
  const { index, options, troubleMs } = world;
  const has = (kind: FaultKind, oneIn: number): boolean =>
    options.faults.includes(kind) && randomBelow(random, oneIn) === 0;
  const isSeed = index === 0 || (index < options.peers - 1 && randomBelow(random, 6) === 0);
  const slowness = has('slow', 4) ? 6 : 1;
  const upBytesPerMs = (world.typicalRate * (0.5 + randomBelow(random, 200) / 100)) / slowness;
  const joinsAtOnce = index === 0 || randomBelow(random, 2) === 0;
  const nat = index > 0 && has('nat', 3) ? NAT_KINDS[randomBelow(random, NAT_KINDS.length)]! : null;
  return {
    name: `${isSeed ? 'seed' : 'peer'}-${index}`,
    ipv4: `12.0.${index >>> 8}.${(index & 255) + 1}`,
    isSeed,
    joinAtMs: randomBelow(random, joinsAtOnce ? 2000 : troubleMs),
    hasMagnet: !isSeed && randomBelow(random, 3) === 0,
    knowsNobody: index > 0 && world.hasTrackers && randomBelow(random, 4) === 0,
    upBytesPerMs,
    downBytesPerMs: upBytesPerMs * between(random, 1, 8),
    nat,
    line: drawLine(random, {
      isLossy: has('loss', 2),
      isReset: has('reset', 3),
      cutting: world.totalBytes < CUT_CONTENT_BYTES_MAX && has('cutting', 4) ? 'bytes' : 'random',
    }),
    disk: { latencyMs: has('slow', 4) ? between(random, 20, 400) : between(random, 0, 10), bytesPerMs: 20_000 },
    settings: drawSettings(random),
  };
}

function drawLine(
  random: SeededRandom,
  how: { readonly isLossy: boolean; readonly isReset: boolean; readonly cutting: Cutting },
): Omit<Link, 'bytesPerMs'> {
  const { isLossy, isReset, cutting } = how;
  return {
    latencyMs: between(random, 1, 120),
    jitterMs: between(random, 0, isLossy ? 200 : 5),
    lossRatio: isLossy ? between(random, 1, 50) / 1000 : 0,
    duplicateRatio: isLossy ? 0.02 : 0,
    reorderRatio: isLossy ? 0.05 : 0,
    resetsPerHour: isReset ? between(random, 1, 30) : 0,
    cutting,
  };
}

/** Unlike each other, and tight where that makes things happen that are rare otherwise. */
function drawSettings(random: SeededRandom): Partial<Settings> {
  const oneIn = (count: number): boolean => randomBelow(random, count) === 0;
  return {
    stateDir: '/state',
    resumeIntervalMs: between(random, 2, 60) * 1000,
    uploadSlots: between(random, 1, 6),
    optimisticSlots: between(random, 0, 2),
    maxRequestsPerPeer: oneIn(3) ? between(random, 2, 12) : 250,
    ...(oneIn(4) ? { writeCacheBytes: KIB * KIB } : {}),
    ...(oneIn(4) ? { readCacheBytes: KIB * KIB } : {}),
    ...(oneIn(4) ? { maxPeers: between(random, 4, 12) } : {}),
    ...(oneIn(5) ? { maxHalfOpen: between(random, 1, 3) } : {}),
    ...(oneIn(4) ? { preallocation: 'none' as const } : {}),
  };
}

/** @returns a uniform integer from `least` to `most`. */
export function between(random: SeededRandom, least: number, most: number): number {
  return least + randomBelow(random, most - least + 1);
}
