/**
 * ut_pex messages (BEP 11), and what becomes of the contacts that they name: whatever a stranger tells, only what may be
 * dialled on his word becomes a candidate, so many at the most, and only what he has named he can take back.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Address, addressKey, isDiallable, makeAddress } from '../../../src/base/address.js';
import { isWithinReach } from '../../../src/base/address-reach.js';
import { fromLatin1 } from '../../../src/base/bytes.js';
import { LIMITS } from '../../../src/base/limits.js';
import { type ExchangePeer, PeerExchange } from '../../../src/engine/exchange/peer-exchange.js';
import { encodeBencode } from '../../../src/format/bencode.js';
import { decodePex, encodePex, type PexContact, type PexMessage } from '../../../src/protocol/wire/pex.js';
import { addresses } from '../generators/addresses.js';
import { bencodeTrees } from '../generators/bencode-values.js';
import type { FuzzTarget } from '../target.js';

/** Who speaks: from everywhere, from a local network, and from this machine. Each believed of what he can know. */
const SENDERS = ['8.8.4.4', '192.168.1.9', '127.0.0.1', '2001:db8::9', '::1'].map((host) => makeAddress(host, 6881)!);
const OWN = makeAddress('192.0.2.1', 6881)!;

const contacts: fc.Arbitrary<PexContact> = fc.record(
  { address: addresses, flags: fc.nat({ max: 255 }) },
  { noNullPrototype: true },
);
const messages: fc.Arbitrary<PexMessage> = fc
  .record(
    { added: fc.array(contacts, { maxLength: 60 }), dropped: fc.array(addresses, { maxLength: 60 }) },
    { noNullPrototype: true },
  )
  .map(inOrder);
/** Of entries that are cut off too. */
const lists = fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ minLength: 1800, maxLength: 1810 }));
const odd = fc
  .record(
    {
      added: fc.oneof(lists, bencodeTrees),
      'added.f': lists,
      added6: lists,
      'added6.f': fc.oneof(lists, bencodeTrees),
      dropped: lists,
      dropped6: lists,
    },
    { requiredKeys: [] },
  )
  .map(encodeBencode);

export const utPexTarget: FuzzTarget = {
  name: 'ut-pex',
  inputs: fc.oneof(messages.map(encodePex), odd),
  samples: [
    fromLatin1('d5:added6:\xc0\x00\x02\x01\x1a\xe17:added.f1:\x106:added60:8:added6.f0:7:dropped0:8:dropped60:e'),
    // Without flags, as rtorrent has it.
    fromLatin1('d5:added12:\x7f\0\0\x01\x1a\xe1\x0a\0\0\x01\x1a\xe17:dropped6:\xc0\x00\x02\x01\x1a\xe1e'),
    // IPv4 in the clothes of IPv6.
    fromLatin1('d6:added618:\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\x1a\xe18:added6.f1:\x02e'),
  ],
  isBencode: true,
  tokens: ['added', 'added.f', 'added6', 'added6.f', 'dropped', 'dropped6', '\0\0\0\0\0\0', '\xff\xff\xff\xff\x1a\xe1'],
  laws: [
    fc.property(messages, (message) => {
      assert.deepEqual(decodePex(encodePex(message)), message);
    }),
  ],
  check,
};

function check(input: Uint8Array): void {
  const message = decodePex(input);
  if (message !== null) {
    const { added, dropped } = message;
    assert.ok(added.length <= LIMITS.pexContactsPerMessageMax && dropped.length <= LIMITS.pexContactsPerMessageMax);
    for (const { flags } of added) assert.ok(Number.isInteger(flags) && flags >= 0 && flags <= 255);
    for (const address of [...added.map((contact) => contact.address), ...dropped]) {
      assert.deepEqual(makeAddress(address.host, address.port), address, 'not canonical');
    }
    assert.deepEqual(decodePex(encodePex(message)), inOrder(message));
  }
  for (const sender of SENDERS) hear(input, sender);
}

/** The same again and again, within a minute. */
function hear(input: Uint8Array, sender: Address): void {
  const told = new Map<string, Address>();
  const exchange = new PeerExchange({
    usesPex: true,
    isOwnAddress: (address) => addressKey(address) === addressKey(OWN),
    onContactsTold: (accepted) => {
      for (const address of accepted) {
        assert.ok(isDiallable(address) && isWithinReach(address, sender), addressKey(address));
        assert.notEqual(addressKey(address), addressKey(OWN));
        told.set(addressKey(address), address);
      }
    },
    onContactDropped: (address) => assert.ok(told.delete(addressKey(address)), 'dropped without being told'),
  });
  const peer = new Stranger(sender);
  for (let i = 0; i < LIMITS.pexMessagesPerMinuteMax; i++) assert.equal(exchange.onMessage(peer, input, i), null);
  assert.ok(told.size <= LIMITS.pexContactsPerPeerMax);
  assert.equal(exchange.onMessage(peer, input, 59_999), 'too-many-pex-messages');
  exchange.onClosed(peer, 'remote-closed');
}

class Stranger implements ExchangePeer {
  readonly number = 1;
  readonly remote: Address;
  readonly listenAddress = null;
  readonly connection = { saidBytes: 0, writtenBytes: 0 };
  readonly isOutgoing = false;
  readonly hasAll = false;
  readonly isUploadOnly = false;
  readonly extensions = { idOf: (): number => 0 };

  constructor(remote: Address) {
    this.remote = remote;
  }

  sendExtended(): void {}
}

/** IPv4 before IPv6, as they come back. */
function inOrder({ added, dropped }: PexMessage): PexMessage {
  return {
    added: added.toSorted((one, other) => one.address.family - other.address.family),
    dropped: dropped.toSorted((one, other) => one.family - other.family),
  };
}
