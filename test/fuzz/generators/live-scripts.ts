/**
 * What a peer of one torrent says that wants to stay: messages that fit the torrent, mostly, so that a session lives
 * long enough for what is wrong in a few of them to meet an engine in the middle of its work.
 */
import fc from 'fast-check';
import { concatBytes } from '../../../src/base/bytes.js';
import { contentOf } from '../../../src/engine/testing/raw-peer.js';
import type { SimTorrent } from '../../../src/engine/testing/sim-swarm.js';
import { wireHashes } from '../../../src/format/infohash.js';
import { WireEncoder } from '../../../src/protocol/wire/encoder.js';
import { encodeExtensionHandshake } from '../../../src/protocol/wire/extension-handshake.js';
import { encodeDontHave, encodeUploadOnly } from '../../../src/protocol/wire/extension-messages.js';
import { encodeHandshake, encodeReserved } from '../../../src/protocol/wire/handshake.js';
import { encodeMetadataReject, encodeMetadataRequest } from '../../../src/protocol/wire/metadata.js';
import { NUMBERS, wireFrames } from './wire-streams.js';

const BLOCK_BYTES = 16_384;
const FRAMES_MAX = 60;

type Say = (encoder: WireEncoder) => void;

/** A handshake for the torrent, and then this and that. */
export function liveScripts(torrent: SimTorrent): fc.Arbitrary<Uint8Array> {
  const peerIds = fc.uint8Array({ minLength: 20, maxLength: 20 });
  const handshakes = fc
    .tuple(
      fc.constantFrom(...wireHashes(torrent.metainfo.infoHash)),
      fc.nat({ max: 7 }),
      fc.nat({ max: 7 }),
      fc.boolean(),
      peerIds,
    )
    .map(([hash, noFast, noExtensions, v2Upgrade, peerId]) =>
      encodeHandshake(encodeReserved({ fast: noFast > 0, extensions: noExtensions > 0, v2Upgrade }), hash, peerId),
    );
  const frames = fc.array(framesFor(torrent), { maxLength: FRAMES_MAX });
  return fc
    .tuple(handshakes, openingsFor(torrent), frames)
    .map(([handshake, opening, rest]) => concatBytes([handshake, opening, ...rest]));
}

/** What it has, and the extensions. */
function openingsFor({ metainfo }: SimTorrent): fc.Arbitrary<Uint8Array> {
  const bytes = Math.ceil(metainfo.pieceCount / 8);
  const spare = 8 * bytes - metainfo.pieceCount;
  const have = fc.oneof(
    fc.constant<Say>((encoder) => encoder.haveAll()),
    fc.constant<Say>((encoder) => encoder.haveNone()),
    fc.constant<Say>(() => {}),
    fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((bits): Say => {
      bits[bytes - 1]! &= 0xff << spare;
      return (encoder) => encoder.bitfield(bits);
    }),
  );
  return fc
    .tuple(have, extensionHandshakes(metainfo.infoBytes.length))
    .map(([sayHave, sayExtensions]) => encode(sayHave, sayExtensions));
}

function extensionHandshakes(infoBytes: number): fc.Arbitrary<Say> {
  return fc
    .record({
      ids: fc.constantFrom(
        [['ut_metadata', 2]] as const,
        [
          ['ut_metadata', 2],
          ['lt_donthave', 7],
        ] as const,
        [
          ['ut_pex', 1],
          ['upload_only', 3],
        ] as const,
        [] as const,
      ),
      metadataBytes: fc.oneof(fc.constant(infoBytes), fc.constantFrom(1, 16_384, 31_457_280), fc.constant(null)),
      listenPort: fc.option(fc.integer({ min: 1, max: 65535 })),
      requestQueue: fc.option(fc.constantFrom(1, 2, 250, 65_535)),
      isUploadOnly: fc.option(fc.boolean()),
    })
    .map(
      ({ ids, ...rest }): Say =>
        (encoder) =>
          encoder.extended(
            0,
            encodeExtensionHandshake({ ...rest, extensions: new Map(ids), clientName: null, yourIp: null }),
          ),
    );
}

