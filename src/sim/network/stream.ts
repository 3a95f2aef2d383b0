/**
 * ByteStream between two simulated hosts: one end of two pipes, and the states of TCP that a client can notice. A peer's
 * close ends the stream after its last byte; bytes sent to a stream that is closed come back as a reset.
 * Made by SimNetwork: the dialled end at once, the accepted one when a listener takes it.
 */
import { type Address, formatHostPort } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import type { ByteStream, ByteStreamHandler } from '../../host/network.js';
import type { CrashKind, SimMachine } from '../machine.js';
import type { Simulator } from '../simulator.js';
import type { PipeReceiver, PipeSender, SimPipe } from './pipe.js';

const IGNORING_HANDLER: ByteStreamHandler = { onOpen() {}, onData() {}, onWritten() {}, onClose() {} };

export interface SimStreamParts {
  readonly machine: SimMachine;
  readonly remote: Address;
  /** Carries what this end writes. */
  readonly out: SimPipe;
  /** Brings what it reads. */
  readonly in: SimPipe;
  readonly handler?: ByteStreamHandler;
}

export class SimStream implements ByteStream, PipeSender, PipeReceiver {
  handler: ByteStreamHandler;
  readonly remote: Address;
  readonly machine: SimMachine;
  /** Tells the owner, before the handler's onClose. */
  onGone: () => void = () => {};
  readonly #simulator: Simulator;
  readonly #out: SimPipe;
  readonly #in: SimPipe;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #wasOpen = false;
  #corks = 0;

  constructor(simulator: Simulator, parts: SimStreamParts) {
    this.#simulator = simulator;
    this.remote = parts.remote;
    this.machine = parts.machine;
    this.handler = parts.handler ?? IGNORING_HANDLER;
    this.#out = parts.out;
    this.#in = parts.in;
    this.#out.sender = this;
    this.#in.receiver = this;
  }

  get bufferedBytes(): number {
    return this.#out.queuedBytes;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Whether a listener's handler has taken it over. */
  get isHandled(): boolean {
    return this.handler !== IGNORING_HANDLER;
  }

  /** The connection is there; the dialling side's handler is told. */
  open(isDialled: boolean): void {
    if (this.#state !== 'connecting' || !this.machine.isOn) return;
    this.#state = 'open';
    this.#wasOpen = true;
    this.machine.observer.onOpened(this.machine, this);
    this.#out.open();
    if (!isDialled || !this.machine.enter('stream')) return;
    this.handler.onOpen();
    this.machine.leave();
  }

  write(chunk: Uint8Array): boolean {
    if (!this.machine.act() || this.#state === 'closed') return false;
    if (chunk.length > 0) this.#out.write(chunk);
    if (this.#corks === 0) this.#out.send();
    return this.#out.queuedBytes <= LIMITS.streamHighWaterBytes;
  }

  cork(): void {
    if (this.machine.act()) this.#corks++;
  }

  uncork(): void {
    if (!this.machine.act()) return;
    if (this.#corks > 0) this.#corks--;
    if (this.#corks === 0 && this.#state !== 'closed') this.#out.send();
  }

  pause(): void {
    if (this.machine.act() && this.#state !== 'closed') this.#in.pause();
  }

  resume(): void {
    if (this.machine.act() && this.#state !== 'closed') this.#in.resume();
  }

  close(): void {
    if (this.machine.act()) this.#close(null);
  }

  /** Closes this end with a reason; the other end hears an orderly end. */
  fail(error: DtorrentError): void {
    this.#close(error);
  }

  /** The connection breaks, at both ends: here at once, there when the news arrives. */
  reset(): void {
    if (this.#state === 'closed') return;
    this.#out.end(true);
    this.#close(this.#resetError());
  }

  /** Its machine is off. Killed: the system resets it. Without power: it is silent, and says nothing to anybody. */
  onCrash(kind: CrashKind): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    if (this.#wasOpen) this.machine.observer.onClosed(this.machine, this);
    if (kind === 'killed') {
      this.#out.end(true);
      this.#in.discard();
    } else {
      this.#out.stop();
      this.#in.silence();
    }
  }

  onCut(segment: Uint8Array): void {
    this.machine.observer.onSent(this.machine, this, segment);
  }

  onSent(totalBytes: number): void {
    if (this.#state !== 'open' || !this.machine.enter('stream')) return;
    this.handler.onWritten(totalBytes);
    this.machine.leave();
  }

  onArrived(segment: Uint8Array): void {
    if (this.#state !== 'open' || !this.machine.enter('stream', segment.length)) return;
    this.machine.observer.onReceived(this.machine, this, segment);
    this.handler.onData(segment);
    this.machine.leave();
  }

  onEnd(isReset: boolean): void {
    this.#close(isReset ? this.#resetError() : null);
  }

  /** Bytes of ours met a closed stream. Paused, we would never read its end, so this is how we learn of it. */
  onRefused(): void {
    this.#close(this.#resetError());
  }

  #close(error: DtorrentError | null): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#out.end(false);
    this.#in.discard();
    this.#simulator.defer(() => {
      this.onGone();
      if (!this.machine.enter('stream')) return;
      if (this.#wasOpen) this.machine.observer.onClosed(this.machine, this);
      this.handler.onClose(error);
      this.machine.leave();
    });
  }

  #resetError(): DtorrentError {
    const doing = `lost the connection to ${formatHostPort(this.remote)}`;
    return new DtorrentError('ENETWORK', `${doing}: connection reset by the other side`);
  }
}
