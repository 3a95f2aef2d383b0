/**
 * The Network port of one simulated host: TCP, UDP, HTTP and names, all in virtual time.
 * An address where nobody is does not answer (dials time out); a host without a listener refuses.
 * Made by SimHost.
 */
import { type Address, formatHostPort, isLoopback, makeAddress } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { shuffle } from '../../base/random.js';
import type {
  ByteStream,
  ByteStreamHandler,
  DatagramHandler,
  DatagramOptions,
  DatagramSocket,
  DialOptions,
  HttpExchange,
  HttpRequest,
  HttpResponse,
  Listener,
  ListenerHandler,
  ListenOptions,
  LocalAddress,
  LocalInterface,
  Network,
} from '../../host/network.js';
import type { CrashKind, SimMachine } from '../machine.js';
import type { SimPort } from '../observer.js';
import { AccessLink, type AccessOptions } from './access-link.js';
import { SimHttp } from './http.js';
import type { SimInternet } from './internet.js';
import { fraction, happens, type Link, travelMs } from './link.js';
import { Nat, type NatKind, type NatOptions } from './nat.js';
import { SimPipe } from './pipe.js';
import { bindError, PortTable } from './port-table.js';
import { SimStream } from './stream.js';
import { SimUdp } from './udp.js';

/** A dial that is not answered is sent again after this long, then after twice as long, and so on (RFC 6298). */
const DIAL_AGAIN_MS = 1000;
const HOUR_MS = 3_600_000;

/** The name of its interface. */
const INTERFACE_NAME = 'eth0';

export interface SimNetworkOptions {
  readonly ipv4: string | null;
  readonly ipv6: string | null;
  /** Left out = no limit of its own. */
  readonly access?: AccessOptions;
  /** Left out or null = none: everybody reaches it. */
  readonly nat?: NatKind | NatOptions | null;
  /** Hosts that name the same local network hear each other's multicast. Left out = it is in none. */
  readonly lan?: string;
}

interface SimListener extends Listener {
  readonly host: string;
  readonly handler: ListenerHandler;
}

/** One dial, until it is answered. */
interface Dialling {
  readonly stream: SimStream;
  readonly from: Address;
  readonly to: Address;
  readonly link: Link;
  readonly out: SimPipe;
  readonly back: SimPipe;
  againMs: number;
}

export class SimNetwork implements Network {
  readonly internet: SimInternet;
  /** @internal */
  readonly access: AccessLink | null;
  /** @internal */
  readonly udp: SimUdp;
  readonly #machine: SimMachine;
  readonly #options: SimNetworkOptions;
  readonly #nat4: Nat | null;
  readonly #nat6: Nat | null;
  readonly #http: SimHttp;
  readonly #listeners = new PortTable<SimListener>();
  readonly #streams = new Set<SimStream>();
  #isLinkUp = true;
  /** Without power it does not even refuse. */
  #isSilent = false;

