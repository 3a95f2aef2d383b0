/**
 * The Network port of one simulated host: TCP, UDP, HTTP and names, all in virtual time.
 * An address where nobody is does not answer (dials time out); a host without a listener refuses.
 * Made by SimHost.
 */
import { type Address, formatHostPort, isLoopback, makeAddress } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { randomBelow } from '../../base/random.js';
import type {
  ByteStream,
  ByteStreamHandler,
  DatagramHandler,
  DatagramSocket,
  DialOptions,
  HttpExchange,
  HttpRequest,
  HttpResponse,
  Listener,
  ListenerHandler,
  ListenOptions,
  Network,
} from '../../host/network.js';
import type { CrashKind, SimMachine } from '../machine.js';
import type { SimPort } from '../observer.js';
import type { SimInternet } from './internet.js';
import { SimPipe } from './pipe.js';
import { PortTable } from './port-table.js';
import { SimStream } from './stream.js';

const DATAGRAM_BYTES_MAX = 65_507;
const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

interface SimListener extends Listener {
  readonly host: string;
  readonly handler: ListenerHandler;
}
interface SimDatagramSocket extends DatagramSocket {
  readonly host: string;
  readonly handler: DatagramHandler;
}
/** One GET with its redirects. */
interface Asking {
  isOver: boolean;
  readonly finish: (result: HttpResponse | DtorrentError) => void;
}

export class SimNetwork implements Network {
  readonly #machine: SimMachine;
  readonly #internet: SimInternet;
  readonly #ipv4: string | null;
  readonly #ipv6: string | null;
  readonly #listeners = new PortTable<SimListener>();
  readonly #datagramSockets = new PortTable<SimDatagramSocket>();
  readonly #streams = new Set<SimStream>();
  /** Without power it does not even refuse. */
  #isSilent = false;

