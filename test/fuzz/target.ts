/**
 * What the fuzzer runs: a target turns bytes into an input, gives it to our code, and throws when a property does not
 * hold. Bytes, whatever the input is, so that any input can be mutated, cut smaller, kept in a file and replayed.
 * A target must not depend on anything but its input: what it needs of randomness it draws from `randomOf(input)`.
 */
import type fc from 'fast-check';
import { SeededRandom } from '../../src/base/random.js';

export interface FuzzTarget {
  /** For `--target`, and the directory of its corpus. */
  readonly name: string;
  /** Structure-aware: valid inputs and nearly valid ones. */
  readonly inputs: fc.Arbitrary<Uint8Array>;
  /** Real inputs to mutate, besides the corpus. */
  readonly samples: readonly Uint8Array[];
  /** Whether mutations may take the input apart as bencode. */
  readonly isBencode?: boolean;
  /** Pieces of input worth inserting: keys, keywords. */
  readonly tokens?: readonly string[];
  /** Mutations of its own, tried as often as the general ones. */
  mutate?(input: Uint8Array, pool: readonly Uint8Array[], random: SeededRandom): Uint8Array;
  /** Mutated inputs are cut to this. */
  readonly bytesMax?: number;
  /** How many cases make a round; default 200. Fewer where a case is a whole session. */
  readonly casesPerRound?: number;
  /** Properties of values that are no bytes yet: what was encoded decodes to the same. */
  readonly laws?: readonly fc.IRawProperty<unknown>[];
  /** Throws, or rejects, when a property is broken. */
  check(input: Uint8Array): void | Promise<void>;
}

/** A generator that is the same for the same input. FNV-1a over the bytes. */
export function randomOf(input: Uint8Array): SeededRandom {
  let hash = 0x811c9dc5;
  for (const byte of input) hash = Math.imul(hash ^ byte, 0x01000193);
  return new SeededRandom(hash >>> 0);
}
