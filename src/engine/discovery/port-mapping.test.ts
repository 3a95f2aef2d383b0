/** Port mapping on a scripted network: routers that answer as they are told to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAddress } from '../../base/address.js';
import { readUint16, toUtf8, writeUint32 } from '../../base/bytes.js';
import { DtorrentError } from '../../base/errors.js';
import { ExternalAddress } from '../../base/external-address.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import type { Gateway, HttpResponse } from '../../host/network.js';
import { TRY_AGAIN_AFTER_MS } from '../../protocol/nat/mapping.js';
import { GATEWAY_PORT } from '../../protocol/nat/nat-pmp.js';
import { SSDP_GROUP } from '../../protocol/nat/ssdp.js';
import {
  ADDITION_ANSWER,
  ADDRESS_ANSWER,
  DELETION_ANSWER,
  DESCRIPTION,
  SEARCH_ANSWER,
} from '../../protocol/nat/testing/recorded-router.js';
import type { EngineContext } from '../context.js';
import type { EngineEvent } from '../events.js';
import { ScriptedHost, type SentDatagram } from '../testing/scripted-network.js';
import { UPNP_HEAD_START_MS } from './gateway-link.js';
import { PortMapping, SURVEY_EVERY_MS } from './port-mapping.js';

const GATEWAY: Gateway = { family: 4, host: '192.168.77.1', localHost: '192.168.77.2', prefixBits: 24 };
const GATEWAY_V6: Gateway = { family: 6, host: 'fe80::1%eth0', localHost: '2001:db8::2', prefixBits: 64 };

class Scene {
  readonly host = new ScriptedHost();
  readonly events: EngineEvent[] = [];
  readonly externalAddress = new ExternalAddress();
  readonly mapping: PortMapping;
  speaksPcp = true;
  speaksUpnp = false;
  /** What PCP maps our port to. */
  externalPort = 6881;
  externalIp = [11, 22, 33, 44];
  reachablePorts: number[] = [];
  stopped = 0;

  constructor(gateways: readonly Gateway[] = [GATEWAY]) {
    const { host } = this;
    host.gateways = gateways;
    host.onDatagram = (sent) => this.#onDatagram(sent);
    host.onGet = ({ request }) => this.#onRequest(request.post?.headers['SOAPAction'] ?? '');
    const context = {
      host: { network: host.network, random: new SeededRandom(1) },
      turn: host.turn,
      externalAddress: this.externalAddress,
      emit: (event: EngineEvent) => this.events.push(event),
    } as unknown as EngineContext;
    this.mapping = new PortMapping({
      context,
      listenPort: () => 6881,
      onReachablePort: () => this.reachablePorts.push(this.mapping.reachablePort),
    });
  }

  start(): this {
    this.host.act(() => this.mapping.start());
    return this;
  }

  stop(): void {
    this.host.act(() => this.mapping.stop(() => this.stopped++));
  }

  pass(ms: number): void {
    this.host.runTo(this.host.now + ms);
  }

  takeEvents(): string[] {
    return this.events.splice(0).map((event) => {
      if (event.type === 'portMapped')
        return `${event.protocol} ${event.externalPort} ${event.method} ${event.gateway}`;
      return event.type === 'portMappingWarning' ? event.message : event.type;
    });
  }

  get openSockets(): string[] {
    return this.host.sockets.filter(({ isOpen }) => isOpen).map(({ host }) => host);
  }

  #onDatagram({ packet, to }: SentDatagram): Uint8Array | null {
    if (to.host === SSDP_GROUP.host) {
      if (this.speaksUpnp) {
        const socket = this.host.sockets.findLast(({ isOpen }) => isOpen);
        socket?.handler.onDatagram(SEARCH_ANSWER, makeAddress(GATEWAY.host, 1900)!);
      }
      return null;
    }
    assert.equal(to.port, GATEWAY_PORT);
    if (!this.speaksPcp || packet[0] !== 2) return null;
    const answer = packet.slice();
    answer[1] = 0x81;
    writeUint32(answer, 8, 1000 + this.host.now / 1000);
    answer[42] = this.externalPort >>> 8;
    answer[43] = this.externalPort;
    answer.set(this.externalIp, 56);
    return answer;
  }

  #onRequest(soapAction: string): HttpResponse | DtorrentError {
    if (soapAction === '') return { status: 200, body: DESCRIPTION };
    if (soapAction.includes('GetExternal')) return { status: 200, body: ADDRESS_ANSWER };
    return { status: 200, body: soapAction.includes('Add') ? ADDITION_ANSWER : DELETION_ANSWER };
  }
}

