/**
 * A DHT of production nodes in one process, in virtual time, from one seed: they join through a few well-known nodes, come
 * and go, some behind NATs, some hostile, over a network that loses packets. What honest ones announce and put, others look
 * for later; what that took is the report. The same scenario is the same run, to the last packet (`traceHash`).
 * Used by test/sim/dht.ts and tests.
 */
import { assert } from '../../base/assert.js';
import { SeededRandom } from '../../base/random.js';
import { bytesOf, Collusion } from './collusion.js';
import { type DatagramHost, DatagramWorld } from './datagram-world.js';
import { DhtMember } from './dht-member.js';
import type { DhtReport } from './dht-report.js';
import {
  type DhtScenario,
  type DhtSchedule,
  drawHosts,
  exponential,
  MINUTE_MS,
  type ScenarioHost,
  SYBILS_PER_GANG,
  scheduleOf,
} from './dht-scenario.js';
import { DhtWorkload, HASHES_PER_GANG } from './dht-workload.js';
import { HostileNode } from './hostile-node.js';

/** settled: everybody has come and found its place; nothing is announced yet · loaded: before the first lookup. */
export type DhtPhase = 'settled' | 'loaded';

export class DhtNetwork {
  readonly world: DatagramWorld;
  readonly #scenario: DhtScenario;
  readonly #schedule: DhtSchedule;
  readonly #random: SeededRandom;
  readonly #members: DhtMember[] = [];
  readonly #workload: DhtWorkload;
  readonly #collusion: Collusion;
  readonly #routers: readonly ScenarioHost[];
  #hostile = 0;

  constructor(scenario: DhtScenario) {
    this.#scenario = scenario;
    this.#schedule = scheduleOf(scenario);
    this.#random = new SeededRandom(scenario.seed).split();
    this.world = new DatagramWorld({
      random: this.#random.split(),
      lossShare: scenario.lossShare,
      jitterMs: JITTER_MS,
    });
    const hosts = drawHosts(scenario);
    this.#routers = hosts.routers;
    for (const router of hosts.routers) this.#addMember(router).join();
    const infoHashes = Array.from({ length: scenario.infoHashes }, () => bytesOf(this.#random, 20));
    const members: DhtMember[] = [];
    const hostile: ScenarioHost[] = [];
    for (const host of hosts.nodes) {
      if (host.hostile === null) members.push(this.#addMember(host));
      else hostile.push(host);
    }
    const sybils = hostile.filter((host) => host.hostile === 'sybil').length;
    const hostileHosts = new Set(hostile.map(({ address }) => address.host));
    this.#workload = new DhtWorkload({
      world: this.world,
      random: this.#random.split(),
      scenario,
      schedule: this.#schedule,
      members,
      newcomers: hosts.newcomers.map((host) => this.#addMember(host)),
      infoHashes,
      gangs: Math.ceil(sybils / SYBILS_PER_GANG),
      isHostile: ({ host }) => hostileHosts.has(host),
    });
    this.#members = members;
    this.#collusion = new Collusion({
      random: this.#random.split(),
      victims: members,
      targets: this.#workload.targets,
    });
    for (const [i, host] of hosts.nodes.filter((node) => node.hostile === null).entries()) {
      this.world.at(host.joinsAtMs, () => this.#begin(members[i]!));
    }
    this.#arrangeHostile(hostile, infoHashes);
  }

  /** All of it. `onPhase` is called between two events. */
  run(onPhase: (phase: DhtPhase) => void = () => {}): DhtReport {
    const { settledAtMs, announcesMs, lookupsAtMs } = this.#schedule;
    const endsAtMs = this.#workload.arrange();
    this.world.run(settledAtMs);
    onPhase('settled');
    this.world.run(settledAtMs + announcesMs);
    const sentBefore = this.world.counts.sent;
    this.world.run(lookupsAtMs);
    const sentWhileQuiet = this.world.counts.sent - sentBefore;
    onPhase('loaded');
    this.world.run(endsAtMs);
    const { announces, puts, lookups, gets } = this.#workload;
    return {
      scenario: this.#scenario,
      virtualMs: this.world.now,
      traceHash: this.world.trace.hash,
      counts: { ...this.world.counts },
      sentWhileQuiet,
      membersOn: this.#members.filter((member) => member.isOn).length,
      hostileOn: this.#hostile,
      tables: this.#members.flatMap(({ dht }) => (dht === null ? [] : [dht.stats(this.world.now).goodNodes])),
      forged: this.#collusion.forged,
      forgedTaken: this.#collusion.forgedTaken,
      announces,
      puts,
      lookups,
      gets,
    };
  }

  #addMember(scenarioHost: ScenarioHost): DhtMember {
    const host = this.#addHost(scenarioHost);
    const routers = this.#routers.map((router) => router.address).filter((address) => address !== host.address);
    return new DhtMember({ world: this.world, host, random: this.#random.split(), routers });
  }

  #addHost({ address, latencyMs, isNatted }: ScenarioHost): DatagramHost {
    return this.world.addHost({ address, latencyMs, natTimeoutMs: isNatted ? NAT_TIMEOUT_MS : 0 });
  }

  #begin(member: DhtMember): void {
    member.join();
    if (this.#scenario.sessionMs > 0) this.#leaveIn(member, exponential(this.#random, this.#scenario.sessionMs));
  }

  #leaveIn(member: DhtMember, delayMs: number): void {
    this.world.at(this.world.now + delayMs, () => {
      if (member.pending > 0) return this.#leaveIn(member, BUSY_MS);
      member.leave();
      const absenceMs = exponential(this.#random, ABSENCE_MS);
      this.world.at(this.world.now + absenceMs, () => this.#begin(member));
    });
  }

  #arrangeHostile(hosts: readonly ScenarioHost[], infoHashes: readonly Uint8Array[]): void {
    let sybils = 0;
    for (const scenarioHost of hosts) {
      const kind = scenarioHost.hostile;
      assert(kind !== null, 'an honest node among the hostile ones');
      const gang = kind === 'sybil' ? Math.floor(sybils++ / SYBILS_PER_GANG) : 0;
      const prey = infoHashes[(gang * HASHES_PER_GANG) % infoHashes.length]!;
      const host = this.#addHost(scenarioHost);
      const options = { kind, world: this.world, host, collusion: this.#collusion, prey };
      const node = new HostileNode(options);
      this.world.at(scenarioHost.joinsAtMs, () => node.start());
      this.#hostile++;
    }
  }
}

const JITTER_MS = 20;
const NAT_TIMEOUT_MS = MINUTE_MS;
const BUSY_MS = 10_000;
/** Mean. */
const ABSENCE_MS = 5 * MINUTE_MS;
