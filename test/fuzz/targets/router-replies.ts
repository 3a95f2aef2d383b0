/**
 * What a router, or whoever says it is one, may send: replies of NAT-PMP and PCP, answers to a search, descriptions and
 * SOAP. An input is read as each of them; then it is a script for both cores, of packets and answers right and wrong,
 * and time. Nobody outside of the local network is ever asked, no packet follows a removal that is over, and what is
 * told of mappings adds up.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { makeAddress } from '../../../src/base/address.js';
import { toUtf8 } from '../../../src/base/bytes.js';
import { LIMITS } from '../../../src/base/limits.js';
import { SeededRandom } from '../../../src/base/random.js';
import { GatewayMapper } from '../../../src/protocol/nat/gateway-mapper.js';
import { parseIgdDescription, parseSoapAnswer } from '../../../src/protocol/nat/igd.js';
import { LEASE_SECONDS, type MapperHandler } from '../../../src/protocol/nat/mapping.js';
import { decodeNatPmpReply, GATEWAY_PORT } from '../../../src/protocol/nat/nat-pmp.js';
import { decodePcpReply } from '../../../src/protocol/nat/pcp.js';
import { decodeSsdpAnswer, formatLanUrl, parseLanUrl } from '../../../src/protocol/nat/ssdp.js';
import {
  ADDITION_ANSWER,
  ADDRESS_ANSWER,
  DESCRIPTION,
  faultAnswer,
  OLD_DESCRIPTION,
  SEARCH_ANSWER,
} from '../../../src/protocol/nat/testing/recorded-router.js';
import { UpnpMapper } from '../../../src/protocol/nat/upnp-mapper.js';
import { descendantsOf, parseXml } from '../../../src/protocol/nat/xml.js';
import { Dice } from '../dice.js';
import { isOneLine } from '../expect.js';
import type { FuzzTarget } from '../target.js';

const RECORDED = [SEARCH_ANSWER, DESCRIPTION, OLD_DESCRIPTION, ADDRESS_ANSWER, ADDITION_ANSWER, faultAnswer(718)];
const LOCATION = parseLanUrl('http://192.168.77.1:5000/rootDesc.xml')!;
const GATEWAY = makeAddress('192.168.77.1', GATEWAY_PORT)!;
const LOCAL_IP = '192.168.77.2';
const STEPS_MAX = 200;
/** Some are for the next packet, some for the next lease. */
const PAUSE_MS_MAX = 2 * LEASE_SECONDS * 1000;

export const routerRepliesTarget: FuzzTarget = {
  name: 'router-replies',
  inputs: fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...RECORDED)),
  samples: [...RECORDED, ...fc.sample(fc.uint8Array({ minLength: 50, maxLength: 300 }), { seed: 1, numRuns: 5 })],
  tokens: [
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '&#x41;',
    '<service>',
    '<controlURL>',
    'http://',
    'urn:',
    '\r\n',
    'LOCATION:',
  ],
  check(input) {
    checkReaders(input);
    checkGateway(new Dice(input));
    checkUpnp(new Dice(input));
  },
};

function checkReaders(input: Uint8Array): void {
  const mapping = decodePcpReply(input)?.mapping;
  if (mapping) assert.notEqual(makeAddress(mapping.externalIp, mapping.externalPort), null);
  const reply = decodeNatPmpReply(input);
  if (reply?.type === 'address') assert.equal(makeAddress(reply.ip, 0)?.family, 4);
  const url = decodeSsdpAnswer(input);
  if (url !== null) assert.deepEqual(parseLanUrl(formatLanUrl(url)), url);
  const root = parseXml(toUtf8(input));
  if (root !== null) assert.ok([...descendantsOf(root)].length <= LIMITS.xmlElementsMax);
  const services = parseIgdDescription(input, LOCATION);
  assert.ok(services.length <= LIMITS.upnpServicesMax);
  for (const { control, type } of services) {
    assert.equal(control.host, LOCATION.host);
    assert.ok(isOneLine(type) && isOneLine(formatLanUrl(control)));
  }
  const { externalIp } = parseSoapAnswer(200, input);
  if (externalIp !== null) assert.equal(makeAddress(externalIp, 0)?.host, externalIp);
}

/** Mappings come once, go once, and are not told of after a removal. */
class Ledger implements MapperHandler {
  readonly mapped = new Set<string>();
  isRemoved = false;