test('a router that speaks PCP lets peers in, and says who we are; UPnP is not tried', () => {
  const scene = new Scene().start();
  assert.deepEqual(scene.takeEvents(), ['tcp 6881 PCP 192.168.77.1', 'udp 6881 PCP 192.168.77.1']);
  assert.equal(scene.externalAddress.of(4), '11.22.33.44');
  assert.deepEqual(scene.openSockets, ['192.168.77.2']);
  scene.pass(10 * UPNP_HEAD_START_MS);
  assert.ok(scene.host.datagrams.every(({ to }) => to.host === GATEWAY.host));
});

test('a router that has said nothing for a second is searched for by UPnP', () => {
  const scene = new Scene();
  scene.speaksPcp = false;
  scene.speaksUpnp = true;
  scene.start();
  scene.pass(UPNP_HEAD_START_MS - 1);
  assert.deepEqual(scene.takeEvents(), []);
  scene.pass(1);
  assert.deepEqual(scene.takeEvents(), ['tcp 6881 UPnP 192.168.77.1', 'udp 6881 UPnP 192.168.77.1']);
  assert.equal(scene.externalAddress.of(4), '11.22.33.44');
});

test('what routers are asked over HTTP is bounded, follows no redirect and leaves from our address', () => {
  const scene = new Scene();
  scene.speaksPcp = false;
  scene.speaksUpnp = true;
  scene.start();
  scene.pass(UPNP_HEAD_START_MS);
  assert.equal(scene.host.gets.length, 4);
  for (const { request, url } of scene.host.gets) {
    assert.equal(url.host, '192.168.77.1:5000');
    assert.equal(request.bindHost, GATEWAY.localHost);
    assert.equal(request.redirectsMax, 0);
    assert.equal(request.timeoutMs, LIMITS.upnpTimeoutMs);
    assert.equal(request.bodyBytesMax, LIMITS.upnpBodyBytesMax);
  }
  assert.match(toUtf8(scene.host.gets[2]!.request.post!.body), /<NewInternalClient>192\.168\.77\.2</);
});

test('a port that the router maps to another one is the one that others reach us on', () => {
  const scene = new Scene();
  scene.externalPort = 50_000;
  assert.equal(scene.mapping.reachablePort, 6881);
  scene.start();
  assert.equal(scene.mapping.reachablePort, 50_000);
  assert.deepEqual(scene.reachablePorts, [50_000]);
});

test('a mapping that is lost is told, and the port is our own again', () => {
  const scene = new Scene();
  scene.externalPort = 50_000;
  scene.start();
  scene.takeEvents();
  scene.speaksPcp = false;
  scene.pass(TRY_AGAIN_AFTER_MS + 200_000);
  const expected = ['TCP', 'UDP'].map((name) => `the router 192.168.77.1 does not let peers in over ${name} any more`);
  assert.deepEqual(scene.takeEvents().slice(0, 2), expected);
  assert.deepEqual(scene.reachablePorts, [50_000, 6881]);
});

test('that nobody lets peers in is told once, however often it is tried', () => {
  const scene = new Scene();
  scene.speaksPcp = false;
  scene.start();
  scene.pass(5 * TRY_AGAIN_AFTER_MS);
  const expected =
    'no router lets peers in: the router 192.168.77.1 does not answer; no router that speaks UPnP answers';
  assert.deepEqual(scene.takeEvents(), [expected]);
});

test('a router that is behind another one is told of, and is no witness', () => {
  const scene = new Scene();
  scene.externalIp = [100, 64, 0, 9];
  scene.start();
  const warning = 'the router 192.168.77.1 is behind another one, as 100.64.0.9: that one may let nobody in';
  assert.equal(scene.takeEvents().filter((line) => line === warning).length, 1);
  assert.equal(scene.externalAddress.of(4), null);
});

test('over IPv6 the firewall is opened over PCP, through the zone of the router', () => {
  const scene = new Scene([GATEWAY_V6]);
  // The scripted network answers from where the packet was sent to; a real one leaves the zone out.
  scene.host.onDatagram = () => null;
  scene.start();
  const [sent] = scene.host.datagrams;
  assert.deepEqual(sent!.to, { family: 6, host: 'fe80::1%eth0', port: GATEWAY_PORT });
  const answer = sent!.packet.slice();
  answer[1] = 0x81;
  scene.host.sockets[0]!.handler.onDatagram(answer, makeAddress('fe80::1', GATEWAY_PORT)!);
  assert.deepEqual(scene.takeEvents(), ['tcp 6881 PCP fe80::1']);
  scene.pass(10 * UPNP_HEAD_START_MS);
  assert.ok(scene.host.datagrams.every(({ to }) => to.family === 6));
});

