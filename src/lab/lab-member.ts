/**
 * One honest node of a swarm through its lives: it joins, leaves in good order or crashes, and comes back to the disk
 * and the records that it left. States: absent -> up -> leaving -> absent; up or leaving -> absent by a crash.
 * Called by LabSwarm and TroubleMaker, outside of simulated callbacks.
 */
import type { EngineEvent } from '../engine/events.js';
import type { Torrent } from '../engine/torrent.js';
import type { SimHost } from '../sim/sim-host.js';
import type { Simulator } from '../sim/simulator.js';
import { LabNode } from './lab-node.js';
import type { LabTorrent } from './lab-torrent.js';
import type { ScenarioMember } from './scenario.js';

export type MemberState = 'absent' | 'up' | 'leaving';

/** All listen on the same one, so that each can be dialled before it has told anybody. */
export const LAB_PORT = 6881;
const NORMAL_PRIORITY = 4;

export interface MemberWorld {
  readonly simulator: Simulator;
  readonly torrent: LabTorrent;
  /** IPs of those that a node is told of when it is added. */
  readonly known: () => readonly string[];
  readonly onEvent: (member: LabMember, event: EngineEvent) => void;
  readonly onLife: (member: LabMember) => void;
}

export class LabMember {
  readonly spec: ScenarioMember;
  readonly index: number;
  state: MemberState = 'absent';
  /** How often it has begun. */
  lives = 0;
  /** Virtual ms of each crash. */
  readonly crashes: number[] = [];
  /** Of this life, or the last one; null before the first. */
  node: LabNode | null = null;
  torrent: Torrent | null = null;
  readonly #world: MemberWorld;
  /** A person paused it, or wants a part only, until then; that person comes back in another life if need be. */
  #pausedUntilMs = 0;
  #partlyUntilMs = 0;

  constructor(index: number, spec: ScenarioMember, world: MemberWorld) {
    this.index = index;
    this.spec = spec;
    this.#world = world;
  }

  get name(): string {
    return this.spec.name;
  }

  /** It is up and has everything. */
  get isComplete(): boolean {
    return this.state === 'up' && this.torrent?.phase === 'seeding' && this.torrent.data?.isComplete === true;
  }

  /** Begins, or begins again. No-op unless it is absent. */
  start(): void {
    if (this.state !== 'absent') return;
    const { torrent } = this.#world;
    const isFirst = this.node === null;
    const node = new LabNode(this.#makeHost(), { port: LAB_PORT, portAttempts: 1, ...this.spec.settings });
    this.node = node;
    this.torrent = null;
    this.state = 'up';
    this.lives++;
    node.onEvent = (event) => this.#world.onEvent(this, event);
    if (isFirst && this.spec.isSeed) node.give(torrent);
    this.#world.onLife(this);
    node.start();
    const peers = this.spec.knowsNobody ? [] : this.#world.known().filter((ip) => ip !== this.spec.ipv4);
    this.torrent = node.add(this.spec.hasMagnet ? torrent.magnet : torrent.metainfo, {
      peers: peers.map((host) => ({ host, port: LAB_PORT })),
    });
  }

  /** Stops in good order; `done` comes when it is gone, unless it crashes before. No-op unless it is up. */
  leave(done: () => void): void {
    if (this.state !== 'up') return;
    this.state = 'leaving';
    const node = this.node!;
    node.session.stop(() => {
      if (!node.host.machine.isOn) return;
      this.state = 'absent';
      done();
    });
  }

  /** Its machine went off, maybe in the middle of a turn: what its code still does is nobody's any more. */
  onCrash(): void {
    this.state = 'absent';
    this.crashes.push(this.#world.simulator.now);
    this.node!.onEvent = () => {};
  }

  // ---- what a person does ----

  pause(untilMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
    this.node!.session.pause(this.torrent!, () => {});
  }

  /** Wants the files whose bit is set in `choice`. No-op while they are not known. */
  select(choice: number, untilMs: number): void {
    const torrent = this.torrent!;
    if (torrent.files === null) return;
    this.#partlyUntilMs = Math.max(this.#partlyUntilMs, untilMs);
    const fileCount = torrent.metainfo!.files.length;
    const priorities = Uint8Array.from({ length: fileCount }, (_, i) => ((choice >>> (i % 32)) & 1) * NORMAL_PRIORITY);
    this.node!.session.inTurn(() => torrent.setFilePriorities(priorities));
  }

  /** About once a second: what was done for a while is undone. */
  look(): void {
    const { torrent } = this;
    const { now } = this.#world.simulator;
    if (this.state !== 'up' || torrent === null) return;
    if (torrent.phase === 'paused' && torrent.error === null && now >= this.#pausedUntilMs) {
      this.node!.session.resume(torrent);
    }
    // Again and again, since a crash may have forgotten that all was wanted again.
    if (now < this.#partlyUntilMs || torrent.files === null || torrent.files.isEverythingWanted) return;
    const all = new Uint8Array(torrent.metainfo!.files.length).fill(NORMAL_PRIORITY);
    this.node!.session.inTurn(() => torrent.setFilePriorities(all));
  }

  /** The same addresses, disk and records in every life. */
  #makeHost(): SimHost {
    const { simulator } = this.#world;
    if (this.node !== null) return simulator.restartHost(this.node.host);
    const { ipv4, upBytesPerMs, downBytesPerMs, nat, disk } = this.spec;
    return simulator.createHost({
      name: this.name,
      ipv4,
      ipv6: null,
      access: { upBytesPerMs, downBytesPerMs },
      nat,
      diskModel: disk,
    });
  }
}
