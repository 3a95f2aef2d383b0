/** Arbitrary addresses and announces. */
import fc from 'fast-check';
import { type Address, addressFromIp, isDiallable } from '../../../src/base/address.js';
import type { AnnounceRequest } from '../../../src/protocol/tracker/announce.js';

export const addresses: fc.Arbitrary<Address> = fc
  .tuple(
    fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
    fc.integer({ min: 1, max: 65535 }),
  )
  .map(([ip, port]) => addressFromIp(ip, port)!)
  .filter(isDiallable);

export const hashes20: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 20, maxLength: 20 });

export const announceRequests: fc.Arbitrary<AnnounceRequest> = fc.record(
  {
    infoHash: hashes20,
    peerId: hashes20,
    port: fc.integer({ min: 1, max: 65535 }),
    uploaded: fc.maxSafeNat(),
    downloaded: fc.maxSafeNat(),
    left: fc.maxSafeNat(),
    event: fc.constantFrom('', 'started', 'completed', 'stopped', 'paused'),
    numWant: fc.nat({ max: 1000 }),
    key: fc.nat({ max: 2 ** 32 - 1 }),
    trackerId: fc.option(fc.uint8Array({ maxLength: 20 })),
  },
  { noNullPrototype: true },
);
