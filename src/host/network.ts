/**
 * The network port: interfaces, byte streams, listeners, datagrams, HTTP and name resolution. Implemented by node/ and
 * sim/.
 * Rule for implementers: no callback runs inside the call that starts the operation (dial, listen, write …), and none
 * runs after onClose / a done callback. Nothing here throws: failures arrive as DtorrentError values.
 */
import type { Address } from '../base/address.js';
import type { DtorrentError } from '../base/errors.js';

export interface Network {
  /** How many streams the system allows at one time, as far as it is known. Left out: as many as are asked for. */
  readonly streamsMax?: number;
  /** What there is now, looked at for each call: the interfaces that are up and have an address. */
  interfaces(): readonly LocalInterface[];
  /** Dials TCP. The stream exists at once; its handler hears onOpen, or onClose with the reason. */
  dial(to: Address, options: DialOptions, handler: ByteStreamHandler): ByteStream;
  /** Listens for TCP. */
  listen(options: ListenOptions, handler: ListenerHandler): Listener;
  openDatagramSocket(options: DatagramOptions, handler: DatagramHandler): DatagramSocket;
  /**
   * Resolves a host name (IP text passes through) to its addresses, best first, port 0.
   * @param from the local IPs that a question to a name server may leave from, one a family at most; left out or empty =
   * the system resolves it in its own way.
   */
  resolve(host: string, done: (result: readonly Address[] | DtorrentError) => void, from?: readonly string[]): void;
  /** The default routers of each family, best first, looked at for each call. Left out: there are none. */
  gateways?(): readonly Gateway[];
  /** One GET, or a POST. Bodies are decompressed; the limit applies to the decompressed size. */
  httpGet(request: HttpRequest, done: (result: HttpResponse | DtorrentError) => void): HttpExchange;
  /**
   * That local IP is not to be used any more: every stream and every HTTP connection that was bound to it ends, with as
   * little sent as the system allows. Listeners and datagram sockets are closed by whoever opened them.
   */
  abandon(host: string): void;
}

/** A network interface of this machine. */
export interface LocalInterface {
  /** As the system names it: `eth0`, `wg0`, `Ethernet 2`. */
  readonly name: string;
  readonly addresses: readonly LocalAddress[];
  readonly isLoopback: boolean;
  /** Whether it may carry multicast, as far as it is known. */
  readonly canMulticast: boolean;
}

/** An address of an interface, with the network that it is in. */
export interface LocalAddress {
  readonly family: 4 | 6;
  /** Canonical IP text, without a zone. */
  readonly host: string;
  /** 0 to 32, or to 128. */
  readonly prefixBits: number;
}

/** A default router, once for each address of ours in its network. */
export interface Gateway {
  readonly family: 4 | 6;
  /** Canonical IP text; a link-local IPv6 address with its zone (`fe80::1%eth0`), as a datagram socket sends to. */
  readonly host: string;
  /** Ours, on the interface that leads to it: canonical IP text. */
  readonly localHost: string;
  /** Of that network. */
  readonly prefixBits: number;
}

export interface DialOptions {
  /** Local IP to dial from; '' = the system's choice. */
  readonly bindHost: string;
  readonly timeoutMs: number;
}

export interface ListenOptions {
  /** Local IP to bind; '' = every address, v4 and v6 where the machine has both. */
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
}

export interface DatagramOptions extends ListenOptions {
  /** Makes it a socket of a multicast group; `host` is then the interface's address, of the family of the group. */
  readonly multicast?: MulticastOptions;
}

/**
 * A socket that hears what is sent to `group` at its port, and sends to it through one interface only. The port is shared
 * with other programs that do the same. What others have joined on other interfaces may be heard too: look at `from`.
 */
export interface MulticastOptions {
  /** Canonical IP text. */
  readonly group: string;
  /** Name of the interface. */
  readonly interfaceName: string;
  /** Time to live: 1 = the local network only. */
  readonly hopsMax: number;
  /** Whether programs on this machine, also this one, hear what is sent. */
  readonly loopsBack: boolean;
}

export interface ByteStreamHandler {
  /** A dialled stream is connected. Never called for accepted ones, which are open when handed over. */
  onOpen(): void;
  /** `chunk` is valid only during the call: copy what you keep. */
  onData(chunk: Uint8Array): void;
  /** Total bytes handed to the system since the start, cumulative: chunks before that point may be reused. */
  onWritten(totalBytes: number): void;
  /** The last call, exactly once, also after close(). `error` when the stream did not end in an orderly way. */
  onClose(error: DtorrentError | null): void;
}

/** A full-duplex reliable pipe: TCP now; uTP, MSE and WebRTC later. A peer connection cannot tell them apart. */
export interface ByteStream {
  handler: ByteStreamHandler;
  readonly remote: Address;
  /** Bytes written but not yet handed to the system. */
  readonly bufferedBytes: number;
  /**
   * Queues `chunk`, which is borrowed until onWritten has passed it. Chunks written between cork() and uncork() leave
   * in one system call.
   * @returns false above the high-water mark: stop writing until onWritten.
   */
  write(chunk: Uint8Array): boolean;
  cork(): void;
  uncork(): void;
  /** Stops and restarts onData; used when there is no memory for what would arrive. */
  pause(): void;
  resume(): void;
  /** Closes at once; what was not yet written is dropped. Idempotent. */
  close(): void;
}

export interface ListenerHandler {
  /** Bound; `port` is the real one. */
  onListening(port: number): void;
  /** Set `stream.handler` before returning. */
  onConnection(stream: ByteStream): void;
  /** The listener is gone (in use, no permission …). */
  onError(error: DtorrentError): void;
}

export interface Listener {
  close(): void;
}

export interface DatagramHandler {
  onListening(port: number): void;
  /** `packet` is valid only during the call. */
  onDatagram(packet: Uint8Array, from: Address): void;
  onError(error: DtorrentError): void;
}

export interface DatagramSocket {
  /** Best effort, as UDP is: no error for a packet that cannot be sent. `packet` is copied or sent before return. */
  send(packet: Uint8Array, to: Address): void;
  close(): void;
}

export interface HttpRequest {
  /** Absolute http or https URL. Sent byte for byte as given: percent-encoding is the caller's. */
  readonly url: string;
  readonly userAgent: string;
  readonly timeoutMs: number;
  /** The exchange fails when the decompressed body is longer. */
  readonly bodyBytesMax: number;
  readonly redirectsMax: number;
  /** Local IP to dial from; '' = the system's choice. */
  readonly bindHost: string;
  /** Force one address family (BEP 7 announces on both); 0 = the system's choice. */
  readonly family: 0 | 4 | 6;
  /** Makes it a POST. Allow no redirects then. */
  readonly post?: HttpPost;
}

export interface HttpPost {
  /** Of the request, Content-Type among them; ASCII. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface HttpResponse {
  readonly status: number;
  readonly body: Uint8Array;
}

export interface HttpExchange {
  /** After this, `done` is not called. */
  cancel(): void;
}
