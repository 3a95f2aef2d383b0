/** Packets of local discovery: what is understood of a stranger's packet is within bounds, and can be said again. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { makeAddress } from '../../../src/base/address.js';
import { fromLatin1 } from '../../../src/base/bytes.js';
import { LsdCore, type LsdNetwork } from '../../../src/protocol/lsd/lsd.js';
import { encodeLsdPacket, LSD_HASHES_PER_PACKET, parseLsdPacket } from '../../../src/protocol/lsd/lsd-packet.js';
import { type FuzzTarget, randomOf } from '../target.js';

const HASH = new Uint8Array(20).fill(0xab);
const FROM = makeAddress('192.0.2.9', 6771)!;

const LINES = fc.array(
  fc.oneof(
    fc.constantFrom(
      'Host: 239.192.152.143:6771',
      'Port: 6881',
      'port:1',
      `Infohash: ${'ab'.repeat(20)}`,
      'cookie: x',
      '',
    ),
    fc.string({ unit: 'binary', maxLength: 30 }),
  ),
  { maxLength: 40 },
);

export const lsdPacketTarget: FuzzTarget = {
  name: 'lsd-packet',
  inputs: fc
    .tuple(fc.constantFrom('BT-SEARCH * HTTP/1.1', 'bt-search * http/1.1', ''), LINES, fc.constantFrom('\r\n', '\n'))
    .map(([first, lines, end]) => fromLatin1([first, ...lines, '', ''].join(end))),
  samples: [4, 6].map((family) =>
    encodeLsdPacket({ port: 6881, infoHashes: [HASH], cookie: '01234567' }, family as 4 | 6),
  ),
  tokens: ['BT-SEARCH * HTTP/1.1\r\n', 'Port: ', 'Infohash: ', 'cookie: ', '\r\n', '\r\n\r\n', '65536', '00'],
  bytesMax: 3000,
  check,
};

function check(input: Uint8Array): void {
  const announce = parseLsdPacket(input);
  const found: number[] = [];
  const network: LsdNetwork = { family: 4, addresses: [{ host: '192.0.2.1', prefixBits: 24 }], send: () => {} };
  const core = new LsdCore({
    random: randomOf(input),
    port: () => 6881,
    onPeer: (_infoHash, { port }) => found.push(port),
  });
  core.addNetwork(network, 0);
  core.join([HASH], 0);
  core.receive(input, FROM, network, 1);
  if (announce === null) {
    assert.equal(found.length, 0);
    return;
  }
  const { port, infoHashes, cookie } = announce;
  assert.ok(Number.isInteger(port) && port >= 1 && port <= 65_535);
  assert.ok(infoHashes.length > 0 && infoHashes.length <= LSD_HASHES_PER_PACKET + 2);
  assert.ok(infoHashes.every(({ length }) => length === 20));
  assert.ok(found.length <= infoHashes.length && found.every((one) => one === port));
  if (infoHashes.length > LSD_HASHES_PER_PACKET || cookie.length > 8) return;
  assert.deepEqual(parseLsdPacket(encodeLsdPacket(announce, 4)), announce);
}
