/**
 * Shell patterns over `/` paths: `*` and `?` stay within a name, `**` crosses directories, `**` with a slash is any
 * number of them (none too), `[a-z]` and `[!a-z]` are classes, `\` takes the next character as it is, a final `/` is
 * everything below. Case-sensitive, by character (not UTF-16 unit), composed and decomposed letters being equal.
 * Patterns may be hostile: the text is read once, with the set of places in the pattern that it can be at, so the time
 * is at most text × pattern whatever both say. Called by engine/data/file-selection.ts.
 */
type Token =
  | { readonly kind: 'character'; readonly code: number }
  | { readonly kind: 'class'; readonly ranges: readonly CodeRange[]; readonly isNegated: boolean }
  /** `?` */
  | { readonly kind: 'one' }
  /** `*` */
  | { readonly kind: 'run' }
  /** `**` */
  | { readonly kind: 'deep' }
  /** `**` and a slash: here a name begins, and the rest of the pattern may go on; */
  | { readonly kind: 'directories' }
  /** inside of a name that it skips. Always follows `directories`. */
  | { readonly kind: 'skippedName' };

interface CodeRange {
  readonly first: number;
  readonly last: number;
}

export class Glob {
  readonly #tokens: readonly Token[];
  #active: PlaceSet;
  #next: PlaceSet;

  /** Every text is a pattern: what is malformed, such as a `[` that is never closed, stands for itself. */
  constructor(pattern: string) {
    const whole = pattern.endsWith('/') ? `${pattern}**` : pattern;
    this.#tokens = new PatternReader(whole.normalize('NFC')).read();
    this.#active = new PlaceSet(this.#tokens.length + 1);
    this.#next = new PlaceSet(this.#tokens.length + 1);
  }

  /** Whether all of `path` fits. */
  matches(path: string): boolean {
    // `**` alone, which is what the command line asks of every file.
    if (this.#tokens.length === 1 && this.#tokens[0]!.kind === 'deep') return true;
    this.#active.clear();
    this.#enter(this.#active, 0);
    for (const character of path.normalize('NFC')) {
      this.#step(character.codePointAt(0)!);
      if (this.#active.count === 0) return false;
    }
    return this.#active.has(this.#tokens.length);
  }

  #step(code: number): void {
    const next = this.#next;
    next.clear();
    for (let i = 0; i < this.#active.count; i++) {
      const place = this.#active.at(i);
      const token = this.#tokens[place];
      if (token !== undefined) this.#follow(token, place, code, next);
    }
    this.#next = this.#active;
    this.#active = next;
  }

  #follow(token: Token, place: number, code: number, next: PlaceSet): void {
    switch (token.kind) {
      case 'character':
        if (code === token.code) this.#enter(next, place + 1);
        break;
      case 'class':
        if (code !== SLASH && isInClass(token.ranges, code) !== token.isNegated) this.#enter(next, place + 1);
        break;
      case 'one':
        if (code !== SLASH) this.#enter(next, place + 1);
        break;
      case 'run':
        if (code !== SLASH) this.#enter(next, place);
        break;
      case 'deep':
        this.#enter(next, place);
        break;
      case 'directories':
        this.#enter(next, code === SLASH ? place : place + 1);
        break;
      case 'skippedName':
        this.#enter(next, code === SLASH ? place - 1 : place);
        break;
    }
  }

  /** Also enters the places behind what may match nothing. */
  #enter(places: PlaceSet, from: number): void {
    let place = from;
    while (places.add(place)) {
      const kind = this.#tokens[place]?.kind;
      if (kind === 'run' || kind === 'deep') place += 1;
      else if (kind === 'directories') place += 2;
      else return;
    }
  }
}

class PatternReader {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = [...pattern];
  }

  read(): Token[] {
    const tokens: Token[] = [];
    while (this.#at < this.#characters.length) {
      const character = this.#characters[this.#at]!;
      if (character === '*') this.#readStars(tokens);
      else if (character === '?') tokens.push(this.#skip({ kind: 'one' }));
      else if (character === '[') tokens.push(this.#readClass() ?? this.#skip(literal(character)));
      else tokens.push(this.#readLiteral());
    }
    return tokens;
  }

  #readStars(tokens: Token[]): void {
    const start = this.#at;
    while (this.#characters[this.#at] === '*') this.#at++;
    const isAtNameStart = start === 0 || this.#characters[start - 1] === '/';
    if (this.#at - start === 1) {
      tokens.push({ kind: 'run' });
    } else if (isAtNameStart && this.#characters[this.#at] === '/') {
      this.#at++;
      tokens.push({ kind: 'directories' }, { kind: 'skippedName' });
    } else {
      tokens.push({ kind: 'deep' });
    }
  }

  /** @returns null, nothing read, when the class is never closed. */
  #readClass(): Token | null {
    let at = this.#at + 1;
    const isNegated = this.#characters[at] === '!' || this.#characters[at] === '^';
    if (isNegated) at++;
    const ranges: CodeRange[] = [];
    // A `]` that comes first is a member.
    for (let isFirst = true; isFirst || this.#characters[at] !== ']'; isFirst = false) {
      if (this.#characters[at] === '\\') at++;
      const first = this.#characters[at++]?.codePointAt(0);
      if (first === undefined) return null;
      let last = first;
      if (this.#characters[at] === '-' && this.#characters[at + 1] !== ']') {
        at += this.#characters[at + 1] === '\\' ? 2 : 1;
        last = this.#characters[at++]?.codePointAt(0) ?? -1;
        if (last === -1) return null;
      }
      ranges.push({ first, last });
    }
    this.#at = at + 1;
    return { kind: 'class', ranges, isNegated };
  }

  #readLiteral(): Token {
    // At the very end there is nothing to take as it is but the backslash itself.
    if (this.#characters[this.#at] === '\\' && this.#at + 1 < this.#characters.length) this.#at++;
    return this.#skip(literal(this.#characters[this.#at]!));
  }

  #skip(token: Token): Token {
    this.#at++;
    return token;
  }
}

/** A set of small numbers, walked in the order added; nothing is allocated after the constructor. */
class PlaceSet {
  count = 0;
  readonly #members: Uint32Array;
  readonly #isMember: Uint8Array;

  constructor(size: number) {
    this.#members = new Uint32Array(size);
    this.#isMember = new Uint8Array(size);
  }

  at(index: number): number {
    return this.#members[index]!;
  }

  has(place: number): boolean {
    return this.#isMember[place] === 1;
  }

  /** @returns whether it is new. */
  add(place: number): boolean {
    if (this.#isMember[place] === 1) return false;
    this.#isMember[place] = 1;
    this.#members[this.count++] = place;
    return true;
  }

  clear(): void {
    for (let i = 0; i < this.count; i++) this.#isMember[this.#members[i]!] = 0;
    this.count = 0;
  }
}

function literal(character: string): Token {
  return { kind: 'character', code: character.codePointAt(0)! };
}

function isInClass(ranges: readonly CodeRange[], code: number): boolean {
  return ranges.some(({ first, last }) => code >= first && code <= last);
}

const SLASH = 0x2f;
