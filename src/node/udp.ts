/**
 * UDP over dgram. '' binds one IPv4 and one IPv6 socket on the same port, and send() picks by family.
 * Invariant: once bound it stays up: an ICMP answer or a full buffer of one destination is nobody else's trouble (the
 * DHT must not die of ECONNRESET). Called by NodeNetwork.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { platform } from 'node:process';
import { type Address, familyOf, makeAddress } from '../base/address.js';
import { type DtorrentError, toDtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import type { Log } from '../host/log.js';
import type { DatagramHandler, DatagramOptions, DatagramSocket, MulticastOptions } from '../host/network.js';
import { networkError, systemErrorCode } from './system-error.js';

/** Node takes one packet per callback: bursts have to wait in the kernel. The system may give less. */
const RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024;
/** For port 0: the port that IPv4 got may be taken on IPv6. */
const PORT_ATTEMPTS_MAX = 10;
const ANY_HOST = { 4: '0.0.0.0', 6: '::' } as const;
const ABSENT_FAMILY_CODES: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT']);

export class UdpSocket implements DatagramSocket {
  readonly #options: DatagramOptions;
  readonly #handler: DatagramHandler;
  readonly #log: Log;
  readonly #onClosed: (socket: UdpSocket) => void;
  #v4: Socket | null = null;
  #v6: Socket | null = null;
  #state: 'binding' | 'bound' | 'closed' = 'binding';
  #attempts = 0;

  constructor(options: DatagramOptions, handler: DatagramHandler, log: Log, onClosed: (socket: UdpSocket) => void) {
    this.#options = options;
    this.#handler = handler;
    this.#log = log;
    this.#onClosed = onClosed;
  }

