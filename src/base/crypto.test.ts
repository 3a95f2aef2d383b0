import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_BYTES, fromHex, fromUtf8, toHex } from './bytes.js';
import { ed25519PublicKey, ed25519Sign, ed25519Verify, sha1, sha256 } from './crypto.js';

/** RFC 8032, section 7.1: tests 1 to 3. */
const SIGNATURES: { seed: string; publicKey: string; message: string; signature: string }[] = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
];

test('the hashes are those of the standards', () => {
  assert.equal(toHex(sha1(fromUtf8('abc'))), 'a9993e364706816aba3e25717850c26c9cd0d89d');
  assert.equal(toHex(sha256(EMPTY_BYTES)), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('keys and signatures are those of RFC 8032', () => {
  for (const { seed, publicKey, message, signature } of SIGNATURES) {
    assert.equal(toHex(ed25519PublicKey(fromHex(seed)!)), publicKey);
    assert.equal(toHex(ed25519Sign(fromHex(seed)!, fromHex(message)!)), signature);
    assert.equal(ed25519Verify(fromHex(publicKey)!, fromHex(message)!, fromHex(signature)!), true);
    assert.equal(ed25519Verify(fromHex(publicKey)!, fromUtf8('other'), fromHex(signature)!), false);
  }
});

test('whatever a stranger calls a key or a signature, checking it says no and does not throw', () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
    fc.uint8Array({ minLength: 64, maxLength: 64 }),
  );
  fc.assert(
    fc.property(hostile, hostile, hostile, (publicKey, message, signature) => {
      assert.equal(ed25519Verify(publicKey, message, signature), false);
    }),
  );
  const { publicKey, message, signature } = SIGNATURES[1]!;
  for (let bit = 0; bit < 512; bit++) {
    const forged = fromHex(signature)!;
    forged[bit >>> 3]! ^= 1 << (bit & 7);
    assert.equal(ed25519Verify(fromHex(publicKey)!, fromHex(message)!, forged), false, `bit ${bit}`);
  }
});
