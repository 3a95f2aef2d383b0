/**
 * ByteStream between two simulated hosts: two pipes and the states of TCP that a client can notice. A peer's close
 * ends the stream after its last byte; bytes sent to a stream that is closed come back as a reset.
 * Made in pairs by connectStreams, for SimNetwork.
 */
import { type Address, formatHostPort } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import type { ByteStream, ByteStreamHandler } from '../../host/network.js';
import type { Simulator } from '../simulator.js';
import type { Link } from './internet.js';
import { SimPipe } from './pipe.js';

const IGNORING_HANDLER: ByteStreamHandler = { onOpen() {}, onData() {}, onWritten() {}, onClose() {} };

/** Two ends, not open yet. `link` is used in both directions. */
export function connectStreams(
  simulator: Simulator,
  link: Link,
  addresses: { readonly dialler: Address; readonly listener: Address },
  handler: ByteStreamHandler,
): { readonly dialled: SimStream; readonly accepted: SimStream } {
  const dialled = new SimStream(simulator, link, addresses.listener, handler);
  const accepted = new SimStream(simulator, link, addresses.dialler, IGNORING_HANDLER);
  dialled.pairWith(accepted);
  accepted.pairWith(dialled);
  return { dialled, accepted };
}

export class SimStream implements ByteStream {
  handler: ByteStreamHandler;
  readonly remote: Address;
  /** Tells the owner, before the handler's onClose. */
  onGone: () => void = () => {};
  readonly #simulator: Simulator;
  /** Carries what this end writes. */
  readonly #out: SimPipe;
  #other!: SimStream;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #corks = 0;

  constructor(simulator: Simulator, link: Link, remote: Address, handler: ByteStreamHandler) {
    this.#simulator = simulator;
    this.remote = remote;
    this.handler = handler;
    this.#out = new SimPipe(simulator, simulator.random.split(), link, {
      onSent: (totalBytes) => {
        if (this.#state === 'open') this.handler.onWritten(totalBytes);
      },
      onArrived: (segment) => this.#other.#receive(segment),
      onEnd: () => this.#other.#close(null),
      onRefused: () => simulator.after(link.latencyMs, () => this.#onReset()),
    });
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

  pairWith(other: SimStream): void {
    this.#other = other;
  }

  /** The connection is there; the dialling side's handler is told. */
  open(isDialled: boolean): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    this.#out.open();
    if (isDialled) this.handler.onOpen();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state === 'closed') return false;
    if (chunk.length > 0) this.#out.write(chunk);
    if (this.#corks === 0) this.#out.send();
    return this.#out.queuedBytes <= LIMITS.streamHighWaterBytes;
  }

  cork(): void {
    this.#corks++;
  }

  uncork(): void {
    if (this.#corks > 0) this.#corks--;
    if (this.#corks === 0 && this.#state !== 'closed') this.#out.send();
  }

  pause(): void {
    if (this.#state !== 'closed') this.#other.#out.pause();
  }

  resume(): void {
    if (this.#state !== 'closed') this.#other.#out.resume();
  }

  close(): void {
    this.#close(null);
  }

  /** Closes with a reason; the seam for injected faults. */
  fail(error: DtorrentError): void {
    this.#close(error);
  }

  #receive(segment: Uint8Array): void {
    if (this.#state === 'open') this.handler.onData(segment);
  }

  #close(error: DtorrentError | null): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#out.end();
    this.#other.#out.discard();
    this.#simulator.defer(() => {
      this.onGone();
      this.handler.onClose(error);
    });
  }

  /** Bytes of ours met a closed stream. Paused, we would never read its end, so this is how we learn of it. */
  #onReset(): void {
    const doing = `lost the connection to ${formatHostPort(this.remote)}`;
    this.#close(new DtorrentError('ENETWORK', `${doing}: connection reset by the other side`));
  }
}