  /** Binds; the handler hears the outcome. */
  open(): void {
    process.nextTick(() => this.#bindAsAsked()); // dgram may tell within the call
  }

  send(packet: Uint8Array, to: Address): void {
    const socket = to.family === 4 ? this.#v4 : this.#v6;
    if (socket === null || this.#state !== 'bound' || to.port === 0) return;
    if (socket.getSendQueueSize() > LIMITS.datagramQueueBytesMax) return; // dropped, as a router would
    try {
      // A copy: what the kernel cannot take at once waits in a queue, and the packet is the caller's to reuse.
      socket.send(Buffer.from(packet), to.port, to.host);
    } catch {
      // longer than a datagram can be
    }
  }

  /**
   * The same without the copy, for who sends very many.
   * @returns whether the bytes of `packet` are free again; if not, they are on their way and must not change any more.
   */
  sendBorrowed(packet: Uint8Array, to: Address): boolean {
    const socket = to.family === 4 ? this.#v4 : this.#v6;
    if (socket === null || this.#state !== 'bound' || to.port === 0) return true;
    if (socket.getSendQueueSize() > LIMITS.datagramQueueBytesMax) return true;
    try {
      socket.send(packet, to.port, to.host);
    } catch {
      // longer than a datagram can be
    }
    return socket.getSendQueueCount() === 0; // what the kernel takes at once never is in the queue
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#closeSockets();
    this.#onClosed(this);
  }

  #bindAsAsked(): void {
    if (this.#state === 'closed') return;
    const { host, port, multicast } = this.#options;
    if (host === '') {
      this.#bindBoth();
      return;
    }
    const family = familyOf(host);
    // Bound to the group it hears nothing else; Windows can bind to addresses of its own only.
    const bindTo = multicast === undefined ? host : platform === 'win32' ? ANY_HOST[family] : multicast.group;
    this.#bind(family, bindTo, port, (error) => {
      if (error === null) this.#onBound();
      else this.#fail(error);
    });
  }

  #bindBoth(): void {
    this.#attempts++;
    const { port } = this.#options;
    this.#bind(4, '0.0.0.0', port, (error4) => {
      if (error4 !== null && !ABSENT_FAMILY_CODES.has(systemErrorCode(error4))) {
        this.#fail(error4);
        return;
      }
      const sharedPort = this.#v4?.address().port ?? port;
      this.#bind(6, '::', sharedPort, (error6) => {
        if (error6 === null || (this.#v4 !== null && ABSENT_FAMILY_CODES.has(systemErrorCode(error6)))) {
          this.#onBound();
        } else if (port === 0 && this.#attempts < PORT_ATTEMPTS_MAX) {
          this.#closeSockets();
          this.#bindBoth();
        } else {
          this.#fail(error6);
        }
      });
    });
  }

  /** Binds one socket and keeps it in its field; `done` is never called after close(). */
  #bind(family: 4 | 6, host: string, port: number, done: (error: unknown) => void): void {
    const socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      ipv6Only: family === 6,
      reuseAddr: this.#options.multicast !== undefined,
      lookup: literalLookup,
    });
    if (family === 4) this.#v4 = socket;
    else this.#v6 = socket;
    let isPending = true;
    const settle = (error: unknown): void => {
      if (!isPending || this.#state === 'closed') return;
      isPending = false;
      if (error !== null) {
        if (family === 4) this.#v4 = null;
        else this.#v6 = null;
        socket.close();
      }
      done(error);
    };
    socket.on('error', settle); // after binding: an error that concerns one packet
    socket.once('listening', () => {
      enlargeReceiveBuffer(socket);
      const { host: asked, multicast } = this.#options;
      try {
        if (multicast !== undefined) joinGroup(socket, asked, multicast);
        else if (family === 4 && asked !== '') keepGroupsTo(socket, host);
        settle(null);
      } catch (error) {
        settle(error);
      }
    });
    socket.on('message', (packet, from) => this.#receive(packet, from));
    try {
      socket.bind({ address: host, port });
    } catch (error) {
      process.nextTick(settle, error);
    }
  }

  #onBound(): void {
    this.#state = 'bound';
    this.#handler.onListening((this.#v4 ?? this.#v6)!.address().port);
  }

  #receive(packet: Uint8Array, from: RemoteInfo): void {
    if (this.#state !== 'bound') return;
    // The kernel's IPv4 text is canonical already; IPv6 may carry a zone (fe80::1%eth0).
    const sender: Address | null =
      from.family === 'IPv4'
        ? { family: 4, host: from.address, port: from.port }
        : makeAddress(from.address.split('%')[0]!, from.port);
    if (sender === null) return;
    try {
      this.#handler.onDatagram(packet, sender);
    } catch (thrown) {
      const error = toDtorrentError(thrown);
      this.#log.write('error', `a datagram's handler threw: ${error.stack ?? error.message}`);
      this.#abandon(error);
    }
  }

  #fail(thrown: unknown): void {
    const { host, port } = this.#options;
    this.#abandon(networkError(`cannot bind UDP port ${port}${host === '' ? '' : ` of ${host}`}`, thrown));
  }

  #abandon(error: DtorrentError): void {
    if (this.#state === 'closed') return;
    this.close();
    this.#handler.onError(error);
  }

  #closeSockets(): void {
    this.#v4?.close();
    this.#v6?.close();
    this.#v4 = null;
    this.#v6 = null;
  }
}

/** Whatever is sent from now on leaves through that interface, or not at all. */
function joinGroup(socket: Socket, host: string, multicast: MulticastOptions): void {
  const { group, interfaceName, hopsMax, loopsBack } = multicast;
  const through = familyOf(host) === 6 ? `::%${zoneOf(interfaceName)}` : host;
  socket.setMulticastInterface(through);
  socket.setMulticastTTL(hopsMax);
  socket.setMulticastLoopback(loopsBack);
  socket.addMembership(group, through);
}

/** An IPv6 zone. One that is not known would be taken for any interface, so that it is looked for here. */
function zoneOf(interfaceName: string): string {
  const scopeId = networkInterfaces()[interfaceName]?.find(({ family }) => family === 'IPv6')?.scopeid;
  if (scopeId === undefined) throw Object.assign(new Error('no such interface'), { code: 'EADDRNOTAVAIL' });
  return platform === 'win32' ? String(scopeId) : interfaceName;
}

function enlargeReceiveBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // some systems refuse instead of giving what they have
  }
}

/** What is sent to a group leaves by the interface of that address too: not every system goes by the source. */
function keepGroupsTo(socket: Socket, host: string): void {
  try {
    socket.setMulticastInterface(host);
  } catch {
    // one that carries no groups
  }
}

/** Without this dgram defers every send by a trip through dns.lookup, though it is only ever given IP text. */
function literalLookup(
  host: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, host, familyOf(host));
}
