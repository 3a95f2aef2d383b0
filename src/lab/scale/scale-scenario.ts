/**
 * What a scale run is about, as plain data, and the world that follows from it: the same scenario is the same swarm.
 * One seed and `peers` that have nothing, all behind access links of their own, all there from the beginning; what is
 * measured is how long it takes until everyone has everything. Rates are bytes per virtual ms, times virtual ms.
 */
import { type Random, randomBelow, SeededRandom } from '../../base/random.js';

export interface ScaleScenario {
  readonly seed: number;
  /** Besides the one that has everything. */
  readonly peers: number;
  readonly contentBytes: number;
  readonly pieceLength: number;
  /** same: everyone has the same link · different: no two are alike, as DSL and cable lines are not. */
  readonly links: 'same' | 'different';
  /** Up, of every peer or on average; down it is several times that, and the seed has as much as four peers. */
  readonly upBytesPerMs: number;
  /** Of the peers, 0 to 1: they unchoke nobody, and leave as soon as they have everything. */
  readonly freeRiderShare: number;
  /** How many others each peer is told of at the beginning, drawn at random; the same number finds it, on average. */
  readonly addressesPerPeer: number;
  /** Whether peers tell each other of peers (BEP 11): whom they are told of is only the beginning then. */
  readonly hasPex: boolean;
}

/** One host of the swarm. */
export interface ScalePeer {
  readonly isFreeRider: boolean;
  /** Of its access link. */
  readonly upBytesPerMs: number;
  readonly downBytesPerMs: number;
  /** From the host to the middle of the network: between two hosts it is the sum of theirs. */
  readonly latencyMs: number;
  readonly startsAtMs: number;
}

export interface ScaleWorld {
  readonly source: ScalePeer;
  readonly peers: readonly ScalePeer[];
}

const DOWN_PER_UP = 4;
const SOURCE_UP_PER_UP = 4;
const LATENCY_MS = 20;
/** Different links: up rates are spread evenly on a scale of factors, from the least to so many times that. Down is more. */
const UP_SPREAD = 8;
const DOWN_PER_UP_MIN = 6;
const DOWN_PER_UP_MAX = 16;
const LATENCY_MIN_MS = 4;
const LATENCY_MAX_MS = 60;
/** Engines do not start in the same instant, or all of their ticks would be in step for ever. */
const START_WITHIN_MS = 1000;

export function makeWorld(scenario: ScaleScenario): ScaleWorld {
  const random = new SeededRandom(scenario.seed);
  const freeRiders = Math.round(scenario.freeRiderShare * scenario.peers);
  const peers: ScalePeer[] = [];
  for (let i = 0; i < scenario.peers; i++) {
    // Spread evenly over the swarm, whatever order its links come in.
    const isFreeRider =
      Math.floor(((i + 1) * freeRiders) / scenario.peers) > Math.floor((i * freeRiders) / scenario.peers);
    const link = scenario.links === 'same' ? sameLink(scenario) : drawLink(scenario, random);
    peers.push({ ...link, isFreeRider, startsAtMs: fraction(random) * START_WITHIN_MS });
  }
  const source = {
    isFreeRider: false,
    upBytesPerMs: SOURCE_UP_PER_UP * scenario.upBytesPerMs,
    downBytesPerMs: SOURCE_UP_PER_UP * scenario.upBytesPerMs,
    latencyMs: LATENCY_MS,
    startsAtMs: 0,
  };
  return { source, peers };
}

/** Whom each peer is told of: indices into `peers`, and `peers` itself is the seed. Never itself, nobody twice. */
export function drawAddresses(scenario: ScaleScenario, random: Random): number[][] {
  const population = scenario.peers + 1;
  const count = Math.min(scenario.addressesPerPeer, population - 1);
  const drawn: number[][] = [];
  for (let i = 0; i < population; i++) {
    const known = new Set<number>();
    while (known.size < count) {
      const other = randomBelow(random, population);
      if (other !== i) known.add(other);
    }
    drawn.push([...known]);
  }
  return drawn;
}

type PeerLink = Pick<ScalePeer, 'upBytesPerMs' | 'downBytesPerMs' | 'latencyMs'>;

function sameLink({ upBytesPerMs }: ScaleScenario): PeerLink {
  return { upBytesPerMs, downBytesPerMs: DOWN_PER_UP * upBytesPerMs, latencyMs: LATENCY_MS };
}

/** The mean of the up rates is that of the same links, so that the swarm has as much to give. */
function drawLink(scenario: ScaleScenario, random: Random): PeerLink {
  const leastUp = (scenario.upBytesPerMs * Math.log(UP_SPREAD)) / (UP_SPREAD - 1);
  const upBytesPerMs = leastUp * UP_SPREAD ** fraction(random);
  const downPerUp = DOWN_PER_UP_MIN + fraction(random) * (DOWN_PER_UP_MAX - DOWN_PER_UP_MIN);
  const latencyMs = LATENCY_MIN_MS + fraction(random) * (LATENCY_MAX_MS - LATENCY_MIN_MS);
  return { upBytesPerMs, downBytesPerMs: upBytesPerMs * downPerUp, latencyMs };
}

function fraction(random: Random): number {
  return random.uint32() / 2 ** 32;
}
