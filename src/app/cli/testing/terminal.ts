/**
 * A terminal of a given size that keeps what is on its screen: enough of ECMA-48 for what the live view writes.
 * Anything else that it is sent throws, which is how tests learn that a view uses a sequence it should not.
 */
import type { OutputStream } from '../display/view.js';

export class FakeTerminal implements OutputStream {
  readonly isTTY = true;
  columns: number;
  rows: number;
  /** One entry a write, as written. */
  readonly writes: string[] = [];
  /** Scrolled-off lines and the screen, as text without styles. */
  readonly #lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  readonly #resizeListeners = new Set<() => void>();

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** Everything ever shown, scrolled-off lines first, without trailing spaces. */
  get text(): string {
    return this.#lines.map((line) => line.join('').trimEnd()).join('\n');
  }

  get cursor(): { readonly row: number; readonly column: number } {
    return { row: this.#row, column: this.#column };
  }

  on(_event: 'resize', listener: () => void): void {
    this.#resizeListeners.add(listener);
  }

  off(_event: 'resize', listener: () => void): void {
    this.#resizeListeners.delete(listener);
  }

  get resizeListenerCount(): number {
    return this.#resizeListeners.size;
  }

  /** Lines longer than the new width are broken, as terminals that reflow do; the cursor stays with its line. */
  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    for (let i = 0; i < this.#lines.length; i++) {
      const line = this.#lines[i]!;
      if (line.length <= columns) continue;
      this.#lines.splice(i, 1, line.slice(0, columns), line.slice(columns));
      if (this.#row > i) this.#row++;
    }
    for (const listener of this.#resizeListeners) listener();
  }

  write(text: string): void {
    this.writes.push(text);
    for (const [token] of text.matchAll(/\p{Cc}\[\d*[A-Za-z]|./gsu)) this.#obey(token);
  }

  #obey(token: string): void {
    const match = /^\p{Cc}\[(\d*)([A-Za-z])$/u.exec(token);
    if (match === null) {
      this.#show(token);
      return;
    }
    const count = Number(match[1] || 1);
    const line = this.#lines[this.#row]!;
    switch (match[2]) {
      case 'A':
        if (count > this.#row) throw new Error('the cursor left the screen upwards');
        this.#row -= count;
        break;
      case 'B':
        this.#row = Math.min(this.#row + count, this.#lines.length - 1);
        break;
      case 'K':
        line.length = Math.min(line.length, this.#column);
        break;
      case 'J':
        line.length = Math.min(line.length, this.#column);
        this.#lines.length = this.#row + 1;
        break;
      case 'm':
        break;
      default:
        throw new Error(`unexpected escape sequence ${JSON.stringify(token)}`);
    }
  }

  #show(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') {
      this.#row++;
      this.#column = 0;
      if (this.#row === this.#lines.length) this.#lines.push([]);
    } else if (character < ' ') throw new Error(`unexpected control character ${JSON.stringify(character)}`);
    else {
      if (this.#column >= this.columns - 1) throw new Error('a line reached the last column');
      this.#lines[this.#row]![this.#column++] = character;
    }
  }
}

/** A stream that is no terminal. */
export class FakePipe implements OutputStream {
  readonly isTTY = false;
  text = '';

  write(text: string | Uint8Array): void {
    this.text += typeof text === 'string' ? text : Buffer.from(text).toString();
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}
