/** What a peer sends, from the handshake on: messages as they should be, and frames that lie about themselves. */
import fc from 'fast-check';
import { concatBytes, writeUint32 } from '../../../src/base/bytes.js';
import { encodeBencode } from '../../../src/format/bencode.js';
import { WireEncoder } from '../../../src/protocol/wire/encoder.js';
import { encodeHandshake, encodeReserved } from '../../../src/protocol/wire/handshake.js';
import { encodeMetadataRequest } from '../../../src/protocol/wire/metadata.js';
import { bencodeTrees } from './bencode-values.js';

export const NUMBERS: fc.Arbitrary<number> = fc.oneof(
  fc.nat({ max: 20 }),
  fc.constantFrom(0, 16_384, 16_385, 131_072, 131_073, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1),
  fc.nat({ max: 2 ** 32 - 1 }),
);

type Write = (encoder: WireEncoder) => void;

const bytes20 = fc.uint8Array({ minLength: 20, maxLength: 20 });
const ranges = fc.record({
  piecesRoot: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  baseLayer: NUMBERS,
  index: NUMBERS,
  length: fc.oneof(fc.constantFrom(1, 2, 4), NUMBERS),
  proofLayers: fc.oneof(fc.nat({ max: 5 }), NUMBERS),
});

const states = fc.constantFrom<Write>(
  (encoder) => encoder.keepAlive(),
  (encoder) => encoder.choke(),
  (encoder) => encoder.unchoke(),
  (encoder) => encoder.interested(),
  (encoder) => encoder.notInterested(),
  (encoder) => encoder.haveAll(),
  (encoder) => encoder.haveNone(),
);

const messages: fc.Arbitrary<Uint8Array> = fc
  .oneof(
    states,
    NUMBERS.map(
      (piece): Write =>
        (encoder) =>
          encoder.have(piece),
    ),
    NUMBERS.map(
      (piece): Write =>
        (encoder) =>
          encoder.suggest(piece),
    ),
    NUMBERS.map(
      (piece): Write =>
        (encoder) =>
          encoder.allowedFast(piece),
    ),
    fc.nat({ max: 65535 }).map(
      (port): Write =>
        (encoder) =>
          encoder.port(port),
    ),
    fc.tuple(NUMBERS, NUMBERS, NUMBERS).map(
      (block): Write =>
        (encoder) =>
          encoder.request(...block),
    ),
    fc.tuple(NUMBERS, NUMBERS, NUMBERS).map(
      (block): Write =>
        (encoder) =>
          encoder.cancel(...block),
    ),
    fc.tuple(NUMBERS, NUMBERS, NUMBERS).map(
      (block): Write =>
        (encoder) =>
          encoder.reject(...block),
    ),
    fc.uint8Array({ maxLength: 20 }).map(
      (bitfield): Write =>
        (encoder) =>
          encoder.bitfield(bitfield),
    ),
    extendedMessages(),
    ranges.map(
      (range): Write =>
        (encoder) =>
          encoder.hashRequest(range),
    ),
    ranges.map(
      (range): Write =>
        (encoder) =>
          encoder.hashReject(range),
    ),
    fc.tuple(ranges, fc.nat({ max: 8 })).map(
      ([range, count]): Write =>
        (encoder) =>
          encoder.hashes(range, new Uint8Array(32 * count)),
    ),
  )
  .map((write) => {
    const encoder = new WireEncoder();
    write(encoder);
    return encoder.take() ?? new Uint8Array(0);
  });

function extendedMessages(): fc.Arbitrary<Write> {
  const payloads = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    bencodeTrees.map((tree) => encodeBencode(tree)),
    NUMBERS.map(encodeMetadataRequest),
  );
  return fc.tuple(fc.nat({ max: 10 }), payloads).map(
    ([id, payload]): Write =>
      (encoder) =>
        encoder.extended(id, payload),
  );
}

const blocks: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    NUMBERS,
    NUMBERS,
    fc.oneof({ weight: 40, arbitrary: fc.nat({ max: 50 }) }, { weight: 1, arbitrary: fc.constantFrom(16_384) }),
  )
  .map(([piece, begin, length]) => {
    const encoder = new WireEncoder();
    encoder.pieceHeader(piece, begin, length);
    return concatBytes([encoder.take()!, new Uint8Array(length).fill(piece)]);
  });

/** Any id, any length, and perhaps not as many bytes. */
const lyingFrames: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.oneof(fc.nat({ max: 24 }), fc.nat({ max: 255 })),
    fc.uint8Array({ maxLength: 60 }),
    fc.integer({ min: -3, max: 3 }),
    NUMBERS,
    fc.nat({ max: 9 }),
  )
  .map(([id, payload, off, lie, isLie]) => {
    const frame = new Uint8Array(5 + payload.length);
    writeUint32(frame, 0, isLie === 0 ? lie : Math.max(0, 1 + payload.length + off));
    frame[4] = id;
    frame.set(payload, 5);
    return frame;
  });

const handshakes: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.boolean(), fc.boolean(), bytes20, bytes20)
  .map(([fast, extensions, infoHash, peerId]) =>
    encodeHandshake(encodeReserved({ fast, extensions }), infoHash, peerId),
  );

export const wireFrames: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 8, arbitrary: messages },
  { weight: 2, arbitrary: blocks },
  { weight: 1, arbitrary: lyingFrames },
);

export const wireStreams: fc.Arbitrary<Uint8Array> = fc
  .tuple(handshakes, fc.array(wireFrames, { maxLength: 30 }))
  .map(([handshake, frames]) => concatBytes([handshake, ...frames]));
