/**
 * What can be wrong with a tracker, and what such a tracker says. Trouble is set and lifted while the world runs.
 * Everything random comes from the tracker's own generator. Called by SimHttpTracker and SimUdpTracker.
 */
import { type Address, makeAddress } from '../../base/address.js';
import { fromLatin1 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { type Random, randomBelow, shuffle } from '../../base/random.js';

/**
 * slow: answers late, sometimes too late · silent: hears and never answers · garbage: answers no client can read ·
 * failure: refuses, now and then with a time to wait · error: HTTP 500 · redirects: to itself for ever · huge: more than
 * a client should read · flapping: half a minute of silence or errors, then half a minute well · refused: nobody listens ·
 * hasty: intervals of nothing and less · junk-peers: names the asker itself, loopback, port 0 and a crowd of dead addresses
 * among the real peers · forgetful (UDP): connection ids are never valid · foreign (UDP): answers to somebody else.
 * Over UDP every second connect is answered well, whatever is wrong with the announces, unless the tracker is refused.
 */
export type TrackerTrouble =
  | 'slow'
  | 'silent'
  | 'garbage'
  | 'failure'
  | 'error'
  | 'redirects'
  | 'huge'
  | 'flapping'
  | 'refused'
  | 'hasty'
  | 'junk-peers'
  | 'forgetful'
  | 'foreign';

/** What can be wrong with one that is asked over HTTP. */
export const HTTP_TRACKER_TROUBLES: readonly TrackerTrouble[] = [
  'slow',
  'silent',
  'garbage',
  'failure',
  'error',
  'redirects',
  'huge',
  'flapping',
  'refused',
  'hasty',
  'junk-peers',
];
/** And with one over UDP. */
export const UDP_TRACKER_TROUBLES: readonly TrackerTrouble[] = [
  'slow',
  'silent',
  'garbage',
  'failure',
  'huge',
  'flapping',
  'refused',
  'hasty',
  'junk-peers',
  'forgetful',
  'foreign',
];

/** Of a body that is too long. */
export const HUGE_BODY_BYTES: number = LIMITS.httpTrackerBodyBytesMax + 1;
/** As long as a datagram can be. */
export const HUGE_PACKET_BYTES = 65_507;
/** So many minutes a refusal asks for, when it asks. */
export const RETRY_MINUTES = 3;
const FLAP_MS = 30_000;
/** Some above what clients wait for an answer over HTTP (30 s) or for a packet (15 s). */
const SLOW_MS_MAX = 40_000;
/** A crowd, yet one that leaves room for the real peers in what a client reads of an answer. */
const DEAD_PEERS = 1500;

export function slowMs(random: Random): number {
  return 1000 + randomBelow(random, SLOW_MS_MAX);
}

/** Well and unwell in turns, from the start on well. */
export function isFlapped(now: number): boolean {
  return Math.floor(now / FLAP_MS) % 2 === 1;
}

/** No answer of a tracker, whoever reads it. */
export function garbageBody(random: Random): Uint8Array {
  const bodies = [
    '',
    '<html><body>This domain is for sale</body></html>',
    'd8:intervali1800e5:peers60:too short',
    'd8:intervali18',
    'd8:completei1ee',
    'i1800e',
    'le',
    `${'l'.repeat(5000)}${'e'.repeat(5000)}`,
    'd8:intervali99999999999999999999999999999999999999e5:peers0:e',
  ];
  const choice = randomBelow(random, bodies.length + 1);
  if (choice < bodies.length) return fromLatin1(bodies[choice]!);
  const noise = new Uint8Array(1 + randomBelow(random, 3000));
  random.fill(noise);
  noise[0] = 0xff; // never the start of a bencoded value
  return noise;
}

/** Addresses at which nobody is, some of which nobody can be, among `peers`. */
export function junkAmong(peers: readonly Address[], asker: Address, random: Random): Address[] {
  const junk = [
    asker,
    { ...asker, port: 0 },
    makeAddress('127.0.0.1', asker.port)!,
    makeAddress('127.0.0.1', 1)!,
    makeAddress('0.0.0.0', asker.port)!,
    makeAddress('255.255.255.255', asker.port)!,
    makeAddress('224.0.0.1', asker.port)!,
    makeAddress('::1', asker.port)!,
    makeAddress('::', asker.port)!,
    makeAddress('ff02::1', asker.port)!,
    makeAddress('fe80::1', asker.port)!,
  ];
  for (let i = 0; i < DEAD_PEERS; i++) {
    const word = random.uint32();
    // 198.18.0.0/15, which is kept for tests: the simulated hosts live elsewhere.
    junk.push(makeAddress(`198.${18 + (word & 1)}.${(word >>> 1) & 255}.${(word >>> 9) & 255}`, 1 + (word >>> 17))!);
  }
  const all = [...junk, ...peers];
  shuffle(random, all);
  return all;
}
