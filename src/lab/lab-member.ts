/**
 * One honest node of a swarm through its lives: it joins, leaves in good order or crashes, and comes back to the disk
 * and the records that it left. States: absent -> up -> leaving -> absent; up -> absent by a crash.
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
  /** Of this life, or the last one; null before the first. */
  node: LabNode | null = null;
  torrent: Torrent | null = null;
  /** It was paused for a while, and that is over: it does not begin paused again. */
  isToResume = false;
  readonly #world: MemberWorld;

  constructor(index: number, spec: ScenarioMember, world: MemberWorld) {
    this.index = index;
    this.spec = spec;
    this.#world = world;
  }

  get name(): string {
    return this.spec.name;
  }

  /** It is up and has all that it wants. */
  get isComplete(): boolean {
    return this.state === 'up' && this.torrent?.phase === 'seeding';
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
    const peers = this.#world.known().filter((ip) => ip !== this.spec.ipv4);
    this.torrent = node.add(this.spec.hasMagnet ? torrent.magnet : torrent.metainfo, {
      peers: peers.map((host) => ({ host, port: LAB_PORT })),
      ...(this.isToResume ? { isPaused: false } : {}),
    });
    this.isToResume = false;
  }

  /** Stops in good order; `done` comes when it is gone. No-op unless it is up. */
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
    this.node!.onEvent = () => {};
  }

  /** The same addresses, disk and records in every life. */
  #makeHost(): SimHost {
    const { simulator } = this.#world;
    if (this.node !== null) return simulator.restartHost(this.node.host);
    return simulator.createHost({ name: this.name, ipv4: this.spec.ipv4, ipv6: null });
  }
}
