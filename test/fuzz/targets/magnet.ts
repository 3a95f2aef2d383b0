/** Magnet links and pasted info-hashes: what is read is within the limits, and formatting reads back the same. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fromUtf8, toUtf8 } from '../../../src/base/bytes.js';
import { LIMITS } from '../../../src/base/limits.js';
import {
  formatMagnet,
  formatMutableMagnet,
  type Magnet,
  type MagnetHints,
  parseInfoHashText,
  parseMagnet,
  parseMutableMagnet,
} from '../../../src/format/magnet.js';
import { readOrRefuse } from '../expect.js';
import type { FuzzTarget } from '../target.js';

const HEX_V1 = 'c9e15763f722f23e98a29decdfae341b98d53056';
const HEX_V2 = `${HEX_V1}${HEX_V1.slice(0, 24)}`;

const topics = fc.constantFrom(
  `xt=urn:btih:${HEX_V1}`,
  `xt=urn:btmh:1220${HEX_V2}`,
  'xt=urn:btih:ZHQVOY7XELZD5GFCTXWN7LRUDOMNKMCW',
  'XT.1=URN:BTIH:00',
  `xs=urn:btpk:${HEX_V2}`,
  's=6e',
  'xt=urn:sha1:x',
  'xt=',
);
const values = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }).map(encodeURIComponentLoosely),
  fc.webUrl(),
  fc.constantFrom('%', '%4', '%ff%fe', '%EF%BB%BFx', '1-3,5', '5-1', '1.2.3.4:6881', '[::1]:1', 'host:99999', '%0a'),
);
const parameters = fc.oneof(
  topics,
  fc
    .tuple(fc.constantFrom('dn', 'tr', 'tr.1', 'ws', 'x.pe', 'so', 'amp;tr', 'kt', ''), values)
    .map((pair) => pair.join('=')),
);

export const magnetTarget: FuzzTarget = {
  name: 'magnet',
  inputs: fc
    .tuple(topics, fc.array(parameters, { maxLength: 12 }))
    .map(([topic, rest]) => fromUtf8(`magnet:?${[topic, ...rest].join('&')}`)),
  samples: [
    `magnet:?xt=urn:btih:${HEX_V1}&dn=a+b%20c&tr=http%3A%2F%2Fa.example%2Fannounce&tr=udp://b.example:80&so=0,2-4`,
    `magnet:?xt=urn:btmh:1220${HEX_V2}&x.pe=1.2.3.4:6881&x.pe=%5B2001:db8::1%5D:6881&ws=http://w.example/f`,
    `magnet:?xs=urn:btpk:${HEX_V2}&s=6e6f&dn=a`,
    HEX_V1,
    `1220${HEX_V2}`,
  ].map(fromUtf8),
  tokens: [
    'xt=urn:btih:',
    'xs=urn:btpk:',
    '&s=',
    '&tr=',
    '&so=',
    '&x.pe=',
    '&ws=',
    '&dn=',
    '%25',
    '%0d%0a',
    'amp;',
    '-',
    ',',
  ],
  check,
};

function encodeURIComponentLoosely(text: string): string {
  return encodeURIComponent(text);
}

function check(input: Uint8Array): void {
  const text = toUtf8(input);
  const pasted = parseInfoHashText(text);
  if (pasted !== null) checkMagnet(pasted);
  const magnet = readOrRefuse(['EMAGNET'], () => parseMagnet(text));
  if (magnet !== null) checkMagnet(magnet);
  const mutable = readOrRefuse(['EMAGNET'], () => parseMutableMagnet(text));
  if (mutable === null) return;
  assert.equal(mutable.publicKey.length, 32);
  assert.ok(mutable.salt.length <= LIMITS.dhtSaltBytesMax);
  checkHints(mutable);
  checkLink(mutable, formatMutableMagnet, parseMutableMagnet);
}

function checkMagnet(magnet: Magnet): void {
  const { infoHash } = magnet;
  assert.ok(infoHash.v1 !== null || infoHash.v2 !== null);
  assert.ok(infoHash.v1 === null || infoHash.v1.length === 20);
  assert.ok(infoHash.v2 === null || infoHash.v2.length === 32);
  checkHints(magnet);
  checkLink(magnet, formatMagnet, parseMagnet);
}

function checkHints({ trackers, webSeeds, peers, select }: MagnetHints): void {
  assert.ok(trackers.length <= LIMITS.magnetTrackersMax && new Set(trackers).size === trackers.length);
  assert.ok(webSeeds.length <= LIMITS.webSeedsMax && new Set(webSeeds).size === webSeeds.length);
  assert.ok(peers.length <= LIMITS.magnetPeersMax);
  for (const url of [...trackers, ...webSeeds]) assert.ok(fromUtf8(url).length <= LIMITS.trackerUrlBytesMax);
  for (const { first, last } of select ?? []) assert.ok(first <= last && last <= LIMITS.magnetSelectIndexMax);
}

function checkLink<T>(magnet: T, format: (magnet: T) => string, parse: (link: string) => T): void {
  const link = format(magnet);
  assert.ok(link.length <= LIMITS.magnetBytesMax);
  const again = parse(link);
  // Where the link would grow too long the least needed is left out.
  if (link.length < LIMITS.magnetBytesMax / 2) assert.deepEqual(again, magnet);
  assert.equal(format(again), link);
}
