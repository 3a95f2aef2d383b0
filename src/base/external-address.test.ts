import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AddressWitness, ExternalAddress, VOTE_ROUND_MS } from './external-address.js';
import { LIMITS } from './limits.js';

const OURS = '11.0.0.1';
const OTHER = '11.0.0.2';
const ROUTER = { host: '192.168.1.1' };

/** Voters that never run out, each with an address of its own. */
class Crowd {
  readonly address = new ExternalAddress((family, ip) => this.told.push(`${family} ${ip}`));
  readonly told: string[] = [];
  now = 0;
  #count = 0;

  say(ip: string, times = 1, witness: AddressWitness = 'peer'): void {
    for (let i = 0; i < times; i++) this.address.vote(ip, this.nextVoter(ip.includes(':')), witness, this.now);
  }

  nextVoter(isV6 = false): { readonly host: string } {
    const n = ++this.#count;
    return {
      host: isV6 ? `2a00:${(n >>> 8).toString(16)}:${(n & 255).toString(16)}::1` : `12.0.${n >>> 8}.${n & 255}`,
    };
  }

  get ip(): string | null {
    return this.address.of(4);
  }
}

test('nothing is known before anyone has said anything', () => {
  const crowd = new Crowd();
  assert.equal(crowd.address.of(4), null);
  assert.equal(crowd.address.of(6), null);
});

test('three voters that agree are an answer for the time being; two are not', () => {
  const crowd = new Crowd();
  crowd.say(OURS, 2);
  assert.equal(crowd.ip, null);
  crowd.say(OURS);
  assert.equal(crowd.ip, OURS);
  assert.deepEqual(crowd.told, [`4 ${OURS}`]);
});

test('the first voters that contradict each other are no answer until the round is over', () => {
  const crowd = new Crowd();
  crowd.say(OTHER);
  crowd.say(OURS, 20);
  assert.equal(crowd.ip, null);
  crowd.now = VOTE_ROUND_MS;
  crowd.say(OURS);
  assert.equal(crowd.ip, OURS);
});

test('one host has one vote, on whatever port and however often', () => {
  const crowd = new Crowd();
  for (let port = 1; port < 100; port++) crowd.address.vote(OURS, { host: '12.0.0.1' }, 'dht', 0);
  for (let i = 1; i < 100; i++) crowd.address.vote('2001:db8::1', { host: `2a00::${i.toString(16)}` }, 'dht', 0);
  crowd.now = VOTE_ROUND_MS;
  crowd.address.vote(OURS, { host: '12.0.0.1' }, 'dht', crowd.now);
  assert.equal(crowd.ip, null);
  assert.equal(crowd.address.of(6), null);
});

test('a round is decided by its fiftieth vote', () => {
  const crowd = new Crowd();
  crowd.say(OTHER, 15);
  crowd.say(OURS, LIMITS.externalAddressVotesMax - 16);
  assert.equal(crowd.ip, OTHER, 'the first three');
  crowd.say(OURS);
  assert.equal(crowd.ip, OURS);
});

test('a winner that is not clear changes nothing, and the next round begins from nothing', () => {
  const crowd = new Crowd();
  crowd.say(OTHER, 3);
  crowd.say(OTHER, 17);
  crowd.say(OURS, LIMITS.externalAddressVotesMax - 20);
  assert.equal(crowd.ip, OTHER, '30 are not more than 1.5 times 20');
  crowd.say(OURS, 3);
  crowd.now = VOTE_ROUND_MS;
  crowd.say(OURS);
  assert.equal(crowd.ip, OURS);
});

test('a round of few voters goes on until three agree', () => {
  const crowd = new Crowd();
  crowd.say(OURS);
  crowd.now = 10 * VOTE_ROUND_MS;
  crowd.say(OTHER);
  crowd.say(OURS);
  assert.equal(crowd.ip, null);
  crowd.say(OURS);
  assert.equal(crowd.ip, OURS);
});

test('the votes of a decided round do not count in the next', () => {
  const crowd = new Crowd();
  crowd.say(OTHER, LIMITS.externalAddressVotesMax);
  assert.equal(crowd.ip, OTHER);
  crowd.say(OURS, 3);
  assert.equal(crowd.ip, OTHER, 'what was decided is changed by a decision only');
  crowd.now = VOTE_ROUND_MS;
  crowd.say(OURS);
  assert.equal(crowd.ip, OURS);
  assert.deepEqual(crowd.told, [`4 ${OTHER}`, `4 ${OURS}`]);
});

test('addresses that nobody can see us at are no votes', () => {
  const crowd = new Crowd();
  for (const ip of ['10.0.0.5', '192.168.1.7', '127.0.0.1', '100.64.1.1', '0.0.0.0', '224.0.0.1', 'fe80::1', '::1']) {
    crowd.say(ip, 3);
    crowd.address.vote(ip, ROUTER, 'router', 0);
  }
  for (const text of ['', 'somewhere', '1.2.3', '11.0.0.1:80']) crowd.say(text, 3);
  assert.equal(crowd.address.of(4), null);
  assert.equal(crowd.address.of(6), null);
});

test('a voter of the other family cannot know', () => {
  const crowd = new Crowd();
  for (let i = 1; i < 10; i++) crowd.address.vote(OURS, { host: `2a00:${i}::1` }, 'dht', 0);
  for (let i = 1; i < 10; i++) crowd.address.vote('2001:db8::1', { host: `12.0.0.${i}` }, 'dht', 0);
  assert.equal(crowd.address.of(4), null);
  assert.equal(crowd.address.of(6), null);
});

