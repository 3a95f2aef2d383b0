/**
 * A host for tests of announces: virtual time, and a network whose every answer the test gives. Callbacks run from
 * runTo() or settle() only, never inside the call that caused them, as the network port promises.
 */
import assert from 'node:assert/strict';
import { type Address, makeAddress } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { Timer, TimerQueue } from '../../base/timer-queue.js';
import type { Clock, Wake } from '../../host/clock.js';
import type { DatagramHandler, Gateway, HttpRequest, HttpResponse, Network } from '../../host/network.js';
import { Turn } from '../turn.js';

export interface ScriptedGet {
  readonly request: HttpRequest;
  readonly url: URL;
  readonly at: number;
  isCancelled: boolean;
  readonly done: (result: HttpResponse | DtorrentError) => void;
}

export interface SentDatagram {
  readonly packet: Uint8Array;
  readonly to: Address;
  readonly at: number;
}

export class ScriptedHost {
  now = 0;
  readonly gets: ScriptedGet[] = [];
  /** Answers each GET; null = never. Without it the test answers through `gets`. */
  onGet: ((get: ScriptedGet) => HttpResponse | DtorrentError | null) | null = null;
  readonly datagrams: SentDatagram[] = [];
  /** Answers each datagram that the engine sends; null = nothing comes back. */
  onDatagram: (sent: SentDatagram) => Uint8Array | null = () => null;
  /** What names resolve to; others do not exist. */
  readonly names = new Map<string, readonly string[]>();
  readonly sockets: { readonly host: string; readonly handler: DatagramHandler; isOpen: boolean }[] = [];
  /** Fails the next socket that is opened. */
  socketError: DtorrentError | null = null;
  /** What gateways() finds. */
  gateways: readonly Gateway[] = [];
  readonly turn: Turn;
  readonly #timers = new TimerQueue();
  #tasks: (() => void)[] = [];

  constructor() {
    const clock: Clock = {
      now: () => this.now,
      unixTime: () => 0,
      wakeAt: (deadline, fn) => this.#wakeAt(deadline, fn),
    };
    this.turn = new Turn(clock, (error) => {
      throw error;
    });
  }

  readonly network: Network = {
    interfaces: () => [],
    abandon: () => {},
    dial: () => assert.fail('announces do not dial'),
    listen: () => assert.fail('announces do not listen'),
    resolve: (host, done) => {
      this.#defer(() => {
        const literal = makeAddress(host, 0);
        const addresses = literal === null ? (this.names.get(host) ?? []).map((ip) => makeAddress(ip, 0)!) : [literal];
        done(addresses.length > 0 ? addresses : new DtorrentError('ERESOLVE', `no such host: ${host}`));
      });
    },
    gateways: () => this.gateways,
    httpGet: (request, done) => {
      const get: ScriptedGet = { request, url: new URL(request.url), at: this.now, isCancelled: false, done };
      this.gets.push(get);
      const answer = this.onGet;
      if (answer !== null) {
        this.#defer(() => {
          if (get.isCancelled) return;
          const result = answer(get);
          if (result !== null) done(result);
        });
      }
      return {
        cancel: () => {
          get.isCancelled = true;
        },
      };
    },
    openDatagramSocket: ({ host }, handler) => {
      const socket = { host, handler, isOpen: true };
      this.sockets.push(socket);
      const error = this.socketError;
      this.socketError = null;
      this.#defer(() => {
        if (error !== null) handler.onError(error);
        else handler.onListening(40_000);
      });
      return {
        send: (packet, to) => {
          const sent = { packet: packet.slice(), to, at: this.now };
          this.datagrams.push(sent);
          this.#defer(() => {
            const answer = this.onDatagram(sent);
            if (answer !== null && socket.isOpen) handler.onDatagram(answer, to);
          });
        },
        close: () => {
          socket.isOpen = false;
        },
      };
    },
  };

  /** Answers a GET now. */
  answer(get: ScriptedGet, result: HttpResponse | DtorrentError): void {
    assert.ok(!get.isCancelled, 'the GET has been cancelled');
    get.done(result);
    this.settle();
  }

  /** Runs what is under way, without letting time pass. */
  settle(): void {
    while (this.#tasks.length > 0) {
      const tasks = this.#tasks;
      this.#tasks = [];
      for (const task of tasks) task();
    }
  }

  /** Runs `action` in a turn, and what comes of it at once. */
  act(action: () => void): void {
    this.turn.run(action);
    this.settle();
  }

  /** Lets time pass, stopping wherever something is due. */
  runTo(time: number): void {
    this.settle();
    while (this.#timers.nextDeadline <= time) {
      this.now = Math.max(this.now, this.#timers.nextDeadline);
      this.#timers.advance(this.now);
      this.settle();
    }
    this.now = time;
  }

  #defer(task: () => void): void {
    this.#tasks.push(task);
  }

  #wakeAt(deadline: number, fn: () => void): Wake {
    const timer = new Timer(() => this.#defer(fn));
    this.#timers.set(timer, Math.max(deadline, this.now));
    return { cancel: () => this.#timers.cancel(timer) };
  }
}
