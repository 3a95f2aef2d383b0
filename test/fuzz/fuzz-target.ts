/**
 * Runs one target: its corpus first, then rounds, each of generated inputs and of mutated ones. A round is made by the
 * seed and its number alone, so a failure is replayed by both; the failing input is cut smaller and kept in the corpus.
 */
import fc from 'fast-check';
import { SeededRandom } from '../../src/base/random.js';
import { type CorpusEntry, keepInput, readCorpus } from './corpus.js';
import { mutate } from './mutate.js';
import { reduceInput } from './reduce.js';
import type { FuzzTarget } from './target.js';

export interface FuzzOptions {
  readonly seed: number;
  readonly firstRound: number;
  /** Asked before each round, with its number. */
  hasTime(round: number): boolean;
}

export interface FuzzFailure {
  readonly target: string;
  readonly seed: number;
  /** null: it is in the corpus. */
  readonly round: number | null;
  /** Of the minimized input; null: no bytes, but what `error` tells. */
  readonly path: string | null;
  readonly error: unknown;
}

export interface FuzzOutcome {
  readonly cases: number;
  readonly failure: FuzzFailure | null;
}

const CASES_PER_ROUND_DEFAULT = 200;
/** How many generated inputs a round keeps to mutate. */
const KEPT_GENERATED = 20;

export async function replayCorpus(target: FuzzTarget): Promise<FuzzOutcome> {
  const entries = readCorpus(target.name);
  for (const entry of entries) {
    const error = await failureOf(target, entry.input);
    if (error !== null) {
      const failure = { target: target.name, seed: 0, round: null, path: entry.path, error };
      return { cases: entries.length, failure };
    }
  }
  return { cases: entries.length, failure: null };
}

export async function fuzzTarget(target: FuzzTarget, options: FuzzOptions): Promise<FuzzOutcome> {
  const corpus = readCorpus(target.name);
  let cases = 0;
  for (let round = options.firstRound; options.hasTime(round); round++) {
    const found = await runRound(target, corpus, options.seed, round);
    cases += found.cases;
    if (found.broken !== null) {
      return { cases, failure: { target: target.name, seed: options.seed, round, path: null, error: found.broken } };
    }
    if (found.input === null) continue;
    const input = await reduceInput(found.input, async (candidate) => (await failureOf(target, candidate)) !== null);
    const path = keepInput(target.name, input);
    const error = await failureOf(target, input);
    return { cases, failure: { target: target.name, seed: options.seed, round, path, error } };
  }
  return { cases, failure: null };
}

interface RoundOutcome {
  readonly cases: number;
  /** What failed. */
  readonly input: Uint8Array | null;
  /** What became of a law. */
  readonly broken: Error | null;
}

async function runRound(
  target: FuzzTarget,
  corpus: readonly CorpusEntry[],
  seed: number,
  round: number,
): Promise<RoundOutcome> {
  const roundSeed = (Math.imul(seed, 0x9e3779b1) + Math.imul(round + 1, 0x85ebca6b)) | 0;
  const cases = target.casesPerRound ?? CASES_PER_ROUND_DEFAULT;
  const generatedCases = Math.ceil(cases / 2);
  const property = fc.asyncProperty(target.inputs, async (input) => target.check(input.slice()));
  const details = await fc.check(property, { seed: roundSeed, numRuns: generatedCases, maxSkipsPerRun: 0 });
  if (details.failed) {
    return { cases: details.numRuns, input: details.counterexample?.[0] ?? new Uint8Array(0), broken: null };
  }
  for (const law of target.laws ?? []) {
    const outcome = await fc.check(law, { seed: roundSeed, numRuns: Math.ceil(cases / 4) });
    if (outcome.failed) return { cases, input: null, broken: new Error(fc.defaultReportMessage(outcome) ?? '') };
  }

  const random = new SeededRandom(roundSeed);
  const generated = fc.sample(target.inputs, { seed: roundSeed, numRuns: Math.min(KEPT_GENERATED, generatedCases) });
  const pool = [...target.samples, ...corpus.map((entry) => entry.input), ...generated];
  for (let i = generatedCases; i < cases; i++) {
    const input = mutate(pool, target, random);
    if ((await failureOf(target, input)) !== null) return { cases: i, input, broken: null };
  }
  return { cases, input: null, broken: null };
}

/** @returns what the target threw; null when all its properties hold. */
async function failureOf(target: FuzzTarget, input: Uint8Array): Promise<unknown> {
  try {
    await target.check(input.slice());
    return null;
  } catch (thrown) {
    return thrown ?? new Error('something empty was thrown');
  }
}
