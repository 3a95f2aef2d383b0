/**
 * The UDP tracker client: a script of questions, packets right and wrong, and time. Each question is answered at most
 * once, all are over when enough time has gone by, and answers keep the limits.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Address, makeAddress } from '../../../src/base/address.js';
import { readUint32, writeUint32 } from '../../../src/base/bytes.js';
import { DtorrentError } from '../../../src/base/errors.js';
import { LIMITS } from '../../../src/base/limits.js';
import { SeededRandom } from '../../../src/base/random.js';
import { AnnounceFailure, type AnnounceRequest } from '../../../src/protocol/tracker/announce.js';
import { type UdpExchange, UdpTrackerCore } from '../../../src/protocol/tracker/udp.js';
import {
  decodeUdpAnnounce,
  decodeUdpAnnounceAnswer,
  decodeUdpError,
  decodeUdpScrape,
  decodeUdpScrapeAnswer,
  encodeUdpAnnounce,
  encodeUdpScrape,
} from '../../../src/protocol/tracker/udp-packets.js';
import { Dice } from '../dice.js';
import { isOneLine } from '../expect.js';
import { announceRequests, hashes20 } from '../generators/addresses.js';
import type { FuzzTarget } from '../target.js';
import { checkResponse } from './http-tracker.js';

const TRACKERS: readonly Address[] = [
  makeAddress('1.2.3.4', 80)!,
  makeAddress('2001:db8::1', 80)!,
  makeAddress('1.2.3.4', 81)!,
];
const REQUEST: AnnounceRequest = {
  infoHash: new Uint8Array(20),
  peerId: new Uint8Array(20),
  port: 1,
  uploaded: 0,
  downloaded: 0,
  left: 0,
  event: '',
  numWant: 1,
  key: 0,
  trackerId: null,
};
const STEPS_MAX = 200;
/** Longer than all retransmits, those of a connect and of the question behind it. */
const PATIENCE_MS = 600_000;

export const udpTrackerTarget: FuzzTarget = {
  name: 'udp-tracker',
  inputs: fc.uint8Array({ maxLength: 400 }),
  samples: fc.sample(fc.uint8Array({ minLength: 50, maxLength: 200 }), { seed: 1, numRuns: 5 }),
  laws: [
    fc.property(announceRequests, fc.uint8Array({ maxLength: 600 }), (request, urlData) => {
      const decoded = decodeUdpAnnounce(encodeUdpAnnounce(new Uint8Array(8), 7, request, urlData))!;
      const { infoHash, peerId, port, event, left } = request;
      assert.deepEqual(
        {
          infoHash: decoded.infoHash.slice(),
          peerId: decoded.peerId.slice(),
          port: decoded.port,
          event: decoded.event,
          left: decoded.left,
        },
        { infoHash, peerId, port, event, left },
      );
      assert.equal(decoded.numWant, request.numWant);
    }),
    fc.property(fc.array(hashes20, { minLength: 1, maxLength: LIMITS.udpScrapeHashesMax }), (hashes) => {
      const decoded = decodeUdpScrape(encodeUdpScrape(new Uint8Array(8), 7, hashes));
      assert.deepEqual(
        decoded.map((hash) => hash.slice()),
        hashes,
      );
    }),
  ],
  check,
};

function check(input: Uint8Array): void {
  checkPackets(input);
  const scene = new Scene();
  const dice = new Dice(input);
  for (let step = 0; step < STEPS_MAX && !dice.isOver; step++) scene.step(dice);
  scene.end();
}

function checkPackets(input: Uint8Array): void {
  for (const family of [4, 6] as const) {
    const answer = decodeUdpAnnounceAnswer(input, family);
    if (answer !== null) checkResponse(answer);
  }
  assert.ok((decodeUdpScrapeAnswer(input, 3)?.length ?? 3) === 3);
  assert.ok(decodeUdpScrape(input).length <= LIMITS.trackerServerScrapeHashesMax);
  decodeUdpAnnounce(input);
  assert.ok(isOneLine(decodeUdpError(input)));
}