function framesFor(torrent: SimTorrent): fc.Arbitrary<Uint8Array> {
  const { metainfo } = torrent;
  const pieces = fc.nat({ max: metainfo.pieceCount - 1 });
  const blocks = fc
    .tuple(pieces, fc.nat({ max: 3 }), fc.constantFrom(BLOCK_BYTES, BLOCK_BYTES, 1, 100, 131_072))
    .map(([piece, block, length]) => [piece, block * BLOCK_BYTES, length] as const);
  const root = metainfo.files.find((file) => file.piecesRoot !== null)?.piecesRoot ?? new Uint8Array(32);
  const ranges = fc
    .tuple(fc.nat({ max: 4 }), fc.nat({ max: 8 }), fc.constantFrom(1, 2, 4, 8), fc.nat({ max: 4 }))
    .map(([baseLayer, index, length, proofLayers]) => ({
      piecesRoot: root,
      baseLayer,
      index: index * length,
      length,
      proofLayers,
    }));
  const says: fc.Arbitrary<Say> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom<Say>(
        (encoder) => encoder.unchoke(),
        (encoder) => encoder.interested(),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom<Say>(
        (encoder) => encoder.choke(),
        (encoder) => encoder.notInterested(),
        (encoder) => encoder.keepAlive(),
      ),
    },
    {
      weight: 4,
      arbitrary: pieces.map(
        (piece): Say =>
          (encoder) =>
            encoder.have(piece),
      ),
    },
    {
      weight: 2,
      arbitrary: pieces.map(
        (piece): Say =>
          (encoder) =>
            encoder.allowedFast(piece),
      ),
    },
    {
      weight: 1,
      arbitrary: pieces.map(
        (piece): Say =>
          (encoder) =>
            encoder.suggest(piece),
      ),
    },
    {
      weight: 4,
      arbitrary: blocks.map(
        (block): Say =>
          (encoder) =>
            encoder.request(...block),
      ),
    },
    {
      weight: 2,
      arbitrary: blocks.map(
        (block): Say =>
          (encoder) =>
            encoder.cancel(...block),
      ),
    },
    {
      weight: 2,
      arbitrary: blocks.map(
        (block): Say =>
          (encoder) =>
            encoder.reject(...block),
      ),
    },
    {
      weight: 2,
      arbitrary: ranges.map(
        (range): Say =>
          (encoder) =>
            encoder.hashRequest(range),
      ),
    },
    {
      weight: 1,
      arbitrary: ranges.map(
        (range): Say =>
          (encoder) =>
            encoder.hashReject(range),
      ),
    },
    { weight: 3, arbitrary: extendedFor(metainfo.pieceCount) },
    { weight: 1, arbitrary: extensionHandshakes(metainfo.infoBytes.length) },
  );
  return fc.oneof(
    { weight: 30, arbitrary: says.map((say) => encode(say)) },
    {
      weight: 4,
      arbitrary: blocks.map(([piece, begin, length]) => blockOf(torrent, piece, begin, Math.min(length, BLOCK_BYTES))),
    },
    { weight: 1, arbitrary: wireFrames },
  );
}

/** With the ids that our engine assigns. */
function extendedFor(pieceCount: number): fc.Arbitrary<Say> {
  return fc.oneof(
    fc.nat({ max: 3 }).map(
      (block): Say =>
        (encoder) =>
          encoder.extended(2, encodeMetadataRequest(block)),
    ),
    fc.nat({ max: 3 }).map(
      (block): Say =>
        (encoder) =>
          encoder.extended(2, encodeMetadataReject(block)),
    ),
    fc.boolean().map(
      (isUploadOnly): Say =>
        (encoder) =>
          encoder.extended(3, encodeUploadOnly(isUploadOnly)),
    ),
    fc.oneof(fc.nat({ max: pieceCount }), NUMBERS).map(
      (piece): Say =>
        (encoder) =>
          encoder.extended(7, encodeDontHave(piece)),
    ),
    fc.tuple(fc.nat({ max: 9 }), fc.uint8Array({ maxLength: 30 })).map(
      ([id, payload]): Say =>
        (encoder) =>
          encoder.extended(id, payload),
    ),
  );
}

function blockOf(torrent: SimTorrent, piece: number, begin: number, length: number): Uint8Array {
  return concatBytes([
    encode((encoder) => encoder.pieceHeader(piece, begin, length)),
    contentOf(torrent, piece, begin, length),
  ]);
}

function encode(...says: readonly Say[]): Uint8Array {
  const encoder = new WireEncoder();
  for (const say of says) say(encoder);
  return encoder.take() ?? new Uint8Array(0);
}
