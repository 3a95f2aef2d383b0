/**
 * Makes functions of node:fs fail on the main thread, as a disk would: for tests with no disk workers. Every module sees
 * it, whichever way it imported them.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** Of node:fs; those that end in Sync throw, the others call back. */
export type FaultyFunction =
  | 'copyFileSync'
  | 'fsync'
  | 'ftruncateSync'
  | 'lstat'
  | 'mkdir'
  | 'mkdirSync'
  | 'open'
  | 'openSync'
  | 'read'
  | 'readSync'
  | 'renameSync'
  | 'statfs'
  | 'unlink'
  | 'writeSync';

type AnyFunction = (...args: unknown[]) => unknown;

export class FaultyFs {
  readonly #functions = fs as unknown as Record<string, AnyFunction>;
  readonly #originals = new Map<FaultyFunction, AnyFunction>();

  /** `name` fails with the system error `code`, each time that `isMeant` says so of its arguments. */
  fail(name: FaultyFunction, code: string, isMeant: (args: readonly unknown[]) => boolean = () => true): void {
    const error = (): Error => Object.assign(new Error(`${code}: injected`), { code });
    this.replace(name, (original, args) => {
      if (!isMeant(args)) return original(...args);
      if (name.endsWith('Sync')) throw error();
      const callback = args[args.length - 1] as (error: Error) => void;
      setImmediate(callback, error());
      return undefined;
    });
  }

  /** `name` does what `substitute` does, which is given what it was. */
  replace(name: FaultyFunction, substitute: (original: AnyFunction, args: readonly unknown[]) => unknown): void {
    const original = this.#originals.get(name) ?? this.#functions[name]!;
    this.#originals.set(name, original);
    this.#functions[name] = (...args) => substitute(original, args);
    syncBuiltinESMExports();
  }

  restore(): void {
    for (const [name, original] of this.#originals) this.#functions[name] = original;
    this.#originals.clear();
    syncBuiltinESMExports();
  }
}