interface Asked {
  readonly exchange: UdpExchange;
  results: number;
  isCancelled: boolean;
}

class Scene {
  #now = 0;
  readonly #asked: Asked[] = [];
  readonly #sent: { readonly packet: Uint8Array; readonly to: Address }[] = [];
  readonly #core = new UdpTrackerCore({
    random: new SeededRandom(1),
    send: (packet, to) => this.#sent.push({ packet: packet.slice(), to }),
  });

  step(dice: Dice): void {
    switch (dice.below(8)) {
      case 0:
        this.#announce(dice);
        break;
      case 1:
        this.#scrape(dice);
        break;
      case 2:
        this.#advance(dice.pick([1, 1000, 15_000, 60_000]));
        break;
      case 3:
        this.#cancel(dice);
        break;
      case 4:
        this.#core.receive(dice.some(), dice.pick(TRACKERS), this.#now);
        break;
      case 5:
        if (dice.below(16) === 0) this.#core.failAll(new DtorrentError('ENETWORK', 'gone'));
        break;
      default:
        this.#answer(dice);
    }
  }

  end(): void {
    this.#advance(PATIENCE_MS);
    assert.equal(this.#core.nextDeadline(), Number.POSITIVE_INFINITY, 'nothing is waited for any more');
    for (const { results, isCancelled } of this.#asked)
      assert.equal(results, isCancelled ? 0 : 1, 'each question ends once');
  }

  #announce(dice: Dice): void {
    const asked: Asked = {
      exchange: this.#core.announce(dice.pick(TRACKERS), REQUEST, dice.take(dice.below(4)), this.#now, (result) => {
        asked.results++;
        if (result instanceof AnnounceFailure) assert.ok(isOneLine(result.error.message));
        else checkResponse(result);
      }),
      results: 0,
      isCancelled: false,
    };
    this.#asked.push(asked);
  }

  #scrape(dice: Dice): void {
    const hashes = Array.from({ length: 1 + dice.below(LIMITS.udpScrapeHashesMax) }, () => new Uint8Array(20));
    const asked: Asked = {
      exchange: this.#core.scrape(dice.pick(TRACKERS), hashes, this.#now, (result) => {
        asked.results++;
        if (!(result instanceof DtorrentError)) assert.equal(result.counts.length, hashes.length);
      }),
      results: 0,
      isCancelled: false,
    };
    this.#asked.push(asked);
  }

  #cancel(dice: Dice): void {
    const asked = this.#asked[dice.below(Math.max(1, this.#asked.length))];
    if (asked === undefined || asked.results > 0) return;
    asked.isCancelled = true;
    asked.exchange.cancel();
  }

  /** With the transaction id of something that was sent, and mostly the right action, from mostly the right place. */
  #answer(dice: Dice): void {
    const sent = this.#sent[this.#sent.length - 1 - dice.below(4)];
    if (sent === undefined) return;
    const body = dice.take(dice.below(64));
    const packet = new Uint8Array(8 + body.length);
    packet.set(body, 8);
    writeUint32(packet, 0, dice.below(8) === 0 ? dice.below(5) : readUint32(sent.packet, 8));
    writeUint32(packet, 4, readUint32(sent.packet, 12));
    this.#core.receive(packet, dice.below(8) === 0 ? dice.pick(TRACKERS) : sent.to, this.#now);
  }

  /** Deadline by deadline, as its owner does. */
  #advance(byMs: number): void {
    const until = this.#now + byMs;
    for (let deadline = this.#core.nextDeadline(); deadline <= until; deadline = this.#core.nextDeadline()) {
      this.#now = Math.max(this.#now, deadline);
      this.#core.advance(this.#now);
    }
    this.#now = until;
  }
}
