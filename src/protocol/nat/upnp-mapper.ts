/**
 * Finds a UPnP router from one local address and asks it for a TCP and a UDP port: sans-IO, packets, HTTP answers and
 * the time (monotonic ms) go in, searches, HTTP requests and mappings come out. One thing is asked at a time: devices
 * one after the other, the default gateway first; of a device its services, until one has an address outside; then TCP,
 * then UDP. Nothing but hosts of our own subnet is ever asked for anything.
 * Called by engine/discovery/gateway-link, which owns the socket and does the requests.
 */
import { type Address, parseIp } from '../../base/address.js';
import { LIMITS } from '../../base/limits.js';
import { type Random, randomBelow } from '../../base/random.js';
import {
  addPortMapping,
  deletePortMapping,
  FAULT,
  getExternalIpAddress,
  type IgdService,
  parseIgdDescription,
  parseSoapAnswer,
  type SoapAnswer,
  type SoapRequest,
} from './igd.js';
import { LEASE_SECONDS, type MappedProtocol, type MapperHandler, renewAfterMs, TRY_AGAIN_AFTER_MS } from './mapping.js';
import {
  decodeSsdpAnswer,
  encodeSsdpSearch,
  formatLanUrl,
  type LanUrl,
  SSDP_ANSWER_SECONDS,
  SSDP_TARGETS,
} from './ssdp.js';

/** Devices have so long to answer a search; then it is repeated, or those that answered are asked. */
const SEARCH_MS = (SSDP_ANSWER_SECONDS + 1) * 1000;
const FIRST_RANDOM_PORT = 10_000;
const RANDOM_PORTS = 50_000;
const OK = 200;

export interface UpnpMapperOptions {
  /** Canonical IPv4 text: the address that we are asking from, and that ports are mapped to. */
  readonly localIp: string;
  /** Of its network, 0 to 32. */
  readonly prefixBits: number;
  /** Canonical IPv4 text: it is asked first. */
  readonly gatewayIp: string;
  /** The one that we listen on, for both protocols. */
  readonly port: number;
  readonly random: Random;
  readonly handler: UpnpMapperHandler;
}

export interface UpnpMapperHandler extends MapperHandler {
  /** To SSDP_GROUP; best effort. */
  search(packet: Uint8Array): void;
  /** A GET, or a POST where there is a `soap`; its answer comes to answer(), once. It ends the one before. */
  request(url: string, soap: SoapRequest | null): void;
}

/**
 * idle → searching → describing → asking its address → adding, for TCP and for UDP → mapped → (renewal) asking its
 * address …; removing → removed. When nothing comes of a device the next is described; when there is none, idle.
 */
type State = 'idle' | 'searching' | 'describing' | 'addressing' | 'adding' | 'mapped' | 'removing' | 'removed';

interface PortState {
  readonly protocol: MappedProtocol;
  isMapped: boolean;
  externalPort: number;
}

export class UpnpMapper {
  readonly #options: UpnpMapperOptions;
  readonly #tcp: PortState = { protocol: 'tcp', isMapped: false, externalPort: 0 };
  readonly #udp: PortState = { protocol: 'udp', isMapped: false, externalPort: 0 };
  #state: State = 'idle';
  #deadlineMs = Number.POSITIVE_INFINITY;
  #searches = 0;
  /** Found, and not described yet. */
  #devices: LanUrl[] = [];
  readonly #seen = new Set<string>();
  #device: LanUrl | null = null;
  #services: IgdService[] = [];
  #serviceIndex = 0;
  #adding: PortState = this.#tcp;
  #portTries = 0;
  /** Some routers know no other leases. */
  #isPermanent = false;
  #failure = '';
  #isAwaiting = false;
  #isRemoving = false;

  constructor(options: UpnpMapperOptions) {
    this.#options = options;
  }

  /** When advance() has to be called next; ms, Infinity = not before something arrives. */
  get nextDeadline(): number {
    return this.#deadlineMs;
  }

  /** Some port is mapped now. */
  get isMapped(): boolean {
    return this.#tcp.isMapped || this.#udp.isMapped;
  }

  start(now: number): void {
    this.#searches = 0;
    this.#devices = [];
    this.#seen.clear();
    this.#failure = 'no router that speaks UPnP answers';
    this.#search(now);
  }

