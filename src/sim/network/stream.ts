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
import type { SimEvent, Simulator } from '../simulator.js';
import type { AccessLink } from './access-link.js';
import type { PipeReceiver, PipeSender, SimPipe } from './pipe.js';

const IGNORING_HANDLER: ByteStreamHandler = { onOpen() {}, onData() {}, onWritten() {}, onClose() {} };

export interface SimStreamParts {
  readonly machine: SimMachine;
  readonly remote: Address;
  /** IP text of this end. */
  readonly localHost: string;
  /** Carries what this end writes. */
  readonly out: SimPipe;
  /** Brings what it reads. */
  readonly in: SimPipe;
  readonly handler?: ByteStreamHandler;
}

export class SimStream implements ByteStream, PipeSender, PipeReceiver {
  handler: ByteStreamHandler;
  readonly remote: Address;
  readonly localHost: string;
  readonly machine: SimMachine;
  /** Whether this end dialled; known once it is open. */
  isDialled = false;
  /** Tells the owner, before the handler's onClose. */
  onGone: () => void = () => {};
  /** @internal Until it is open: when the dial is given up. Cancelled with everything else when it closes. */
  openTimer: SimEvent | null = null;
  /** @internal When the dial is sent again; once it is open, when something on the way resets it. */
  knockTimer: SimEvent | null = null;
  readonly #simulator: Simulator;
  readonly #out: SimPipe;
  readonly #in: SimPipe;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #wasOpen = false;
  #corks = 0;

  constructor(simulator: Simulator, parts: SimStreamParts) {
    this.#simulator = simulator;
    this.remote = parts.remote;
    this.localHost = parts.localHost;
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

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** Whether a listener's handler has taken it over. */
  get isHandled(): boolean {
    return this.handler !== IGNORING_HANDLER;
  }

  /** The connection is there, over these lines; the dialling side's handler is told. */
  open(isDialled: boolean, lines: { readonly up: AccessLink | null; readonly down: AccessLink | null }): void {
    if (this.#state !== 'connecting' || !this.machine.isOn) return;
    this.#state = 'open';
    this.#wasOpen = true;
    this.isDialled = isDialled;
    this.machine.observer.onOpened(this.machine, this);
    this.openTimer?.cancel();
    this.#out.open(lines.up, lines.down);
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

  /** Its machine is unplugged: nothing gets in or out, and nobody is told. */
  unplug(): void {
    this.#out.stop();
    this.#in.silence();
  }

  /** Its machine is off. Killed: the system resets it. Without power: it is silent, and says nothing to anybody. */
  onCrash(kind: CrashKind): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelTimers();
    if (this.#wasOpen) this.machine.observer.onClosed(this.machine, this);
    if (kind === 'killed') {
      this.#out.end(true);
      this.#in.discard();
    } else this.unplug();
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

  onUnanswered(): void {
    this.#close(new DtorrentError('ETIMEOUT', `${this.#loss()}: no answer`));
  }

  #close(error: DtorrentError | null): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelTimers();
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

  #cancelTimers(): void {
    this.openTimer?.cancel();
    this.knockTimer?.cancel();
  }

  #resetError(): DtorrentError {
    return new DtorrentError('ENETWORK', `${this.#loss()}: connection reset by the other side`);
  }

  #loss(): string {
    return `lost the connection to ${formatHostPort(this.remote)}`;
  }
}
