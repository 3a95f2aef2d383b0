/**
 * A whole swarm of production engines in virtual time: builds the world of a scenario, makes its trouble, and checks that
 * what has to hold does: always while it runs, that everybody is complete in time, and that nothing is left once all have
 * stopped. The same scenario gives the same trace.
 */
import type { Address } from '../base/address.js';
import { toDtorrentError } from '../base/errors.js';
import type { EngineEvent } from '../engine/events.js';
import type { Actor } from '../sim/actors/actor.js';
import { createActor } from '../sim/actors/create-actor.js';
import type { Link } from '../sim/network/link.js';
import { Simulator } from '../sim/simulator.js';
import { spacingViolations } from '../sim/trackers/announce-spacing.js';
import { SimHttpTracker } from '../sim/trackers/sim-http-tracker.js';
import { SimUdpTracker } from '../sim/trackers/sim-udp-tracker.js';
import { faultsText } from './fault-kinds.js';
import { LAB_PORT, LabMember } from './lab-member.js';
import { LabTorrent } from './lab-torrent.js';
import { type LabFailure, LabWatch } from './lab-watch.js';
import type { Scenario, ScenarioActor, ScenarioMember } from './scenario.js';
import { TroubleMaker } from './trouble-maker.js';

/** Of trackers. */
const SERVER_LINE: Omit<Link, 'bytesPerMs'> = { latencyMs: 10, lossRatio: 0 };
/** How often is looked whether everybody is complete. */
const LOOK_MS = 1000;
/** Goodbyes to trackers may take this long, and more. */
const STOP_MS_MAX = 120_000;

/** How a world ended. */
export interface LabOutcome {
  /** Null = everything held. */
  readonly failure: LabFailure | null;
  /** Of everything that happened: the same for the same scenario. */
  readonly traceHash: string;
  /** Turns and messages in the trace. */
  readonly traceLines: number;
  /** When it was over. */
  readonly virtualMs: number;
  /** Honest nodes that had everything. */
  readonly completeCount: number;
}

/** One world, made from a scenario and run to its end. */
export class LabSwarm {
  /** What it was made from. */
  readonly scenario: Scenario;
  /** @internal */
  readonly simulator: Simulator;
  /** @internal */
  readonly torrent: LabTorrent;
  /** @internal */
  readonly members: readonly LabMember[];
  /** @internal */
  readonly trackers: readonly (SimHttpTracker | SimUdpTracker)[];
  /** @internal */
  readonly watch: LabWatch;
  readonly #byIp: ReadonlyMap<string, ScenarioMember>;
  readonly #actors: Actor[] = [];
  #isLookDue = false;
  #completeCount = 0;

  /** Builds the world; nothing happens in it yet. */
  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.#byIp = new Map(scenario.members.map((member) => [member.ipv4, member]));
    this.torrent = new LabTorrent(scenario.torrent);
    this.watch = new LabWatch(this.torrent, new Set(this.#byIp.keys()));
    this.simulator = new Simulator({
      seed: scenario.options.seed,
      observer: this.watch,
      link: (from, to) => this.#link(from, to),
    });
    this.watch.attach(this.simulator);
    this.trackers = scenario.trackers.map(({ kind, ...options }) =>
      kind === 'http' ? new SimHttpTracker(this.simulator, options) : new SimUdpTracker(this.simulator, options),
    );
    const world = {
      simulator: this.simulator,
      torrent: this.torrent,
      known: () => this.#knownIps(),
      onEvent: (member: LabMember, event: EngineEvent) => this.#onEvent(member, event),
      onLife: (member: LabMember) => this.watch.onLife(member),
    };
    this.members = scenario.members.map((spec, index) => new LabMember(index, spec, world));
  }

  /** To the end, which is good or has a failure. Once. */
  run(): LabOutcome {
    for (const member of this.members) this.simulator.at(member.spec.joinAtMs, () => member.start());
    for (const actor of this.scenario.actors) this.#schedule(actor);
    new TroubleMaker(this).schedule(this.scenario.trouble);
    try {
      this.#runToCompletion();
      if (this.watch.failure === null) this.watch.lookAtEnd('onComplete');
      if (this.watch.failure === null) this.#stopAll();
      if (this.watch.failure === null) this.#checkNothingLeft();
    } catch (error) {
      this.watch.fail('nothing is thrown', null, toDtorrentError(error).stack ?? String(error));
    }
    return {
      failure: this.watch.failure,
      traceHash: this.watch.trace.hash,
      traceLines: this.watch.trace.count,
      virtualMs: this.simulator.now,
      completeCount: this.#completeCount,
    };
  }

  /** The last things that happened, in words, oldest first; at most 400. */
  lastTurns(count: number): string[] {
    return this.watch.trace.lines({ count, nameOf: (machine) => this.watch.nameOf(machine) });
  }

  #schedule({ kind, joinAtMs, leaveAtMs }: ScenarioActor): void {
    const { simulator, torrent } = this;
    const peers = (): Address[] =>
      this.members
        .filter(({ state }) => state === 'up')
        .map(({ spec }) => ({ family: 4, host: spec.ipv4, port: LAB_PORT }));
    const pieceBytes = (piece: number): Uint8Array => torrent.pieceBytes(piece);
    const random = simulator.random.split();
    const { metainfo } = torrent;
    const actor = createActor(kind, { simulator, metainfo, pieceBytes, peers, random });
    this.#actors.push(actor);
    simulator.at(joinAtMs, () => actor.start());
    if (leaveAtMs !== null) simulator.at(leaveAtMs, () => actor.stop());
  }

