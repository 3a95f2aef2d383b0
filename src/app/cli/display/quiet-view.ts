/** `--quiet`: only what went wrong, on stderr, and what a command was run to get: a seed's magnet link, on stdout. */
import { errorSentence } from './sentences.js';
import { sanitizeText } from './terminal-text.js';
import type { ErrorNotice, OutputStream, View } from './view.js';

export class QuietView implements View {
  readonly tickMs = 1000;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;

  constructor(options: { readonly stdout: OutputStream; readonly stderr: OutputStream }) {
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
  }

  listening(): void {}
  metadata(): void {}
  progress(): void {}
  completed(): void {}
  note(): void {}
  end(): void {}

  magnet(link: string): void {
    this.#stdout.write(`${sanitizeText(link)}\n`);
  }

  failed(notice: ErrorNotice): void {
    this.#stderr.write(`${errorSentence(notice)}\n`);
  }
}
