/**
 * One router from one address of ours: the socket, the timer and the HTTP requests of the cores that ask it for ports.
 * PCP and NAT-PMP have a second's start: they answer within milliseconds where they are known, and a port that was mapped
 * twice is one that the removal of either mapping closes. What UPnP then maps too is kept, and removed in the end.
 * All methods run inside a turn, and so do the handler's callbacks. Called by PortMapping.
 */
import type { Address } from '../../base/address.js';
import { DtorrentError } from '../../base/errors.js';
import { LIMITS } from '../../base/limits.js';
import { Timer } from '../../base/timer-queue.js';
import { USER_AGENT } from '../../base/version.js';
import type { DatagramSocket, Gateway, HttpExchange, HttpRequest } from '../../host/network.js';
import { GatewayMapper } from '../../protocol/nat/gateway-mapper.js';
import type { SoapRequest } from '../../protocol/nat/igd.js';
import type { MappedProtocol, MapperHandler, Mapping } from '../../protocol/nat/mapping.js';
import { GATEWAY_PORT } from '../../protocol/nat/nat-pmp.js';
import { SSDP_GROUP } from '../../protocol/nat/ssdp.js';
import { UpnpMapper } from '../../protocol/nat/upnp-mapper.js';
import type { EngineContext } from '../context.js';

export const UPNP_HEAD_START_MS = 1_000;

export interface GatewayLinkHandler {
  /** Some mapping has come, gone or changed. `mapping` is the one that is there now, null = none of that protocol. */
  onMapping(link: GatewayLink, protocol: MappedProtocol, mapping: Mapping | null): void;
  onExternalIp(link: GatewayLink, ip: string): void;
  /** Nothing came of any way to ask it; told again only when the reasons are others. */
  onFailed(reason: string): void;
  /** It has lost its socket, or got none. */
  onBroken(link: GatewayLink, reason: string): void;
}

export interface GatewayLinkOptions {
  readonly context: EngineContext;
  readonly gateway: Gateway;
  /** The one that we listen on. */
  readonly port: number;
  readonly handler: GatewayLinkHandler;
}

type Way = 'gateway' | 'upnp';

export class GatewayLink {
  readonly gateway: Gateway;
  /** Without a zone. */
  readonly gatewayIp: string;
  readonly #options: GatewayLinkOptions;
  readonly #mapper: GatewayMapper;
  /** IPv4 only: what UPnP has for IPv6, nobody relies on. */
  readonly #upnp: UpnpMapper | null;
  readonly #timer: Timer = new Timer((now) => this.#advance(now));
  /** What each way has mapped. */
  readonly #mappings: Readonly<Record<Way, Map<MappedProtocol, Mapping>>> = { gateway: new Map(), upnp: new Map() };
  readonly #reasons: Record<Way, string | null> = { gateway: null, upnp: null };
  readonly #removing = new Set<Way>();
  #toldReasons = '';
  #upnpStartMs = Number.POSITIVE_INFINITY;
  #isUpnpStarted = false;
  #socket: DatagramSocket | null = null;
  #exchange: HttpExchange | null = null;
  #onRemoved: (() => void) | null = null;
  #isClosed = false;