  constructor(machine: SimMachine, internet: SimInternet, options: SimNetworkOptions) {
    this.#machine = machine;
    this.internet = internet;
    this.#options = options;
    const { access, nat = null } = options;
    this.access = access === undefined ? null : new AccessLink(internet.simulator, access);
    const natOptions = typeof nat === 'string' ? { kind: nat } : nat;
    this.#nat4 = natOptions === null ? null : new Nat(natOptions, true);
    this.#nat6 = natOptions === null ? null : new Nat(natOptions, false);
    this.udp = new SimUdp(this, machine);
    this.#http = new SimHttp(this, machine);
    for (const ip of this.#ips()) internet.attach(ip, this);
    machine.onCrash((kind) => this.#onCrash(kind));
  }

  get isOn(): boolean {
    return this.#machine.isOn;
  }

  /** Open streams, listeners and datagram sockets; 0 when a client has cleaned up. */
  get openCount(): number {
    return this.#streams.size + this.#listeners.size + this.udp.size;
  }

  /** Unplugs it for good and lets its addresses go, so that a successor can have them. */
  detach(): void {
    this.#isSilent = true;
    for (const ip of this.#ips()) this.internet.detach(ip, this);
    for (const stream of this.#streams) stream.unplug();
  }

  /** @internal Name of its local network; null = none, or the link is down. */
  get lan(): string | null {
    return this.#isLinkUp ? (this.#options.lan ?? null) : null;
  }

  /**
   * Sets its interface down or up. While it is down it is not listed; what is sent and received all the same is for the
   * test to see.
   */
  setLink(isUp: boolean): void {
    this.#isLinkUp = isUp;
  }

  interfaces(): readonly LocalInterface[] {
    const loopback: LocalAddress[] = [
      { family: 4, host: '127.0.0.1', prefixBits: 8 },
      { family: 6, host: '::1', prefixBits: 128 },
    ];
    const interfaces: LocalInterface[] = [{ name: 'lo', addresses: loopback, isLoopback: true, canMulticast: false }];
    const { lan, ipv4, ipv6 } = this.#options;
    const addresses: LocalAddress[] = [];
    if (ipv4 !== null) addresses.push({ family: 4, host: ipv4, prefixBits: 8 });
    if (ipv6 !== null) addresses.push({ family: 6, host: ipv6, prefixBits: 64 });
    if (this.#isLinkUp && addresses.length > 0) {
      interfaces.push({ name: INTERFACE_NAME, addresses, isLoopback: false, canMulticast: lan !== undefined });
    }
    return interfaces;
  }

  /** Breaks a share of the streams that are open now, 0 to 1, chosen at random. Both sides hear of a reset. */
  resetStreams(share = 1): void {
    const open = [...this.#streams].filter((stream) => stream.isOpen);
    shuffle(this.internet.simulator.random, open);
    for (const stream of open.slice(0, Math.ceil(share * open.length))) stream.reset();
  }

  dial(to: Address, options: DialOptions, handler: ByteStreamHandler): ByteStream {
    const { internet } = this;
    const isOn = this.#machine.act();
    const source = this.sourceIp(to, options.bindHost);
    const from: Address = { family: to.family, host: source ?? '0.0.0.0', port: this.ephemeralPort() };
    const link = internet.link(from.host, to.host);
    const { family } = to;
    const out = new SimPipe({ internet, link, family, fromHost: from.host, toHost: to.host });
    const back = new SimPipe({ internet, link, family, fromHost: to.host, toHost: from.host });
    const parts = { machine: this.#machine, remote: to, localHost: from.host, out, in: back, handler };
    const stream = new SimStream(internet.simulator, parts);
    if (!isOn) return stream;
    this.#machine.observer.onDialled(this.#machine, to);
    this.#adopt(stream);
    if (source === null) {
      internet.simulator.defer(() => this.#failDial(stream, 'ENETWORK', 'no route to that network'));
      return stream;
    }
    stream.openTimer = internet.simulator.after(options.timeoutMs, () => {
      this.#failDial(stream, 'ETIMEOUT', `no answer within ${options.timeoutMs / 1000} seconds`);
    });
    this.#knock({ stream, from, to, link, out, back, againMs: DIAL_AGAIN_MS });
    return stream;
  }

  listen(options: ListenOptions, handler: ListenerHandler): Listener {
    let port = -1;
    let isClosed = !this.#machine.act();
    const listener: SimListener = {
      host: options.host,
      handler,
      close: () => {
        if (!this.#machine.act()) return;
        isClosed = true;
        if (port >= 0) this.#listeners.remove(port, listener);
      },
    };
    if (isClosed) return listener;
    port = this.hasIp(options.host) ? this.#listeners.add(options.port, listener) : -1;
    this.tell('listener', () => {
      if (isClosed) return;
      if (port >= 0) handler.onListening(port);
      else handler.onError(bindError(`listen on TCP port ${options.port}`, this.hasIp(options.host)));
    });
    return listener;
  }

  openDatagramSocket(options: DatagramOptions, handler: DatagramHandler): DatagramSocket {
    return this.udp.open(options, handler);
  }

  resolve(
    host: string,
    done: (result: readonly Address[] | DtorrentError) => void,
    from: readonly string[] = [],
  ): void {
    if (!this.#machine.act()) return;
    const families = new Set(from.map((ip) => makeAddress(ip, 0)?.family));
    const found = this.internet.lookUp(host).filter(({ family }) => families.size === 0 || families.has(family));
    this.tell('resolve', () => {
      if (found.length > 0) done(found);
      else done(new DtorrentError('ERESOLVE', `cannot resolve "${host}": there is no such host name`));
    });
  }

  resolveText(host: string, done: (result: readonly string[] | DtorrentError) => void): void {
    if (!this.#machine.act()) return;
    const records = this.internet.lookUpText(host);
    this.tell('resolve', () => done(records));
  }

  httpGet(request: HttpRequest, done: (result: HttpResponse | DtorrentError) => void): HttpExchange {
    return this.#http.get(request, done);
  }

  abandon(host: string): void {
    if (!this.#machine.act()) return;
    for (const stream of this.#streams) if (stream.localHost === host) stream.reset();
  }

  /** @internal Calls the host's code, after the current callback. */
  tell(port: SimPort, fn: () => void): void {
    this.internet.simulator.defer(() => {
      if (!this.#machine.enter(port)) return;
      fn();
      this.#machine.leave();
    });
  }

  /** @internal The IP that packets to `to` come from, or null when this host cannot reach that family. */
  sourceIp(to: Address, bindHost: string): string | null {
    if (isLoopback(to)) return to.family === 4 ? '127.0.0.1' : '::1';
    const own = to.family === 4 ? this.#options.ipv4 : this.#options.ipv6;
    return bindHost === '' || makeAddress(bindHost, 0)?.host === own ? own : null;
  }

  /** @internal Whether it can bind this. */
  hasIp(host: string): boolean {
    if (host === '' || host === '0.0.0.0' || host === '::') return true;
    const address = makeAddress(host, 0);
    return address !== null && (isLoopback(address) || this.#ips().includes(address.host));
  }

  /** @internal */
  natOf(family: 4 | 6): Nat | null {
    return family === 4 ? this.#nat4 : this.#nat6;
  }

  /** @internal */
  ephemeralPort(): number {
    return this.#listeners.ephemeralPort();
  }

  /** Asks for the connection, again and again until it is answered or given up. */
  #knock(dialling: Dialling): void {
    const { internet } = this;
    const { stream, from, to, link } = dialling;
    internet.simulator.after(travelMs(link, internet.simulator.random), () => {
      if (stream.isClosed) return;
      const target = internet.find(this, to);
      const isLost = internet.isCutOff(from.host, to.host) || happens(internet.simulator.random, link.lossRatio);
      if (!isLost && target !== null && !target.#isSilent) target.#answer(this, dialling);
      else {
        stream.knockTimer = internet.simulator.after(dialling.againMs, () => this.#knock(dialling));
        dialling.againMs *= 2;
      }
    });
  }

  /** Somebody dials this host. */
  #answer(dialler: SimNetwork, dialling: Dialling): void {
    const { simulator } = this.internet;
    const { from, to, link, out, back, stream } = dialling;
    const isLocal = dialler === this;
    const nat = isLocal ? null : this.natOf(to.family);
    if (nat?.inboundTcp === 'silent') return;
    const listener = nat === null ? this.#listeners.find(to.host, to.port) : null;
    const here = isLocal ? null : this.access;
    const there = isLocal ? null : dialler.access;
    const parts = { machine: this.#machine, remote: from, localHost: to.host, out: back, in: out };
    const accepted = listener === null ? null : new SimStream(simulator, parts);
    simulator.after(travelMs(link, simulator.random), () => {
      if (stream.isClosed) {
        // It gave up meanwhile: its system resets what comes of it, unless it has none any more.
        if (!dialler.#isSilent) simulator.after(link.latencyMs, () => accepted?.onRefused());
        return;
      }
      if (accepted !== null) stream.open(true, { up: there, down: here });
      else this.#failDial(stream, 'ENETWORK', 'connection refused', to);
    });
    if (accepted === null) return;
    this.#accept(accepted, listener!, { up: here, down: there });
    this.#breakSometime(accepted, link);
  }

  #accept(
    stream: SimStream,
    listener: SimListener,
    lines: { readonly up: AccessLink | null; readonly down: AccessLink | null },
  ): void {
    this.#adopt(stream);
    stream.open(false, lines);
    if (!this.#machine.enter('listener')) return;
    listener.handler.onConnection(stream);
    this.#machine.leave();
    if (!stream.isHandled) stream.close();
  }

  /** Links that reset connections do it at random, at a steady rate. */
  #breakSometime(stream: SimStream, link: Link): void {
    const { resetsPerHour = 0 } = link;
    if (resetsPerHour <= 0) return;
    const { simulator } = this.internet;
    const afterMs = (-Math.log(1 - fraction(simulator.random)) * HOUR_MS) / resetsPerHour;
    stream.knockTimer = simulator.after(afterMs, () => stream.reset());
  }

  #failDial(stream: SimStream, code: 'ENETWORK' | 'ETIMEOUT', reason: string, to: Address = stream.remote): void {
    stream.fail(new DtorrentError(code, `cannot connect to ${formatHostPort(to)}: ${reason}`));
  }

  #adopt(stream: SimStream): void {
    this.#streams.add(stream);
    stream.onGone = () => this.#streams.delete(stream);
  }

  #onCrash(kind: CrashKind): void {
    this.#isSilent = kind === 'power';
    for (const stream of this.#streams) stream.onCrash(kind);
    this.#streams.clear();
    this.#listeners.clear();
    this.udp.clear();
  }

  #ips(): readonly string[] {
    return [this.#options.ipv4, this.#options.ipv6].filter((ip) => ip !== null);
  }
}
