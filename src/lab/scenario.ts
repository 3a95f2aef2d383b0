/**
 * A world as plain data, made from a seed: the torrent, its swarm, the links between them and what goes wrong when.
 * The same seed and options give the same scenario, and a scenario the same run. Times are virtual ms since the start,
 * rates bytes per ms. Made by makeScenario, run by LabSwarm.
 */
import { randomBelow, SeededRandom } from '../base/random.js';
import type { Settings } from '../engine/settings.js';
import type { FaultKind } from './fault-kinds.js';
import type { LabTorrentOptions } from './lab-torrent.js';
import { planTrouble, type Trouble } from './trouble.js';

export interface ScenarioOptions {
  readonly seed: number;
  /** Honest nodes, seeds included. */
  readonly peers: number;
  readonly faults: readonly FaultKind[];
  /** Virtual time that the world has: trouble in the first half of it, and then everybody is to finish. */
  readonly minutes: number;
}

export interface ScenarioMember {
  readonly name: string;
  readonly ipv4: string;
  readonly isSeed: boolean;
  readonly joinAtMs: number;
  /** It is given the magnet and fetches the metadata from peers. */
  readonly hasMagnet: boolean;
  readonly upBytesPerMs: number;
  readonly downBytesPerMs: number;
  /** From its machine to the middle of the network. */
  readonly latencyMs: number;
  readonly settings: Partial<Settings>;
}

export interface Scenario {
  readonly options: ScenarioOptions;
  readonly torrent: LabTorrentOptions;
  /** The first one is a seed to which nothing bad happens that it does not recover from: every piece is there. */
  readonly members: readonly ScenarioMember[];
  /** In order of time. */
  readonly trouble: readonly Trouble[];
  /** From here on nothing goes wrong any more. */
  readonly calmFromMs: number;
  /** By then every honest node has to be complete. */
  readonly deadlineMs: number;
}

/** What a transfer may take beyond its bytes: choke rounds, and dials that are tried again after ten minutes. */
const SLACK_MS = 25 * 60_000;
/** Overhead, cuts, endgame and unlucky choking, as a multiple of the bytes' own time. */
const SLOWNESS = 4;
const KIB = 1024;

export function makeScenario(options: ScenarioOptions): Scenario {
  const random = new SeededRandom(options.seed);
  const troubleMs = (options.minutes * 60_000) / 2;
  const torrent = drawTorrent(random, options);
  const totalBytes = Object.values(torrent.lengths).reduce((sum, length) => sum + length, 0);
  // So that a download lasts about as long as the trouble does.
  const typicalRate = Math.max(4, totalBytes / (troubleMs * 0.6));
  const members: ScenarioMember[] = [];
  for (let i = 0; i < options.peers; i++) {
    members.push(drawMember(random, { index: i, peers: options.peers, typicalRate, troubleMs }));
  }
  const trouble = planTrouble(random.split(), { members, troubleMs, faults: options.faults });
  const calmFromMs = trouble.reduce((end, { atMs, forMs }) => Math.max(end, atMs + forMs), 0);
  const lastJoinMs = Math.max(...members.map(({ joinAtMs }) => joinAtMs));
  const transferMs = (SLOWNESS * (totalBytes * options.peers)) / members[0]!.upBytesPerMs;
  return {
    options,
    torrent,
    members,
    trouble,
    calmFromMs: Math.max(calmFromMs, lastJoinMs),
    deadlineMs: Math.max(options.minutes * 60_000, Math.max(calmFromMs, lastJoinMs) + SLACK_MS + transferMs),
  };
}

function drawTorrent(random: SeededRandom, options: ScenarioOptions): LabTorrentOptions {
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
  return { lengths, pieceLength, seed: options.seed };
}

function drawMember(
  random: SeededRandom,
  world: { readonly index: number; readonly peers: number; readonly typicalRate: number; readonly troubleMs: number },
): ScenarioMember {
  const { index, typicalRate, troubleMs } = world;
  const isSeed = index === 0 || (index < world.peers - 1 && randomBelow(random, 6) === 0);
  const upBytesPerMs = typicalRate * (0.5 + randomBelow(random, 200) / 100);
  return {
    name: `${isSeed ? 'seed' : 'peer'}-${index}`,
    ipv4: `11.0.${index >>> 8}.${(index & 255) + 1}`,
    isSeed,
    joinAtMs: index === 0 || randomBelow(random, 2) === 0 ? randomBelow(random, 2000) : randomBelow(random, troubleMs),
    hasMagnet: !isSeed && randomBelow(random, 3) === 0,
    upBytesPerMs,
    downBytesPerMs: upBytesPerMs * between(random, 1, 8),
    latencyMs: between(random, 1, 120),
    settings: drawSettings(random),
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
