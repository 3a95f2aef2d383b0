/**
 * The embedded tracker on real sockets: HTTP and UDP on one port number (`dtorrent tracker`). The protocol is in
 * protocol/tracker/server*; here are sockets and their limits: request size and time, connections, idle keep-alives.
 * Whatever arrives ends in an answer or a closed connection, never in a crash.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { type Address, makeAddress } from '../base/address.js';
import { viewOf } from '../base/bytes.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';
import { CLIENT_NAME } from '../base/version.js';
import { SILENT_LOG } from '../host/log.js';
import { DEFAULT_INTERVAL_SECONDS } from '../protocol/tracker/announce.js';
import { TrackerServer, type TrackerStats } from '../protocol/tracker/server.js';
import { answerHttp } from '../protocol/tracker/server-http.js';
import { UdpTrackerServer } from '../protocol/tracker/server-udp.js';
import { handlesClosed } from './handles-closed.js';
import { localHosts } from './local-hosts.js';
import { NodeRandom } from './random.js';
import { networkError, systemErrorCode } from './system-error.js';
import { UdpSocket } from './udp.js';

/** For port 0: the port that TCP got may be taken on UDP. */
const PORT_ATTEMPTS_MAX = 10;
const INTERVAL_SECONDS_MAX = 86_400;
const ABSENT_FAMILY_CODES: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT']);

/** Where a tracker listens. */
export interface TrackerListenerOptions {
  /** Local IP, or name of an interface, to listen on; '' = every address, IPv4 and IPv6. */
  readonly host: string;
  /** 0 = one that is free for both protocols. */
  readonly port: number;
  /** How often peers are asked to announce, 1 to 86400; default 1800. */
  readonly intervalSeconds?: number;
}

/** A tracker that runs. */
export interface TrackerHandle {
  /** Local IP that it listens on; '' = every address. */
  readonly host: string;
  /** The port, of HTTP and UDP both. */
  readonly port: number;
  /** A snapshot. */
  stats(): TrackerStats;
  /** Resolves when every socket is closed. */
  close(): Promise<void>;
}

/** What one connection, and all of them, may cost. */
export interface TrackerConnectionLimits {
  readonly connectionsMax: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
  /** Between two requests of a connection. */
  readonly idleTimeoutMs: number;
}

const CONNECTION_LIMITS: TrackerConnectionLimits = {
  connectionsMax: LIMITS.trackerServerConnectionsMax,
  requestTimeoutMs: LIMITS.trackerServerRequestTimeoutMs,
  idleTimeoutMs: LIMITS.trackerServerIdleTimeoutMs,
};

/** See src/tools.ts. */
export function startTracker(options: TrackerListenerOptions): Promise<TrackerHandle> {
  return startTrackerWithin(options, CONNECTION_LIMITS);
}

/** The same with other limits, for tests. */
export async function startTrackerWithin(
  options: TrackerListenerOptions,
  limits: TrackerConnectionLimits,
): Promise<TrackerHandle> {
  const { port, intervalSeconds = DEFAULT_INTERVAL_SECONDS } = options;
  const host = makeAddress(options.host, 0) === null ? localHosts(options.host)[0]! : options.host;
  if (!Number.isInteger(intervalSeconds) || intervalSeconds < 1 || intervalSeconds > INTERVAL_SECONDS_MAX) {
    throw new DtorrentError('EOPTION', `the interval must be 1 to ${INTERVAL_SECONDS_MAX} seconds`);
  }
  const random = new NodeRandom();
  const tracker = new TrackerServer({ intervalSeconds, random });
  const udpTracker = new UdpTrackerServer(tracker, random);
  for (let attempt = 1; ; attempt++) {
    const http = await listenHttp(tracker, { host, port }, limits);
    const actualPort = (http.address() as AddressInfo).port;
    try {
      const udp = await listenUdp(udpTracker, host, actualPort);
      return handleOf(tracker, http, udp, { host, port: actualPort });
    } catch (error) {
      await closeHttp(http);
      if (port !== 0 || attempt === PORT_ATTEMPTS_MAX) throw error;
    }
  }
}

