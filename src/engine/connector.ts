/**
 * Dials for all swarms: at most `maxHalfOpen` attempts at one time and `maxPeers` connections in all, swarms taking
 * turns. A swarm offers its next candidate; the connector decides when. Runs at the end of a turn, once.
 */
import type { EngineContext } from './context.js';
import type { Deferred } from './turn.js';

/** A swarm as the connector sees it. */
export interface Dialler {
  /** Dials its best candidate. @returns false when it has none now or wants no more peers. */
  dialNext(now: number): boolean;
}

export class Connector {
  readonly #context: EngineContext;
  readonly #diallers: Dialler[] = [];
  readonly #work: Deferred;
  #nextIndex = 0;
  #halfOpen = 0;
  #connected = 0;

  constructor(context: EngineContext) {
    this.#context = context;
    this.#work = {
      isQueued: false,
      run: (now) => this.#pump(now),
      onBug: (error) => context.host.log.write('error', `connector: ${String(error)}`),
    };
  }

  get halfOpenCount(): number {
    return this.#halfOpen;
  }
  get connectedCount(): number {
    return this.#connected;
  }
  /** Whether one more incoming connection fits. */
  get hasRoom(): boolean {
    return this.#connected < this.#context.settings.maxPeers;
  }

  add(dialler: Dialler): void {
    this.#diallers.push(dialler);
    this.wantsDial();
  }

  remove(dialler: Dialler): void {
    const index = this.#diallers.indexOf(dialler);
    if (index >= 0) this.#diallers.splice(index, 1);
  }

  /** New candidates, or room for them. */
  wantsDial(): void {
    this.#context.turn.settle(this.#work);
  }

  /** An attempt has begun / has become a connection / has failed; an incoming one counts from `onConnected`. */
  onDialStarted(): void {
    this.#halfOpen++;
  }
  onDialEnded(): void {
    this.#halfOpen--;
    this.wantsDial();
  }
  onConnected(): void {
    this.#connected++;
  }
  onDisconnected(): void {
    this.#connected--;
    this.wantsDial();
  }

  #pump(now: number): void {
    const { maxHalfOpen, maxPeers } = this.#context.settings;
    let refusals = 0;
    while (
      refusals < this.#diallers.length &&
      this.#halfOpen < maxHalfOpen &&
      this.#connected + this.#halfOpen < maxPeers
    ) {
      this.#nextIndex = (this.#nextIndex + 1) % this.#diallers.length;
      refusals = this.#diallers[this.#nextIndex]!.dialNext(now) ? 0 : refusals + 1;
    }
  }
}
