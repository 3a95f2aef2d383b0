/**
 * HTTP over undici, GETs for trackers and .torrent URLs and POSTs to routers: bounded in time, size and redirects. undici is loaded with the
 * first request. The URL's bytes are sent as given (a tracker reads a raw info-hash out of them; a parser that
 * re-encodes would change it). Called by NodeNetwork.
 */
import type { Agent, Dispatcher } from 'undici';
import { type Address, familyOf, makeAddress } from '../base/address.js';
import { DtorrentError } from '../base/errors.js';
import { isPrivateAddress } from '../base/ip-ranges.js';
import type { HttpExchange, HttpRequest, HttpResponse } from '../host/network.js';
import { BoundResolver } from './bound-resolver.js';
import { ACCEPTED_ENCODINGS, BodyBuffer, decodeBody } from './http-body.js';
import { HttpConnections, type HttpConnectionsOptions } from './http-connections.js';
import { type HttpTarget, parseHttpUrl, redirectUrl } from './http-url.js';
import { resolveHost } from './resolve.js';
import { networkError, systemErrorCode } from './system-error.js';

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

type Done = (result: HttpResponse | DtorrentError) => void;

/** What a client may be given. */
export interface HttpClientOptions {
  /** For names that are asked for from a local address. Left out = one of its own. */
  readonly boundResolver?: BoundResolver;
  /** For tests. */
  readonly isPrivate?: (address: Address) => boolean;
}

export class HttpClient {
  readonly isPrivate: (address: Address) => boolean;
  readonly #boundResolver: BoundResolver;
  readonly #connections = new Map<string, HttpConnections>();
  readonly #exchanges = new Set<Exchange>();
  #undici: Promise<typeof import('undici')> | null = null;
  #isClosed = false;

  constructor(options: HttpClientOptions = {}) {
    this.isPrivate = options.isPrivate ?? isPrivateAddress;
    this.#boundResolver = options.boundResolver ?? new BoundResolver();
  }

  /** See Network.httpGet. */
  get(request: HttpRequest, done: Done): HttpExchange {
    const exchange = new Exchange(this, request, (result) => {
      this.#exchanges.delete(exchange);
      done(result);
    });
    this.#exchanges.add(exchange);
    exchange.start();
    return exchange;
  }

  /** Fails what is under way and closes every connection. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const exchange of this.#exchanges) exchange.fail(stoppedError());
    if (this.#undici !== null) await this.#undici.catch(() => {});
    this.#boundResolver.close();
    await Promise.all(Array.from(this.#connections.values(), ({ agent }) => agent.destroy()));
  }

  /** See Network.abandon. */
  abandon(host: string): void {
    for (const [key, connections] of this.#connections) {
      if (connections.options.bindHost !== host) continue;
      this.#connections.delete(key);
      connections.abandon();
    }
    for (const exchange of this.#exchanges) {
      if (exchange.bindHost === host) exchange.fail(abandonedError(host));
    }
  }

  /** @internal The addresses of a host, from where it is asked: '' = the system's choice. */
  resolve(host: string, bindHost: string, done: (result: readonly Address[] | DtorrentError) => void): void {
    if (bindHost === '') resolveHost(host, done);
    else this.#boundResolver.resolve(host, [bindHost], done);
  }

  /** @internal */
  forget(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
  }

  /** @internal `done` is never called inside the call. */
  agentFor(options: HttpConnectionsOptions, done: (result: Dispatcher | DtorrentError) => void): void {
    this.#undici ??= import('undici');
    this.#undici.then(
      (undici) => done(this.#isClosed ? stoppedError() : this.#agent(undici, options)),
      (error) => done(networkError('cannot load the HTTP client', error)),
    );
  }

