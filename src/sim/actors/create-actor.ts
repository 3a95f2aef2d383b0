/** Every kind of hostile peer there is, with all that it can do: the way in for whoever puts one into a swarm. */
import { assert } from '../../base/assert.js';
import { randomBelow } from '../../base/random.js';
import { type Actor, type ActorHabits, type ActorKind, type ActorWorld, PATIENT, ScriptedActor } from './actor.js';
import { EndlessHandshakes, HeardNames } from './endless-handshakes.js';
import { BitfieldLiar, CorruptingSeed, NeverSends, SendsUnasked } from './false-seeds.js';
import { Flooder } from './flooder.js';
import { MetadataLiar } from './metadata-liar.js';
import { PexLiar } from './pex-liar.js';
import type { Script } from './script.js';
import { FakeProgress } from './takers.js';
import { SlowLoris, UnchokeFlapper } from './time-wasters.js';

/** All of them. */
export const ACTOR_KINDS: readonly ActorKind[] = [
  'corrupting-seed',
  'never-sends',
  'sends-unasked',
  'bitfield-liar',
  'unchoke-flapper',
  'slow-loris',
  'flooder',
  'metadata-liar',
  'pex-liar',
  'endless-handshakes',
  'fake-progress',
];

/** What an actor of each kind can do; what each is, its class says. */
export const ACTOR_VARIANTS: Readonly<Record<ActorKind, readonly string[]>> = {
  'corrupting-seed': ['always', 'sometimes', 'other-piece', 'short-piece'],
  'never-sends': ['silent', 'rejects', 'hostage', 'chokes'],
  'sends-unasked': ['right', 'wrong', 'twice', 'stubborn', 'odd'],
  'bitfield-liar': ['empty-handed', 'spare-bits', 'wrong-length', 'too-late', 'out-of-range', 'haves', 'fickle'],
  'unchoke-flapper': ['storm', 'quick', 'sly'],
  'slow-loris': ['handshake', 'messages', 'blocks', 'reads'],
  flooder: [
    'requests',
    'cancels',
    'repeats',
    'keep-alives',
    'ports',
    'interest',
    'fast',
    'handshakes',
    'metadata',
    'hashes',
    'unknown',
    'huge',
  ],
  'metadata-liar': ['wrong-bytes', 'huge', 'tiny', 'shifting', 'offsets', 'silent', 'rejects', 'unasked'],
  'pex-liar': ['garbage', 'crowd', 'aimed', 'forbidden'],
  'endless-handshakes': ['mute', 'partial', 'garbage', 'wrong-hash', 'hang-up', 'mirror', 'impostor', 'one-name'],
  'fake-progress': ['free-rider', 'boaster'],
};

/** Comes back at once. */
const INSISTENT: ActorHabits = { redialMs: 200, perPeer: 1 };
/** Comes in numbers. */
const MANY: ActorHabits = { redialMs: 1000, perPeer: 20 };

/** `variant`: one of ACTOR_VARIANTS of the kind; left out = one is drawn. */
export function createActor(kind: ActorKind, world: ActorWorld, variant?: string): Actor {
  const variants = ACTOR_VARIANTS[kind];
  const chosen = variant ?? variants[randomBelow(world.random, variants.length)]!;
  assert(variants.includes(chosen), `a ${kind} has no variant ${chosen}`);
  const names = new HeardNames();
  return new ScriptedActor(world, {
    kind,
    variant: chosen,
    habits: habitsOf(kind, chosen),
    makeScript: (actor) => makeScript(actor, names),
  });
}

function habitsOf(kind: ActorKind, variant: string): ActorHabits {
  if (kind === 'endless-handshakes') return variant === 'hang-up' || variant === 'impostor' ? INSISTENT : MANY;
  return kind === 'corrupting-seed' || kind === 'sends-unasked' ? INSISTENT : PATIENT;
}

function makeScript(actor: ScriptedActor, names: HeardNames): Script {
  switch (actor.kind) {
    case 'corrupting-seed':
      return new CorruptingSeed(actor);
    case 'never-sends':
      return new NeverSends(actor);
    case 'sends-unasked':
      return new SendsUnasked(actor);
    case 'bitfield-liar':
      return new BitfieldLiar(actor);
    case 'unchoke-flapper':
      return new UnchokeFlapper(actor);
    case 'slow-loris':
      return new SlowLoris(actor);
    case 'flooder':
      return new Flooder(actor);
    case 'metadata-liar':
      return new MetadataLiar(actor);
    case 'pex-liar':
      return new PexLiar(actor);
    case 'endless-handshakes':
      return new EndlessHandshakes(actor, names);
    case 'fake-progress':
      return new FakeProgress(actor);
  }
}
