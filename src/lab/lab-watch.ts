/**
 * The lab's ear on a simulated world: notes everything in the trace, listens in on every connection of an honest node,
 * asks the invariants, and keeps the first thing that is wrong. That is kept and not thrown, because it may be found
 * inside of a node's code, which would take an exception for a bug of its own.
 */
import type { Address } from '../base/address.js';
import { formatHostPort } from '../base/address.js';
import type { SimMachine } from '../sim/machine.js';
import type { SimStream } from '../sim/network/stream.js';
import type { SimObserver, SimPort } from '../sim/observer.js';
import type { Simulator } from '../sim/simulator.js';
import { Conversation, type ConversationListener } from './conversation.js';
import { GroundTruth } from './ground-truth.js';
import { allInvariants } from './invariants/all.js';
import type { Invariant } from './invariants/invariant.js';
import { LabLife } from './lab-life.js';
import type { LabMember } from './lab-member.js';
import type { LabTorrent } from './lab-torrent.js';
import { LabTrace } from './lab-trace.js';
import type { WireMessage } from './wire-tap.js';

/** An invariant that does not hold: which one, at which node, when, and what was seen. */
export interface LabFailure {
  /** A sentence that was true up to then. */
  readonly invariant: string;
  /** Null = of the world as a whole. */
  readonly member: string | null;
  /** Virtual ms since the start. */
  readonly atMs: number;
  /** What was seen. */
  readonly words: string;
}

export class LabWatch implements SimObserver, ConversationListener {
  readonly trace: LabTrace = new LabTrace();
  /** The first one; what follows from it is of no interest. */
  failure: LabFailure | null = null;
  readonly #torrent: LabTorrent;
  readonly #invariants: readonly Invariant[];
  /** Those that look at messages. */
  readonly #said: readonly Invariant[];
  readonly #heard: readonly Invariant[];
  /** By machine number. Machines that are not here are not honest. */
  readonly #lives = new Map<number, LabLife>();
  readonly #names = new Map<number, string>();
  readonly #honestIps: ReadonlySet<string>;
  #simulator: Simulator | null = null;

  constructor(torrent: LabTorrent, honestIps: ReadonlySet<string>) {
    this.#torrent = torrent;
    this.#honestIps = honestIps;
    this.#invariants = allInvariants(torrent);
    this.#said = this.#invariants.filter(({ onSaid }) => onSaid !== undefined);
    this.#heard = this.#invariants.filter(({ onHeard }) => onHeard !== undefined);
  }

  /** The world that it watches, which is made with this observer. */
  attach(simulator: Simulator): void {
    this.#simulator = simulator;
  }

  get now(): number {
    return this.#simulator?.now ?? 0;
  }

  /** The machine's name, as the trace has it: a member, and which of its lives it is. */
  nameOf(machine: number): string {
    return this.#names.get(machine) ?? `machine ${machine}`;
  }

  /** A life of an honest node begins. */
  onLife(member: LabMember): void {
    const { machine, disk } = member.node!.host;
    const life = new LabLife(member, member.node!, new GroundTruth(this.#torrent, disk));
    this.#lives.set(machine.number, life);
    this.#names.set(machine.number, member.lives === 1 ? member.name : `${member.name} (life ${member.lives})`);
  }

  fail(invariant: string, member: string | null, words: string): void {
    this.failure ??= { invariant, member, atMs: this.now, words };
  }

  /** Asks what can be asked between turns, of everyone who is up. */
  look(): void {
    for (const life of this.#lives.values()) {
      if (life.member.state === 'up' && life.member.node === life.node) this.#ask(life, 'onLook');
    }
  }

  /** Asks what holds at an end of the members' present lives. */
  lookAtEnd(end: 'onComplete' | 'onStopped'): void {
    for (const life of this.#lives.values()) if (life.member.node === life.node) this.#ask(life, end);
  }

  // ---- SimObserver ----

  onTurn(machine: SimMachine, port: SimPort, amount: number): void {
    this.trace.note(this.now, machine.number, port, amount, null);
  }

  onDialled(machine: SimMachine, to: Address): void {
    const life = this.#lives.get(machine.number);
    if (life === undefined) return;
    for (const invariant of this.#invariants) {
      const words = invariant.onDialled?.(life, to) ?? null;
      if (words !== null) this.fail(invariant.name, life.name, words);
    }
  }

  onSent(machine: SimMachine, stream: SimStream, bytes: Uint8Array): void {
    this.trace.note(this.now, machine.number, 'sent', bytes.length, bytes);
    this.#lives.get(machine.number)?.conversations.get(stream)?.say(bytes);
  }

  onReceived(machine: SimMachine, stream: SimStream, bytes: Uint8Array): void {
    this.trace.note(this.now, machine.number, 'received', bytes.length, bytes);
    this.#lives.get(machine.number)?.conversations.get(stream)?.hear(bytes);
  }

  onOpened(machine: SimMachine, stream: SimStream): void {
    this.trace.note(this.now, machine.number, 'opened', 0, null);
    const life = this.#lives.get(machine.number);
    if (life === undefined) return;
    const { pieceCount } = this.#torrent.metainfo;
    const isAmongFriends = this.#honestIps.has(stream.remote.host);
    life.conversations.set(stream, new Conversation(life, stream, { pieceCount, isAmongFriends, listener: this }));
  }

  onClosed(machine: SimMachine, stream: SimStream): void {
    this.trace.note(this.now, machine.number, 'closed', 0, null);
    const life = this.#lives.get(machine.number);
    const talk = life?.conversations.get(stream);
    if (talk !== undefined) life!.forget(talk);
  }

  onDatagramSent(machine: SimMachine, _to: Address, packet: Uint8Array): void {
    this.trace.note(this.now, machine.number, 'datagram sent', packet.length, packet);
  }

  onCrashed(machine: SimMachine): void {
    this.trace.note(this.now, machine.number, 'crashed', 0, null);
  }

  // ---- ConversationListener ----

  onSaid(talk: Conversation, message: WireMessage): void {
    for (const invariant of this.#said) this.#judge(invariant, talk, invariant.onSaid!(talk, message));
  }

  onHeard(talk: Conversation, message: WireMessage): void {
    for (const invariant of this.#heard) this.#judge(invariant, talk, invariant.onHeard!(talk, message));
  }

  onUnlawful(talk: Conversation, reason: string): void {
    this.fail('messages are lawful', talk.life.name, `what it says cannot be read: ${reason}`);
  }

  #judge({ name }: Invariant, talk: Conversation, words: string | null): void {
    if (words === null) return;
    this.fail(name, talk.life.name, `${words} (to ${formatHostPort(talk.stream.remote)})`);
  }

  #ask(life: LabLife, what: 'onLook' | 'onComplete' | 'onStopped'): void {
    for (const invariant of this.#invariants) {
      const words = invariant[what]?.(life, this.now) ?? null;
      if (words !== null) this.fail(invariant.name, life.name, words);
    }
  }
}
