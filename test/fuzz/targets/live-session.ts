/**
 * Live sessions: a real engine under the simulator, and peers that say mutated recordings of real sessions, or streams
 * made of messages. Bytes 0 and 1 choose torrent and role; then come peers: two bytes of manners, two of length, script.
 */
import fc from 'fast-check';
import { concatBytes, writeUint16 } from '../../../src/base/bytes.js';
import { wireHashes } from '../../../src/format/infohash.js';
import { encodeHandshake, encodeReserved } from '../../../src/protocol/wire/handshake.js';
import { Dice } from '../dice.js';
import { wireFrames } from '../generators/wire-streams.js';
import { canBeMagnet, LIVE_KINDS, LIVE_TORRENTS, type LiveKind } from '../live/live-torrents.js';
import { type LivePeer, runLiveCase } from '../live/live-world.js';
import { recordSessions } from '../live/recordings.js';
import { type FuzzTarget, randomOf } from '../target.js';

const ROLES = ['leech', 'magnet', 'seed'] as const;
const PEERS_MAX = 3;
const CHUNK_BYTES = [1, 7, 100, 1460, 70_000] as const;
const DELAYS_MS = [0, 1, 20, 500] as const;
/** One byte at a time at half a second would be no session. */
const CHUNKS_MAX = 2000;
const SCRIPT_BYTES_MAX = 65_535;

const heads = fc.tuple(fc.nat({ max: LIVE_KINDS.length - 1 }), fc.nat({ max: ROLES.length - 1 }));
const manners = fc.uint8Array({ minLength: 2, maxLength: 2 });

function scriptsFor(kind: LiveKind): fc.Arbitrary<Uint8Array> {
  const hashes = wireHashes(LIVE_TORRENTS[kind].metainfo.infoHash);
  return fc
    .tuple(
      fc.constantFrom(...hashes),
      fc.boolean(),
      fc.boolean(),
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.array(wireFrames, { maxLength: 40 }),
    )
    .map(([hash, fast, extensions, peerId, frames]) =>
      concatBytes([
        encodeHandshake(encodeReserved({ fast, extensions, v2Upgrade: kind === 'hybrid' }), hash, peerId),
        ...frames,
      ]),
    );
}

const inputs: fc.Arbitrary<Uint8Array> = heads.chain(([kind, role]) =>
  fc
    .array(fc.tuple(manners, scriptsFor(LIVE_KINDS[kind]!)), { minLength: 1, maxLength: PEERS_MAX })
    .map((peers) =>
      concatBytes([Uint8Array.of(kind, role), ...peers.map(([manner, script]) => encodePeer(manner, script))]),
    ),
);

let recorded: readonly Uint8Array[] | null = null;

export const liveSessionTarget: FuzzTarget = {
  name: 'live-session',
  inputs,
  get samples() {
    recorded ??= recordSessions().map(({ kind, isOfSeed, bytes }, i) => {
      const head = Uint8Array.of(LIVE_KINDS.indexOf(kind), isOfSeed ? i % 2 : 2);
      return concatBytes([head, encodePeer(Uint8Array.of(i, 3 + i), bytes.subarray(0, SCRIPT_BYTES_MAX))]);
    });
    return recorded;
  },
  tokens: [
    '\0\0\0\x01\x01',
    '\0\0\0\x01\x00',
    '\0\0\0\x01\x02',
    '\0\0\0\x05\x04\0\0\0\x01',
    '\0\0\0\x01\x0e',
    '\0\0\0\x01\x0f',
  ],
  bytesMax: 4 * SCRIPT_BYTES_MAX,
  casesPerRound: 20,
  check,
};

function encodePeer(manner: Uint8Array, script: Uint8Array): Uint8Array {
  const length = new Uint8Array(2);
  writeUint16(length, 0, script.length);
  return concatBytes([manner, length, script]);
}

function check(input: Uint8Array): void {
  const dice = new Dice(input);
  const kind = dice.pick(LIVE_KINDS);
  const chosen = dice.pick(ROLES);
  const role = chosen === 'magnet' && !canBeMagnet(kind) ? 'leech' : chosen;
  const peers: LivePeer[] = [];
  while (!dice.isOver && peers.length < PEERS_MAX) peers.push(readPeer(dice));
  runLiveCase({ kind, role, peers, random: randomOf(input) });
}

function readPeer(dice: Dice): LivePeer {
  const manner = dice.byte();
  const pace = dice.byte();
  const length = 256 * dice.byte() + dice.byte();
  const script = dice.take(Math.min(length, dice.leftBytes));
  const chunkBytes = CHUNK_BYTES[pace % CHUNK_BYTES.length]!;
  return {
    script,
    isDialler: manner % 2 === 0,
    answers: (['never', 'mostly-right', 'anyhow'] as const)[(manner >> 1) % 3]!,
    chunkBytes: Math.max(chunkBytes, Math.ceil(script.length / CHUNKS_MAX)),
    delayMs: DELAYS_MS[(pace >> 4) % DELAYS_MS.length]!,
  };
}
