/**
 * How much work a call is, in steps that are the same on every machine: how often each block of our code ran (V8's
 * precise coverage), and for what runs in native code the length of what it was given. A regular expression counts as
 * the length of its text: one that backtracks without end has to be found by eye.
 */
import { type Profiler, Session } from 'node:inspector';

const OURS = '/build/src/';

export class WorkMeter {
  readonly #session = new Session();
  #nativeSteps = 0;
  #isCounting = false;

  /** Metered calls must not overlap, and there is one meter a process. */
  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    for (const { owner, names, cost } of NATIVE_METHODS) {
      for (const name of names) this.#meterMethod(owner as Record<string, Method>, name, cost);
    }
  }

  /** What `task` throws is work, too. */
  stepsOf(task: () => void): number {
    this.#takeCoverage();
    this.#nativeSteps = 0;
    this.#isCounting = true;
    try {
      task();
    } catch {
      // Refused.
    } finally {
      this.#isCounting = false;
    }
    return this.#takeCoverage() + this.#nativeSteps;
  }

  /** @returns how often blocks of ours have run since the last call. */
  #takeCoverage(): number {
    let steps = 0;
    this.#session.post('Profiler.takePreciseCoverage', (error, coverage) => {
      if (error !== null) throw error;
      for (const script of coverage.result) if (script.url.includes(OURS)) steps += stepsIn(script);
    });
    return steps;
  }

  #meterMethod(owner: Record<string, Method>, name: string, cost: Cost): void {
    const native = owner[name]!;
    const meter = this;
    Object.defineProperty(owner, name, {
      configurable: true,
      writable: true,
      value: function (this: unknown, ...args: unknown[]): unknown {
        const result = native.apply(this, args);
        if (meter.#isCounting) meter.#nativeSteps += cost(this, args, result);
        return result;
      },
    });
  }
}

type Method = (...args: unknown[]) => unknown;

function stepsIn({ functions }: Profiler.ScriptCoverage): number {
  let steps = 0;
  for (const { ranges } of functions) for (const { count } of ranges) steps += count;
  return steps;
}

type Cost = (subject: unknown, args: readonly unknown[], result: unknown) => number;

const ofSubject: Cost = (subject) => lengthOf(subject);
const ofArgument: Cost = (_subject, args) => lengthOf(args[0]);
const ofResult: Cost = (_subject, _args, result) => lengthOf(result);
/** From where it was told to look to where it found it. */
const ofSearch: Cost = (subject, args, result) => {
  const end = typeof result === 'number' && result >= 0 ? result : lengthOf(subject);
  return Math.max(0, end - Number(args[1] ?? 0));
};
const ofRange: Cost = (subject, args) =>
  Math.max(0, Math.min(lengthOf(subject), Number(args[2] ?? Number.POSITIVE_INFINITY)) - Number(args[1] ?? 0));

function lengthOf(value: unknown): number {
  return (value as { readonly length?: number } | null | undefined)?.length ?? 0;
}

const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as object;

const NATIVE_METHODS: readonly { readonly owner: object; readonly names: readonly string[]; readonly cost: Cost }[] = [
  { owner: TYPED_ARRAY, names: ['includes', 'every', 'some', 'copyWithin'], cost: ofSubject },
  { owner: TYPED_ARRAY, names: ['fill'], cost: ofRange },
  { owner: TYPED_ARRAY, names: ['indexOf'], cost: ofSearch },
  { owner: TYPED_ARRAY, names: ['slice'], cost: ofResult },
  { owner: TYPED_ARRAY, names: ['set'], cost: ofArgument },
  { owner: Array.prototype, names: ['includes', 'splice', 'shift', 'unshift', 'sort', 'join'], cost: ofSubject },
  { owner: Array.prototype, names: ['indexOf'], cost: ofSearch },
  { owner: Array.prototype, names: ['slice', 'concat', 'flat'], cost: ofResult },
  {
    owner: String.prototype,
    names: ['replace', 'replaceAll', 'split', 'trim', 'toLowerCase', 'normalize'],
    cost: ofSubject,
  },
  { owner: String.prototype, names: ['indexOf', 'includes'], cost: ofSearch },
  { owner: String.prototype, names: ['slice'], cost: ofResult },
  // Not exec: replace would call ours for each match, and count the whole text each time.
  { owner: RegExp.prototype, names: ['test'], cost: ofArgument },
  { owner: TextDecoder.prototype, names: ['decode'], cost: ofArgument },
  { owner: TextEncoder.prototype, names: ['encode'], cost: ofArgument },
];
