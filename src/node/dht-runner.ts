/**
 * Runs the sans-IO DHT of protocol/dht on UDP sockets, one for each address that is bound (BEP 45), or one for all there
 * are: packets, the time, whom to begin with, and the ends of what is under way. DhtClient is what programs see of it.
 * Invariant: what was asked for ends exactly once; after stop() nothing is left that would keep the process alive.
 */
import { networkInterfaces } from 'node:os';
import { type Address, familyOf, type HostPort } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import { ExternalAddress } from '../base/external-address.js';
import type { Wake } from '../host/clock.js';
import { SILENT_LOG } from '../host/log.js';
import { Dht } from '../protocol/dht/dht.js';
import type { DhtNode } from '../protocol/dht/dht-node.js';
import type { DhtOperation } from '../protocol/dht/operations.js';
import { NodeClock } from './clock.js';
import { DhtBootstrap } from './dht-bootstrap.js';
import { localHosts } from './local-hosts.js';
import { NodeRandom } from './random.js';
import { UdpSocket } from './udp.js';

export interface DhtRunnerOptions {
  /** Addresses and interfaces, apart by commas; '' = every address. */
  readonly bind: string;
  readonly port: number;
  /** Nodes to begin with. */
  readonly bootstrap: readonly HostPort[];
  readonly isReadOnly: boolean;
  readonly allowSameIp: boolean;
  readonly onWarning: (error: DtorrentError) => void;
}

export class DhtRunner {
  readonly dht: Dht;
  readonly #options: DhtRunnerOptions;
  readonly #clock = new NodeClock();
  readonly #nodes: DhtNode[] = [];
  readonly #bootstrap: DhtBootstrap;
  readonly #sockets: UdpSocket[] = [];
  #port = 0;
  #wake: Wake | null = null;
  #wakeDeadline = Number.POSITIVE_INFINITY;
  /** Of what is under way: fails it. */
  readonly #pending = new Set<(error: DtorrentError) => void>();
  /** Why it is of no use any more. */
  #end: DtorrentError | null = null;

