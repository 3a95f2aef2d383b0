import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeAddress } from '../../base/address.js';
import { fromUtf8, toUtf8 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { FAULT, type SoapRequest } from './igd.js';
import { LEASE_SECONDS, TRY_AGAIN_AFTER_MS } from './mapping.js';
import { SSDP_TARGETS } from './ssdp.js';
import {
  ADDITION_ANSWER,
  ADDRESS_ANSWER,
  DELETION_ANSWER,
  DESCRIPTION,
  faultAnswer,
  OLD_DESCRIPTION,
  SEARCH_ANSWER,
} from './testing/recorded-router.js';
import { UpnpMapper } from './upnp-mapper.js';

const ROUTER = makeAddress('192.168.77.1', 1900)!;
const SEARCH_MS = 3000;
const HALF_LEASE_MS = (LEASE_SECONDS * 1000) / 2;

interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** A router that answers HTTP as it is told to. */
class Scene {
  now = 1_000_000;
  searches = 0;
  description: Uint8Array = DESCRIPTION;
  /** Faults of the next additions; none left = they succeed. */
  faults: number[] = [];
  addressAnswer: Answer | null = { status: 200, body: ADDRESS_ANSWER };
  /** false = requests wait for deliver(). */
  isPrompt = true;
  readonly log: string[] = [];
  /** `GET url`, or `Action port protocol lease`. */
  readonly asked: string[] = [];
  readonly mapper: UpnpMapper;
  #waiting: (Answer | null)[] = [];

  constructor() {
    this.mapper = new UpnpMapper({
      localIp: '192.168.77.2',
      prefixBits: 24,
      gatewayIp: '192.168.77.1',
      port: 6881,
      random: new SeededRandom(1),
      handler: {
        search: () => this.searches++,
        request: (url, soap) => {
          this.#waiting = [this.#answerTo(url, soap)];
        },
        onMapped: ({ protocol, externalPort, method }) => this.log.push(`${protocol} ${externalPort} ${method}`),
        onLost: (protocol) => this.log.push(`lost ${protocol}`),
        onExternalIp: (ip) => this.log.push(`ip ${ip}`),
        onFailed: (reason) => this.log.push(`failed ${reason}`),
        onRemoved: () => this.log.push('removed'),
      },
    });
  }

  start(): this {
    this.mapper.start(this.now);
    return this;
  }

  /** The router answers the search. */
  found(packet = SEARCH_ANSWER, from = ROUTER): this {
    this.mapper.receive(packet, from, this.now);
    if (this.isPrompt) this.deliver();
    return this;
  }

  deliver(): void {
    while (this.#waiting.length > 0) this.mapper.answer(this.#waiting.shift()!, this.now);
  }

  deliverOne(): void {
    this.mapper.answer(this.#waiting.shift()!, this.now);
  }

  pass(ms: number): void {
    const until = this.now + ms;
    while (this.mapper.nextDeadline <= until) {
      this.now = this.mapper.nextDeadline;
      this.mapper.advance(this.now);
      if (this.isPrompt) this.deliver();
    }
    this.now = until;
  }

  remove(): void {
    this.mapper.remove();
    if (this.isPrompt) this.deliver();
  }

  take(): string[] {
    return this.log.splice(0);
  }

  takeAsked(): string[] {
    return this.asked.splice(0);
  }

  #answerTo(url: string, soap: SoapRequest | null): Answer | null {
    if (soap === null) {
      this.asked.push(`GET ${url}`);
      return { status: 200, body: this.description };
    }
    const body = toUtf8(soap.body);
    const argumentOf = (name: string): string => new RegExp(`<${name}>(.*?)</`).exec(body)?.[1] ?? '';
    const action = soap.soapAction.split('#')[1]!.slice(0, -1);
    const values = ['NewExternalPort', 'NewProtocol', 'NewLeaseDuration'].map(argumentOf);
    this.asked.push([action, ...values].join(' ').trim());
    if (action === 'GetExternalIPAddress') return this.addressAnswer;
    if (action === 'DeletePortMapping') return { status: 200, body: DELETION_ANSWER };
    const fault = this.faults.shift() ?? 0;
    return fault === 0 ? { status: 200, body: ADDITION_ANSWER } : { status: 500, body: faultAnswer(fault) };
  }
}

function located(location: string): Uint8Array {
  return fromUtf8(toUtf8(SEARCH_ANSWER).replace(/LOCATION: .*/, `LOCATION: ${location}`));
}

test('the default gateway is asked as soon as it answers: for its address, then for TCP, then for UDP', () => {
  const scene = new Scene().start().found();
  assert.equal(scene.searches, SSDP_TARGETS.length);
  assert.deepEqual(scene.takeAsked(), [
    'GET http://192.168.77.1:5000/rootDesc.xml',
    'GetExternalIPAddress',
    'AddPortMapping 6881 TCP 3600',
    'AddPortMapping 6881 UDP 3600',
  ]);
  assert.deepEqual(scene.take(), ['ip 11.22.33.44', 'tcp 6881 UPnP', 'udp 6881 UPnP']);
  assert.ok(scene.mapper.isMapped);
});

test('other devices of the network are asked when the search is over', () => {
  const scene = new Scene().start().found(located('http://192.168.77.9:80/d.xml'), makeAddress('192.168.77.9', 1900)!);
  assert.deepEqual(scene.takeAsked(), []);
  scene.pass(SEARCH_MS);
  assert.equal(scene.takeAsked()[0], 'GET http://192.168.77.9:80/d.xml');
});

test('nobody outside of our network is heard, nor asked', () => {
  const scene = new Scene().start();
  scene.found(SEARCH_ANSWER, makeAddress('192.168.78.1', 1900)!);
  for (const host of ['192.168.78.1', '10.0.0.1', '11.22.33.44', '127.0.0.1', '192.168.77.2']) {
    scene.found(located(`http://${host}:80/d.xml`));
  }
  scene.pass(LIMITS.upnpSearchesMax * SEARCH_MS);
  assert.deepEqual(scene.takeAsked(), []);
  assert.deepEqual(scene.take(), ['failed no router that speaks UPnP answers']);
});

test('a search is repeated up to the limit, and begins anew much later', () => {
  const scene = new Scene().start();
  scene.pass(LIMITS.upnpSearchesMax * SEARCH_MS + TRY_AGAIN_AFTER_MS - 1);
  assert.equal(scene.searches, LIMITS.upnpSearchesMax * SSDP_TARGETS.length);
  scene.pass(1);
  assert.equal(scene.searches, (LIMITS.upnpSearchesMax + 1) * SSDP_TARGETS.length);
  scene.found();
  assert.ok(scene.mapper.isMapped);
});

test('of the devices that answer a search, as many as the limit are asked, each once', () => {
  const scene = new Scene().start();
  scene.description = fromUtf8('<root/>');
  for (let i = 0; i < 2 * LIMITS.upnpDevicesMax; i++) {
    const packet = located(`http://192.168.77.${100 + i}:80/d.xml`);
    for (let again = 0; again < 2; again++) scene.found(packet);
  }
  scene.pass(SEARCH_MS);
  assert.equal(scene.takeAsked().length, LIMITS.upnpDevicesMax);
  assert.match(scene.take().join(), /^failed the UPnP device 192\.168\.77\.\d+ has no service that maps ports$/);
});

test('the service that has an address outside is the one that is asked', () => {
  const scene = new Scene();
  scene.description = OLD_DESCRIPTION;
  scene.addressAnswer = { status: 500, body: faultAnswer(501) };
  scene.isPrompt = false;
  scene.start().found();
  scene.deliverOne();
  scene.addressAnswer = { status: 200, body: ADDRESS_ANSWER };
  scene.deliverOne();
  scene.deliver();
  assert.deepEqual(scene.take(), ['ip 11.22.33.44', 'tcp 6881 UPnP', 'udp 6881 UPnP']);
});

test('a router without an address outside maps nothing', () => {
  const scene = new Scene();
  scene.addressAnswer = null;
  scene.start().found();
  assert.deepEqual(scene.take(), ['failed the UPnP device 192.168.77.1 has no address of its own outside']);
});

test('a port that is taken is given up for another one, and UDP wishes for the same', () => {
  for (const fault of [FAULT.conflict, FAULT.actionFailed, FAULT.conflictWithOther]) {
    const scene = new Scene();
    scene.faults = [fault];
    scene.start().found();
    const [, tcp, udp] = scene.take();
    assert.match(tcp!, /^tcp [1-5]\d{4} UPnP$/);
    assert.equal(udp, tcp!.replace('tcp', 'udp'));
  }
});

test('other ports are tried up to the limit', () => {
  const scene = new Scene();
  scene.faults = Array<number>(100).fill(FAULT.conflict);
  scene.start().found();
  const additions = scene.takeAsked().filter((line) => line.startsWith('Add'));
  assert.equal(additions.length, 1 + LIMITS.upnpPortTriesMax);
  assert.equal(new Set(additions).size, additions.length);
  assert.match(scene.take().at(-1)!, /does not map our port: fault 718$/);
});

test('a router that knows permanent leases only is given one, which is renewed all the same', () => {
  for (const fault of [FAULT.onlyPermanentLeases, FAULT.invalidArguments]) {
    const scene = new Scene();
    scene.faults = [fault];
    scene.start().found();
    const expected = ['AddPortMapping 6881 TCP 3600', 'AddPortMapping 6881 TCP 0', 'AddPortMapping 6881 UDP 0'];
    assert.deepEqual(scene.takeAsked().slice(2), expected);
    scene.pass(HALF_LEASE_MS);
    assert.ok(scene.takeAsked().includes('AddPortMapping 6881 TCP 0'));
  }
});

test('TCP alone is kept, without TCP there is nothing', () => {
  const scene = new Scene();
  scene.faults = [0, 606];
  scene.start().found();
  assert.deepEqual(scene.take(), ['ip 11.22.33.44', 'tcp 6881 UPnP']);
  const refused = new Scene();
  refused.faults = [606];
  refused.start().found();
  assert.deepEqual(refused.take().slice(1), ['failed the UPnP device 192.168.77.1 does not map our port: fault 606']);
});

test('mappings are renewed at half of their lease, and nothing is told of that', () => {
  const scene = new Scene().start().found();
  scene.take();
  scene.takeAsked();
  scene.pass(HALF_LEASE_MS - 1);
  assert.deepEqual(scene.takeAsked(), []);
  scene.pass(1);
  const expected = ['GetExternalIPAddress', 'AddPortMapping 6881 TCP 3600', 'AddPortMapping 6881 UDP 3600'];
  assert.deepEqual(scene.takeAsked(), expected);
  assert.deepEqual(scene.take(), ['ip 11.22.33.44']);
});

test('a router that is gone when it should renew is lost, and searched for again later', () => {
  const scene = new Scene().start().found();
  scene.take();
  scene.addressAnswer = null;
  scene.pass(HALF_LEASE_MS);
  const reason = 'failed the UPnP device 192.168.77.1 has lost its address';
  assert.deepEqual(scene.take(), ['lost tcp', 'lost udp', reason]);
  scene.addressAnswer = { status: 200, body: ADDRESS_ANSWER };
  scene.pass(TRY_AGAIN_AFTER_MS);
  scene.found();
  assert.deepEqual(scene.take(), ['ip 11.22.33.44', 'tcp 6881 UPnP', 'udp 6881 UPnP']);
});

test('what is mapped is removed, one attempt for each port', () => {
  const scene = new Scene().start().found();
  scene.takeAsked();
  scene.take();
  scene.remove();
  assert.deepEqual(scene.takeAsked(), ['DeletePortMapping 6881 TCP', 'DeletePortMapping 6881 UDP']);
  assert.deepEqual(scene.take(), ['removed']);
  assert.equal(scene.mapper.nextDeadline, Number.POSITIVE_INFINITY);
});

test('a mapping that is being made when it is to be removed is waited for, and then removed', () => {
  const scene = new Scene();
  scene.isPrompt = false;
  scene.start().found();
  scene.deliverOne();
  scene.deliverOne();
  assert.equal(scene.takeAsked().at(-1), 'AddPortMapping 6881 TCP 3600');
  scene.remove();
  assert.deepEqual(scene.takeAsked(), []);
  scene.deliver();
  assert.deepEqual(scene.takeAsked(), ['DeletePortMapping 6881 TCP']);
  assert.equal(scene.take().at(-1), 'removed');
});

test('where nothing was mapped there is nothing to remove', () => {
  for (const isFound of [false, true]) {
    const scene = new Scene();
    scene.isPrompt = false;
    scene.start();
    if (isFound) scene.found();
    scene.remove();
    assert.deepEqual(scene.take(), ['removed']);
    scene.deliver();
    scene.found();
    scene.pass(2 * TRY_AGAIN_AFTER_MS);
    assert.ok(!scene.asked.some((line) => line.startsWith('Add')));
  }
});

test('whatever devices answer, and whenever, nobody outside is asked and every mapping is told of once', () => {
  const bodies = [DESCRIPTION, OLD_DESCRIPTION, ADDRESS_ANSWER, ADDITION_ANSWER, faultAnswer(718), faultAnswer(725)];
  const step = fc.oneof(
    fc.record({ kind: fc.constant('found' as const), last: fc.nat(255) }),
    fc.record({ kind: fc.constant('answer' as const), body: fc.nat(bodies.length), status: fc.constantFrom(200, 500) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(HALF_LEASE_MS) }),
    fc.record({ kind: fc.constant('remove' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const scene = new Scene();
      scene.isPrompt = false;
      scene.start();
      const mapped = new Set<string>();
      for (const given of steps) {
        if (given.kind === 'found') scene.found(located(`http://192.168.77.${given.last}:80/d.xml`));
        else if (given.kind === 'pass') scene.pass(given.ms);
        else if (given.kind === 'remove') scene.remove();
        else {
          const body = bodies[given.body];
          scene.mapper.answer(body === undefined ? null : { status: given.status, body }, scene.now);
        }
        for (const line of scene.take()) {
          const [word, ...rest] = line.split(' ');
          if (word === 'lost') assert.ok(mapped.delete(rest[0]!), line);
          else if (word === 'tcp' || word === 'udp') assert.ok(!mapped.has(word) && mapped.add(word), line);
        }
      }
      for (const line of scene.asked) if (line.startsWith('GET')) assert.match(line, /^GET http:\/\/192\.168\.77\./);
    }),
  );
});