function handleOf(
  tracker: TrackerServer,
  http: Server,
  udp: UdpSocket,
  { host, port }: { readonly host: string; readonly port: number },
): TrackerHandle {
  return {
    host,
    port,
    stats: () => tracker.stats(performance.now()),
    close: async () => {
      udp.close();
      await closeHttp(http);
      await handlesClosed();
    },
  };
}

async function listenHttp(
  tracker: TrackerServer,
  { host, port }: TrackerListenerOptions,
  limits: TrackerConnectionLimits,
): Promise<Server> {
  const server = createServer(
    {
      maxHeaderSize: 2 * LIMITS.trackerServerRequestLineBytesMax,
      headersTimeout: limits.requestTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.idleTimeoutMs,
      connectionsCheckingInterval: limits.idleTimeoutMs,
    },
    (request, response) => answer(tracker, request, response),
  );
  server.maxConnections = limits.connectionsMax;
  // Also reached by requests that are too long or too slow.
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });
  try {
    await bind(server, host === '' ? '::' : host, port);
  } catch (error) {
    if (host !== '' || !ABSENT_FAMILY_CODES.has(systemErrorCode(error))) throw cannotListen(host, port, error);
    try {
      await bind(server, '0.0.0.0', port);
    } catch (error4) {
      throw cannotListen(host, port, error4);
    }
  }
  return server;
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, ipv6Only: host !== '::' && isIPv6(host) }, () => {
      server.off('error', reject);
      server.on('error', () => {}); // a connection that could not be accepted
      resolve();
    });
  });
}

function listenUdp(tracker: UdpTrackerServer, host: string, port: number): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    const socket: UdpSocket = new UdpSocket(
      { host, port },
      {
        onListening: () => resolve(socket),
        onDatagram: (packet, from) => {
          const bytes = tracker.answer(packet, from, performance.now());
          if (bytes === 0) return;
          const isFree = socket.sendBorrowed(viewOf(tracker.reply, 0, bytes), from);
          if (!isFree) tracker.leaveReply();
        },
        onError: reject,
      },
      SILENT_LOG,
      () => {},
    );
    socket.open();
  });
}

function answer(tracker: TrackerServer, request: IncomingMessage, response: ServerResponse): void {
  const from = addressOf(request);
  const target = request.url ?? '';
  if (from === null) request.destroy();
  else if (request.method !== 'GET' && request.method !== 'HEAD') send(response, 405, 'GET only\n');
  else if (target.length > LIMITS.trackerServerRequestLineBytesMax) send(response, 414, 'request too long\n');
  else if (target === '/') send(response, 200, statsText(tracker.stats(performance.now())));
  else {
    const body = answerHttp(tracker, target, from, performance.now());
    if (body === null) send(response, 404, 'this tracker has /announce and /scrape\n');
    else send(response, 200, body);
  }
}

function send(response: ServerResponse, status: number, body: string | Uint8Array): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  response.writeHead(status, { 'Content-Type': 'text/plain', 'Content-Length': bytes.length });
  response.end(bytes);
}

function statsText({ swarms, peers, seeds, announces, scrapes }: TrackerStats): string {
  return (
    `${CLIENT_NAME} tracker\n` +
    `torrents ${swarms}\npeers ${peers}\nseeds ${seeds}\nannounces ${announces}\nscrapes ${scrapes}\n`
  );
}

/** The socket's address; headers that name another are anybody's to write. */
function addressOf(request: IncomingMessage): Address | null {
  const { remoteAddress, remotePort } = request.socket;
  if (remoteAddress === undefined || remotePort === undefined) return null;
  return makeAddress(remoteAddress.split('%')[0]!, remotePort);
}

function closeHttp(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function cannotListen(host: string, port: number, error: unknown): DtorrentError {
  return networkError(`cannot bind TCP port ${port}${host === '' ? '' : ` of ${host}`}`, error);
}
