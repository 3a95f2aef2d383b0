/**
 * Asks one gateway for a TCP and a UDP port over PCP (RFC 6887), or over NAT-PMP (RFC 6886) where it does not know that:
 * sans-IO, packets and the time (monotonic ms) go in, packets and mappings come out. TCP first, so that UDP can wish for
 * the same external port. Mappings are renewed at half of their lease, and asked for again when the gateway's epoch says
 * that it has forgotten them. Only packets from the gateway's own address and port are heard.
 * Called by engine/discovery/gateway-link, which owns the socket.
 */
import { type Address, makeAddress } from '../../base/address.js';
import { bytesEqual } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import { LEASE_SECONDS, type MappedProtocol, type MapperHandler, renewAfterMs, TRY_AGAIN_AFTER_MS } from './mapping.js';
import {
  decodeNatPmpReply,
  encodeNatPmpAddressRequest,
  encodeNatPmpMapRequest,
  GATEWAY_PORT,
  NAT_PMP_UNSUPPORTED_VERSION,
  type NatPmpReply,
  natPmpResultText,
} from './nat-pmp.js';
import {
  decodePcpReply,
  encodePcpMapRequest,
  PCP_NONCE_BYTES,
  PCP_SUCCESS,
  PCP_UNSUPPORTED_VERSION,
  type PcpReply,
  pcpResultText,
} from './pcp.js';

/** RFC 6886, 3.1: a packet is sent again after this, doubled each time. */
const RETRANSMIT_AFTER_MS = 250;
/** Gateways of before PCP may say nothing to it instead of refusing. */
const PCP_TRIES_BEFORE_NAT_PMP = 4;
/** RFC 6886, 3.6: a clock may be slow by an eighth, and what is on its way takes time. */
const EPOCH_RATE = 7 / 8;
const EPOCH_SLACK_SECONDS = 2;

export interface GatewayMapperOptions {
  /** Canonical IP text without a zone: what its packets come from. */
  readonly gatewayIp: string;
  /** Canonical IP text: the address that our packets come from. */
  readonly localIp: string;
  /** The one that we listen on, for both protocols. */
  readonly port: number;
  readonly random: Random;
  readonly handler: GatewayMapperHandler;
}

export interface GatewayMapperHandler extends MapperHandler {
  /** To GATEWAY_PORT of the gateway; best effort. */
  send(packet: Uint8Array): void;
}

/** idle: nothing is asked · asking · settled: an answer is there, and `deadlineMs` is when it is asked again. */
type SlotState = 'idle' | 'asking' | 'settled' | 'removing' | 'removed';

/** One thing that is asked for. */
interface Slot {
  /** null = the external address, which NAT-PMP tells on request. */
  readonly protocol: MappedProtocol | null;
  readonly nonce: Uint8Array;
  state: SlotState;
  isMapped: boolean;
  /** 0 = not known yet. */
  externalPort: number;
  tries: number;
  deadlineMs: number;
}

export class GatewayMapper {
  readonly #options: GatewayMapperOptions;
  readonly #isV4: boolean;
  readonly #tcp: Slot;
  readonly #udp: Slot;
  readonly #address: Slot;
  readonly #slots: readonly Slot[];
  #method: 'PCP' | 'NAT-PMP' = 'PCP';
  #hasHeard = false;
  #isRemoving = false;
  #isRemoved = false;
  #startAgainMs = Number.POSITIVE_INFINITY;
  #epoch: { readonly seconds: number; readonly atMs: number } | null = null;

  constructor(options: GatewayMapperOptions) {
    this.#options = options;
    this.#isV4 = makeAddress(options.localIp, 0)?.family === 4;
    this.#tcp = makeSlot('tcp', options.random);
    this.#udp = makeSlot('udp', options.random);
    this.#address = makeSlot(null, options.random);
    this.#slots = [this.#tcp, this.#udp, this.#address];
  }

