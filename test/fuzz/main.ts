/**
 * Fuzzes everything that reads what others wrote, and live sessions.
 * usage: npm run fuzz -- [--minutes M | --rounds R] [--target NAME]... [--seed N] [--round N] [--input FILE] [--corpus]
 *   --minutes   time for all targets together; default 1
 *   --rounds    so many rounds of each target instead: the same on every machine
 *   --target    only these; default all. A name of none lists them
 *   --seed      default: from the clock, and printed
 *   --round     begins with this round: what a failure says
 *   --input     runs the one target on this file, and nothing else
 *   --corpus    replays the corpus, and nothing else
 * Exit code 1 = a property is broken; the input is in test/fuzz/corpus/, minimized, and the line to replay it printed.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readEntry } from './corpus.js';
import { type FuzzFailure, fuzzTarget, replayCorpus } from './fuzz-target.js';
import type { FuzzTarget } from './target.js';
import { TARGETS } from './targets/all.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    rounds: { type: 'string' },
    target: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    round: { type: 'string', default: '0' },
    input: { type: 'string' },
    corpus: { type: 'boolean', default: false },
  },
});
const seed = wholeNumber('seed', values.seed);
const firstRound = wholeNumber('round', values.round);
const targets = chosenTargets();
const failures: FuzzFailure[] = [];

if (values.input === undefined) await fuzz();
else await replay(values.input);
for (const failure of failures) report(failure);
process.exitCode = failures.length > 0 ? 1 : 0;

async function fuzz(): Promise<void> {
  if (!values.corpus) console.log(`seed ${seed}`);
  const msPerTarget = (Number(values.minutes) * 60_000) / targets.length;
  for (const target of targets) {
    const startedAt = Date.now();
    const replayed = await replayCorpus(target);
    if (replayed.failure !== null) failures.push(replayed.failure);
    let cases = replayed.cases;
    if (!values.corpus) {
      const endsAt = startedAt + msPerTarget;
      const lastRound = values.rounds === undefined ? null : firstRound + wholeNumber('rounds', values.rounds);
      const hasTime = (round: number): boolean => (lastRound === null ? Date.now() < endsAt : round < lastRound);
      const outcome = await fuzzTarget(target, { seed, firstRound, hasTime });
      if (outcome.failure !== null) failures.push(outcome.failure);
      cases += outcome.cases;
    }
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    const isBroken = failures.some((failure) => failure.target === target.name);
    console.log(`${isBroken ? 'FAILED' : 'ok    '} ${target.name}: ${cases} inputs, ${seconds} s`);
  }
}

async function replay(file: string): Promise<void> {
  const [target] = targets;
  if (target === undefined || targets.length !== 1) fail('--input wants one --target');
  const { input, path } = readEntry(resolve(file));
  try {
    await target.check(input);
    console.log(`ok ${target.name}: ${path}`);
  } catch (error) {
    failures.push({ target: target.name, seed, round: null, path, error });
  }
}

function report({ target, seed: usedSeed, round, path, error }: FuzzFailure): void {
  console.error(`\n${target} fails${path === null ? '' : ` on ${path}`} (seed ${usedSeed}, round ${round ?? 'none'}):`);
  console.error(error);
  if (path !== null) console.error(`replay: npm run fuzz -- --target ${target} --input ${path}`);
  if (round !== null) {
    console.error(`the whole round: npm run fuzz -- --target ${target} --seed ${usedSeed} --round ${round} --rounds 1`);
  }
}

function chosenTargets(): readonly FuzzTarget[] {
  if (values.target.length === 0) return TARGETS;
  return values.target.map((name) => {
    const target = TARGETS.find((candidate) => candidate.name === name);
    return target ?? fail(`there is no target ${name}: one of ${TARGETS.map((known) => known.name).join(', ')}`);
  });
}

function wholeNumber(name: string, text: string): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : fail(`--${name} has to be a whole number`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
