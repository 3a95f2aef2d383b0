import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_BYTES, fromHex, fromUtf8, toHex, toUtf8 } from '../../base/bytes.js';
import { ed25519PublicKey } from '../../base/crypto.js';
import { LIMITS } from '../../base/limits.js';
import { encodeBencode } from '../../format/bencode.js';
import {
  immutableTarget,
  isValidValue,
  type MutableItem,
  mutableTarget,
  SEQUENCE_MAX,
  signedBytes,
  signItem,
  verifyItem,
} from './item.js';

const HELLO = fromUtf8('12:Hello World!');
const SALT = fromUtf8('foobar');
const BEP_KEY = fromHex('77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548')!;
/** The private key of BEP 44 is in a form that OpenSSL does not read; this is one of our own. */
const SEED = Uint8Array.from({ length: 32 }, (_, i) => i);

/** BEP 44: test vectors 1 and 2. */
const BEP_ITEMS: { salt: Uint8Array; signed: string; target: string; signature: string }[] = [
  {
    salt: EMPTY_BYTES,
    signed: '3:seqi1e1:v12:Hello World!',
    target: '4a533d47ec9c7d95b1ad75f576cffc641853b750',
    signature:
      '305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01',
  },
  {
    salt: SALT,
    signed: '4:salt6:foobar3:seqi1e1:v12:Hello World!',
    target: '411eba73b6f087ca51a3795d9c8c938d365e32c1',
    signature:
      '6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17ddf9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08',
  },
];

/** The same items with our seed, and the item of a mutable torrent (BEP 46). */
const SEED_ITEMS: { salt: Uint8Array; value: Uint8Array; signature: string }[] = [
  {
    salt: EMPTY_BYTES,
    value: HELLO,
    signature:
      '8c2070fc66e456d36c9177eb1570448eba3068c1f7c74f2cc9a3af506bed7a9dbfb74481eeb2185684d591a0f87b6ec8cd911ecabc49f68f5f3e973b8df9d908',
  },
  {
    salt: SALT,
    value: HELLO,
    signature:
      '6edec7366feb1f30ca9d05f1f3c871133aeed8add2d54d2932ba1512cb592c60fe8243c77adbebb440ff5c71aaffac0accc7e81a764b6d031651808b0e7f1106',
  },
  {
    salt: EMPTY_BYTES,
    value: encodeBencode({ ih: new Uint8Array(20).fill(0xaa) }),
    signature:
      'efa56935789c167f8fa03e70d4ba83dc19d55b8517be39a06c45ca29b06252010b026a203b167c7c058136c3dcbda9f03becd4d3109406a4d9a9906f4cd34c0a',
  },
];

function valid(): MutableItem {
  return signItem(SEED, { salt: SALT, sequence: 1n, value: HELLO });
}

test('the mutable items of BEP 44 verify and have their targets', () => {
  for (const { salt, signed, target, signature } of BEP_ITEMS) {
    const item = { publicKey: BEP_KEY, salt, sequence: 1n, value: HELLO, signature: fromHex(signature)! };
    assert.equal(toUtf8(signedBytes(item)), signed);
    assert.equal(toHex(mutableTarget(BEP_KEY, salt)), target);
    assert.equal(verifyItem(item), true);
  }
});

test('the immutable item of BEP 44 has its target', () => {
  assert.equal(toHex(immutableTarget(HELLO)), 'e5f96f6f38320f0f33959cb4d3d656452117aadb');
});

test('the keys of BEP 46 have their targets', () => {
  const key = fromHex('8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e')!;
  assert.equal(toHex(mutableTarget(key, EMPTY_BYTES)), 'cc3f9d90b572172053626f9980ce261a850d050b');
  assert.equal(toHex(mutableTarget(key, fromHex('6e')!)), '59ee7c2cb9b4f7eb1986ee2d18fd2fdb8a56554f');
});

test('an item is signed with a seed', () => {
  const publicKey = ed25519PublicKey(SEED);
  assert.equal(toHex(publicKey), '03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8');
  assert.equal(toHex(mutableTarget(publicKey, EMPTY_BYTES)), 'fd81a6db64d6faf7f702c07971a82c25c1dc3c90');
  assert.equal(toHex(mutableTarget(publicKey, SALT)), '261cffe077fb97383c8577085ba2c4d7fb2dee1f');
  for (const { salt, value, signature } of SEED_ITEMS) {
    const item = signItem(SEED, { salt, sequence: 1n, value });
    assert.equal(toHex(item.signature), signature);
    assert.deepEqual(item.publicKey, publicKey);
    assert.equal(verifyItem(item), true);
  }
});

test('an item of which anything was changed does not verify', () => {
  const item = valid();
  const changed: Partial<MutableItem>[] = [
    { salt: EMPTY_BYTES },
    { salt: fromUtf8('foobas') },
    { sequence: 2n },
    { value: fromUtf8('12:Hello World?') },
    { publicKey: BEP_KEY },
    { publicKey: item.publicKey.subarray(1) },
    { signature: item.signature.subarray(1) },
    { signature: new Uint8Array(64) },
  ];
  for (const change of changed)
    assert.equal(verifyItem({ ...item, ...change }), false, JSON.stringify(Object.keys(change)));
});

test('an item past a limit does not verify, though it is signed', () => {
  const sign = (change: Partial<MutableItem>): boolean => verifyItem(signItem(SEED, { ...valid(), ...change }));
  assert.equal(sign({ salt: new Uint8Array(LIMITS.dhtSaltBytesMax) }), true);
  assert.equal(sign({ salt: new Uint8Array(LIMITS.dhtSaltBytesMax + 1) }), false);
  assert.equal(sign({ sequence: 0n }), true);
  assert.equal(sign({ sequence: -1n }), false);
  assert.equal(sign({ sequence: SEQUENCE_MAX }), true);
  assert.equal(sign({ sequence: SEQUENCE_MAX + 1n }), false);
  assert.equal(sign({ value: encodeBencode(new Uint8Array(LIMITS.dhtValueBytesMax - 4)) }), true);
  assert.equal(sign({ value: encodeBencode(new Uint8Array(LIMITS.dhtValueBytesMax - 3)) }), false);
});

test('a value is one canonical value in bencode, and not too long', () => {
  for (const good of ['le', 'de', '0:', 'i0e', 'i-5e', 'd1:ai1e1:bi2ee', 'i18446744073709551616e']) {
    assert.equal(isValidValue(fromUtf8(good)), true, good);
  }
  for (const bad of ['', 'x', 'l', '1:', 'i01e', 'i-0e', 'd1:bi1e1:ai2ee', 'd1:ai1e1:ai2ee', 'lel', 'i1ei2e', '01:a']) {
    assert.equal(isValidValue(fromUtf8(bad)), false, bad);
  }
  assert.equal(isValidValue(encodeBencode(new Uint8Array(LIMITS.dhtValueBytesMax - 4))), true);
  assert.equal(isValidValue(encodeBencode(new Uint8Array(LIMITS.dhtValueBytesMax - 3))), false);
  assert.equal(
    isValidValue(new Uint8Array(LIMITS.dhtValueBytesMax).fill(0x6c)),
    false,
    'nothing but beginnings of lists',
  );
});

test('whatever a stranger sends as an item, checking it does not throw', () => {
  const bytes = fc.uint8Array({ maxLength: 70 });
  fc.assert(
    fc.property(bytes, bytes, fc.bigInt(), bytes, bytes, (publicKey, salt, sequence, signature, value) => {
      assert.equal(verifyItem({ publicKey, salt, sequence, signature, value }), false);
    }),
  );
});