test('voters of the local network do not decide who we are on the Internet', () => {
  const crowd = new Crowd();
  for (let i = 1; i < 100; i++) crowd.address.vote(OURS, { host: `192.168.1.${i}` }, 'tracker', i * VOTE_ROUND_MS);
  assert.equal(crowd.ip, null);
});

test('IPv4 and IPv6 are voted on apart, and a mapped address is the IPv4 one', () => {
  const crowd = new Crowd();
  crowd.say('2001:DB8:0:0::1', 3);
  for (let i = 0; i < 3; i++) crowd.address.vote(`::ffff:${OURS}`, crowd.nextVoter(), 'tracker', 0);
  assert.equal(crowd.address.of(6), '2001:db8::1');
  assert.equal(crowd.ip, OURS);
});

test('trackers that are known by name have one vote each', () => {
  const { address } = new Crowd();
  for (const host of ['a.example', 'a.example', 'b.example']) address.vote(OURS, { host }, 'tracker', 0);
  assert.equal(address.of(4), null);
  address.vote(OURS, { host: 'c.example' }, 'tracker', 0);
  assert.equal(address.of(4), OURS);
});

test("the router's word is taken at once, until a round decides otherwise", () => {
  const crowd = new Crowd();
  crowd.address.vote(OTHER, ROUTER, 'router', 0);
  assert.equal(crowd.ip, OTHER);
  crowd.say(OURS, 20);
  assert.equal(crowd.ip, OTHER);
  crowd.now = VOTE_ROUND_MS;
  crowd.say(OURS);
  assert.equal(crowd.ip, OURS);
  crowd.address.vote(OTHER, ROUTER, 'router', crowd.now);
  assert.equal(crowd.ip, OURS, 'it says nothing new');
});

test('a router that speaks after a decision does not change it', () => {
  const crowd = new Crowd();
  crowd.say(OURS, LIMITS.externalAddressVotesMax);
  crowd.address.vote(OTHER, ROUTER, 'router', 0);
  assert.equal(crowd.ip, OURS);
});

test('a router that changes its word has got another address: it is taken, and older votes are void', () => {
  const crowd = new Crowd();
  crowd.address.vote(OTHER, ROUTER, 'router', 0);
  crowd.say(OTHER, LIMITS.externalAddressVotesMax);
  crowd.say(OTHER, LIMITS.externalAddressVotesMax - 1);
  crowd.address.vote(OURS, ROUTER, 'router', 0);
  assert.equal(crowd.ip, OURS);
  crowd.say(OTHER);
  assert.equal(crowd.ip, OURS);
});

test('a second router is not heard', () => {
  const crowd = new Crowd();
  crowd.address.vote(OURS, ROUTER, 'router', 0);
  crowd.address.vote(OTHER, { host: '192.168.1.99' }, 'router', 0);
  assert.equal(crowd.ip, OURS);
});

test('whoever listens hears each change once, when it is in force', () => {
  const crowd = new Crowd();
  const heard: (string | null)[] = [];
  crowd.address.onChange = (family) => heard.push(crowd.address.of(family));
  crowd.say(OURS, 2 * LIMITS.externalAddressVotesMax);
  crowd.say('2001:db8::1', 3);
  assert.deepEqual(heard, [OURS, '2001:db8::1']);
});

test('liars that are fewer than two in five never win a full round, in whatever order voters speak', () => {
  const liars = fc.integer({ min: 0, max: Math.floor((LIMITS.externalAddressVotesMax * 2) / 5) - 1 });
  const scene = liars.chain((count) =>
    fc.shuffledSubarray(
      Array.from({ length: LIMITS.externalAddressVotesMax }, (_, i) => i < count),
      { minLength: LIMITS.externalAddressVotesMax },
    ),
  );
  fc.assert(
    fc.property(scene, (isLiar) => {
      const crowd = new Crowd();
      for (const lies of isLiar) crowd.say(lies ? OTHER : OURS);
      assert.equal(crowd.ip, OURS);
    }),
  );
});

test('nothing that is told, by whomever and whenever, makes us believe what is no public address of its family', () => {
  const ip = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 20 }), fc.constantFrom(OURS, OTHER, '10.0.0.1'));
  const vote = fc.record({
    ip,
    host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.constantFrom('192.168.1.1', '12.0.0.1')),
    witness: fc.constantFrom<AddressWitness>('tracker', 'peer', 'dht', 'router'),
    afterMs: fc.nat(VOTE_ROUND_MS),
  });
  fc.assert(
    fc.property(fc.array(vote, { maxLength: 200 }), (votes) => {
      const told: string[] = [];
      const address = new ExternalAddress((family, text) => told.push(`${family} ${text}`));
      let now = 0;
      for (const { ip: text, host, witness, afterMs } of votes) {
        now += afterMs;
        address.vote(text, { host }, witness, now);
      }
      for (const line of told) assert.match(line, /^4 \d+\.\d+\.\d+\.\d+$|^6 [23][0-9a-f]{3}:/);
      const last = (family: 4 | 6): string | null =>
        told.findLast((line) => line.startsWith(String(family)))?.slice(2) ?? null;
      assert.equal(address.of(4), last(4));
      assert.equal(address.of(6), last(6));
    }),
  );
});
