/**
 * What honest members of the simulated network ask of it: some announce themselves for info-hashes and put items, and later
 * others look for them. Each lookup is measured. Nobody leaves while it waits for an answer. Used by DhtNetwork.
 */
import { type Address, addressKey } from '../../base/address.js';
import { bytesEqual, fromUtf8 } from '../../base/bytes.js';
import { randomBelow, type SeededRandom } from '../../base/random.js';
import { encodeBencode } from '../../format/bencode.js';
import { immutableTarget, type MutableItem, mutableTarget, signItem } from '../../protocol/dht/item.js';
import { bytesOf } from './collusion.js';
import type { DatagramWorld } from './datagram-world.js';
import type { DhtMember } from './dht-member.js';
import { type DhtScenario, type DhtSchedule, fraction, MINUTE_MS } from './dht-scenario.js';
import { LookupMeter } from './lookup-meter.js';

/** What a get_peers came to. */
export interface LookupOutcome {
  /** Asked by a node that has just come and knows nobody. */
  readonly isCold: boolean;
  /** A gang of sybils is around the info-hash. */
  readonly isAttacked: boolean;
  /** Different addresses that were announced, and that were not. */
  readonly truePeers: number;
  readonly falsePeers: number;
  /** Since it was asked; null = none was found. */
  readonly firstPeerMs: number | null;
  /** The hop that named the first true peer; 0 = none was found. */
  readonly hopsToPeer: number;
  readonly hopsToClosest: number;
  readonly elapsedMs: number;
  readonly queries: number;
  readonly answers: number;
  /** Of `answers`, from hostile nodes. */
  readonly hostileAnswers: number;
}

/** What was stored by how many nodes. */
export interface StoreOutcome {
  readonly stored: number;
  readonly elapsedMs: number;
}

/** What a get came to. */
export interface GetOutcome {
  readonly isMutable: boolean;
  readonly result: 'right' | 'nothing' | 'wrong';
  readonly elapsedMs: number;
}

export interface WorkloadOptions {
  readonly world: DatagramWorld;
  readonly random: SeededRandom;
  readonly scenario: DhtScenario;
  readonly schedule: DhtSchedule;
  readonly members: readonly DhtMember[];
  /** Nodes that come for one lookup each. */
  readonly newcomers: readonly DhtMember[];
  readonly infoHashes: readonly Uint8Array[];
  /** The first so many of every tenth info-hash have a gang around them. */
  readonly gangs: number;
  readonly isHostile: (address: Address) => boolean;
}