test('nothing is sent from a public IPv4 address, nor from a local IPv6 one, nor without a router', () => {
  const scenes = [
    new Scene([{ ...GATEWAY, localHost: '11.0.0.7' }]),
    new Scene([{ ...GATEWAY_V6, localHost: 'fd00::2' }]),
    new Scene([]),
  ];
  for (const scene of scenes) {
    scene.start();
    scene.pass(SURVEY_EVERY_MS);
    assert.deepEqual(scene.host.sockets, []);
  }
});

test('every router that an address of ours leads to is asked, and none through loopback', () => {
  const gateways = [
    GATEWAY,
    { ...GATEWAY, host: '192.168.78.1', localHost: '192.168.78.2' },
    { ...GATEWAY, host: '127.0.0.2', localHost: '127.0.0.1' },
    GATEWAY_V6,
  ];
  assert.deepEqual(new Scene(gateways).start().openSockets, ['192.168.77.2', '192.168.78.2', '2001:db8::2']);
});

test('a router maps to the first of our addresses in its network', () => {
  const second = { ...GATEWAY, localHost: '192.168.77.3' };
  assert.deepEqual(new Scene([GATEWAY, second]).start().openSockets, ['192.168.77.2']);
});

test('as many routers as the limit are asked', () => {
  const many = Array.from({ length: LIMITS.portMappingGatewaysMax + 1 }, (_, i) => {
    return { ...GATEWAY, host: `192.168.${i}.1`, localHost: `192.168.${i}.2` };
  });
  assert.equal(new Scene(many).start().openSockets.length, LIMITS.portMappingGatewaysMax);
});

test('a machine that moves asks the router of its new network', () => {
  const scene = new Scene().start();
  scene.host.gateways = [{ ...GATEWAY, host: '192.168.1.1', localHost: '192.168.1.5' }];
  scene.takeEvents();
  scene.pass(SURVEY_EVERY_MS);
  assert.deepEqual(scene.openSockets, ['192.168.1.5']);
  assert.equal(scene.takeEvents()[0], 'tcp 6881 PCP 192.168.1.1');
});

test('a socket that cannot be opened is told, and opened with the next survey', () => {
  const scene = new Scene();
  scene.host.socketError = new DtorrentError('ENETWORK', 'no such address');
  scene.start();
  assert.deepEqual(scene.takeEvents(), ['the router 192.168.77.1 cannot be asked to let peers in: no such address']);
  scene.pass(SURVEY_EVERY_MS);
  assert.equal(scene.takeEvents()[0], 'tcp 6881 PCP 192.168.77.1');
});

test('what is mapped is removed with the stop, and nothing is sent after it', () => {
  const scene = new Scene().start();
  const before = scene.host.datagrams.length;
  scene.stop();
  assert.equal(scene.stopped, 1);
  const lifetimes = scene.host.datagrams
    .slice(before)
    .map(({ packet }) => [readUint16(packet, 6), readUint16(packet, 42)]);
  assert.deepEqual(lifetimes, [
    [0, 0],
    [0, 0],
  ]);
  assert.deepEqual(scene.openSockets, []);
  const after = scene.host.datagrams.length;
  scene.pass(10 * TRY_AGAIN_AFTER_MS);
  assert.equal(scene.host.datagrams.length, after);
});

test('a router that does not confirm is waited for no longer than the limit', () => {
  const scene = new Scene().start();
  scene.speaksPcp = false;
  scene.stop();
  scene.pass(LIMITS.portMappingRemovalMs - 1);
  assert.equal(scene.stopped, 0);
  scene.pass(1);
  assert.equal(scene.stopped, 1);
  assert.deepEqual(scene.openSockets, []);
  scene.pass(10 * TRY_AGAIN_AFTER_MS);
  assert.equal(scene.stopped, 1);
});

test('a stop before anything was mapped, or before the start, is over at once', () => {
  const scene = new Scene();
  scene.speaksPcp = false;
  scene.start();
  scene.stop();
  assert.equal(scene.stopped, 1);
  const idle = new Scene();
  idle.stop();
  assert.equal(idle.stopped, 1);
});