  constructor(machine: SimMachine, internet: SimInternet, ips: { ipv4: string | null; ipv6: string | null }) {
    this.#machine = machine;
    this.#internet = internet;
    this.#ipv4 = ips.ipv4;
    this.#ipv6 = ips.ipv6;
    for (const ip of this.#ips()) internet.attach(ip, this);
    machine.onCrash((kind) => this.#onCrash(kind));
  }

  get isOn(): boolean {
    return this.#machine.isOn;
  }

  /** Open streams, listeners and datagram sockets; 0 when a client has cleaned up. */
  get openCount(): number {
    return this.#streams.size + this.#listeners.size + this.#datagramSockets.size;
  }

  /** Lets its addresses go, so that a successor can have them. */
  detach(): void {
    for (const ip of this.#ips()) this.#internet.detach(ip, this);
  }

  dial(to: Address, options: DialOptions, handler: ByteStreamHandler): ByteStream {
    const { simulator } = this.#internet;
    const isOn = this.#machine.act();
    const source = this.#sourceIp(to, options.bindHost);
    const dialler: Address = { family: to.family, host: source ?? '0.0.0.0', port: this.#listeners.ephemeralPort() };
    const link = this.#internet.link(dialler.host, to.host);
    const out = new SimPipe(simulator, simulator.random.split(), link);
    const back = new SimPipe(simulator, simulator.random.split(), link);
    const dialled = new SimStream(simulator, { machine: this.#machine, remote: to, out, in: back, handler });
    if (!isOn) return dialled;
    this.#adopt(dialled);
    const fail = (code: 'ENETWORK' | 'ETIMEOUT', reason: string): void =>
      dialled.fail(new DtorrentError(code, `cannot connect to ${formatHostPort(to)}: ${reason}`));
    if (source === null) {
      simulator.defer(() => fail('ENETWORK', 'no route to that network'));
      return dialled;
    }
    const timeout = simulator.after(options.timeoutMs, () => {
      if (!isOpen) fail('ETIMEOUT', `no answer within ${options.timeoutMs / 1000} seconds`);
    });
    let isOpen = false;
    simulator.after(link.latencyMs, () => {
      const target = this.#internet.find(this, to);
      if (target === null || target.#isSilent || dialled.isClosed) return;
      const listener = target.#listeners.find(to.host, to.port);
      simulator.after(link.latencyMs, () => {
        if (dialled.isClosed) return;
        timeout.cancel();
        isOpen = listener !== null;
        if (isOpen) dialled.open(true);
        else fail('ENETWORK', 'connection refused');
      });
      if (listener === null) return;
      const parts = { machine: target.#machine, remote: dialler, out: back, in: out };
      target.#accept(new SimStream(simulator, parts), listener);
    });
    return dialled;
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
    port = this.#hasIp(options.host) ? this.#listeners.add(options.port, listener) : -1;
    this.#tell('listener', () => {
      if (isClosed) return;
      if (port >= 0) handler.onListening(port);
      else handler.onError(bindError(`listen on TCP port ${options.port}`, this.#hasIp(options.host)));
    });
    return listener;
  }

  openDatagramSocket(options: ListenOptions, handler: DatagramHandler): DatagramSocket {
    let port = -1;
    let isClosed = !this.#machine.act();
    const socket: SimDatagramSocket = {
      host: options.host,
      handler,
      send: (packet, to) => {
        if (this.#machine.act() && !isClosed && port >= 0) this.#sendDatagram(packet, port, options.host, to);
      },
      close: () => {
        if (!this.#machine.act()) return;
        isClosed = true;
        if (port >= 0) this.#datagramSockets.remove(port, socket);
      },
    };
    if (isClosed) return socket;
    port = this.#hasIp(options.host) ? this.#datagramSockets.add(options.port, socket) : -1;
    this.#tell('datagram', () => {
      if (isClosed) return;
      if (port >= 0) handler.onListening(port);
      else handler.onError(bindError(`bind UDP port ${options.port}`, this.#hasIp(options.host)));
    });
    return socket;
  }

  resolve(host: string, done: (result: readonly Address[] | DtorrentError) => void): void {
    if (!this.#machine.act()) return;
    const found = this.#internet.lookUp(host);
    this.#tell('resolve', () => {
      if (found.length > 0) done(found);
      else done(new DtorrentError('ERESOLVE', `cannot resolve "${host}": there is no such host name`));
    });
  }

  httpGet(request: HttpRequest, done: (result: HttpResponse | DtorrentError) => void): HttpExchange {
    const { simulator } = this.#internet;
    if (!this.#machine.act()) return { cancel() {} };
    const asking: Asking = {
      isOver: false,
      finish: (result) => {
        if (asking.isOver) return;
        asking.isOver = true;
        timeout.cancel();
        if (!this.#machine.enter('http', result instanceof DtorrentError ? 0 : result.body.length)) return;
        done(result);
        this.#machine.leave();
      },
    };
    const timeout = simulator.after(request.timeoutMs, () => {
      const message = `no complete answer from ${request.url} within ${request.timeoutMs / 1000} seconds`;
      asking.finish(new DtorrentError('ETIMEOUT', message));
    });
    simulator.defer(() => this.#ask(request, asking));
    return {
      cancel: () => {
        if (!this.#machine.act()) return;
        asking.isOver = true;
        timeout.cancel();
      },
    };
  }

  /** Calls the host's code, after the current callback. */
  #tell(port: SimPort, fn: () => void): void {
    this.#internet.simulator.defer(() => {
      if (!this.#machine.enter(port)) return;
      fn();
      this.#machine.leave();
    });
  }

  #onCrash(kind: CrashKind): void {
    this.#isSilent = kind === 'power';
    for (const stream of this.#streams) stream.onCrash(kind);
    this.#streams.clear();
    this.#listeners.clear();
    this.#datagramSockets.clear();
  }

  #ips(): readonly string[] {
    return [this.#ipv4, this.#ipv6].filter((ip) => ip !== null);
  }

  #adopt(stream: SimStream): void {
    this.#streams.add(stream);
    stream.onGone = () => this.#streams.delete(stream);
  }

  #accept(stream: SimStream, listener: SimListener): void {
    this.#adopt(stream);
    stream.open(false);
    if (!this.#machine.enter('listener')) return;
    listener.handler.onConnection(stream);
    this.#machine.leave();
    if (!stream.isHandled) stream.close();
  }

  #sendDatagram(packet: Uint8Array, fromPort: number, bindHost: string, to: Address): void {
    const { simulator } = this.#internet;
    const source = this.#sourceIp(to, bindHost);
    if (source === null || to.port === 0 || packet.length > DATAGRAM_BYTES_MAX) return;
    this.#machine.observer.onDatagramSent(this.#machine, to, packet);
    const link = this.#internet.link(source, to.host);
    if (link.lossRatio > 0 && randomBelow(simulator.random, 1_000_000) < link.lossRatio * 1_000_000) return;
    const copy = packet.slice();
    const from: Address = { family: to.family, host: source, port: fromPort };
    simulator.after(link.latencyMs, () => {
      const target = this.#internet.find(this, to);
      const receiver = target === null ? null : target.#datagramSockets.find(to.host, to.port);
      if (receiver === null || !target!.#machine.enter('datagram', copy.length)) return;
      receiver.handler.onDatagram(copy, from);
      copy.fill(0xdb); // whoever kept it sees that it was lent
      target!.#machine.leave();
    });
  }

  #ask(request: HttpRequest, asking: Asking): void {
    if (asking.isOver) return;
    const { simulator } = this.#internet;
    const { finish } = asking;
    const match = /^(https?):\/\/([^/?#]+)([^#]*)/i.exec(request.url);
    if (match === null || !URL.canParse(request.url)) {
      finish(new DtorrentError('ENETWORK', `not an http or https URL: ${request.url}`));
      return;
    }
    const url = new URL(request.url);
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    const found = this.#internet.lookUp(url.hostname);
    const fits = (address: Address): boolean =>
      (request.family === 0 || request.family === address.family) && this.#sourceIp(address, request.bindHost) !== null;
    const server = found.find(fits);
    const service = this.#internet.httpService(`${url.hostname}:${port}`);
    if (found.length === 0) {
      finish(new DtorrentError('ERESOLVE', `cannot resolve "${url.hostname}": there is no such host name`));
      return;
    }
    if (server === undefined || service === null) {
      finish(new DtorrentError('ENETWORK', `cannot get an answer from ${url.host}: connection refused`));
      return;
    }
    const source = this.#sourceIp(server, request.bindHost)!;
    const from: Address = { family: server.family, host: source, port: this.#listeners.ephemeralPort() };
    const link = this.#internet.link(source, server.host);
    const target = match[3]!.startsWith('/') ? match[3]! : `/${match[3]}`;
    // Two round trips: the connection, then the question and its answer.
    simulator.after(3 * link.latencyMs, () => {
      if (this.#internet.find(this, server)?.isOn === false) return;
      const answer = service({ target, host: url.host, userAgent: request.userAgent, from });
      if (answer === null) return;
      simulator.after(link.latencyMs + (answer.delayMs ?? 0), () => {
        if (answer.location !== undefined && REDIRECT_STATUSES.has(answer.status)) {
          this.#redirect(request, answer.location, asking);
        } else if (answer.body.length > request.bodyBytesMax) {
          finish(new DtorrentError('ENETWORK', `the answer is longer than ${request.bodyBytesMax} bytes`));
        } else finish({ status: answer.status, body: answer.body.slice() });
      });
    });
  }

  #redirect(request: HttpRequest, location: string, asking: Asking): void {
    const { url, redirectsMax } = request;
    const target = URL.canParse(location, url) ? new URL(location, url).href : location;
    if (redirectsMax > 0) this.#ask({ ...request, url: target, redirectsMax: redirectsMax - 1 }, asking);
    else asking.finish(new DtorrentError('ENETWORK', `too many redirects, the last to ${target}`));
  }

  /** @returns the IP that packets to `to` come from, or null when this host cannot reach that family. */
  #sourceIp(to: Address, bindHost: string): string | null {
    if (isLoopback(to)) return to.family === 4 ? '127.0.0.1' : '::1';
    const own = to.family === 4 ? this.#ipv4 : this.#ipv6;
    return bindHost === '' || makeAddress(bindHost, 0)?.host === own ? own : null;
  }

  #hasIp(host: string): boolean {
    if (host === '' || host === '0.0.0.0' || host === '::') return true;
    const address = makeAddress(host, 0);
    return address !== null && (isLoopback(address) || address.host === this.#ipv4 || address.host === this.#ipv6);
  }
}

function bindError(doing: string, hasAddress: boolean): DtorrentError {
  const reason = hasAddress
    ? 'another program uses this port; choose another'
    : 'this machine does not have that address';
  return new DtorrentError('ENETWORK', `cannot ${doing}: ${reason}`);
}