  constructor(options: GatewayLinkOptions) {
    const { context, gateway, port } = options;
    const { random } = context.host;
    this.#options = options;
    this.gateway = gateway;
    this.gatewayIp = gateway.host.split('%')[0]!;
    const { localHost: localIp, prefixBits } = gateway;
    const common = { gatewayIp: this.gatewayIp, localIp, port, random };
    this.#mapper = new GatewayMapper({
      ...common,
      handler: {
        ...this.#handlerOf('gateway'),
        send: (packet) => this.#send(packet, { family: gateway.family, host: gateway.host, port: GATEWAY_PORT }),
      },
    });
    this.#upnp =
      gateway.family === 6
        ? null
        : new UpnpMapper({
            ...common,
            prefixBits,
            handler: {
              ...this.#handlerOf('upnp'),
              search: (packet) => this.#send(packet, SSDP_GROUP),
              request: (url, soap) => this.#request(url, soap),
            },
          });
  }

  /** What is mapped now; PCP's and NAT-PMP's word before UPnP's. */
  mappingOf(protocol: MappedProtocol): Mapping | null {
    return this.#mappings.gateway.get(protocol) ?? this.#mappings.upnp.get(protocol) ?? null;
  }

  /** Opens the socket and begins. */
  open(): void {
    const { network } = this.#options.context.host;
    this.#socket = network.openDatagramSocket(
      { host: this.gateway.localHost, port: 0 },
      {
        onListening: () => this.#enter((now) => this.#begin(now)),
        onDatagram: (packet, from) => this.#enter((now) => this.#receive(packet, from, now)),
        onError: (error) => this.#enter(() => this.#options.handler.onBroken(this, error.message)),
      },
    );
  }

  /** Takes back what is mapped; `done` comes when the router has confirmed that, perhaps inside this call, or never. */
  remove(done: () => void): void {
    const { now } = this.#options.context.turn;
    this.#onRemoved = done;
    this.#upnpStartMs = Number.POSITIVE_INFINITY;
    this.#removing.add('gateway');
    if (this.#upnp !== null) this.#removing.add('upnp');
    this.#mapper.remove(now);
    this.#upnp?.remove();
    this.#rearm();
  }

  /** Sends and hears nothing any more. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#options.context.turn.timers.cancel(this.#timer);
    this.#exchange?.cancel();
    this.#exchange = null;
    this.#socket?.close();
    this.#socket = null;
  }

  #begin(now: number): void {
    if (this.#onRemoved !== null) return;
    this.#mapper.start(now);
    if (this.#upnp !== null) this.#upnpStartMs = now + UPNP_HEAD_START_MS;
  }

  #receive(packet: Uint8Array, from: Address, now: number): void {
    if (from.port === GATEWAY_PORT) this.#mapper.receive(packet, from, now);
    else this.#upnp?.receive(packet, from, now);
  }

  #advance(now: number): void {
    if (now >= this.#upnpStartMs) {
      this.#upnpStartMs = Number.POSITIVE_INFINITY;
      if (!this.#mapper.isMapped) this.#startUpnp(now);
    }
    this.#mapper.advance(now);
    this.#upnp?.advance(now);
    this.#rearm();
  }

  #startUpnp(now: number): void {
    this.#isUpnpStarted = true;
    this.#upnp!.start(now);
  }

  #request(url: string, soap: SoapRequest | null): void {
    const { network } = this.#options.context.host;
    this.#exchange?.cancel();
    const headers = soap === null ? null : { 'Content-Type': 'text/xml; charset="utf-8"', SOAPAction: soap.soapAction };
    const request: HttpRequest = {
      url,
      userAgent: USER_AGENT,
      timeoutMs: LIMITS.upnpTimeoutMs,
      bodyBytesMax: LIMITS.upnpBodyBytesMax,
      redirectsMax: 0,
      bindHost: this.gateway.localHost,
      family: 4,
      ...(soap === null || headers === null ? {} : { post: { headers, body: soap.body } }),
    };
    const exchange = network.httpGet(request, (result) => {
      this.#enter((now) => {
        if (this.#exchange !== exchange) return;
        this.#exchange = null;
        this.#upnp!.answer(result instanceof DtorrentError ? null : result, now);
      });
    });
    this.#exchange = exchange;
  }

  #send(packet: Uint8Array, to: Address): void {
    this.#socket?.send(packet, to);
  }

  #handlerOf(way: Way): MapperHandler {
    return {
      onMapped: (mapping) => {
        this.#reasons[way] = null;
        this.#change(mapping.protocol, () => this.#mappings[way].set(mapping.protocol, mapping));
      },
      onLost: (protocol) => this.#change(protocol, () => this.#mappings[way].delete(protocol)),
      onExternalIp: (ip) => this.#options.handler.onExternalIp(this, ip),
      onFailed: (reason) => this.#onFailed(way, reason),
      onRemoved: () => this.#setRemoved(way),
    };
  }

  #change(protocol: MappedProtocol, change: () => void): void {
    const before = this.mappingOf(protocol);
    change();
    const mapping = this.mappingOf(protocol);
    if (mapping?.externalPort !== before?.externalPort) this.#options.handler.onMapping(this, protocol, mapping);
  }

  /** It is worth a word when no way is left. */
  #onFailed(way: Way, reason: string): void {
    this.#reasons[way] = reason;
    const hasUpnpLeft = this.#upnp !== null && !this.#isUpnpStarted && this.#onRemoved === null;
    if (way === 'gateway' && hasUpnpLeft) this.#upnpStartMs = this.#options.context.turn.now;
    const { gateway, upnp } = this.#reasons;
    if (this.mappingOf('tcp') !== null || gateway === null || (upnp === null && this.#upnp !== null)) return;
    const reasons = upnp === null ? gateway : `${gateway}; ${upnp}`;
    if (reasons === this.#toldReasons) return;
    this.#toldReasons = reasons;
    this.#options.handler.onFailed(reasons);
  }

  #setRemoved(way: Way): void {
    this.#removing.delete(way);
    if (this.#removing.size > 0) return;
    const done = this.#onRemoved;
    this.#onRemoved = null;
    done?.();
  }

  /** Everything that comes from outside. */
  #enter(task: (now: number) => void): void {
    const { turn } = this.#options.context;
    turn.run(() => {
      if (this.#isClosed) return;
      task(turn.now);
      this.#rearm();
    });
  }

  #rearm(): void {
    if (this.#isClosed) return;
    const upnpMs = Math.min(this.#upnpStartMs, this.#upnp?.nextDeadline ?? Number.POSITIVE_INFINITY);
    this.#options.context.turn.timers.set(this.#timer, Math.min(this.#mapper.nextDeadline, upnpMs));
  }
}
