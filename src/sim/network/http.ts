/**
 * HTTP from one simulated host: requests that are answered by services of the internet (SimInternet.serveHttp), with the time
 * that a connection, a question and an answer take. Bodies wait for no line. Used by SimNetwork.
 */
import type { Address } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import type { HttpExchange, HttpRequest, HttpResponse } from '../../host/network.js';
import type { SimMachine } from '../machine.js';
import type { SimHttpAnswer, SimHttpRequest } from './internet.js';
import type { SimNetwork } from './sim-network.js';

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** One request with its redirects. */
interface Asking {
  isOver: boolean;
  readonly finish: (result: HttpResponse | DtorrentError) => void;
}

export class SimHttp {
  readonly #network: SimNetwork;
  readonly #machine: SimMachine;

  constructor(network: SimNetwork, machine: SimMachine) {
    this.#network = network;
    this.#machine = machine;
  }

  get(request: HttpRequest, done: (result: HttpResponse | DtorrentError) => void): HttpExchange {
    const { simulator } = this.#network.internet;
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

  #ask(request: HttpRequest, asking: Asking): void {
    if (asking.isOver) return;
    const { finish } = asking;
    const { internet } = this.#network;
    const match = /^(https?):\/\/([^/?#]+)([^#]*)/i.exec(request.url);
    if (match === null || !URL.canParse(request.url)) {
      finish(new DtorrentError('ENETWORK', `not an http or https URL: ${request.url}`));
      return;
    }
    const url = new URL(request.url);
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    const found = internet.lookUp(url.hostname);
    const sourceOf = (address: Address): string | null => this.#network.sourceIp(address, request.bindHost);
    const fits = (address: Address): boolean =>
      (request.family === 0 || request.family === address.family) && sourceOf(address) !== null;
    const server = found.find(fits);
    const service = internet.httpService(`${url.hostname}:${port}`);
    if (found.length === 0) {
      finish(new DtorrentError('ERESOLVE', `cannot resolve "${url.hostname}": there is no such host name`));
      return;
    }
    if (server === undefined || service === null) {
      finish(new DtorrentError('ENETWORK', `cannot get an answer from ${url.host}: connection refused`));
      return;
    }
    const source = sourceOf(server)!;
    const from: Address = { family: server.family, host: source, port: this.#network.ephemeralPort() };
    const link = internet.link(source, server.host);
    const isCut = (): boolean =>
      internet.isCutOff(source, server.host) || internet.find(this.#network, server)?.isOn === false;
    const target = match[3]!.startsWith('/') ? match[3]! : `/${match[3]}`;
    // Two round trips: the connection, then the question and its answer.
    internet.simulator.after(3 * link.latencyMs, () => {
      if (isCut()) return;
      const answer = service({ target, host: url.host, userAgent: request.userAgent, from, ...postOf(request) });
      if (answer === null) return;
      internet.simulator.after(link.latencyMs + (answer.delayMs ?? 0), () => {
        if (!isCut()) this.#hear(answer, request, asking);
      });
    });
  }

  #hear(answer: SimHttpAnswer, request: HttpRequest, asking: Asking): void {
    if (answer.location !== undefined && REDIRECT_STATUSES.has(answer.status)) {
      this.#redirect(request, answer.location, asking);
    } else if (answer.body.length > request.bodyBytesMax) {
      asking.finish(new DtorrentError('ENETWORK', `the answer is longer than ${request.bodyBytesMax} bytes`));
    } else asking.finish({ status: answer.status, body: answer.body.slice() });
  }

  #redirect(request: HttpRequest, location: string, asking: Asking): void {
    const { url, redirectsMax } = request;
    const target = URL.canParse(location, url) ? new URL(location, url).href : location;
    if (redirectsMax > 0) this.#ask({ ...request, url: target, redirectsMax: redirectsMax - 1 }, asking);
    else asking.finish(new DtorrentError('ENETWORK', `too many redirects, the last to ${target}`));
  }
}

function postOf({ post }: HttpRequest): Pick<SimHttpRequest, 'post'> {
  return post === undefined ? {} : { post: { headers: post.headers, body: post.body.slice() } };
}
