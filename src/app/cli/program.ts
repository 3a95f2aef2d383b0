/**
 * The command line as a tree: which commands there are, what each is given, and help. Commands are loaded when they
 * run, so that `--help`, `--version` and a mistyped option answer without loading an engine.
 */
import { Argument, Command, CommanderError } from 'commander';
import type { CommandContext } from './context.js';
import { addDhtCommands } from './dht-program.js';
import * as options from './options.js';

/** The user asked for the version: thrown out of the parser, because the version lives with the library. */
export class VersionRequest extends Error {}

/** EOPTION's: what the library's table says is not loaded for it. */
const BAD_OPTION_EXIT_CODE = 28;

/**
 * Runs the command that `argv` names.
 * @returns its exit code.
 * @throws {VersionRequest}; what is wrong with `argv`, or what the command fails with.
 */
export async function parse(argv: readonly string[], context: CommandContext): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(options.spellOutSeed(argv), { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    // How the parser ends once it has printed help, which it also does for a command that is only the name of others.
    if (thrown.code === 'commander.help') return BAD_OPTION_EXIT_CODE;
    if (thrown.exitCode !== 0) throw thrown;
  }
  return exitCode;
}

/** @param onExitCode told the exit code of the command that ran */
export function buildProgram(context: CommandContext, onExitCode: (exitCode: number) => void): Command {
  const program = new Command('dtorrent');
  program
    .description('A BitTorrent client. Without a command it downloads: dtorrent x.torrent')
    .option('--version', 'print the version')
    .on('option:version', () => {
      throw new VersionRequest();
    })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      // Errors are printed once, by main, in the form that --json or a person wants.
      outputError: () => {},
    })
    // The environment's names follow one rule, which the help text tells once instead of on every line.
    .configureHelp({ optionDescription: describe, optionTerm })
    .addHelpText('afterAll', helpFooter);

  const get = program
    .command('get', { isDefault: true })
    .description('download (the default command)')
    .argument('[input...]', 'path or URL of a .torrent, magnet link, info-hash, or - for a .torrent on stdin')
    .action(async (inputs: string[], given: options.GetOptions) => {
      const { runGet } = await import('./commands/get.js');
      onExitCode(await runGet(inputs, given, context));
    });
  options.addGetOptions(get);

  const seed = program
    .command('seed')
    .description('seed data that exists: seed TORRENT DIR, or seed PATH to make the torrent in memory')
    .argument('<path>', 'a torrent (file, URL, magnet link), or the file or directory to share')
    .argument('[dir]', 'the directory that holds what the torrent names')
    .action(async (path: string, directory: string | undefined, given: options.SeedOptions) => {
      const { runSeed } = await import('./commands/seed.js');
      onExitCode(await runSeed({ path, directory }, given, context));
    });
  options.addSeedOptions(seed);

  addFileCommands(program, context, onExitCode);

  const tracker = program
    .command('tracker')
    .description('run a tracker, HTTP and UDP on one port')
    .action(async (given: options.TrackerOptions) => {
      const { runTracker } = await import('./commands/tracker.js');
      onExitCode(await runTracker(given, context));
    });
  options.addTrackerOptions(tracker);
  addDhtCommands(program, context, onExitCode);
  addHelpCommands(program, context, onExitCode);
  return program;
}

/** The commands that are about the command line itself. */
function addHelpCommands(program: Command, context: CommandContext, onExitCode: (exitCode: number) => void): void {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { runCompletion } = await import('./commands/completion.js');
      onExitCode(runCompletion(shell, program, context));
    });
  program
    .command('man')
    .description('print the man page, for man -l -')
    .action(async () => {
      const { runMan } = await import('./commands/man.js');
      onExitCode(runMan(program, context));
    });
}

/** The commands that only read and write torrent files. */
function addFileCommands(program: Command, context: CommandContext, onExitCode: (exitCode: number) => void): void {
  const create = program
    .command('create')
    .description('make a .torrent of a file or directory')
    .argument('<path>', 'the file or directory')
    .action(async (path: string, given: options.CreateOptions) => {
      const { runCreate } = await import('./commands/create.js');
      onExitCode(await runCreate(path, given, context));
    });
  options.addCreateOptions(create);

  const show = program
    .command('show')
    .description('print what a torrent holds')
    .argument('<input>', 'as for get')
    .action(async (input: string, given: options.ShowOptions) => {
      const { runShow } = await import('./commands/show.js');
      onExitCode(await runShow(input, given, context));
    });
  options.addShowOptions(show);

  const verify = program
    .command('verify')
    .description('hash-check data: exit code 0 when it is complete, 1 when not')
    .argument('<torrent>', 'a .torrent (file or URL)')
    .argument('<dir>', 'the directory that holds what the torrent names')
    .action(async (input: string, directory: string, given: options.VerifyOptions) => {
      const { runVerify } = await import('./commands/verify.js');
      onExitCode(await runVerify({ input, directory }, given, context));
    });
  options.addVerifyOptions(verify);

  const scrape = program
    .command('scrape')
    .description('ask the trackers for the numbers of seeds and leechers')
    .argument('<input>', 'as for get')
    .action(async (input: string, given: options.ScrapeOptions) => {
      const { runScrape } = await import('./commands/scrape.js');
      onExitCode(await runScrape(input, given, context));
    });
  options.addScrapeOptions(scrape);

  program
    .command('magnet')
    .description('print the magnet link of a torrent')
    .argument('<torrent>', 'as for get')
    .action(async (input: string) => {
      const { runMagnet } = await import('./commands/magnet.js');
      onExitCode(await runMagnet(input, context));
    });
}

/** commander's own text appends the variable's name and switches' defaults. */
function describe(option: { readonly description: string; readonly defaultValue?: unknown }): string {
  const { description, defaultValue } = option;
  const tellsDefault = typeof defaultValue === 'string' || typeof defaultValue === 'number';
  return tellsDefault ? `${description} (default: ${defaultValue})` : description;
}

/** A value that is optional needs its equals sign. */
function optionTerm(option: { readonly flags: string }): string {
  return option.flags.replace(' [', '[=');
}

function helpFooter({ command }: { readonly command: Command }): string {
  if (command.parent !== null) {
    const example = command.options.find(({ envVar }) => envVar !== undefined)?.envVar;
    return example === undefined ? '' : `\nEvery option also comes from the environment: ${example} and so on.`;
  }
  return `
Examples:
  dtorrent ubuntu.torrent                      download into this directory
  dtorrent -o downloads 'magnet:?xt=urn:...'   the same by magnet link, elsewhere
  dtorrent seed film.torrent ~/films           seed what is there
  dtorrent create photos -t http://host/announce

dtorrent COMMAND --help tells about each; dtorrent get --help about downloading.`;
}