  constructor(options: DhtRunnerOptions) {
    this.#options = options;
    const external = new ExternalAddress((family, ip) => this.dht.setExternalIp(family, ip, this.now));
    this.dht = new Dht({
      random: new NodeRandom(),
      isReadOnly: options.isReadOnly,
      allowSameIp: options.allowSameIp,
      onAddressVote: (ip, voter) => external.vote(ip, voter, 'dht', this.now),
    });
    this.#bootstrap = new DhtBootstrap(options.bootstrap, {
      clock: this.#clock,
      isAlone: () => this.dht.stats(this.now).tableNodes === 0,
      onAddresses: (addresses) => {
        this.dht.addBootstrap(addresses, this.now);
        this.rearm();
      },
      onWarning: options.onWarning,
    });
  }

  /** Of several sockets that of the first. */
  get port(): number {
    return this.#port;
  }

  get now(): number {
    return this.#clock.now();
  }

  get hasEnded(): boolean {
    return this.#end !== null;
  }

  /**
   * All sockets have one port where they can.
   * @throws {DtorrentError} `ENETWORK` when the port cannot be had, or nothing is there of what is to be bound
   */
  async open(): Promise<void> {
    const { bind, port } = this.#options;
    try {
      const [first, ...others] = localHosts(bind);
      this.#port = await this.#openSocket(first!, port);
      for (const host of others) {
        await this.#openSocket(host, this.#port).catch((error: DtorrentError) => {
          if (port !== 0) throw error;
          return this.#openSocket(host, 0);
        });
      }
    } catch (thrown) {
      this.end(thrown as DtorrentError);
      throw thrown;
    }
  }

  /** Looks for others. `isAlone`: nobody is known from an earlier run, so that all that is asked waits for names. */
  join({ isAlone }: { readonly isAlone: boolean }): void {
    this.#bootstrap.begin(new Set(this.#nodes.map(({ family }) => family)), { isAlone });
    this.rearm();
  }

  /**
   * Begins something once somebody is known to be asked, and ends it once: with its result; with ESTOPPED or ETIMEOUT
   * when one of `signals` is aborted; or with what ends everything.
   */
  ask<T>(signals: readonly AbortSignal[], begin: (done: (result: T) => void, now: number) => DhtOperation): Promise<T> {
    return new Promise((resolve, reject) => {
      let operation: DhtOperation | null = null;
      const isPending = (): boolean => this.#pending.has(fail);
      const end = (): void => {
        this.#pending.delete(fail);
        for (const signal of signals) signal.removeEventListener('abort', onAbort);
      };
      const fail = (error: DtorrentError): void => {
        end();
        operation?.cancel();
        reject(error);
      };
      const onAbort = (): void => fail(abortError(signals));
      const start = (): void => {
        if (!isPending()) return;
        operation = begin((result) => {
          end();
          resolve(result);
        }, this.now);
        this.rearm();
      };
      this.#pending.add(fail);
      for (const signal of signals) signal.addEventListener('abort', onAbort);
      if (this.#end !== null) fail(this.#end);
      else if (signals.some(({ aborted }) => aborted)) onAbort();
      else {
        this.#bootstrap.ready.then(start, (error: DtorrentError) => {
          if (isPending()) fail(error);
        });
      }
    });
  }

  /** To be called after whatever may have made something due. One timer, and no new one when nothing is due earlier. */
  rearm(): void {
    if (this.#end !== null) return;
    const deadline = this.dht.nextDeadline();
    if (deadline >= this.#wakeDeadline) return;
    this.#wake?.cancel();
    this.#wakeDeadline = deadline;
    this.#wake = this.#clock.wakeAt(deadline, () => {
      this.#wakeDeadline = Number.POSITIVE_INFINITY;
      this.dht.advance(this.now);
      this.rearm();
    });
  }

  /** Nothing is sent or heard any more, and what is under way fails with `error`. Idempotent. */
  end(error: DtorrentError): void {
    if (this.#end !== null) return;
    this.#end = error;
    for (const fail of [...this.#pending]) fail(error);
    this.#wake?.cancel();
    this.#bootstrap.stop();
    for (const node of this.#nodes) this.dht.close(node, this.now);
    for (const socket of this.#sockets) socket.close();
  }

  /** @returns its port. Once it is open an error of it ends everything. */
  #openSocket(host: string, port: number): Promise<number> {
    const nodes = new Map<4 | 6, DhtNode>();
    return new Promise((resolve, reject) => {
      const socket = new UdpSocket(
        { host, port },
        {
          onListening: (actualPort) => {
            this.#sockets.push(socket);
            for (const family of familiesOf(host)) nodes.set(family, this.#openNode(family, socket));
            resolve(actualPort);
          },
          onDatagram: (packet, from) => {
            nodes.get(from.family)?.receive(packet, from, this.now);
            this.rearm();
          },
          onError: (error) => {
            if (this.#sockets.includes(socket)) this.end(error);
            reject(error);
          },
        },
        SILENT_LOG,
        () => {},
      );
      socket.open();
    });
  }

  #openNode(family: 4 | 6, socket: UdpSocket): DhtNode {
    const send = (packet: Uint8Array, to: Address): void => socket.send(packet, to);
    const node = this.dht.open({ family, externalIp: null, send }, this.now);
    this.#nodes.push(node);
    return node;
  }
}

/** IPv6 is a network of its own (BEP 32): without an address that others can reach, it would only be asked in vain. */
function familiesOf(host: string): readonly (4 | 6)[] {
  if (host !== '') return [familyOf(host)];
  const addresses = Object.values(networkInterfaces()).flatMap((those) => those ?? []);
  const hasGlobalV6 = addresses.some(
    ({ family, internal, address }) => family === 'IPv6' && !internal && !address.startsWith('fe80:'),
  );
  return hasGlobalV6 ? [4, 6] : [4];
}

function abortError(signals: readonly AbortSignal[]): DtorrentError {
  const reason: unknown = signals.find(({ aborted }) => aborted)?.reason;
  if (reason instanceof DtorrentError) return reason;
  return reason instanceof Error && reason.name === 'TimeoutError'
    ? new DtorrentError('ETIMEOUT', 'the DHT has not answered within the time allowed')
    : new DtorrentError('ESTOPPED', 'the search in the DHT was stopped');
}
