/**
 * Asks routers to let peers in: the TCP and the UDP port that we listen on, over PCP, NAT-PMP or UPnP. Which routers
 * there are is looked at again and again, for machines that move. Nothing is sent where it cannot help: not while we
 * listen on loopback only, not from a public IPv4 address; over IPv6, PCP opens the firewall. Everything that is sent
 * leaves from an address that we listen on.
 * All methods run inside a turn. Owned by Session.
 */
import { isLoopback, makeAddress } from '../../base/address.js';
import { isPublicIp } from '../../base/ip-ranges.js';
import { LIMITS } from '../../base/limits.js';
import { Timer } from '../../base/timer-queue.js';
import type { Gateway } from '../../host/network.js';
import type { MappedProtocol, Mapping } from '../../protocol/nat/mapping.js';
import type { EngineContext } from '../context.js';
import { GatewayLink, type GatewayLinkHandler } from './gateway-link.js';

/** How often it is looked which routers there are. */
export const SURVEY_EVERY_MS = 300_000;

export interface PortMappingOptions {
  readonly context: EngineContext;
  readonly listenPort: () => number;
  /** The port that peers reach us on is another one now. */
  readonly onReachablePort: () => void;
}

export class PortMapping implements GatewayLinkHandler {
  readonly #options: PortMappingOptions;
  /** By addresses of router and ours. */
  readonly #links = new Map<string, GatewayLink>();
  readonly #surveyTimer: Timer = new Timer((now) => this.#survey(now));
  readonly #removalTimer: Timer = new Timer(() => this.#finishStop());
  readonly #toldNested = new Set<string>();
  #toldPort = 0;
  #done: (() => void) | null = null;

  constructor(options: PortMappingOptions) {
    this.#options = options;
  }

  /** The TCP port that peers of IPv4 reach us on: the router's where one maps ours to another one. */
  get reachablePort(): number {
    for (const link of this.#links.values()) {
      const mapping = link.gateway.family === 4 ? link.mappingOf('tcp') : null;
      if (mapping !== null) return mapping.externalPort;
    }
    return this.#options.listenPort();
  }

  /** The engine listens. */
  start(): void {
    this.#toldPort = this.#options.listenPort();
    this.#survey(this.#options.context.turn.now);
  }

  /**
   * Takes back what is mapped. `done` comes when routers have confirmed that, or after LIMITS.portMappingRemovalMs: what
   * is left then ends with its lease. Nothing is sent after it.
   */
  stop(done: () => void): void {
    const { timers, now } = this.#options.context.turn;
    this.#done = done;
    timers.cancel(this.#surveyTimer);
    timers.set(this.#removalTimer, now + LIMITS.portMappingRemovalMs);
    let waiting = this.#links.size + 1;
    const part = (): void => {
      waiting--;
      if (waiting === 0) this.#finishStop();
    };
    for (const link of this.#links.values()) link.remove(part);
    part();
  }

  // ---- GatewayLinkHandler ----

  onMapping({ gatewayIp }: GatewayLink, protocol: MappedProtocol, mapping: Mapping | null): void {
    const { context, onReachablePort } = this.#options;
    if (mapping === null)
      this.#warn(`the router ${gatewayIp} does not let peers in over ${protocol.toUpperCase()} any more`);
    else context.emit({ type: 'portMapped', gateway: gatewayIp, ...mapping });
    if (this.reachablePort === this.#toldPort) return;
    this.#toldPort = this.reachablePort;
    if (this.#done === null) onReachablePort();
  }

  onExternalIp({ gateway, gatewayIp }: GatewayLink, ip: string): void {
    const { externalAddress, turn } = this.#options.context;
    externalAddress.vote(ip, { host: gatewayIp }, 'router', turn.now);
    if (isPublicIp(ip) || gateway.family === 6 || this.#toldNested.has(gatewayIp)) return;
    if (this.#toldNested.size < LIMITS.portMappingGatewaysMax) this.#toldNested.add(gatewayIp);
    this.#warn(`the router ${gatewayIp} is behind another one, as ${ip}: that one may let nobody in`);
  }

  onFailed(reason: string): void {
    this.#warn(`no router lets peers in: ${reason}`);
  }

  /** The next survey opens it again, if it is still there. */
  onBroken(link: GatewayLink, reason: string): void {
    link.close();
    this.#links.delete(keyOf(link.gateway));
    this.#warn(`the router ${link.gatewayIp} cannot be asked to let peers in: ${reason}`);
  }

  #survey(now: number): void {
    const { context, listenPort } = this.#options;
    context.turn.timers.set(this.#surveyTimer, now + SURVEY_EVERY_MS);
    const found = this.#usefulGateways();
    for (const [key, link] of this.#links) {
      if (found.has(key)) continue;
      link.close();
      this.#links.delete(key);
    }
    for (const [key, gateway] of found) {
      if (this.#links.has(key) || this.#links.size >= LIMITS.portMappingGatewaysMax) continue;
      const link = new GatewayLink({ context, gateway, port: listenPort(), handler: this });
      this.#links.set(key, link);
      link.open();
    }
  }

  /** A router of IPv4 once, from the first of our addresses: it maps a port to one of them only. */
  #usefulGateways(): Map<string, Gateway> {
    const { network } = this.#options.context.host;
    const useful = new Map<string, Gateway>();
    const taken = new Set<string>();
    for (const gateway of network.gateways?.() ?? []) {
      const { family, host, localHost } = gateway;
      const local = makeAddress(localHost, 0);
      if (local === null || isLoopback(local) || isPublicIp(localHost) !== (family === 6) || taken.has(host)) continue;
      if (family === 4) taken.add(host);
      useful.set(keyOf(gateway), gateway);
    }
    return useful;
  }

  #warn(message: string): void {
    this.#options.context.emit({ type: 'portMappingWarning', message });
  }

  #finishStop(): void {
    const done = this.#done;
    if (done === null) return;
    this.#done = null;
    this.#options.context.turn.timers.cancel(this.#removalTimer);
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    done();
  }
}

function keyOf({ host, localHost }: Gateway): string {
  return `${host} ${localHost}`;
}