  /** An answer to a search: of a device in our own subnet, or it is ignored. */
  receive(packet: Uint8Array, from: Address, now: number): void {
    if (this.#state !== 'searching' || !this.#isNear(from.host)) return;
    const location = decodeSsdpAnswer(packet);
    if (location === null || !this.#isNear(location.host)) return;
    const key = formatLanUrl(location);
    if (this.#seen.has(key) || this.#seen.size >= LIMITS.upnpDevicesMax) return;
    this.#seen.add(key);
    const isGateway = location.host === this.#options.gatewayIp;
    if (isGateway) this.#devices.unshift(location);
    else this.#devices.push(location);
    // Others are given the time to be the gateway.
    if (isGateway) this.#describeNext(now);
  }

  /** The answer to the request under way; null when it failed. */
  answer(response: { readonly status: number; readonly body: Uint8Array } | null, now: number): void {
    if (!this.#isAwaiting) return;
    this.#isAwaiting = false;
    if (this.#isRemoving && this.#state === 'adding') {
      this.#adding.isMapped = true;
      this.#removeNext();
      return;
    }
    const soap = (): SoapAnswer =>
      response === null ? { fault: 0, externalIp: null } : parseSoapAnswer(response.status, response.body);
    if (this.#state === 'describing') this.#onDescription(response, now);
    else if (this.#state === 'addressing') this.#onExternalIp(soap(), now);
    else if (this.#state === 'adding') this.#onAdded(soap(), now);
    else if (this.#state === 'removing') this.#removeNext();
  }

  advance(now: number): void {
    if (now < this.#deadlineMs) return;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#state === 'idle') this.start(now);
    else if (this.#state === 'searching') this.#onSearchOver(now);
    else if (this.#state === 'mapped') this.#askAddress();
  }

  /** Takes back what was mapped; one attempt for each port. A request under way is to be given up for the next one. */
  remove(): void {
    if (this.#isRemoving) return;
    this.#isRemoving = true;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    // An addition that is under way is waited for: it may have been done, and only then it can be taken back.
    if (this.#isAwaiting && this.#state === 'adding') return;
    this.#isAwaiting = false;
    this.#removeNext();
  }

  // ---- finding ----

  #search(now: number): void {
    this.#state = 'searching';
    this.#searches++;
    this.#deadlineMs = now + SEARCH_MS;
    for (const target of SSDP_TARGETS) this.#options.handler.search(encodeSsdpSearch(target));
  }

  #onSearchOver(now: number): void {
    if (this.#devices.length > 0) this.#describeNext(now);
    else if (this.#searches < LIMITS.upnpSearchesMax) this.#search(now);
    else this.#giveUp(now);
  }

  #describeNext(now: number): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.#device = this.#devices.shift() ?? null;
    if (this.#device === null) {
      this.#giveUp(now);
      return;
    }
    this.#state = 'describing';
    this.#request(this.#device, null);
  }

  #onDescription(response: { readonly status: number; readonly body: Uint8Array } | null, now: number): void {
    this.#services = response?.status === OK ? parseIgdDescription(response.body, this.#device!) : [];
    this.#serviceIndex = 0;
    if (this.#services.length > 0) this.#askAddress();
    else this.#skipDevice('has no service that maps ports', now);
  }

  // ---- mapping ----

  get #service(): IgdService {
    return this.#services[this.#serviceIndex]!;
  }

  #askAddress(): void {
    this.#state = 'addressing';
    this.#request(this.#service.control, getExternalIpAddress(this.#service.type));
  }

  #onExternalIp({ externalIp }: SoapAnswer, now: number): void {
    if (externalIp !== null) {
      this.#options.handler.onExternalIp(externalIp);
      this.#add(this.#tcp);
    } else if (this.isMapped) this.#lose('has lost its address', now);
    else if (this.#serviceIndex + 1 < this.#services.length) {
      this.#serviceIndex++;
      this.#askAddress();
    } else this.#skipDevice('has no address of its own outside', now);
  }

  #add(port: PortState): void {
    this.#portTries = 0;
    this.#adding = port;
    if (port.externalPort === 0) port.externalPort = this.#tcp.externalPort || this.#options.port;
    this.#sendAddition();
  }

  #sendAddition(): void {
    const { type, control } = this.#service;
    const { protocol, externalPort } = this.#adding;
    const { port: internalPort, localIp: internalIp } = this.#options;
    const leaseSeconds = this.#isPermanent ? 0 : LEASE_SECONDS;
    this.#state = 'adding';
    this.#request(control, addPortMapping(type, { protocol, externalPort, internalPort, internalIp, leaseSeconds }));
  }

  #onAdded({ fault }: SoapAnswer, now: number): void {
    if (fault === null) this.#onMapped(now);
    else if (!this.#isPermanent && (fault === FAULT.onlyPermanentLeases || fault === FAULT.invalidArguments)) {
      this.#isPermanent = true;
      this.#sendAddition();
    } else if (isConflict(fault) && this.#portTries < LIMITS.upnpPortTriesMax) {
      this.#portTries++;
      this.#setLost(this.#adding);
      this.#adding.externalPort = FIRST_RANDOM_PORT + randomBelow(this.#options.random, RANDOM_PORTS);
      this.#sendAddition();
    } else {
      const reason = `does not map our port: ${fault === 0 ? 'no answer that we understand' : `fault ${fault}`}`;
      this.#lose(reason, now);
    }
  }

  #onMapped(now: number): void {
    const port = this.#adding;
    const { protocol, externalPort } = port;
    if (!port.isMapped) this.#options.handler.onMapped({ protocol, externalPort, method: 'UPnP' });
    port.isMapped = true;
    if (port === this.#tcp) this.#add(this.#udp);
    else this.#rest(now);
  }

  #rest(now: number): void {
    this.#state = 'mapped';
    this.#deadlineMs = now + renewAfterMs(LEASE_SECONDS);
  }

  /** The port that is being added does not come to be. TCP alone is worth keeping; without TCP the device is no good. */
  #lose(reason: string, now: number): void {
    const lost = this.#state === 'adding' && this.#adding === this.#udp ? [this.#udp] : [this.#tcp, this.#udp];
    for (const port of lost) {
      this.#setLost(port);
      port.externalPort = 0;
    }
    if (lost.length > 1) this.#skipDevice(reason, now);
    else this.#rest(now);
  }

  #setLost(port: PortState): void {
    if (!port.isMapped) return;
    port.isMapped = false;
    this.#options.handler.onLost(port.protocol);
  }

  #skipDevice(reason: string, now: number): void {
    this.#failure = `the UPnP device ${this.#device!.host} ${reason}`;
    this.#isPermanent = false;
    this.#describeNext(now);
  }

  #giveUp(now: number): void {
    this.#state = 'idle';
    this.#deadlineMs = now + TRY_AGAIN_AFTER_MS;
    this.#options.handler.onFailed(this.#failure);
  }

  // ---- removing ----

  #removeNext(): void {
    const port = this.#tcp.isMapped ? this.#tcp : this.#udp.isMapped ? this.#udp : null;
    if (port !== null) {
      this.#state = 'removing';
      port.isMapped = false;
      this.#request(this.#service.control, deletePortMapping(this.#service.type, port.protocol, port.externalPort));
    } else if (this.#state !== 'removed') {
      this.#state = 'removed';
      this.#options.handler.onRemoved();
    }
  }

  #request(url: LanUrl, soap: SoapRequest | null): void {
    this.#isAwaiting = true;
    this.#options.handler.request(formatLanUrl(url), soap);
  }

  #isNear(host: string): boolean {
    const { localIp, prefixBits } = this.#options;
    return host !== localIp && isSameNetwork(host, localIp, prefixBits);
  }
}

/** Canonical IPv4 text. */
function isSameNetwork(a: string, b: string, prefixBits: number): boolean {
  const [ipA, ipB] = [parseIp(a), parseIp(b)];
  if (ipA?.length !== 4 || ipB?.length !== 4) return false;
  for (let bit = 0; bit < prefixBits; bit++) {
    const mask = 0x80 >>> (bit & 7);
    if (((ipA[bit >>> 3]! ^ ipB[bit >>> 3]!) & mask) !== 0) return false;
  }
  return true;
}

/** Another port may be free. 501 is what some routers say of every port that is taken. */
function isConflict(fault: number): boolean {
  return fault === FAULT.conflict || fault === FAULT.conflictWithOther || fault === FAULT.actionFailed;
}
