/**
 * The HTTP connections that have the same local address and family: a pool of undici's, and how names are resolved and
 * sockets made for it. One that is bound can be ended at once, with at most one packet a connection. Used by HttpClient.
 */
import { type LookupAddress, lookup } from 'node:dns';
import { connect, type LookupFunction, type Socket } from 'node:net';
import type { Agent, buildConnector } from 'undici';
import { type Address, makeAddress } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import { LIMITS } from '../base/limits.js';

const CONNECT_TIMEOUT_MS = 15_000;

/** What decides on a connection, besides where it goes. */
export interface HttpConnectionsOptions {
  readonly bindHost: string;
  readonly family: 0 | 4 | 6;
  /** Private addresses are left out: checked where the connection is made, so that a name cannot change meanwhile. */
  readonly publicOnly: boolean;
}

/** How names and addresses are judged. */
export interface HttpNames {
  isPrivate(address: Address): boolean;
  resolve(host: string, bindHost: string, done: (result: readonly Address[] | DtorrentError) => void): void;
}

export class HttpConnections {
  readonly options: HttpConnectionsOptions;
  readonly agent: Agent;
  /** Those that are bound, whose end must be quick. */
  readonly #sockets = new Set<Socket>();

  constructor(undici: typeof import('undici'), options: HttpConnectionsOptions, names: HttpNames) {
    this.options = options;
    const { bindHost, family } = options;
    const found = lookupOf(options, names);
    const how = {
      timeout: CONNECT_TIMEOUT_MS,
      ...(family === 0 ? {} : { family }),
      ...(found === undefined ? {} : { lookup: found }),
    };
    this.agent = new undici.Agent({
      connections: LIMITS.httpConnectionsPerOriginMax,
      autoSelectFamily: family === 0,
      connect: bindHost === '' ? (how as NonNullable<Agent.Options['connect']>) : this.#connector(undici, found),
    });
  }

  /** Ends everything at once. Nobody hears of it but undici. */
  abandon(): void {
    for (const socket of this.#sockets) {
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
    this.#sockets.clear();
    this.agent.destroy().catch(() => {});
  }

  /** As undici's own, over sockets that we know of; under TLS too, where only the one below can be reset. */
  #connector(undici: typeof import('undici'), found: LookupFunction | undefined): buildConnector.connector {
    const { bindHost, family } = this.options;
    const secure = undici.buildConnector({ timeout: CONNECT_TIMEOUT_MS } as buildConnector.BuildOptions);
    return (target, callback) => {
      const isSecure = target.protocol === 'https:';
      const socket = connect({
        host: target.hostname.replace(/^\[|\]$/g, ''),
        port: Number(target.port) || (isSecure ? 443 : 80),
        localAddress: bindHost,
        family,
        noDelay: true,
        ...(found === undefined ? {} : { lookup: found }),
      });
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      if (isSecure) {
        socket.on('error', () => {}); // the one above it tells
        secure({ ...target, httpSocket: socket }, callback);
        return;
      }
      const tooLate = setTimeout(
        () => socket.destroy(connectTimeout(target.host ?? target.hostname)),
        CONNECT_TIMEOUT_MS,
      );
      const settle = (error: Error | null): void => {
        clearTimeout(tooLate);
        socket.off('error', settle);
        if (error === null) callback(null, socket);
        else callback(error, null);
      };
      socket.once('connect', () => settle(null)).once('error', settle);
    };
  }
}

/** A dns.lookup that asks from the local address, and leaves out what is not allowed; undefined = the system's. */
function lookupOf({ bindHost, publicOnly }: HttpConnectionsOptions, names: HttpNames): LookupFunction | undefined {
  if (bindHost === '' && !publicOnly) return undefined;
  return (hostname, options, callback) => {
    find(hostname, options, (error, found) => {
      const allowed = publicOnly ? found.filter((entry) => isPublic(entry, names)) : found;
      if (error !== null) callback(error, []);
      else if (allowed.length === 0) callback(privateHostError(hostname), []);
      else if (options.all === true) callback(null, [...allowed]);
      else callback(null, allowed[0]!.address, allowed[0]!.family);
    });
  };

  function find(hostname: string, options: Parameters<LookupFunction>[1], found: Found): void {
    if (bindHost === '') {
      lookup(hostname, { ...options, all: true }, (error, entries) => found(error, entries ?? []));
      return;
    }
    names.resolve(hostname, bindHost, (result) => {
      if (result instanceof DtorrentError) found(result, []);
      else
        found(
          null,
          result.map(({ host, family }) => ({ address: host, family })),
        );
    });
  }
}

type Found = (error: Error | null, entries: readonly LookupAddress[]) => void;

function isPublic(entry: LookupAddress, { isPrivate }: HttpNames): boolean {
  const address = makeAddress(entry.address, 0);
  return address !== null && !isPrivate(address);
}

function privateHostError(hostname: string): DtorrentError {
  return new DtorrentError('ENETWORK', `a redirect leads into the local network, to ${hostname}`);
}

function connectTimeout(host: string): DtorrentError {
  const seconds = CONNECT_TIMEOUT_MS / 1000;
  return new DtorrentError('ETIMEOUT', `cannot connect to ${host}: no answer within ${seconds} seconds`);
}
