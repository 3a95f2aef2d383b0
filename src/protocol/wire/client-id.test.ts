import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromLatin1 } from '../../base/bytes.js';
import { SeededRandom } from '../../base/random.js';
import { clientOf } from './client-id.js';
import { makePeerId } from './peer-id.js';

/** Cut or filled up with what a random tail may be. */
function id(start: string): Uint8Array {
  return fromLatin1(start.padEnd(20, 'x\x00\xff~9').slice(0, 20));
}

const KNOWN: readonly (readonly [title: string, rows: readonly (readonly [start: string, client: string])[]])[] = [
  [
    'Azureus style: a code and four characters of version',
    [
      ['-TR2940-', 'Transmission 2.94'],
      ['-TR3000-', 'Transmission 3.00'],
      ['-TR4050-', 'Transmission 4.0.5'],
      ['-qB4520-', 'qBittorrent 4.5.2'],
      ['-LT20B0-', 'libtorrent 2.0.11'],
      ['-lt0D80-', 'rTorrent 0.13.8'],
      ['-DE203s-', 'Deluge 2.0.3'],
      ['-UT3560-', 'µTorrent 3.5.6'],
      ['-AZ5750-', 'Vuze 5.7.5'],
      ['-BI3500-', 'BiglyBT 3.5'],
      ['-BT7a5S-', 'BitTorrent 7.36.5'],
      ['-BC0206-', 'BitComet 2.06'],
      ['-WW0207-', 'WebTorrent 2.7'],
      ['-XL0012-', 'Xunlei 0.0.1.2'],
      ['-S~2710-', 'Shareaza 2.7.1'],
    ],
  ],
  [
    'Azureus style with a code that nobody knows: the code itself',
    [
      ['-ZZ1234-', 'ZZ 1.2.3.4'],
      ['-zq0100-', 'zq 0.1'],
      ['-999999-', '99 9.9.9.9'],
    ],
  ],
  [
    'Mainline style',
    [
      ['M4-3-6--', 'BitTorrent 4.3.6'],
      ['M4-20-8-', 'BitTorrent 4.20.8'],
      ['Q1-23-0-', 'Queen Bee 1.23.0'],
      ['A2-1-36-0-', 'aria2 1.36.0'],
    ],
  ],
  [
    'Shadow style',
    [
      ['T03I-----', 'BitTornado 0.3.18'],
      ['S58B-----', 'Shadow 5.8.11'],
      ['A310-----', 'ABC 3.1.0'],
      ['R34------', 'Tribler 3.4'],
    ],
  ],
  [
    'forms of their own',
    [
      ['exbc\x00\x38', 'BitComet 0.56'],
      ['exbc\x01\x01LORD', 'BitLord 1.01'],
      ['XBT054d-', 'XBT Client 0.5.4'],
      ['OP8325', 'Opera 8325'],
      ['-ML2.7.2-', 'MLDonkey 2.7.2'],
      ['-BOWA0C-', 'Bits on Wheels A.0.C'],
      ['Mbrst1-1-3', 'Burst 1.1.3'],
      ['TIX0193', 'Tixati 1.93'],
      ['DNA010100', 'BitTorrent DNA 1.1.0'],
      ['AZ2500BT', 'BitTyrant 2.5.0'],
      ['btpd/', 'btpd'],
    ],
  ],
  [
    'nothing that is a form: no name',
    [
      ['', ''],
      ['-TR2940x', ''],
      ['-TR29\x1b0-', ''],
      ['-\x1b[2940-', ''],
      ['M4-3-', ''],
      ['X4-3-6--', ''],
      ['T-----------', ''],
      ['B03I-----', ''],
      ['T03\x07-----', ''],
      ['OP83', ''],
    ],
  ],
];

for (const [title, rows] of KNOWN) {
  test(`the client of a peer id: ${title}`, () => {
    for (const [start, client] of rows) assert.equal(clientOf(id(start)), client, JSON.stringify(start));
  });
}

test('we know ourselves', () => {
  assert.equal(clientOf(makePeerId(new SeededRandom(1), '1.12.3')), 'dtorrent 1.12.3');
});

test('no peer id brings control characters, or much text, to a terminal', () => {
  const start = fc.constantFrom('', '-', '-TR', '-UT', 'M', 'T', 'exbc', 'XBT', 'OP', '-ML', 'turbobt', '-BOW', 'TIX');
  const rest = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
  const likely = fc.string({ unit: fc.constantFrom(...'0123.--aZ'), maxLength: 20 });
  fc.assert(
    fc.property(start, fc.oneof(rest, likely), (head, tail) => {
      assert.match(clientOf(id(head + tail)), /^[\x20-\x7eµ]{0,40}$/);
    }),
    { numRuns: 5000 },
  );
});
