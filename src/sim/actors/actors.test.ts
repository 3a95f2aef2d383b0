/** Each hostile peer there is, among honest ones: the download ends, soon, rightly, and within limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.js';
import type { CloseReason } from '../../engine/peer/close-reason.js';
import { SETTINGS_TABLE } from '../../engine/settings.js';
import { SEED_IDLE_TURN_MS } from '../../engine/swarm/choker.js';
import { makeSimTorrent } from '../../engine/testing/sim-swarm.js';
import type { ActorKind } from './actor.js';
import { ACTOR_KINDS, ACTOR_VARIANTS } from './create-actor.js';
import { ActorScene } from './testing/actor-scene.js';

/** An actor may cost this share of the time more, and a moment. */
const SLOWER = 1.25;
const MOMENT_MS = 3000;
/** What one peer may make us hold: blocks and messages. */
const UNSENT_BYTES_MAX = 2 * LIMITS.outgoingMessageBytesMax + 4 * LIMITS.blockBytes;

/** Of those that cost more time by their nature: how much, and why. */
const DELAYS_MS: Readonly<Record<string, number>> = {
  // It holds up the metadata for its turn, which others wait for.
  'metadata-liar huge': LIMITS.metadataTurnMs,
  'metadata-liar silent': LIMITS.metadataRequestTimeoutMs,
};

/** Why an engine has to let go of it. */
const REASONS: Readonly<Record<string, CloseReason>> = {
  'corrupting-seed always': 'banned',
  'corrupting-seed sometimes': 'banned',
  'corrupting-seed other-piece': 'banned',
  'corrupting-seed short-piece': 'banned',
  'bitfield-liar wrong-length': 'bad-length',
  'bitfield-liar too-late': 'bitfield-not-first',
  'bitfield-liar out-of-range': 'piece-out-of-range',
  'unchoke-flapper storm': 'choke-flapping',
  'unchoke-flapper quick': 'choke-flapping',
  'flooder requests': 'too-many-invalid-requests',
  'flooder huge': 'message-too-long',
  'flooder metadata': 'too-many-invalid-requests',
  'metadata-liar wrong-bytes': 'bad-metadata',
  'metadata-liar tiny': 'bad-metadata',
  'metadata-liar shifting': 'bad-metadata',
  'metadata-liar offsets': 'bad-metadata',
  'metadata-liar unasked': 'bad-metadata',
  'pex-liar garbage': 'too-many-pex-messages',
  'pex-liar aimed': 'too-many-pex-messages',
  'endless-handshakes mirror': 'self-connection',
  'endless-handshakes one-name': 'duplicate-connection',
};

const baselines = new Map<boolean, number>();

/** @returns how long it takes without anybody hostile. */
function baselineMs(isMagnet: boolean): number {
  const known = baselines.get(isMagnet);
  if (known !== undefined) return known;
  const measured = new ActorScene({ isMagnet }).finish();
  baselines.set(isMagnet, measured);
  return measured;
}

/** What the actors of a scene can make candidates of before they are let go for talking too much. */
const LIES_MAX = 2 * LIMITS.pexContactsPerPeerMax;

function play(kind: ActorKind, variant: string): void {
  const isMagnet = kind === 'metadata-liar';
  const scene = new ActorScene({ kind, variant, isMagnet });
  const name = `${kind} ${variant}`;
  const tookMs = scene.finish();
  const allowedMs = SLOWER * baselineMs(isMagnet) + MOMENT_MS + (DELAYS_MS[name] ?? 0);
  assert.ok(tookMs <= allowedMs, `took ${tookMs} ms, may take ${allowedMs}`);
  scene.pass(10_000);
  assert.ok(scene.unsentBytesMax <= UNSENT_BYTES_MAX, `${scene.unsentBytesMax} bytes unsent`);
  const candidatesMax = 10 + (kind === 'pex-liar' ? LIES_MAX : 0);
  assert.ok(scene.candidatesMax <= candidatesMax, `${scene.candidatesMax} candidates`);
  // Whom it names is dialled, so many at a time.
  const connectionsMax = 10 + (kind === 'pex-liar' ? SETTINGS_TABLE.maxHalfOpen.default : 0);
  assert.ok(scene.connectionsMax <= connectionsMax, `${scene.connectionsMax} connections`);
  const reason = REASONS[name];
  if (reason !== undefined) assert.ok(scene.reasons().has(reason), [...scene.reasons().keys()].join());
  scene.stop();
}

for (const kind of ACTOR_KINDS) {
  for (const variant of ACTOR_VARIANTS[kind]) {
    test(`a ${kind} (${variant}) does not keep honest peers from their data`, () => play(kind, variant));
  }
}

/** Each of which can keep a piece, and its memory, from others. */
const HOLDERS: readonly (readonly [ActorKind, string])[] = [
  ['never-sends', 'silent'],
  ['never-sends', 'hostage'],
  ['never-sends', 'chokes'],
  ['slow-loris', 'blocks'],
  ['unchoke-flapper', 'sly'],
];

for (const [kind, variant] of HOLDERS) {
  test(`eight of ${kind} (${variant}) do not stop a download by taking all of the write cache`, () => {
    const torrent = makeSimTorrent({ lengths: { 'a.bin': 16 * 262_144 }, pieceLength: 262_144 });
    // Room for four pieces.
    const settings = { writeCacheBytes: 1_048_576 };
    const aloneMs = new ActorScene({ torrent, settings }).finish();
    const scene = new ActorScene({ torrent, settings, kind, variant, count: 8 });
    const tookMs = scene.finish();
    assert.ok(tookMs <= 4 * aloneMs, `took ${tookMs} ms instead of ${aloneMs}`);
    scene.stop();
  });
}

test('peers that ask and do not read do not keep the upload slots of a seed empty', () => {
  const scene = new ActorScene({ kind: 'slow-loris', variant: 'reads', count: 8 });
  // Two turns of five who take nothing, and what a round may be late.
  const allowedMs = 2 * SEED_IDLE_TURN_MS + 4 * 10_000 + SLOWER * baselineMs(false);
  const tookMs = scene.finish();
  assert.ok(tookMs <= allowedMs, `took ${tookMs} ms, may take ${allowedMs}`);
  scene.stop();
});

test('the same seed plays the same, whoever is in it', () => {
  for (const kind of ACTOR_KINDS) {
    const run = (): unknown => {
      const scene = new ActorScene({ kind, seed: 5 });
      scene.pass(6000);
      return [...[scene.seed, ...scene.leechers].map(({ events }) => events), scene.actors[0]!.variant];
    };
    assert.deepEqual(run(), run(), kind);
  }
});