  onMapped({ protocol, externalPort }: Parameters<MapperHandler['onMapped']>[0]): void {
    assert.ok(!this.isRemoved && externalPort >= 1 && externalPort <= 65_535);
    this.mapped.add(protocol);
  }
  onLost(protocol: 'tcp' | 'udp'): void {
    assert.ok(this.mapped.delete(protocol));
  }
  onExternalIp(ip: string): void {
    assert.notEqual(makeAddress(ip, 0), null);
  }
  onFailed(reason: string): void {
    assert.ok(isOneLine(reason), reason);
  }
  onRemoved(): void {
    assert.ok(!this.isRemoved);
    this.isRemoved = true;
  }
}

function checkGateway(dice: Dice): void {
  const ledger = new Ledger();
  const sent: Uint8Array[] = [];
  const mapper = new GatewayMapper({
    gatewayIp: GATEWAY.host,
    localIp: LOCAL_IP,
    port: 6881,
    random: new SeededRandom(1),
    handler: handlerOf(ledger, {
      send: (packet: Uint8Array) => {
        assert.ok(!ledger.isRemoved);
        sent.push(packet);
      },
    }),
  });
  let now = 0;
  mapper.start(now);
  for (let step = 0; step < STEPS_MAX && !dice.isOver; step++) {
    if (dice.flag()) now = passTo(mapper, now + (dice.uint32() % PAUSE_MS_MAX));
    const packet = answerTo(dice.pick(sent), dice);
    mapper.receive(dice.below(8) === 0 ? dice.some() : packet, GATEWAY, now);
  }
  mapper.remove(now);
  passTo(mapper, now + 10 * LEASE_SECONDS * 1000);
  assert.ok(ledger.isRemoved);
  assert.equal(mapper.nextDeadline, Number.POSITIVE_INFINITY);
}

/** Mostly right. */
function answerTo(request: Uint8Array, dice: Dice): Uint8Array {
  const isPcp = request[0] === 2;
  const answer = new Uint8Array(isPcp ? 60 : request.length === 2 ? 12 : 16);
  if (isPcp) answer.set(request);
  else answer.set(request.subarray(4), 8);
  answer[0] = request[0]!;
  answer[1] = request[1]! | 128;
  for (let i = dice.below(4); i > 0; i--) answer[dice.below(answer.length)] = dice.byte();
  return dice.below(16) === 0 ? answer.subarray(0, dice.below(answer.length)) : answer;
}

function checkUpnp(dice: Dice): void {
  const ledger = new Ledger();
  let requests = 0;
  const mapper = new UpnpMapper({
    localIp: LOCAL_IP,
    prefixBits: 24,
    gatewayIp: GATEWAY.host,
    port: 6881,
    random: new SeededRandom(1),
    handler: handlerOf(ledger, {
      search: () => assert.ok(!ledger.isRemoved),
      request: (url: string) => {
        assert.ok(!ledger.isRemoved);
        assert.match(url, /^http:\/\/192\.168\.77\.\d{1,3}:\d+\//);
        requests++;
      },
    }),
  });
  let now = 0;
  mapper.start(now);
  for (let step = 0; step < STEPS_MAX && !dice.isOver; step++) {
    if (dice.flag()) now = passTo(mapper, now + (dice.uint32() % PAUSE_MS_MAX));
    if (dice.flag()) {
      mapper.receive(dice.flag() ? SEARCH_ANSWER : dice.some(), makeAddress(GATEWAY.host, 1900)!, now);
    } else {
      const body = dice.flag() ? dice.pick(RECORDED) : dice.some();
      mapper.answer(dice.below(8) === 0 ? null : { status: dice.pick([200, 200, 500, 0]), body }, now);
    }
  }
  mapper.remove();
  for (let i = 0; i < 4; i++) mapper.answer(null, now);
  assert.ok(ledger.isRemoved);
  assert.ok(requests <= 3 + 2 * STEPS_MAX, `${requests} requests`);
}

function handlerOf<H extends object>(ledger: Ledger, handler: H): H & MapperHandler {
  return {
    ...handler,
    onMapped: (mapping) => ledger.onMapped(mapping),
    onLost: (protocol) => ledger.onLost(protocol),
    onExternalIp: (ip) => ledger.onExternalIp(ip),
    onFailed: (reason) => ledger.onFailed(reason),
    onRemoved: () => ledger.onRemoved(),
  };
}

/** Stops wherever something is due, which must not be for ever. */
function passTo(core: { readonly nextDeadline: number; advance(now: number): void }, until: number): number {
  for (let turns = 0; core.nextDeadline <= until; turns++) {
    assert.ok(turns < 100_000, 'it is always due again');
    core.advance(core.nextDeadline);
  }
  return until;
}
