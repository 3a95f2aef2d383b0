/**
 * The lab's ear on a simulated world: notes everything in the trace, and keeps the first thing that is wrong. What goes
 * wrong inside of a callback is kept and not thrown, because an engine would take an exception for a bug of its own.
 */
import type { Address } from '../base/address.js';
import type { SimMachine } from '../sim/machine.js';
import type { SimStream } from '../sim/network/stream.js';
import type { SimObserver, SimPort } from '../sim/observer.js';
import type { Simulator } from '../sim/simulator.js';
import { LabTrace } from './lab-trace.js';

/** An invariant that does not hold: which one, at which node, when, and what was seen. */
export interface LabFailure {
  readonly invariant: string;
  /** Null = of the world as a whole. */
  readonly member: string | null;
  readonly atMs: number;
  readonly words: string;
}

export class LabWatch implements SimObserver {
  readonly trace: LabTrace = new LabTrace();
  /** The first one; what follows from it is of no interest. */
  failure: LabFailure | null = null;
  #simulator: Simulator | null = null;

  /** The world that it watches, which is made with this observer. */
  attach(simulator: Simulator): void {
    this.#simulator = simulator;
  }

  get now(): number {
    return this.#simulator?.now ?? 0;
  }

  fail(invariant: string, member: string | null, words: string): void {
    this.failure ??= { invariant, member, atMs: this.now, words };
  }

  onTurn(machine: SimMachine, port: SimPort, amount: number): void {
    this.trace.note(this.now, machine.number, port, amount, null);
  }

  onSent(machine: SimMachine, _stream: SimStream, bytes: Uint8Array): void {
    this.trace.note(this.now, machine.number, 'sent', bytes.length, bytes);
  }

  onReceived(machine: SimMachine, _stream: SimStream, bytes: Uint8Array): void {
    this.trace.note(this.now, machine.number, 'received', bytes.length, bytes);
  }

  onOpened(machine: SimMachine, _stream: SimStream): void {
    this.trace.note(this.now, machine.number, 'opened', 0, null);
  }

  onClosed(machine: SimMachine, _stream: SimStream): void {
    this.trace.note(this.now, machine.number, 'closed', 0, null);
  }

  onDatagramSent(machine: SimMachine, _to: Address, packet: Uint8Array): void {
    this.trace.note(this.now, machine.number, 'datagram sent', packet.length, packet);
  }

  onCrashed(machine: SimMachine): void {
    this.trace.note(this.now, machine.number, 'crashed', 0, null);
  }
}
