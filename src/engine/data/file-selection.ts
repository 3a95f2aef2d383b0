/**
 * Which files of a torrent someone asked for: numbers as `dtorrent show` counts files, shell patterns over their paths,
 * or the indices of a magnet link (BEP 53). Made before the files are known, which for a magnet they are only later.
 * Called by EngineBase.addParsed, Torrent and TorrentHandle.select.
 *
 * Rules: `1,3-5` counts from 1 and leaves padding out. A pattern with a `/` has to fit the whole path, with or without
 * the torrent's own directory in front; one without fits the name in any directory (as in rsync and .gitignore). A text
 * that is exactly a path or a name always fits, because names with brackets are common. Paths are the safe ones.
 */
import { DtorrentError } from '../../base/errors.js';
import { Glob } from '../../base/glob.js';
import { LIMITS } from '../../base/limits.js';
import type { FileRange } from '../../format/magnet.js';
import type { Metainfo } from '../../format/metainfo.js';

/** What the files are called that are chosen from. */
export type SelectableTorrent = Pick<Metainfo, 'name'> & {
  readonly files: readonly { readonly path: readonly string[]; readonly padding: boolean }[];
};

export interface FileSelection {
  /**
   * @returns 1 for each of `files` that is wanted, else 0; padding is 0.
   * @throws {DtorrentError} `EOPTION` for a pattern or number that no file has.
   */
  choose(torrent: SelectableTorrent): Uint8Array;
}

/**
 * @returns null when `patterns` is empty: everything is wanted.
 * @throws {DtorrentError} `EOPTION` for too many or too long patterns, and for numbers that count from 0 or backwards.
 */
export function parseSelection(patterns: readonly string[]): FileSelection | null {
  if (patterns.length === 0) return null;
  if (patterns.length > LIMITS.selectPatternsMax) {
    throw new DtorrentError(
      'EOPTION',
      `more than ${LIMITS.selectPatternsMax} patterns select files: use fewer, wider ones`,
    );
  }
  return new PatternSelection(patterns.map(parseTerm));
}

/** Of a magnet link: what it names beyond the last file is left out, and with nothing left everything is wanted. */
export function selectionOfMagnet(ranges: readonly FileRange[]): FileSelection {
  return {
    choose: ({ files }) => {
      const wanted = new Uint8Array(files.length);
      for (const { first, last } of merged(ranges)) wanted.fill(1, first, last + 1);
      for (const [index, file] of files.entries()) if (file.padding) wanted[index] = 0;
      if (!wanted.includes(1)) for (const [index, file] of files.entries()) wanted[index] = file.padding ? 0 : 1;
      return wanted;
    },
  };
}

interface Term {
  readonly text: string;
  /** Counting from 1, padding left out; null = a pattern. */
  readonly numbers: readonly FileRange[] | null;
  readonly glob: Glob;
}

class PatternSelection implements FileSelection {
  readonly #terms: readonly Term[];

  constructor(terms: readonly Term[]) {
    this.#terms = terms;
  }

  choose({ name, files }: SelectableTorrent): Uint8Array {
    const wanted = new Uint8Array(files.length);
    const stored = Array.from(files.keys()).filter((index) => !files[index]!.padding);
    const open: Term[] = [];
    const ranges: FileRange[] = [];
    for (const term of this.#terms) {
      if (term.numbers === null) open.push(term);
      else for (const range of term.numbers) ranges.push(checkedRange(range, stored.length, name));
    }
    for (const { first, last } of merged(ranges)) {
      for (let number = first; number <= Math.min(last, stored.length); number++) wanted[stored[number - 1]!] = 1;
    }
    const unmatched = new Set(open);
    for (const index of stored) {
      const names = namesOf(files[index]!.path);
      for (const term of open) {
        // A file that is chosen already can still be the only one that a pattern fits.
        if (wanted[index] === 1 && !unmatched.has(term)) continue;
        if (!fits(term, names)) continue;
        wanted[index] = 1;
        unmatched.delete(term);
      }
    }
    const [stray] = unmatched;
    if (stray !== undefined) {
      throw new DtorrentError('EOPTION', `"${stray.text}" selects none of the ${countFiles(stored.length)} of ${name}`);
    }
    return wanted;
  }
}

function checkedRange(range: FileRange, storedCount: number, name: string): FileRange {
  if (range.first <= storedCount) return range;
  throw new DtorrentError(
    'EOPTION',
    `there is no file ${range.first} to select: ${name} has ${countFiles(storedCount)}`,
  );
}

/** The same numbers, none of them twice: thousands of ranges that each name a million files are walked once. */
function merged(ranges: readonly FileRange[]): FileRange[] {
  const apart: FileRange[] = [];
  let next = 0;
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    if (last < next) continue;
    apart.push({ first: Math.max(first, next), last });
    next = last + 1;
  }
  return apart;
}

/** What a pattern may mean a file by. */
interface FileNames {
  readonly path: string;
  /** Without the torrent's own directory; equal to `path` where there is none. */
  readonly pathWithin: string;
  readonly base: string;
}

function namesOf(path: readonly string[]): FileNames {
  const pathWithin = path.length > 1 ? path.slice(1).join('/') : path[0]!;
  return { path: path.join('/'), pathWithin, base: path.at(-1)! };
}

function fits({ text, glob }: Term, { path, pathWithin, base }: FileNames): boolean {
  if (text === path || text === pathWithin || text === base) return true;
  return text.includes('/') ? glob.matches(path) || glob.matches(pathWithin) : glob.matches(base);
}

function parseTerm(text: string): Term {
  if (text.length > LIMITS.selectPatternCharactersMax) {
    const message = `a pattern to select files by is longer than ${LIMITS.selectPatternCharactersMax} characters`;
    throw new DtorrentError('EOPTION', message);
  }
  if (text.trim() === '') throw new DtorrentError('EOPTION', 'an empty pattern selects no file; leave it out for all');
  const numbers =
    NUMBERS.test(text) && /\d/.test(text) ? text.split(',').map((part) => parseRange(part.trim(), text)) : null;
  return { text, numbers, glob: new Glob(text) };
}

function parseRange(part: string, text: string): FileRange {
  const match = RANGE.exec(part);
  const first = Number(match?.[1] ?? 0);
  const last = Number(match?.[2] ?? first);
  if (first < 1 || last < first) {
    throw new DtorrentError('EOPTION', `"${text}" is no list of file numbers: write 1,3-5, counting from 1`);
  }
  return { first, last };
}

function countFiles(count: number): string {
  return count === 1 ? 'one file' : `${count} files`;
}

/** Whatever holds nothing but this is meant as numbers, also where it is malformed. */
const NUMBERS = /^[\d\s,-]+$/;
const RANGE = /^(\d{1,9})(?:-(\d{1,9}))?$/;