  #agent(undici: typeof import('undici'), options: HttpConnectionsOptions): Agent {
    const key = `${options.bindHost} ${options.family} ${options.publicOnly}`;
    let connections = this.#connections.get(key);
    if (connections === undefined) {
      connections = new HttpConnections(undici, options, this);
      this.#connections.set(key, connections);
    }
    return connections.agent;
  }
}

/** One request with its redirects. Invariant: `done` is called once, or never after cancel(). */
class Exchange implements HttpExchange {
  readonly #client: HttpClient;
  readonly #request: HttpRequest;
  readonly #done: Done;
  #timeout: NodeJS.Timeout | undefined;
  #controller: Dispatcher.DispatchController | null = null;
  #redirects = 0;
  #publicOnly = false;
  #isFinished = false;

  constructor(client: HttpClient, request: HttpRequest, done: Done) {
    this.#client = client;
    this.#request = request;
    this.#done = done;
  }

  get bindHost(): string {
    return this.#request.bindHost;
  }

  start(): void {
    const { timeoutMs, url } = this.#request;
    this.#timeout = setTimeout(() => {
      const host = parseHttpUrl(url)?.host ?? url;
      this.fail(new DtorrentError('ETIMEOUT', `no complete answer from ${host} within ${timeoutMs / 1000} seconds`));
    }, timeoutMs);
    this.#fetch(url);
  }

  cancel(): void {
    if (this.#isFinished) return;
    this.#client.forget(this);
    this.#finish();
  }

  fail(error: DtorrentError): void {
    if (this.#isFinished) return;
    this.#finish();
    this.#done(error);
  }

  /** Stops everything; whatever undici still says is not heard. */
  #finish(): void {
    this.#isFinished = true;
    clearTimeout(this.#timeout);
    this.#controller?.abort(stoppedError());
    this.#controller = null;
  }

  #fetch(url: string): void {
    const target = parseHttpUrl(url);
    if (target === null) {
      process.nextTick(() =>
        this.fail(new DtorrentError('ENETWORK', `not an http or https URL: ${url.slice(0, 200)}`)),
      );
      return;
    }
    const { bindHost, family } = this.#request;
    const boundFamily = bindHost === '' ? 0 : familyOf(bindHost);
    const options = { bindHost, family: family === 0 ? boundFamily : family, publicOnly: this.#publicOnly } as const;
    this.#client.agentFor(options, (agent) => {
      if (this.#isFinished) return;
      if (agent instanceof DtorrentError) this.fail(agent);
      else this.#dispatch(agent, url, target);
    });
  }

  #dispatch(agent: Dispatcher, url: string, target: HttpTarget): void {
    const headers: Record<string, string> = {
      'user-agent': this.#request.userAgent,
      accept: '*/*',
      'accept-encoding': ACCEPTED_ENCODINGS,
    };
    if (target.authorization !== null) headers['authorization'] = target.authorization;
    const { post } = this.#request;
    const { origin, path } = target;
    const options =
      post === undefined
        ? ({ origin, path, method: 'GET', headers } as const)
        : ({ origin, path, method: 'POST', headers: { ...headers, ...post.headers }, body: post.body } as const);
    try {
      // Time is bounded for the exchange as a whole, so undici's own timeouts are off.
      agent.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, this.#responseHandler(url, target));
    } catch (error) {
      this.fail(networkError(`cannot ask ${target.host}`, error));
    }
  }

  #responseHandler(url: string, target: HttpTarget): Dispatcher.DispatchHandler {
    const body = new BodyBuffer(this.#request.bodyBytesMax);
    let status = 0;
    let contentEncoding = '';
    let location: string | null = null;
    return {
      onRequestStart: (controller) => {
        if (this.#isFinished) controller.abort(stoppedError());
        else this.#controller = controller;
      },
      onResponseStart: (_controller, statusCode, headers) => {
        status = statusCode;
        contentEncoding = headerText(headers['content-encoding']);
        location = REDIRECT_STATUSES.has(statusCode) ? headerText(headers['location']) : null;
        if (location) this.#redirect(url, target, location);
        else if (Number(headerText(headers['content-length'])) > this.#request.bodyBytesMax) this.#failTooLong(target);
      },
      onResponseData: (_controller, chunk) => {
        if (!this.#isFinished && !location && !body.append(chunk)) this.#failTooLong(target);
      },
      onResponseEnd: () => {
        if (!location) this.#decode(target, status, body.take(), contentEncoding);
      },
      onResponseError: (_controller, error) => {
        if (!location) this.fail(networkError(`cannot get an answer from ${target.host}`, error));
      },
    };
  }

  #decode(target: HttpTarget, status: number, raw: Uint8Array, contentEncoding: string): void {
    if (this.#isFinished) return;
    this.#controller = null;
    decodeBody(raw, contentEncoding, this.#request.bodyBytesMax, (error, body) => {
      if (this.#isFinished) return;
      if (error !== null) {
        if (systemErrorCode(error) === 'ERR_BUFFER_TOO_LARGE') this.#failTooLong(target);
        else
          this.fail(new DtorrentError('ENETWORK', `cannot decompress the answer of ${target.host}: ${error.message}`));
      } else if (body.length > this.#request.bodyBytesMax) {
        this.#failTooLong(target);
      } else {
        this.#succeed({ status, body });
      }
    });
  }

  /** A moment later: by then the connection is free, and what is asked for next goes over it, not over another one. */
  #succeed(response: HttpResponse): void {
    setImmediate(() => {
      if (this.#isFinished) return;
      this.#finish();
      this.#done(response);
    });
  }

  /** Follows `location`, but to http and https only, and never from the public Internet into the local network. */
  #redirect(from: string, target: HttpTarget, location: string): void {
    this.#controller?.abort(stoppedError()); // its body is of no interest and may be endless
    this.#controller = null;
    const to = redirectUrl(from, location);
    const next = to === null ? null : parseHttpUrl(to);
    if (to === null || next === null) {
      this.#failBecause(`${target.host} redirects to something that is not http: ${location.slice(0, 200)}`);
    } else if (++this.#redirects > this.#request.redirectsMax) {
      this.#failBecause(`${target.host} redirects more than ${this.#request.redirectsMax} times`);
    } else {
      this.#classify(target, () => {
        if (this.#publicOnly && isPrivateHost(next, this.#client.isPrivate)) {
          this.#failBecause(`${target.host} redirects into the local network, to ${next.host}`);
        } else {
          this.#fetch(to);
        }
      });
    }
  }

  /** Once an answer came from a public host, what follows has to be public too. */
  #classify(target: HttpTarget, done: () => void): void {
    if (this.#publicOnly) {
      done();
      return;
    }
    this.#client.resolve(target.hostname, this.#request.bindHost, (addresses) => {
      if (this.#isFinished) return;
      this.#publicOnly = addresses instanceof DtorrentError || !addresses.every(this.#client.isPrivate);
      done();
    });
  }

  #failTooLong(target: HttpTarget): void {
    this.#failBecause(`the answer of ${target.host} is longer than ${this.#request.bodyBytesMax} bytes`);
  }

  #failBecause(message: string): void {
    this.fail(new DtorrentError('ENETWORK', message));
  }
}

function isPrivateHost(target: HttpTarget, isPrivate: (address: Address) => boolean): boolean {
  const literal = makeAddress(target.hostname.replace(/^\[|\]$/g, ''), 0);
  return literal !== null && isPrivate(literal);
}

function abandonedError(host: string): DtorrentError {
  return new DtorrentError('ENETWORK', `the request was given up: ${host} is not to be used any more`);
}

function stoppedError(): DtorrentError {
  return new DtorrentError('ESTOPPED', 'the request was cancelled');
}

function headerText(value: string | string[] | undefined): string {
  return Array.isArray(value) ? (value[0] ?? '') : (value ?? '');
}
