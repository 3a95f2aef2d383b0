/**
 * What a simulated world tells whoever watches it: each turn of each host, and what its hosts say to each other. The lab
 * checks its invariants and makes its trace from this; hosts and engines never hear of it. Nothing is allocated for an
 * observer: bytes are views, valid during the call. Times are read off the simulator.
 */
import type { Address } from '../base/address.js';
import type { SimMachine } from './machine.js';
import type { SimStream } from './network/stream.js';

/** The port of the host through which something went; also its number in a trace. */
export const SIM_PORTS = ['clock', 'stream', 'listener', 'datagram', 'http', 'resolve', 'storage', 'state'] as const;
export type SimPort = (typeof SIM_PORTS)[number];

export interface SimObserver {
  /** The host's code was called back through `port` and has returned. `amount` is bytes where there are bytes, else 0. */
  onTurn(machine: SimMachine, port: SimPort, amount: number): void;
  /** The host's code asks for a connection, which may be answered or not. */
  onDialled(machine: SimMachine, to: Address): void;
  /** Bytes leave the machine: as they are when they are put on the way, not as they were when they were written. */
  onSent(machine: SimMachine, stream: SimStream, bytes: Uint8Array): void;
  /** Bytes are about to be handed to the host's code. */
  onReceived(machine: SimMachine, stream: SimStream, bytes: Uint8Array): void;
  /** A stream is open, at this end of it. */
  onOpened(machine: SimMachine, stream: SimStream): void;
  /** The host's code is about to hear that the stream is gone, or has lost power. Last word of this stream. */
  onClosed(machine: SimMachine, stream: SimStream): void;
  onDatagramSent(machine: SimMachine, to: Address, packet: Uint8Array): void;
  /** It lost power or was killed. Nothing more is told of it. */
  onCrashed(machine: SimMachine): void;
}

export const SILENT_OBSERVER: SimObserver = {
  onTurn() {},
  onDialled() {},
  onSent() {},
  onReceived() {},
  onOpened() {},
  onClosed() {},
  onDatagramSent() {},
  onCrashed() {},
};