export class DhtWorkload {
  readonly announces: StoreOutcome[] = [];
  readonly puts: StoreOutcome[] = [];
  readonly lookups: LookupOutcome[] = [];
  readonly gets: GetOutcome[] = [];
  readonly #options: WorkloadOptions;
  /** Who was announced, by info-hash. */
  readonly #announced: readonly Set<string>[];
  readonly #values: Uint8Array[] = [];
  readonly #items: MutableItem[] = [];

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#announced = options.infoHashes.map(() => new Set<string>());
    for (let i = 0; i < options.scenario.items; i++) {
      this.#values.push(encodeBencode(`item ${i} of seed ${options.scenario.seed}`));
      const item = {
        salt: fromUtf8(i % 2 === 0 ? '' : `${i}`),
        sequence: BigInt(i),
        value: encodeBencode([i, 'mutable']),
      };
      this.#items.push(signItem(bytesOf(options.random, 32), item));
    }
  }

  /** Whatever is kept somewhere. */
  get targets(): Uint8Array[] {
    const values = this.#values.map(immutableTarget);
    const items = this.#items.map(({ publicKey, salt }) => mutableTarget(publicKey, salt));
    return [...this.#options.infoHashes, ...values, ...items];
  }

  /** Makes the appointments for all of it. @returns when the last of it has ended */
  arrange(): number {
    const { schedule, scenario, infoHashes, newcomers } = this.#options;
    const announcesAtMs = schedule.settledAtMs;
    for (const [index] of infoHashes.entries()) {
      for (let i = 0; i < ANNOUNCES_PER_HASH; i++)
        this.#within(announcesAtMs, schedule.announcesMs, () => this.#announce(index));
    }
    for (let i = 0; i < scenario.items; i++) {
      this.#within(announcesAtMs, schedule.announcesMs, () => this.#putImmutable(this.#values[i]!));
      this.#within(announcesAtMs, schedule.announcesMs, () => this.#putMutable(this.#items[i]!));
    }
    const { lookupsAtMs } = schedule;
    for (let i = 0; i < scenario.lookups; i++) {
      const index = i % infoHashes.length;
      this.#within(lookupsAtMs, schedule.lookupsMs, () => this.#lookUp(index, this.#anyMember(), { isCold: false }));
    }
    for (const [i, newcomer] of newcomers.entries()) {
      this.#within(lookupsAtMs, schedule.lookupsMs, () => {
        newcomer.join();
        this.#lookUp((7 * i) % infoHashes.length, newcomer, { isCold: true });
      });
    }
    for (let i = 0; i < Math.ceil(scenario.lookups / LOOKUPS_PER_GET); i++) {
      const index = (i >>> 1) % scenario.items;
      if (i % 2 === 0) this.#within(lookupsAtMs, schedule.lookupsMs, () => this.#getImmutable(this.#values[index]!));
      else this.#within(lookupsAtMs, schedule.lookupsMs, () => this.#getMutable(this.#items[index]!));
    }
    return lookupsAtMs + schedule.lookupsMs + LAST_WAIT_MS;
  }

  #within(fromMs: number, spanMs: number, action: () => void): void {
    this.#options.world.at(fromMs + fraction(this.#options.random) * spanMs, action);
  }

  /** One that has been there for a while, and is not asked for anything yet. */
  #anyMember(): DhtMember {
    const { members, random, world } = this.#options;
    for (let i = 0; i < DRAWS_MAX; i++) {
      const member = members[randomBelow(random, members.length)]!;
      if (member.isOn && member.pending === 0 && world.now - member.joinedAtMs >= SETTLED_MS) return member;
    }
    throw new Error('all members are off or busy: the scenario asks too much of them');
  }

  #announce(index: number): void {
    const { random, infoHashes } = this.#options;
    const member = this.#anyMember();
    const { host, port } = member.host.address;
    const isImpliedPort = randomBelow(random, 2) === 0;
    this.#announced[index]!.add(addressKey({ family: 4, host, port: isImpliedPort ? port : PEER_PORT }));
    const options = { port: PEER_PORT, isImpliedPort, isSeed: randomBelow(random, 2) === 0 };
    member.pending++;
    member.act((dht, now) => {
      dht.announce(
        infoHashes[index]!,
        options,
        {
          onPeers() {},
          onDone: ({ stored, elapsedMs }) => {
            member.pending--;
            this.announces.push({ stored, elapsedMs });
          },
        },
        now,
      );
    });
  }

  #lookUp(index: number, member: DhtMember, { isCold }: { readonly isCold: boolean }): void {
    const { infoHashes, world, gangs, isHostile } = this.#options;
    const infoHash = infoHashes[index]!;
    const meter = new LookupMeter(infoHash, isHostile);
    const startedAtMs = world.now;
    let truePeers = 0;
    let falsePeers = 0;
    let firstPeerMs: number | null = null;
    let hopsToPeer = 0;
    const onPeers = (addresses: readonly Address[]): void => {
      for (const address of addresses) {
        if (!this.#announced[index]!.has(addressKey(address))) {
          falsePeers++;
          continue;
        }
        truePeers++;
        if (firstPeerMs !== null) continue;
        firstPeerMs = world.now - startedAtMs;
        hopsToPeer = meter.hopOfLastAnswer;
      }
    };
    const onDone = (): void => {
      member.pending--;
      member.host.tap = null;
      this.lookups.push({
        isCold,
        isAttacked: index % HASHES_PER_GANG === 0 && index / HASHES_PER_GANG < gangs,
        truePeers,
        falsePeers,
        firstPeerMs,
        hopsToPeer,
        hopsToClosest: meter.hopsToClosest,
        elapsedMs: world.now - startedAtMs,
        queries: meter.queries,
        answers: meter.answers,
        hostileAnswers: meter.hostileAnswers,
      });
      // Not inside the listener's call.
      if (isCold) world.at(world.now, () => member.leave());
    };
    member.pending++;
    member.host.tap = meter;
    member.act((dht, now) => dht.getPeers(infoHash, { onPeers, onDone }, now));
  }

  #putImmutable(value: Uint8Array): void {
    const member = this.#anyMember();
    member.pending++;
    member.act((dht, now) => dht.putImmutable(value, { onDone: (summary) => this.#onPut(member, summary) }, now));
  }

  #putMutable(item: MutableItem): void {
    const member = this.#anyMember();
    member.pending++;
    member.act((dht, now) => dht.putMutable(item, null, { onDone: (summary) => this.#onPut(member, summary) }, now));
  }

  #onPut(member: DhtMember, { stored, elapsedMs }: StoreOutcome): void {
    member.pending--;
    this.puts.push({ stored, elapsedMs });
  }

  #getImmutable(value: Uint8Array): void {
    const member = this.#anyMember();
    member.pending++;
    const onDone = (found: Uint8Array | null, { elapsedMs }: { readonly elapsedMs: number }): void => {
      member.pending--;
      this.gets.push({ isMutable: false, result: resultOf(found, value), elapsedMs });
    };
    member.act((dht, now) => dht.getItem(immutableTarget(value), { onDone }, now));
  }

  #getMutable({ publicKey, salt, value, sequence }: MutableItem): void {
    const member = this.#anyMember();
    member.pending++;
    member.act((dht, now) => {
      dht.getMutable(
        { publicKey, salt },
        {
          onDone: (found, { elapsedMs }) => {
            member.pending--;
            const result =
              found !== null && found.sequence !== sequence ? 'wrong' : resultOf(found?.value ?? null, value);
            this.gets.push({ isMutable: true, result, elapsedMs });
          },
        },
        now,
      );
    });
  }
}

export const HASHES_PER_GANG = 10;
const ANNOUNCES_PER_HASH = 5;
const LOOKUPS_PER_GET = 5;
const PEER_PORT = 51_413;
const SETTLED_MS = 3 * MINUTE_MS;
const DRAWS_MAX = 10_000;
const LAST_WAIT_MS = 2 * MINUTE_MS;

function resultOf(found: Uint8Array | null, expected: Uint8Array): GetOutcome['result'] {
  if (found === null) return 'nothing';
  return bytesEqual(found, expected) ? 'right' : 'wrong';
}
