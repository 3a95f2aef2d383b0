/**
 * What a run of the simulated DHT is about, as plain data, and the hosts that follow from it: the same scenario is the same
 * network. Shares are 0 to 1, times virtual ms. Used by DhtNetwork.
 */
import { type Address, addressFromIp } from '../../base/address.js';
import { type Random, randomBelow, SeededRandom } from '../../base/random.js';

export interface DhtScenario {
  readonly seed: number;
  /** Honest and hostile ones, without the well-known ones that everybody begins with. */
  readonly nodes: number;
  /** Of the nodes. Each is one of `hostileKinds`, in turn. */
  readonly hostileShare: number;
  readonly hostileKinds: readonly HostileKind[];
  /** Of the honest nodes: they can be reached only by those to whom they have just sent something. */
  readonly nattedShare: number;
  /** Of all packets. */
  readonly lossShare: number;
  /** Mean of how long a node stays; 0 = everybody stays. Each comes back after a while. */
  readonly sessionMs: number;
  /** Info-hashes that are announced; every tenth of them has a gang of sybils around it, if anybody is hostile. */
  readonly infoHashes: number;
  /** Immutable items, and as many mutable ones. */
  readonly items: number;
  /** get_peers, and a fifth as many gets. A tenth as many get_peers come from newcomers that know nobody. */
  readonly lookups: number;
  /** From when everybody has come to the first announce. */
  readonly settlingMs: number;
  /** From the last announce to the first lookup: nodes come and go. */
  readonly pauseMs: number;
}

/**
 * namer: names nodes that are not there, with ids next to the target, and peers that are not there ·
 * colluder: names other colluders under ids next to the target, and answers as what it was named ·
 * sybil: one of a gang around one info-hash, half of them in two networks of 256 addresses; takes announces, keeps none ·
 * forger: announces itself with tokens that it made up, that are for something else, or that somebody else got ·
 * dropper: takes half of what is asked for no question at all, answers the others well, and keeps nothing.
 */
export const HOSTILE_KINDS = ['namer', 'colluder', 'sybil', 'forger', 'dropper'] as const;
/** See HOSTILE_KINDS. */
export type HostileKind = (typeof HOSTILE_KINDS)[number];

/** A host of the network. */
export interface ScenarioHost {
  readonly address: Address;
  readonly latencyMs: number;
  readonly isNatted: boolean;
  /** null = honest. */
  readonly hostile: HostileKind | null;
  /** When it comes for the first time. */
  readonly joinsAtMs: number;
}

/** When what happens. */
export interface DhtSchedule {
  /** Everybody has come, and had the time to find its place. */
  readonly settledAtMs: number;
  readonly announcesMs: number;
  readonly lookupsAtMs: number;
  readonly lookupsMs: number;
}

export interface DhtHosts {
  /** Well-known nodes, always on. */
  readonly routers: readonly ScenarioHost[];
  readonly nodes: readonly ScenarioHost[];
  /** Honest nodes that come for one lookup each. */
  readonly newcomers: readonly ScenarioHost[];
}

/** A world with everything that goes wrong in it. */
export function makeDhtScenario(options: { readonly seed: number; readonly nodes: number }): DhtScenario {
  const { seed, nodes } = options;
  return {
    seed,
    nodes,
    hostileShare: 0.05,
    hostileKinds: HOSTILE_KINDS,
    nattedShare: 0.3,
    lossShare: 0.02,
    sessionMs: 60 * MINUTE_MS,
    infoHashes: Math.max(20, Math.round(nodes / 50)),
    items: Math.max(5, Math.round(nodes / 200)),
    lookups: Math.max(100, Math.min(2000, nodes)),
    settlingMs: 5 * MINUTE_MS,
    pauseMs: 10 * MINUTE_MS,
  };
}

export function scheduleOf(scenario: DhtScenario): DhtSchedule {
  const settledAtMs = joiningMs(scenario) + scenario.settlingMs;
  return {
    settledAtMs,
    announcesMs: ANNOUNCES_MS,
    lookupsAtMs: settledAtMs + ANNOUNCES_MS + scenario.pauseMs,
    lookupsMs: LOOKUPS_MS,
  };
}

