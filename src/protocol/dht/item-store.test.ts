import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_BYTES, fromUtf8 } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import { encodeBencode } from '../../format/bencode.js';
import { immutableTarget, type MutableItem, mutableTarget, SEQUENCE_MAX, signItem, type UnsignedItem } from './item.js';
import { ItemStore, PUT_ERRORS } from './item-store.js';
import { commonPrefixBits } from './node-id.js';

const SEED = new Uint8Array(32).fill(5);
const FROM = new Uint8Array([192, 0, 2, 1]);
const ANY = { cas: null, from: FROM };

function ip(i: number): Uint8Array {
  return new Uint8Array([198, 18, i >>> 8, i]);
}

function value(content: string | number): Uint8Array {
  return encodeBencode(content);
}

function item(change: Partial<UnsignedItem> = {}): MutableItem {
  return signItem(SEED, { salt: EMPTY_BYTES, sequence: 1n, value: value('hello'), ...change });
}

function stored(store: ItemStore, salt: Uint8Array = EMPTY_BYTES, now = 0): MutableItem | null {
  return store.get(mutableTarget(item().publicKey, salt), now)?.mutable ?? null;
}

test('an immutable item is found by its hash', () => {
  const store = new ItemStore();
  const hello = value('hello');
  assert.equal(store.get(immutableTarget(hello), 0), null);
  assert.equal(store.putImmutable(hello, FROM, 0), null);
  assert.deepEqual(store.get(immutableTarget(hello), 0), { value: hello, mutable: null });
  assert.equal(store.size, 1);
});

test('what is stored does not change with the packet it came in', () => {
  const store = new ItemStore();
  const hello = value('hello');
  store.putImmutable(hello, FROM, 0);
  const target = immutableTarget(hello);
  hello.fill(0);
  assert.deepEqual(store.get(target, 0)?.value, value('hello'));
  const mutable = item({ salt: fromUtf8('salt') });
  store.putMutable(mutable, ANY, 0);
  for (const part of [mutable.publicKey, mutable.salt, mutable.signature, mutable.value]) part.fill(0);
  assert.deepEqual(stored(store, fromUtf8('salt')), item({ salt: fromUtf8('salt') }));
});

test('an item that is too long, malformed or not signed is refused with the code that says so', () => {
  const store = new ItemStore();
  const long = encodeBencode(new Uint8Array(LIMITS.dhtValueBytesMax));
  assert.equal(store.putImmutable(long, FROM, 0), PUT_ERRORS.valueTooLong);
  assert.equal(store.putImmutable(fromUtf8('d1:bi1e1:ai2ee'), FROM, 0), PUT_ERRORS.malformed);
  const refused: [MutableItem, number][] = [
    [item({ value: long }), PUT_ERRORS.valueTooLong],
    [item({ salt: new Uint8Array(LIMITS.dhtSaltBytesMax + 1) }), PUT_ERRORS.saltTooLong],
    [item({ sequence: -1n }), PUT_ERRORS.malformed],
    [item({ sequence: SEQUENCE_MAX + 1n }), PUT_ERRORS.malformed],
    [item({ value: fromUtf8('i01e') }), PUT_ERRORS.malformed],
    [{ ...item(), sequence: 2n }, PUT_ERRORS.badSignature],
    [{ ...item(), publicKey: new Uint8Array(31) }, PUT_ERRORS.badSignature],
    [{ ...item(), signature: new Uint8Array(65) }, PUT_ERRORS.badSignature],
  ];
  for (const [bad, code] of refused) assert.equal(store.putMutable(bad, ANY, 0), code);
  assert.equal(store.size, 0);
});

test('a higher sequence number replaces an item, a lower one does not', () => {
  const store = new ItemStore();
  assert.equal(store.putMutable(item({ sequence: 5n }), ANY, 0), null);
  assert.equal(store.putMutable(item({ sequence: 4n, value: value('old') }), ANY, 0), PUT_ERRORS.sequenceTooLow);
  assert.deepEqual(stored(store), item({ sequence: 5n }));
  assert.equal(store.putMutable(item({ sequence: SEQUENCE_MAX, value: value('new') }), ANY, 0), null);
  assert.deepEqual(stored(store), item({ sequence: SEQUENCE_MAX, value: value('new') }));
  assert.equal(store.size, 1);
});