  /** When advance() has to be called next; ms, Infinity = not before something arrives. */
  get nextDeadline(): number {
    return Math.min(this.#startAgainMs, ...this.#slots.map(({ deadlineMs }) => deadlineMs));
  }

  /** Some port is mapped now. */
  get isMapped(): boolean {
    return this.#slots.some(({ isMapped }) => isMapped);
  }

  start(now: number): void {
    this.#startAgainMs = Number.POSITIVE_INFINITY;
    this.#method = 'PCP';
    this.#ask(this.#tcp, now);
  }

  /** Packets from others, and those that answer nothing of ours, are ignored. */
  receive(packet: Uint8Array, from: Address, now: number): void {
    if (from.host !== this.#options.gatewayIp || from.port !== GATEWAY_PORT || this.#isRemoved) return;
    const pcp = decodePcpReply(packet);
    if (pcp !== null) {
      this.#hasHeard = true;
      if (this.#method === 'PCP') this.#onPcp(pcp, now);
      return;
    }
    const natPmp = decodeNatPmpReply(packet);
    if (natPmp === null) return;
    this.#hasHeard = true;
    if (this.#method === 'NAT-PMP') this.#onNatPmp(natPmp, now);
    else if (natPmp.result === NAT_PMP_UNSUPPORTED_VERSION) this.#turnToNatPmp(now);
  }

  advance(now: number): void {
    if (now >= this.#startAgainMs) this.start(now);
    for (const slot of this.#slots) if (now >= slot.deadlineMs) this.#onDeadline(slot, now);
  }

  /**
   * Takes back what was asked for. Nothing is asked for any more, but the removal is sent again until it is answered. A
   * late answer to what was asked for before is none to that.
   */
  remove(now: number): void {
    this.#isRemoving = true;
    this.#startAgainMs = Number.POSITIVE_INFINITY;
    for (const slot of this.#slots) {
      // Also what was asked for and not answered: the gateway may have done it.
      const mayBeThere = slot.protocol !== null && this.#hasHeard && (slot.isMapped || slot.state === 'asking');
      if (mayBeThere) this.#send(slot, 'removing', now);
      else this.#setRemoved(slot);
    }
  }

  #ask(slot: Slot, now: number): void {
    this.#send(slot, 'asking', now);
  }

  #send(slot: Slot, state: 'asking' | 'removing', now: number): void {
    slot.state = state;
    slot.tries = 0;
    this.#transmit(slot, now);
  }

  #transmit(slot: Slot, now: number): void {
    slot.deadlineMs = now + RETRANSMIT_AFTER_MS * 2 ** slot.tries;
    slot.tries++;
    this.#options.handler.send(this.#packet(slot));
  }

  #packet({ protocol, nonce, externalPort, state }: Slot): Uint8Array {
    if (protocol === null) return encodeNatPmpAddressRequest();
    const { port, localIp } = this.#options;
    const wish = externalPort || this.#tcp.externalPort || port;
    const request =
      state === 'removing'
        ? { protocol, internalPort: port, externalPort: 0, lifetimeSeconds: 0 }
        : { protocol, internalPort: port, externalPort: wish, lifetimeSeconds: LEASE_SECONDS };
    return this.#method === 'PCP'
      ? encodePcpMapRequest({ ...request, clientIp: localIp, nonce })
      : encodeNatPmpMapRequest(request);
  }

  #onDeadline(slot: Slot, now: number): void {
    if (slot.state === 'settled') {
      if (slot === this.#tcp && this.#method === 'NAT-PMP') this.#ask(this.#address, now);
      this.#ask(slot, now);
    } else if (slot.tries < LIMITS.natPmpTriesMax && !this.#isDeafToPcp(slot)) this.#transmit(slot, now);
    else if (slot.state === 'removing') this.#setRemoved(slot);
    else if (slot === this.#address) this.#settle(slot, Number.POSITIVE_INFINITY);
    else if (this.#isDeafToPcp(slot)) this.#turnToNatPmp(now);
    else this.#fail(slot, `the router ${this.#options.gatewayIp} does not answer`, now);
  }

  #isDeafToPcp({ state, tries }: Slot): boolean {
    const isNew = this.#method === 'PCP' && !this.#hasHeard && state === 'asking';
    return isNew && this.#isV4 && tries >= PCP_TRIES_BEFORE_NAT_PMP;
  }

  /** What was mapped over PCP, by a gateway that has been changed since, is asked for anew. */
  #turnToNatPmp(now: number): void {
    if (this.#isRemoving) {
      for (const slot of [this.#tcp, this.#udp]) this.#setRemoved(slot);
      return;
    }
    if (!this.#isV4) {
      this.#fail(this.#tcp, `the router ${this.#options.gatewayIp} does not speak PCP`, now);
      return;
    }
    this.#method = 'NAT-PMP';
    this.#epoch = null;
    this.#settle(this.#udp, Number.POSITIVE_INFINITY);
    this.#ask(this.#address, now);
    this.#ask(this.#tcp, now);
  }

  #onPcp({ result, lifetimeSeconds, epochSeconds, mapping }: PcpReply, now: number): void {
    if (result === PCP_UNSUPPORTED_VERSION && !this.isMapped) {
      this.#turnToNatPmp(now);
      return;
    }
    const { port } = this.#options;
    const slot = mapping?.protocol === 'udp' ? this.#udp : this.#tcp;
    if (mapping === null || mapping.internalPort !== port || !bytesEqual(mapping.nonce, slot.nonce)) return;
    if (slot.state === 'removing' && (result !== PCP_SUCCESS || lifetimeSeconds === 0)) this.#setRemoved(slot);
    if (slot.state !== 'asking') return;
    if (result !== PCP_SUCCESS) {
      this.#refuse(slot, pcpResultText(result), now);
      return;
    }
    this.#noteEpoch(epochSeconds, slot, now);
    this.#setMapped(slot, mapping.externalPort, lifetimeSeconds, now);
    if (slot.isMapped) this.#options.handler.onExternalIp(mapping.externalIp);
  }

  #onNatPmp(reply: NatPmpReply, now: number): void {
    if (reply.type === 'address') {
      if (this.#address.state !== 'asking') return;
      this.#noteEpoch(reply.epochSeconds, this.#address, now);
      this.#settle(this.#address, Number.POSITIVE_INFINITY);
      this.#options.handler.onExternalIp(reply.ip);
      return;
    }
    const slot = reply.protocol === 'udp' ? this.#udp : reply.protocol === 'tcp' ? this.#tcp : this.#address;
    if (reply.type === 'mapping' && reply.internalPort !== this.#options.port) return;
    const isGone = reply.type === 'error' || reply.lifetimeSeconds === 0;
    if (slot.state === 'removing' && isGone) this.#setRemoved(slot);
    if (slot.state !== 'asking') return;
    if (reply.type === 'error') {
      if (slot === this.#address) this.#settle(slot, Number.POSITIVE_INFINITY);
      else this.#refuse(slot, natPmpResultText(reply.result), now);
      return;
    }
    this.#noteEpoch(reply.epochSeconds, slot, now);
    this.#setMapped(slot, reply.externalPort, reply.lifetimeSeconds, now);
  }

  #setMapped(slot: Slot, externalPort: number, lifetimeSeconds: number, now: number): void {
    if (externalPort === 0 || lifetimeSeconds === 0) {
      this.#refuse(slot, 'it has given us nothing', now);
      return;
    }
    const isNews = !slot.isMapped || slot.externalPort !== externalPort;
    slot.isMapped = true;
    slot.externalPort = externalPort;
    this.#settle(slot, now + renewAfterMs(lifetimeSeconds));
    if (isNews) this.#options.handler.onMapped({ protocol: slot.protocol!, externalPort, method: this.#method });
    if (slot === this.#tcp && this.#udp.deadlineMs === Number.POSITIVE_INFINITY) this.#ask(this.#udp, now);
  }

  /** The gateway has begun anew since it was heard last, and has forgotten what it had mapped. */
  #noteEpoch(seconds: number, answered: Slot, now: number): void {
    const last = this.#epoch;
    this.#epoch = { seconds, atMs: now };
    if (last === null) return;
    const expectedSeconds = last.seconds + ((now - last.atMs) / 1000) * EPOCH_RATE;
    if (seconds >= expectedSeconds - EPOCH_SLACK_SECONDS) return;
    for (const slot of [this.#tcp, this.#udp]) {
      if (slot !== answered && slot.isMapped && slot.state === 'settled') this.#ask(slot, now);
    }
  }

  #refuse(slot: Slot, reason: string, now: number): void {
    this.#fail(
      slot,
      `the router ${this.#options.gatewayIp} does not map our port over ${this.#method}: ${reason}`,
      now,
    );
  }

  /** Without TCP there is no use in UDP, and everything begins anew some time later. */
  #fail(slot: Slot, reason: string, now: number): void {
    const isTcp = slot === this.#tcp;
    for (const lost of isTcp ? [this.#tcp, this.#udp] : [slot]) this.#setLost(lost);
    if (isTcp) {
      this.#settle(this.#address, Number.POSITIVE_INFINITY);
      this.#hasHeard = false;
      this.#startAgainMs = now + TRY_AGAIN_AFTER_MS;
    } else slot.deadlineMs = now + TRY_AGAIN_AFTER_MS;
    this.#options.handler.onFailed(reason);
  }

  #setLost(slot: Slot): void {
    this.#settle(slot, Number.POSITIVE_INFINITY);
    if (!slot.isMapped) return;
    slot.isMapped = false;
    this.#options.handler.onLost(slot.protocol!);
  }

  #settle(slot: Slot, deadlineMs: number): void {
    slot.state = 'settled';
    slot.deadlineMs = deadlineMs;
  }

  #setRemoved(slot: Slot): void {
    slot.state = 'removed';
    slot.isMapped = false;
    slot.deadlineMs = Number.POSITIVE_INFINITY;
    this.#tellIfRemoved();
  }

  #tellIfRemoved(): void {
    if (this.#isRemoved || !this.#slots.every(({ state }) => state === 'removed')) return;
    this.#isRemoved = true;
    this.#options.handler.onRemoved();
  }
}

function makeSlot(protocol: MappedProtocol | null, random: Random): Slot {
  const nonce = new Uint8Array(PCP_NONCE_BYTES);
  random.fill(nonce);
  return {
    protocol,
    nonce,
    state: 'idle',
    isMapped: false,
    externalPort: 0,
    tries: 0,
    deadlineMs: Number.POSITIVE_INFINITY,
  };
}