  #runToCompletion(): void {
    const { watch, scenario, simulator } = this;
    for (;;) {
      this.#isLookDue = false;
      const look = simulator.after(LOOK_MS, () => {
        this.#isLookDue = true;
      });
      simulator.run(() => this.#isLookDue || watch.failure !== null);
      look.cancel();
      watch.look();
      for (const member of this.members) member.look();
      this.#completeCount = this.members.filter((member) => member.isComplete).length;
      if (watch.failure !== null) return;
      if (simulator.now > scenario.calmFromMs && this.#completeCount === this.members.length) return;
      if (simulator.now < scenario.deadlineMs) continue;
      const late = this.members.find((member) => !member.isComplete)!;
      watch.fail('everybody completes in time', late.name, `it is ${describe(late)}`);
      return;
    }
  }

  #stopAll(): void {
    for (const tracker of this.trackers) tracker.trouble = null;
    for (const actor of this.#actors) actor.stop();
    let left = this.members.length;
    for (const member of this.members) {
      member.leave(() => {
        left--;
      });
    }
    this.simulator.run(() => left === 0 || this.watch.failure !== null, { maxVirtualMs: STOP_MS_MAX });
    const slow = this.members.find(({ state }) => state !== 'absent');
    if (slow !== undefined) this.watch.fail('a stop ends', slow.name, `it has not stopped within ${STOP_MS_MAX} ms`);
  }

  #checkNothingLeft(): void {
    for (const tracker of this.trackers) this.#checkTracker(tracker);
    for (const tracker of this.trackers) tracker.stop();
    // What was under way when the last one stopped arrives nowhere.
    this.simulator.run(this.simulator.now + STOP_MS_MAX);
    this.watch.lookAtEnd('onStopped');
    if (!this.simulator.isIdle) this.watch.fail('nothing outlives a stop', null, 'a timer is set');
  }

  #checkTracker({ log, url }: SimHttpTracker | SimUdpTracker): void {
    const crashes = new Map(this.members.map((member) => [member.spec.ipv4, member.crashes]));
    const isLossy = this.scenario.members.some(({ line }) => line.lossRatio > 0);
    const [violation] = spacingViolations(log, { crashes, isLossy });
    if (violation !== undefined) this.watch.fail('trackers are asked as often as they allow', url, violation);
  }

  #onEvent(member: LabMember, event: EngineEvent): void {
    if (event.type === 'torrentFailed') this.watch.fail('no torrent fails', member.name, event.error.message);
    if (event.type === 'warning' && event.error.code === 'EINTERNAL') {
      this.watch.fail('no assertion fails', member.name, event.error.stack ?? event.error.message);
    }
    if (event.type === 'peerDisconnected' && event.reason === 'internal') {
      this.watch.fail('no assertion fails', member.name, member.node!.host.log.lines.at(-1) ?? 'a peer was closed');
    }
  }

  #knownIps(): string[] {
    // The first one also before it is there: a node behind a NAT that nobody can tell of others would wait for ever.
    return this.members.filter(({ state, index }) => state === 'up' || index === 0).map(({ spec }) => spec.ipv4);
  }

  /** The lines of both, one after the other. */
  #link(from: string, to: string): Link {
    const lines = [from, to].map((ip) => this.#byIp.get(ip)?.line ?? SERVER_LINE);
    const sum = (field: 'latencyMs' | 'jitterMs' | 'resetsPerHour'): number =>
      lines.reduce((total, line) => total + (line[field] ?? 0), 0);
    const worse = (field: 'lossRatio' | 'duplicateRatio' | 'reorderRatio'): number =>
      lines.reduce((worst, line) => Math.max(worst, line[field] ?? 0), 0);
    return {
      latencyMs: sum('latencyMs'),
      jitterMs: sum('jitterMs'),
      resetsPerHour: this.simulator.now < this.scenario.calmFromMs ? sum('resetsPerHour') : 0,
      bytesPerMs: Number.POSITIVE_INFINITY,
      lossRatio: worse('lossRatio'),
      duplicateRatio: worse('duplicateRatio'),
      reorderRatio: worse('reorderRatio'),
      cutting: lines.some(({ cutting }) => cutting === 'bytes') ? 'bytes' : 'random',
    };
  }
}

/** @returns the command that runs the same world again. */
export function replayCommand({ options }: Scenario): string {
  const { seed, peers, faults, minutes } = options;
  return `npm run sim -- --seed ${seed} --peers ${peers} --faults ${faultsText(faults)} --minutes ${minutes} --trace`;
}

function describe({ state, torrent, lives }: LabMember): string {
  const phase = torrent?.phase ?? 'not begun';
  return `${state} and ${phase}, with ${torrent?.data?.have.count ?? 0} pieces, in its life number ${lives}`;
}