test('with the same sequence number an item is kept for longer, and another value is refused', () => {
  const store = new ItemStore();
  store.putMutable(item(), ANY, 0);
  assert.equal(store.putMutable(item({ value: value('other') }), ANY, 0), PUT_ERRORS.sequenceTooLow);
  assert.equal(store.putMutable(item(), ANY, 1000), null);
  assert.deepEqual(stored(store, EMPTY_BYTES, LIMITS.dhtItemLifetimeMs), item());
});

test('who expects another sequence number is told so, unless there is no item', () => {
  const store = new ItemStore();
  assert.equal(store.putMutable(item({ sequence: 3n }), { cas: 2n, from: FROM }, 0), null);
  assert.equal(store.putMutable(item({ sequence: 4n }), { cas: 2n, from: FROM }, 0), PUT_ERRORS.casMismatch);
  assert.equal(store.putMutable(item({ sequence: 4n }), { cas: 3n, from: FROM }, 0), null);
});

test('items of one key with different salts are different items', () => {
  const store = new ItemStore();
  const [a, b] = [fromUtf8('a'), fromUtf8('b')];
  store.putMutable(item({ salt: a, value: value('in a') }), ANY, 0);
  store.putMutable(item({ salt: b, value: value('in b') }), ANY, 0);
  assert.deepEqual(stored(store, a)?.value, value('in a'));
  assert.deepEqual(stored(store, b)?.value, value('in b'));
  assert.equal(stored(store), null);
});

test('an item that nobody puts again for two hours is forgotten', () => {
  const store = new ItemStore();
  const hello = value('hello');
  store.putImmutable(hello, FROM, 0);
  store.putImmutable(hello, FROM, 1000);
  store.putMutable(item({ sequence: 9n }), ANY, 0);
  assert.notEqual(stored(store, EMPTY_BYTES, LIMITS.dhtItemLifetimeMs - 1), null);
  assert.equal(stored(store, EMPTY_BYTES, LIMITS.dhtItemLifetimeMs), null);
  assert.equal(store.putMutable(item({ sequence: 1n }), ANY, LIMITS.dhtItemLifetimeMs), null);
  store.expire(LIMITS.dhtItemLifetimeMs + 999);
  assert.equal(store.size, 2);
  store.expire(LIMITS.dhtItemLifetimeMs + 1000);
  assert.equal(store.size, 1);
});

/** A full store of values that `times` addresses have put each, and the values, the closest to the first one first. */
function fullStore(times: number): { store: ItemStore; values: Uint8Array[] } {
  const first = value(0);
  const target = immutableTarget(first);
  const closeness = (content: Uint8Array): number => commonPrefixBits(target, immutableTarget(content));
  const others = Array.from({ length: LIMITS.dhtStoredItemsMax - 1 }, (_, i) => value(i + 1));
  const values = [first, ...others.sort((a, b) => closeness(b) - closeness(a))];
  const store = new ItemStore(() => [target]);
  for (const content of values) {
    for (let from = 0; from < times; from++) assert.equal(store.putImmutable(content, ip(from), 0), null);
  }
  assert.equal(store.size, LIMITS.dhtStoredItemsMax);
  return { store, values };
}

/** A new value whose target has as many bits as that in common with the first value of a full store. */
function newValue(bits: number): Uint8Array {
  const target = immutableTarget(value(0));
  for (let i = 0; ; i++)
    if (commonPrefixBits(target, immutableTarget(value(`new ${i}`))) === bits) return value(`new ${i}`);
}

