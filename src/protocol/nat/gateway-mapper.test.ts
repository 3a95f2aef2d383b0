import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, makeAddress } from '../../base/address.js';
import { readUint16, readUint32, writeUint16, writeUint32 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { SeededRandom } from '../../base/random.js';
import { GatewayMapper } from './gateway-mapper.js';
import { LEASE_SECONDS, TRY_AGAIN_AFTER_MS } from './mapping.js';
import { PCP_ADDRESS_MISMATCH } from './pcp.js';

const GATEWAY = '192.168.1.1';
const FROM = makeAddress(GATEWAY, 5351)!;
const EXTERNAL = [11, 22, 33, 44];
const HALF_LEASE_MS = (LEASE_SECONDS * 1000) / 2;

/** A gateway that speaks PCP, NAT-PMP or neither, and answers at once unless told otherwise. */
class Scene {
  now = 1_000_000;
  speaks: 'PCP' | 'NAT-PMP' | 'old NAT-PMP' | 'nothing' = 'PCP';
  result = 0;
  epochAtMs = 0;
  lifetimeSeconds = LEASE_SECONDS;
  from: Address = FROM;
  externalPort: (wished: number) => number = (wished) => wished;
  readonly log: string[] = [];
  /** When each was sent: `PCP tcp 6881>6881 3600`, internal and wished port and lifetime; and the packet. */
  readonly sent: { readonly atMs: number; readonly text: string; readonly packet: Uint8Array }[] = [];
  readonly mapper: GatewayMapper;
  #answers: Uint8Array[] = [];

  constructor(localIp = '192.168.1.7') {
    this.mapper = new GatewayMapper({
      gatewayIp: GATEWAY,
      localIp,
      port: 6881,
      random: new SeededRandom(1),
      handler: {
        send: (packet) => this.#onPacket(packet),
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
    this.#deliver();
    return this;
  }

  remove(): void {
    this.mapper.remove(this.now);
    this.#deliver();
  }

  pass(ms: number): void {
    const until = this.now + ms;
    while (this.mapper.nextDeadline <= until) {
      this.now = this.mapper.nextDeadline;
      this.mapper.advance(this.now);
      this.#deliver();
    }
    this.now = until;
  }

  receive(packet: Uint8Array, from: Address = FROM): void {
    this.mapper.receive(packet, from, this.now);
  }

  take(): string[] {
    return this.log.splice(0);
  }

  takeSent(): string[] {
    return this.sent.splice(0).map(({ text }) => text);
  }

  get epochSeconds(): number {
    return Math.floor((this.now - this.epochAtMs) / 1000);
  }

  #onPacket(packet: Uint8Array): void {
    this.sent.push({ atMs: this.now, text: describe(packet), packet });
    const answer = this.answerTo(packet);
    if (answer !== null) this.#answers.push(answer);
  }

  answerTo(packet: Uint8Array): Uint8Array | null {
    if (this.speaks === 'nothing') return null;
    if (packet[0] === 2) {
      if (this.speaks === 'old NAT-PMP') return null;
      return this.speaks === 'PCP' ? this.#pcp(packet) : new Uint8Array([0, 0x81, 0, 1, 0, 0, 0, 0]);
    }
    const answer = new Uint8Array(packet.length === 2 ? 12 : 16);
    answer[1] = packet[1]! | 128;
    writeUint16(answer, 2, this.result);
    writeUint32(answer, 4, this.epochSeconds);
    if (packet.length === 2) answer.set(EXTERNAL, 8);
    else {
      answer.set(packet.subarray(4), 8);
      writeUint16(answer, 10, this.externalPort(readUint16(packet, 6)));
      if (readUint32(packet, 8) > 0) writeUint32(answer, 12, this.lifetimeSeconds);
    }
    return answer;
  }

  #pcp(packet: Uint8Array): Uint8Array {
    const answer = packet.slice();
    answer[1] = 0x81;
    answer[3] = this.result;
    if (readUint32(packet, 4) > 0) writeUint32(answer, 4, this.lifetimeSeconds);
    answer.fill(0, 8, 24);
    writeUint32(answer, 8, this.epochSeconds);
    writeUint16(answer, 42, this.externalPort(readUint16(packet, 42)));
    answer.set(EXTERNAL, 56);
    return answer;
  }

  #deliver(): void {
    while (this.#answers.length > 0) this.receive(this.#answers.shift()!, this.from);
  }
}

function describe(packet: Uint8Array): string {
  if (packet.length === 2) return 'address';
  const isPcp = packet[0] === 2;
  const isTcp = isPcp ? packet[36] === 6 : packet[1] === 2;
  const at = isPcp ? 40 : 4;
  const ports = `${readUint16(packet, at)}>${readUint16(packet, at + 2)}`;
  return `${isPcp ? 'PCP' : 'NAT-PMP'} ${isTcp ? 'tcp' : 'udp'} ${ports} ${readUint32(packet, isPcp ? 4 : 8)}`;
}

test('a gateway that speaks PCP maps TCP, then UDP, and says who we are', () => {
  const scene = new Scene().start();
  assert.deepEqual(scene.takeSent(), ['PCP tcp 6881>6881 3600', 'PCP udp 6881>6881 3600']);
  assert.deepEqual(scene.take(), ['tcp 6881 PCP', 'ip 11.22.33.44', 'udp 6881 PCP', 'ip 11.22.33.44']);
  assert.ok(scene.mapper.isMapped);
});

test('UDP wishes for the port that TCP has got', () => {
  const scene = new Scene();
  scene.externalPort = (wished) => (wished === 6881 ? 50_000 : wished);
  scene.start();
  assert.deepEqual(scene.takeSent(), ['PCP tcp 6881>6881 3600', 'PCP udp 6881>50000 3600']);
  assert.deepEqual(scene.take().slice(2, 3), ['udp 50000 PCP']);
});

test('a gateway that refuses the version is spoken to in NAT-PMP', () => {
  const scene = new Scene();
  scene.speaks = 'NAT-PMP';
  scene.start();
  const expected = ['PCP tcp 6881>6881 3600', 'address', 'NAT-PMP tcp 6881>6881 3600', 'NAT-PMP udp 6881>6881 3600'];
  assert.deepEqual(scene.takeSent(), expected);
  assert.deepEqual(scene.take(), ['ip 11.22.33.44', 'tcp 6881 NAT-PMP', 'udp 6881 NAT-PMP']);
});

test('so is one that does not answer PCP at all', () => {
  const scene = new Scene();
  scene.speaks = 'old NAT-PMP';
  scene.start().pass(4000);
  assert.deepEqual(scene.take(), ['ip 11.22.33.44', 'tcp 6881 NAT-PMP', 'udp 6881 NAT-PMP']);
});

test('over IPv6 there is no NAT-PMP', () => {
  const scene = new Scene('2001:db8::7');
  scene.speaks = 'NAT-PMP';
  scene.start();
  assert.deepEqual(scene.takeSent(), ['PCP tcp 6881>6881 3600']);
  assert.deepEqual(scene.take(), [`failed the router ${GATEWAY} does not speak PCP`]);
});

test('a gateway that does not answer is asked nine times, each time after twice as long, and again much later', () => {
  const scene = new Scene('2001:db8::7');
  scene.speaks = 'nothing';
  scene.start();
  const startMs = scene.now;
  scene.pass(TRY_AGAIN_AFTER_MS / 2);
  const expected = Array.from({ length: LIMITS.natPmpTriesMax }, (_, i) => startMs + 250 * (2 ** i - 1));
  assert.deepEqual(
    scene.sent.splice(0).map(({ atMs }) => atMs),
    expected,
  );
  assert.deepEqual(scene.take(), [`failed the router ${GATEWAY} does not answer`]);
  scene.speaks = 'PCP';
  scene.pass(TRY_AGAIN_AFTER_MS);
  assert.deepEqual(scene.take().slice(0, 1), ['tcp 6881 PCP']);
});

test('a lost packet costs a quarter of a second', () => {
  const scene = new Scene();
  scene.speaks = 'nothing';
  scene.start();
  scene.speaks = 'PCP';
  scene.pass(250);
  assert.deepEqual(scene.take().slice(0, 1), ['tcp 6881 PCP']);
});

test('packets that do not come from the gateway, or from another port of it, are ignored', () => {
  for (const from of [makeAddress('192.168.1.2', 5351)!, makeAddress(GATEWAY, 5350)!]) {
    const scene = new Scene();
    scene.from = from;
    scene.start();
    assert.deepEqual(scene.take(), []);
  }
});

test('a reply about another port, or with another nonce, is ignored', () => {
  for (const offset of [24, 35, 40, 41]) {
    const scene = new Scene();
    scene.speaks = 'nothing';
    scene.start();
    scene.speaks = 'PCP';
    const forged = scene.answerTo(scene.sent[0]!.packet)!;
    forged[offset]! ^= 1;
    scene.receive(forged);
    assert.deepEqual(scene.take(), [], `byte ${offset}`);
  }
});

test('mappings are renewed at half of their lease, with the same nonce and port', () => {
  for (const speaks of ['PCP', 'NAT-PMP'] as const) {
    const scene = new Scene();
    scene.speaks = speaks;
    scene.externalPort = (wished) => (wished === 6881 ? 50_000 : wished);
    scene.start();
    const before = scene.sent.findLast(({ text }) => text.includes('udp'))!.packet;
    scene.takeSent();
    scene.take();
    scene.pass(HALF_LEASE_MS - 1);
    assert.deepEqual(scene.takeSent(), []);
    scene.pass(1);
    assert.deepEqual(scene.sent.findLast(({ text }) => text.includes('udp'))!.packet, before);
    assert.ok(scene.takeSent().includes(`${speaks} tcp 6881>50000 3600`));
    assert.ok(!scene.take().some((line) => line.startsWith('tcp')), 'nothing new is told');
  }
});

test('a shorter lease is renewed sooner, but not more often than once a minute', () => {
  for (const [lifetimeSeconds, renewedAfterMs] of [
    [600, 300_000],
    [1, 60_000],
  ] as const) {
    const scene = new Scene();
    scene.lifetimeSeconds = lifetimeSeconds;
    scene.start().takeSent();
    scene.pass(renewedAfterMs - 1);
    assert.deepEqual(scene.takeSent(), []);
    scene.pass(1);
    assert.equal(scene.takeSent().length, 2);
  }
});

test('a renewal that gets another port is told', () => {
  const scene = new Scene().start();
  scene.take();
  scene.externalPort = () => 40_000;
  scene.pass(HALF_LEASE_MS);
  assert.ok(scene.take().includes('tcp 40000 PCP'));
});

test('a mapping that is not renewed is lost, and asked for again later', () => {
  const scene = new Scene().start();
  scene.take();
  scene.speaks = 'nothing';
  scene.pass(HALF_LEASE_MS + 300_000);
  assert.deepEqual(scene.take(), ['lost tcp', 'lost udp', `failed the router ${GATEWAY} does not answer`]);
  assert.ok(!scene.mapper.isMapped);
  scene.speaks = 'PCP';
  scene.pass(TRY_AGAIN_AFTER_MS);
  assert.deepEqual(scene.take().slice(0, 1), ['tcp 6881 PCP']);
});

test('an epoch that has gone back is a gateway that has forgotten: both ports are asked for again', () => {
  const scene = new Scene();
  scene.lifetimeSeconds = 600;
  scene.start();
  scene.lifetimeSeconds = LEASE_SECONDS;
  scene.pass(299_999);
  scene.mapper.advance(scene.now);
  scene.epochAtMs = scene.now;
  scene.takeSent();
  // TCP alone is due; its answer tells of the new epoch, and UDP is not waited for.
  scene.pass(1);
  assert.deepEqual(scene.takeSent(), ['PCP tcp 6881>6881 3600', 'PCP udp 6881>6881 3600']);
});

test('a refusal is told in words, and asked about again later', () => {
  const scene = new Scene();
  scene.result = PCP_ADDRESS_MISMATCH;
  scene.start();
  assert.match(
    scene.take().join(),
    /^failed the router 192\.168\.1\.1 does not map our port over PCP: .*second router/,
  );
  scene.result = 0;
  scene.pass(TRY_AGAIN_AFTER_MS);
  assert.equal(scene.take()[0], 'tcp 6881 PCP');
});

test('what is mapped is removed, and that is sent again until it is confirmed', () => {
  for (const speaks of ['PCP', 'NAT-PMP'] as const) {
    const scene = new Scene();
    scene.speaks = speaks;
    scene.start();
    scene.takeSent();
    scene.take();
    scene.speaks = 'nothing';
    scene.remove();
    assert.deepEqual(scene.takeSent(), [`${speaks} tcp 6881>0 0`, `${speaks} udp 6881>0 0`]);
    assert.deepEqual(scene.take(), []);
    scene.speaks = speaks;
    scene.pass(250);
    assert.deepEqual(scene.take(), ['removed']);
    assert.equal(scene.mapper.nextDeadline, Number.POSITIVE_INFINITY);
  }
});

test('a late answer to a request is no answer to the removal that followed it', () => {
  for (const speaks of ['PCP', 'NAT-PMP'] as const) {
    const scene = new Scene();
    scene.speaks = speaks;
    scene.start();
    scene.speaks = 'nothing';
    scene.pass(HALF_LEASE_MS);
    const renewal = scene.sent.at(-1)!.packet;
    scene.remove();
    scene.take();
    scene.takeSent();
    scene.speaks = speaks;
    scene.receive(scene.answerTo(renewal)!);
    scene.pass(250);
    assert.equal(scene.takeSent().length, 2, 'both removals are sent again');
    assert.deepEqual(scene.take(), ['removed']);
  }
});

test('where nothing was mapped there is nothing to remove', () => {
  const scene = new Scene();
  scene.speaks = 'nothing';
  scene.start();
  scene.takeSent();
  scene.remove();
  assert.deepEqual(scene.take(), ['removed']);
  assert.deepEqual(scene.takeSent(), []);
  scene.pass(2 * TRY_AGAIN_AFTER_MS);
  assert.deepEqual(scene.takeSent(), []);
});

test('whatever the gateway sends, and whenever, nothing is thrown and no more is sent than asked', () => {
  const packet = fc.oneof(
    fc.uint8Array({ maxLength: 70 }),
    fc.record({ index: fc.nat(3), flips: fc.array(fc.tuple(fc.nat(59), fc.nat(255)), { maxLength: 3 }) }),
  );
  const step = fc.record({ packet, afterMs: fc.nat(2000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom('PCP', 'NAT-PMP', 'nothing'), (steps, speaks) => {
      const scene = new Scene();
      scene.speaks = speaks as Scene['speaks'];
      scene.start();
      let sentCount = 0;
      for (const { packet: given, afterMs } of steps) {
        scene.pass(afterMs);
        const made = 'index' in given ? scene.answerTo(scene.sent[given.index % scene.sent.length]!.packet) : given;
        if (made === null) continue;
        if ('flips' in given) for (const [at, value] of given.flips) if (at < made.length) made[at]! ^= value;
        scene.receive(made);
        sentCount = scene.sent.length;
        assert.ok(scene.mapper.nextDeadline > scene.now - 1);
      }
      assert.ok(sentCount <= 40 + 8 * steps.length, `${sentCount} packets`);
    }),
  );
});
