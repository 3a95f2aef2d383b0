/** Which view fits the options and the terminal. Called once by each run of get and seed. */
import type { CommandContext } from '../context.js';
import type { OutputOptions } from '../options.js';
import { JsonView } from './json-view.js';
import { LiveView } from './live-view.js';
import { PlainView } from './plain-view.js';
import { QuietView } from './quiet-view.js';
import type { View } from './view.js';

type Surroundings = Pick<CommandContext, 'stdout' | 'stderr' | 'environment'>;

export function openView(options: OutputOptions, surroundings: Surroundings): View {
  const { stdout, stderr, environment } = surroundings;
  const { verbose } = options;
  if (options.json) return new JsonView({ stdout, stderr, verbose });
  if (options.quiet) return new QuietView({ stdout, stderr });
  if (stdout.isTTY !== true || environment['TERM'] === 'dumb') return new PlainView({ stdout, stderr, verbose });
  // https://no-color.org: any value but the empty one.
  const color = !environment['NO_COLOR'];
  return new LiveView({ stdout, stderr, verbose, color, unicode: showsUnicode(environment) });
}

/** Windows consoles have been UTF-8 capable for long and set no locale; elsewhere the locale says. */
export function showsUnicode(environment: CommandContext['environment'], platform: string = process.platform): boolean {
  const locale = environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || '';
  return platform === 'win32' || /utf-?8/i.test(locale);
}