test('when there are too many items, the one that the fewest have put gives way, and of several the farthest', () => {
  const { store, values } = fullStore(2);
  assert.equal(store.putImmutable(newValue(0), FROM, 0), PUT_ERRORS.noRoom, 'no closer than what would have to go');
  const [close, closer] = [newValue(2), newValue(3)];
  assert.equal(store.putImmutable(close, FROM, 0), null);
  const gone = values.filter((content) => store.get(immutableTarget(content), 0) === null);
  assert.equal(gone.length, 1);
  assert.equal(commonPrefixBits(immutableTarget(gone[0]!), immutableTarget(values[0]!)), 0);
  // One address has put it, and two each of the others.
  assert.equal(store.putImmutable(closer, FROM, 0), null);
  assert.equal(store.get(immutableTarget(close), 0), null);
  assert.equal(store.putImmutable(closer, ip(1), 0), null);
  assert.equal(store.putImmutable(close, FROM, 0), null);
  assert.notEqual(store.get(immutableTarget(closer), 0), null);
  assert.equal(store.size, LIMITS.dhtStoredItemsMax);
});

test('when there are too many items, forgotten ones go first', () => {
  const { store } = fullStore(1);
  const far = newValue(0);
  assert.equal(store.putImmutable(far, FROM, LIMITS.dhtItemLifetimeMs - 1), PUT_ERRORS.noRoom);
  assert.equal(store.putImmutable(far, FROM, LIMITS.dhtItemLifetimeMs), null);
  assert.equal(store.size, 1);
});

test('beyond a number of addresses an item is not more popular, and all of an IPv6 network are one', () => {
  const { store, values } = fullStore(LIMITS.dhtItemAnnouncersMax);
  const isFar = (content: Uint8Array): boolean =>
    commonPrefixBits(immutableTarget(content), immutableTarget(values[0]!)) === 0;
  for (const content of values.filter(isFar)) {
    for (let from = 0; from < 3 * LIMITS.dhtItemAnnouncersMax; from++) store.putImmutable(content, ip(from), 0);
  }
  const faked = newValue(1);
  const network = new Uint8Array(16).fill(0x20);
  for (let i = 0; i < 3 * LIMITS.dhtItemAnnouncersMax; i++) {
    network[15] = i;
    assert.equal(store.putImmutable(faked, network, 0), null);
  }
  const lostBy = (content: Uint8Array): boolean => store.get(immutableTarget(content), 0) === null;
  const lost = values.filter(lostBy);
  assert.equal(lost.length, 1);
  assert.equal(isFar(lost[0]!), true, 'three times as many had put it, and still it was the one of least rank');
  assert.equal(store.putImmutable(newValue(2), FROM, 0), null);
  assert.equal(lostBy(faked), true);
  assert.equal(values.filter(lostBy).length, 1);
});

test('whatever is put, the store is what a plain table would be', () => {
  const aPut = fc.record({
    salt: fc.nat(2),
    sequence: fc.bigInt({ min: 0n, max: 4n }),
    content: fc.nat(2),
    cas: fc.option(fc.bigInt({ min: 0n, max: 4n })),
    pauseMs: fc.nat(LIMITS.dhtItemLifetimeMs / 3),
  });
  fc.assert(
    fc.property(fc.array(aPut, { maxLength: 30 }), (puts) => {
      const store = new ItemStore();
      const model = new Map<number, { sequence: bigint; content: number; at: number }>();
      let now = 0;
      for (const { salt, sequence, content, cas, pauseMs } of puts) {
        now += pauseMs;
        const saltBytes = new Uint8Array(salt);
        const put = item({ salt: saltBytes, sequence, value: value(content) });
        const code = store.putMutable(put, { cas, from: FROM }, now);
        const before = model.get(salt);
        const known = before !== undefined && now - before.at < LIMITS.dhtItemLifetimeMs ? before : null;
        let expected: number | null = null;
        if (known !== null) {
          const isOlder = sequence < known.sequence || (sequence === known.sequence && content !== known.content);
          if (cas !== null && cas !== known.sequence) expected = PUT_ERRORS.casMismatch;
          else if (isOlder) expected = PUT_ERRORS.sequenceTooLow;
        }
        assert.equal(code, expected);
        if (expected === null) model.set(salt, { sequence, content, at: now });
        assert.deepEqual(stored(store, saltBytes, now)?.sequence, model.get(salt)?.sequence);
      }
    }),
    { numRuns: 50 },
  );
});