export function drawHosts(scenario: DhtScenario): DhtHosts {
  const random = new SeededRandom(scenario.seed);
  const addresses = new AddressDraw(random);
  const drawLatencyMs = (): number => LATENCY_MIN_MS * (LATENCY_MAX_MS / LATENCY_MIN_MS) ** fraction(random);
  const routers = Array.from({ length: ROUTERS }, () => ({
    address: addresses.next(),
    latencyMs: LATENCY_MIN_MS,
    isNatted: false,
    hostile: null,
    joinsAtMs: 0,
  }));
  const kinds = scenario.hostileKinds;
  const hostile = Math.round(scenario.hostileShare * scenario.nodes);
  const nodes: ScenarioHost[] = [];
  for (let i = 0; i < scenario.nodes; i++) {
    // Spread evenly over the network, whatever order they come in.
    const rank = Math.floor(((i + 1) * hostile) / scenario.nodes);
    const isHostile = rank > Math.floor((i * hostile) / scenario.nodes);
    const kind = isHostile ? kinds[rank % kinds.length]! : null;
    const sybil = kind === 'sybil' ? Math.floor(rank / kinds.length) : 0;
    nodes.push({
      address: kind === 'sybil' && sybil % 2 === 0 ? addresses.nextOfGang(sybil) : addresses.next(),
      latencyMs: drawLatencyMs(),
      isNatted: kind === null && fraction(random) < scenario.nattedShare,
      hostile: kind,
      joinsAtMs: FIRST_JOIN_MS + joiningMs(scenario) * (i / scenario.nodes) + fraction(random) * JOIN_JITTER_MS,
    });
  }
  const newcomers = Array.from({ length: Math.ceil(scenario.lookups / LOOKUPS_PER_NEWCOMER) }, () => ({
    address: addresses.next(),
    latencyMs: drawLatencyMs(),
    isNatted: fraction(random) < scenario.nattedShare,
    hostile: null,
    joinsAtMs: Number.POSITIVE_INFINITY,
  }));
  return { routers, nodes, newcomers };
}

/** @returns uniform in [0, 1). */
export function fraction(random: Random): number {
  return random.uint32() / 2 ** 32;
}

/** @returns from an exponential distribution: sessions, and the time between them. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - fraction(random));
}

export const MINUTE_MS = 60_000;
export const SYBILS_PER_GANG = 10;
const ANNOUNCES_MS = 2 * MINUTE_MS;
const LOOKUPS_MS = 5 * MINUTE_MS;
const ROUTERS = 8;
const LOOKUPS_PER_NEWCOMER = 10;
/** Routers answer within a budget, as every node does: more newcomers a second would have to wait. */
const JOINS_PER_SECOND_MAX = 20;
const JOINING_MS_MIN = MINUTE_MS;
const FIRST_JOIN_MS = 1000;
const JOIN_JITTER_MS = 1000;
const LATENCY_MIN_MS = 5;
const LATENCY_MAX_MS = 120;

function joiningMs({ nodes }: DhtScenario): number {
  return Math.max(JOINING_MS_MIN, (1000 * nodes) / JOINS_PER_SECOND_MAX);
}

/** Public IPv4 addresses, none twice. */
class AddressDraw {
  readonly #random: Random;
  readonly #taken = new Set<string>();
  /** Each gang's networks, first three bytes. */
  readonly #gangs: Uint8Array[][] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  next(): Address {
    return this.#take(() => this.#anyIp());
  }

  /** `sybil`: its number among all sybils. */
  nextOfGang(sybil: number): Address {
    const gang = Math.floor(sybil / SYBILS_PER_GANG);
    while (this.#gangs.length <= gang) this.#gangs.push([this.#anyIp(), this.#anyIp()]);
    const networks = this.#gangs[gang]!;
    const network = networks[(sybil >>> 1) % networks.length]!;
    return this.#take(() => Uint8Array.of(network[0]!, network[1]!, network[2]!, randomBelow(this.#random, 256)));
  }

  #take(draw: () => Uint8Array): Address {
    for (;;) {
      const address = addressFromIp(draw(), 1024 + randomBelow(this.#random, 60_000))!;
      if (this.#taken.has(address.host)) continue;
      this.#taken.add(address.host);
      return address;
    }
  }

  #anyIp(): Uint8Array {
    for (;;) {
      const ip = new Uint8Array(4);
      this.#random.fill(ip);
      if (ip[0]! >= 11 && ip[0]! < 224 && !RESERVED_FIRST_BYTES.has(ip[0]!)) return ip;
    }
  }
}

/** First bytes that networks of special purpose are behind. */
const RESERVED_FIRST_BYTES: ReadonlySet<number> = new Set([100, 127, 169, 172, 192, 198, 203]);
