/** Globs as base/glob.ts describes them, said once more as regular expressions: simple, and slow on hostile patterns. */

/** Longer ones would make a backtracking matcher run for ages. */
const PATTERN_CHARACTERS_MAX = 40;

/** @returns null when the pattern is too long to try. */
export function naiveGlobMatches(pattern: string, path: string): boolean | null {
  const characters = [...(pattern.endsWith('/') ? `${pattern}**` : pattern).normalize('NFC')];
  if (characters.length > PATTERN_CHARACTERS_MAX) return null;
  let source = '';
  for (let at = 0; at < characters.length; ) {
    const [piece, taken] = pieceAt(characters, at);
    source += piece;
    at += taken;
  }
  return new RegExp(`^${source}$`, 'su').test(path.normalize('NFC'));
}

function pieceAt(characters: readonly string[], at: number): readonly [source: string, taken: number] {
  const character = characters[at]!;
  if (character === '?') return ['[^/]', 1];
  if (character === '*') return starsAt(characters, at);
  if (character === '[') return classAt(characters, at) ?? [literal('['), 1];
  if (character === '\\' && at + 1 < characters.length) return [literal(characters[at + 1]!), 2];
  return [literal(character), 1];
}

function starsAt(characters: readonly string[], at: number): readonly [source: string, taken: number] {
  let end = at;
  while (characters[end] === '*') end++;
  if (end - at === 1) return ['[^/]*', 1];
  const beginsName = at === 0 || characters[at - 1] === '/';
  if (beginsName && characters[end] === '/') return ['(?:[^/]*/)*', end + 1 - at];
  return ['.*', end - at];
}

function classAt(characters: readonly string[], at: number): readonly [source: string, taken: number] | null {
  let next = at + 1;
  const isNegated = characters[next] === '!' || characters[next] === '^';
  if (isNegated) next++;
  const alternatives: string[] = [];
  do {
    const [first, afterFirst] = member(characters, next);
    if (first === undefined) return null;
    next = afterFirst;
    if (characters[next] !== '-' || characters[next + 1] === ']') {
      alternatives.push(literal(first));
      continue;
    }
    const [last, afterLast] = member(characters, next + 1);
    if (last === undefined) return null;
    next = afterLast;
    if (first.codePointAt(0)! <= last.codePointAt(0)!) alternatives.push(`[${literal(first)}-${literal(last)}]`);
  } while (characters[next] !== ']');
  const any = alternatives.length === 0 ? '(?!)' : `(?:${alternatives.join('|')})`;
  return [isNegated ? `(?!${any})[^/]` : `(?!/)${any}`, next + 1 - at];
}

function member(characters: readonly string[], at: number): readonly [character: string | undefined, next: number] {
  return characters[at] === '\\' ? [characters[at + 1], at + 2] : [characters[at], at + 1];
}

function literal(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
