/**
 * Live sessions: a real engine under the simulator, and peers that say mutated recordings of real sessions, or streams
 * made of messages. Bytes 0 to 2 choose torrent, role and orders; then peers: two bytes of manners, two of length, script.
 */
import fc from 'fast-check';
import { concatBytes, writeUint16 } from '../../../src/base/bytes.js';
import { randomBelow, type SeededRandom } from '../../../src/base/random.js';
import { Dice } from '../dice.js';
import { liveScripts } from '../generators/live-scripts.js';
import { canBeMagnet, LIVE_KINDS, LIVE_TORRENTS } from '../live/live-torrents.js';
import { type LivePeer, runLiveCase } from '../live/live-world.js';
import { recordSessions } from '../live/recordings.js';
import { mutateFrames } from '../mutate-frames.js';
import { type FuzzTarget, randomOf } from '../target.js';

const ROLES = ['leech', 'magnet', 'seed'] as const;
const PEERS_MAX = 3;
/** Torrent, role, and whether a person gives orders. */
const HEAD_BYTES = 3;
const CHUNK_BYTES = [1, 7, 100, 1460, 70_000] as const;
const DELAYS_MS = [0, 1, 20, 500] as const;
/** One byte at a time at half a second would be no session. */
const CHUNKS_MAX = 2000;
const SCRIPT_BYTES_MAX = 65_535;

const heads = fc.tuple(fc.nat({ max: LIVE_KINDS.length - 1 }), fc.nat({ max: ROLES.length - 1 }), fc.nat({ max: 2 }));
const manners = fc.uint8Array({ minLength: 2, maxLength: 2 });

const inputs: fc.Arbitrary<Uint8Array> = heads.chain(([kind, role, orders]) =>
  fc
    .array(fc.tuple(manners, liveScripts(LIVE_TORRENTS[LIVE_KINDS[kind]!])), { minLength: 1, maxLength: PEERS_MAX })
    .map((peers) =>
      concatBytes([Uint8Array.of(kind, role, orders), ...peers.map(([manner, script]) => encodePeer(manner, script))]),
    ),
);

let recorded: readonly Uint8Array[] | null = null;

export const liveSessionTarget: FuzzTarget = {
  name: 'live-session',
  inputs,
  get samples() {
    recorded ??= recordSessions().map(({ kind, isOfSeed, bytes }, i) => {
      const head = Uint8Array.of(LIVE_KINDS.indexOf(kind), isOfSeed ? i % 2 : 2, i);
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
  mutate: mutateLive,
  check,
};

function encodePeer(manner: Uint8Array, script: Uint8Array): Uint8Array {
  const length = new Uint8Array(2);
  writeUint16(length, 0, script.length);
  return concatBytes([manner, length, script]);
}

/** One peer's script, as messages; or its manners. */
function mutateLive(input: Uint8Array, pool: readonly Uint8Array[], random: SeededRandom): Uint8Array {
  const { head, peers } = takeApart(input);
  const others = pool.flatMap((other) => takeApart(other).peers.map(({ script }) => script));
  const peer = peers[randomBelow(random, Math.max(1, peers.length))];
  if (peer === undefined || others.length === 0) return input;
  if (peers.length < PEERS_MAX && randomBelow(random, 3) === 0) {
    const manner = new Uint8Array(2);
    random.fill(manner);
    peers.push({ manner, script: others[randomBelow(random, others.length)]! });
  } else if (randomBelow(random, 4) === 0) random.fill(peer.manner);
  else peer.script = mutateFrames(peer.script, others, random).subarray(0, SCRIPT_BYTES_MAX);
  return concatBytes([head, ...peers.map(({ manner, script }) => encodePeer(manner, script))]);
}

interface PeerParts {
  readonly manner: Uint8Array;
  script: Uint8Array;
}

function takeApart(input: Uint8Array): { head: Uint8Array; peers: PeerParts[] } {
  const dice = new Dice(input);
  const head = dice.take(HEAD_BYTES);
  const peers: PeerParts[] = [];
  while (!dice.isOver && peers.length < PEERS_MAX) {
    const manner = dice.take(2);
    peers.push({ manner, script: takeScript(dice) });
  }
  return { head, peers };
}

function takeScript(dice: Dice): Uint8Array {
  const length = 256 * dice.byte() + dice.byte();
  return dice.take(Math.min(length, dice.leftBytes));
}

function check(input: Uint8Array): void {
  const { head, peers } = takeApart(input);
  const dice = new Dice(head);
  const kind = dice.pick(LIVE_KINDS);
  const chosen = dice.pick(ROLES);
  const role = chosen === 'magnet' && !canBeMagnet(kind) ? 'leech' : chosen;
  const random = randomOf(input);
  const hasOrders = dice.below(3) === 0;
  runLiveCase({ kind, role, peers: peers.map(livePeerOf), hasOrders, random });
}

function livePeerOf({ manner, script }: PeerParts): LivePeer {
  const [first, pace] = [manner[0]!, manner[1]!];
  const chunkBytes = CHUNK_BYTES[pace % CHUNK_BYTES.length]!;
  return {
    script,
    isDialler: first % 2 === 0,
    answers: (['never', 'mostly-right', 'anyhow'] as const)[(first >> 1) % 3]!,
    chunkBytes: Math.max(chunkBytes, Math.ceil(script.length / CHUNKS_MAX)),
    delayMs: DELAYS_MS[(pace >> 4) % DELAYS_MS.length]!,
  };
}
