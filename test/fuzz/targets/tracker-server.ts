/**
 * The embedded tracker: a script of HTTP request targets, UDP packets and time. Its answers are well-formed and within
 * their limits, our own client reads them, and who has not shown his address gets less than he sent.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Address, makeAddress } from '../../../src/base/address.js';
import { concatBytes, fromLatin1, readUint32, toLatin1 } from '../../../src/base/bytes.js';
import { DtorrentError } from '../../../src/base/errors.js';
import { LIMITS } from '../../../src/base/limits.js';
import { SeededRandom } from '../../../src/base/random.js';
import { BencodeDict, BencodeList, decodeBencode } from '../../../src/format/bencode.js';
import { AnnounceFailure } from '../../../src/protocol/tracker/announce.js';
import { parseAnnounceResponse, parseScrapeResponse } from '../../../src/protocol/tracker/http.js';
import { TrackerServer } from '../../../src/protocol/tracker/server.js';
import { answerHttp } from '../../../src/protocol/tracker/server-http.js';
import { UdpTrackerServer } from '../../../src/protocol/tracker/server-udp.js';
import { encodeUdpConnect, UDP_ACTION_CONNECT, UDP_ACTION_ERROR } from '../../../src/protocol/tracker/udp-packets.js';
import { Dice } from '../dice.js';
import type { FuzzTarget } from '../target.js';
import { checkResponse } from './http-tracker.js';

const CLIENTS: readonly Address[] = ['1.2.3.4', '1.2.3.5', '2001:db8::1', '127.0.0.1'].map(
  (host) => makeAddress(host, 1)!,
);
const SMALL = { swarmsMax: 3, peersMax: 8, peersPerSwarmMax: 4 };
const STEPS_MAX = 100;
const INTERVAL_SECONDS = 60;

const queries = fc
  .array(
    fc.tuple(
      fc.constantFrom('info_hash', 'peer_id', 'port', 'left', 'event', 'numwant', 'compact', 'no_peer_id', 'x', ''),
      fc.oneof(
        fc.constantFrom(
          'a'.repeat(20),
          '%61'.repeat(20),
          '%ff%00+'.repeat(5),
          '0',
          '1',
          '-1',
          'started',
          'stopped',
          '%',
          '%4',
          '9'.repeat(30),
        ),
        fc.string({ maxLength: 24 }),
      ),
    ),
    { maxLength: 10 },
  )
  .map((pairs) => pairs.map((pair) => pair.join('=')).join('&'));

const HTTP = 0x40;
const targetSteps = fc
  .tuple(fc.constantFrom('/announce?', '/scrape?', '/announce', '/x?', ''), queries)
  .map(([path, query]) => {
    const target = fromLatin1(`${path}${query}`).subarray(0, 255);
    return concatBytes([Uint8Array.of(HTTP, 0, target.length), target]);
  });
const otherSteps = fc.uint8Array({ minLength: 4, maxLength: 40 });

export const trackerServerTarget: FuzzTarget = {
  name: 'tracker-server',
  inputs: fc.array(fc.oneof(targetSteps, otherSteps), { maxLength: 20 }).map(concatBytes),
  samples: [
    concatBytes(
      [
        '/announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=1&left=0',
        '/scrape?info_hash=aaaaaaaaaaaaaaaaaaaa',
      ].map((target) => concatBytes([Uint8Array.of(HTTP, 0, target.length), fromLatin1(target)])),
    ),
  ],
  tokens: ['info_hash=', 'peer_id=', '&port=', '&left=', '&event=stopped', '&compact=0', '%', '/announce?', '/scrape?'],
  check,
};

function check(input: Uint8Array): void {
  const dice = new Dice(input);
  const scene = new Scene();
  for (let step = 0; step < STEPS_MAX && !dice.isOver; step++) scene.step(dice);
}

class Scene {
  #now = 0;
  readonly #server = new TrackerServer({
    intervalSeconds: INTERVAL_SECONDS,
    random: new SeededRandom(1),
    limits: SMALL,
  });
  readonly #udp = new UdpTrackerServer(this.#server, new SeededRandom(2));

  step(dice: Dice): void {
    const kind = dice.byte();
    const from = dice.pick(CLIENTS);
    if ((kind & HTTP) !== 0) this.#http(toLatin1(dice.some()), from);
    else if (kind % 8 === 0) this.#now += dice.pick([1000, 60_000, 120_000, 240_000]);
    else if (kind % 8 === 1) this.#udpRaw(dice.some(), from);
    else this.#udpConnected(dice, from);
    this.#checkStats();
  }

  #http(target: string, from: Address): void {
    const body = answerHttp(this.#server, target, from, this.#now);
    const path = target.split('?')[0];
    assert.equal(body === null, path !== '/announce' && path !== '/scrape');
    if (body === null) return;
    const { value } = decodeBencode(body);
    assert.ok(value instanceof BencodeDict);
    if (value.has('failure reason')) return;
    if (path === '/scrape') {
      const scraped = parseScrapeResponse(200, body, [new Uint8Array(20)]);
      assert.ok(!(scraped instanceof DtorrentError));
      return;
    }
    const answer = parseAnnounceResponse(200, body);
    assert.ok(!(answer instanceof AnnounceFailure));
    checkResponse(answer);
    assert.ok(answer.peers.length <= LIMITS.trackerServerPeersPerAnswerMax);
    assert.ok(value.getBytes('peers') !== null || value.get('peers') instanceof BencodeList, 'peers are always there');
    assert.deepEqual(answer.externalIps, [from.host]);
  }

  /** From someone who has shown nothing. */
  #udpRaw(packet: Uint8Array, from: Address): void {
    const answer = this.#udp.receive(packet, from, this.#now);
    if (answer === null) return;
    const action = readUint32(answer, 0);
    assert.ok(action === UDP_ACTION_CONNECT || action === UDP_ACTION_ERROR, 'a connection id was guessed');
    if (action === UDP_ACTION_ERROR) assert.ok(answer.length < packet.length, 'an answer to forgers is no amplifier');
  }

  #udpConnected(dice: Dice, from: Address): void {
    const connected = this.#udp.receive(encodeUdpConnect(1), from, this.#now)!;
    const packet = dice.take(16 + dice.pick([20, 82, 40, 0, 100]));
    packet.set(connected.subarray(8, 16), 0);
    packet.set([0, 0, 0, dice.pick([1, 2, 1, 3])], 8);
    const answer = this.#udp.receive(packet, from, this.#now);
    if (answer === null) return;
    assert.ok(answer.length <= LIMITS.trackerServerPacketBytesMax);
    assert.equal(readUint32(answer, 4), readUint32(packet, 12), 'the transaction id comes back');
    const other = CLIENTS.find((client) => client.host !== from.host)!;
    const stolen = this.#udp.receive(packet, other, this.#now);
    assert.ok(stolen === null || readUint32(stolen, 0) === UDP_ACTION_ERROR, 'a connection id is of one address');
  }

  #checkStats(): void {
    const { swarms, peers, seeds } = this.#server.stats(this.#now);
    assert.ok(swarms <= SMALL.swarmsMax && peers <= SMALL.peersMax && seeds <= peers);
  }
}
