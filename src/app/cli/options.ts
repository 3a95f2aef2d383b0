/**
 * The options of every command: names, meanings and the parsing of their values. Each option also comes from the
 * environment as DTORRENT_<OPTION>. Only commander is imported here, because `--help` has to start fast.
 * A value that does not parse ends the command with exit code 28.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { variableOf } from './help/command-table.js';

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** What get and seed have in common. */
export interface TransferOptions extends OutputOptions {
  readonly output: string;
  /** Upload this many times the torrent's size before ending; Infinity = until stopped; 0 = not at all. */
  readonly seed?: number;
  readonly peer?: readonly string[];
  readonly port?: number;
  readonly bind?: string;
  readonly trackers: boolean;
  readonly dht: boolean;
  /** `host:port`. */
  readonly dhtBootstrap?: readonly string[];
  readonly lsd: boolean;
  readonly pex: boolean;
  readonly portMapping: boolean;
  readonly maxPeers?: number;
  /** Peers unchoked by merit; one more is unchoked by chance. */
  readonly uploadSlots?: number;
  readonly sequential: boolean;
  readonly recheck: boolean;
  /** '' = no resume data is kept. */
  readonly stateDir?: string;
  /** File numbers and ranges, and globs. */
  readonly select?: readonly string[];
  /** Bytes per second. */
  readonly downloadLimit?: number;
  readonly uploadLimit?: number;
  readonly preallocation?: 'none' | 'sparse' | 'full';
  /** Seconds without progress. */
  readonly timeout?: number;
  /** Minutes of seeding before ending. */
  readonly seedTime?: number;
}

export interface GetOptions extends TransferOptions {
  readonly file?: readonly string[];
  readonly f?: readonly string[];
  readonly magnet?: readonly string[];
  readonly m?: readonly string[];
}

export interface SeedOptions extends TransferOptions {
  readonly trust: boolean;
  readonly superSeed: boolean;
}

export interface CreateOptions {
  readonly output?: string;
  readonly v1?: boolean;
  readonly v2?: boolean;
  readonly hybrid?: boolean;
  readonly pieceLength?: number;
  /** Tiers of tracker URLs; a tier may be empty. */
  readonly tracker?: readonly (readonly string[])[];
  readonly webSeed?: readonly string[];
  readonly private: boolean;
  readonly comment?: string;
  readonly source?: string;
  /** False with --no-date. */
  readonly date: boolean;
  readonly name?: string;
  readonly force: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

export interface TrackerOptions {
  readonly port: number;
  readonly bind?: string;
  readonly json: boolean;
}

export interface ShowOptions {
  readonly json: boolean;
}

export interface VerifyOptions {
  readonly json: boolean;
  readonly quiet: boolean;
}

export interface ScrapeOptions {
  readonly json: boolean;
  readonly bind?: string;
}

export function addGetOptions(command: Command): void {
  add(command, new Option('-f, --file <file>', 'a .torrent file to download (repeatable)').argParser(appendValue));
  // commander reads one dash as a short option, so the long spellings of one letter are options of their own.
  add(command, new Option('--f <file>').argParser(appendValue).hideHelp());
  add(command, new Option('-m, --magnet <uri>', 'a magnet link to download (repeatable)').argParser(appendValue));
  add(command, new Option('--m <uri>').argParser(appendValue).hideHelp());
  addTransferOptions(command, 'directory to download into');
}

export function addSeedOptions(command: Command): void {
  add(command, new Option('--trust', 'seed without verifying the data first').default(false));
  add(command, new Option('--super-seed', 'as the first seed: hand out each piece once (BEP 16)').default(false));
  addTransferOptions(command, 'where the data is, when DIR is not given');
}

export function addCreateOptions(command: Command): void {
  add(
    command,
    new Option('-o, --output <file>', 'the torrent file, or a directory for it (default: NAME.torrent here)'),
  );
  add(command, new Option('--hybrid', 'BitTorrent v1 and v2 in one torrent (the default)').conflicts(['v1', 'v2']));
  add(command, new Option('--v1', 'BitTorrent v1 only').conflicts(['v2', 'hybrid']));
  add(command, new Option('--v2', 'BitTorrent v2 only').conflicts(['v1', 'hybrid']));
  add(
    command,
    new Option('--piece-length <bytes>', 'a power of two from 16K; K and M work').argParser(parsePieceLength),
  );
  add(command, new Option('-t, --tracker <url>', 'announce URL (repeatable)').argParser(appendTracker));
  addTierOption(command);
  add(command, new Option('-w, --web-seed <url>', 'a server that has the files (repeatable)').argParser(appendUrl));
  add(command, new Option('-p, --private', 'peers from trackers only (BEP 27)').default(false));
  add(command, new Option('-c, --comment <text>', 'a comment for people'));
  add(command, new Option('-s, --source <text>', 'a source tag, which makes the info-hash a different one'));
  add(command, new Option('--name <name>', 'the name that downloads get (default: that of PATH)').argParser(parseName));
  add(command, new Option('--no-date', 'leave the creation date out'));
  add(command, new Option('-F, --force', 'overwrite an existing torrent file').default(false));
  add(command, new Option('--json', 'print one JSON object').default(false));
  add(command, new Option('-q, --quiet', 'print nothing but errors').default(false));
}

export function addShowOptions(command: Command): void {
  add(command, new Option('--json', 'print one JSON object').default(false));
}

export function addVerifyOptions(command: Command): void {
  add(command, new Option('--json', 'print one JSON object').default(false));
  add(command, new Option('-q, --quiet', 'print nothing but errors: the exit code tells').default(false));
}

export function addScrapeOptions(command: Command): void {
  add(command, new Option('--json', 'print one JSON object').default(false));
  add(command, new Option('--bind <list>', 'addresses and interfaces to ask from, apart by commas'));
}

export function addTrackerOptions(command: Command): void {
  add(command, new Option('--port <n>', 'port for HTTP and UDP; 0 = any').argParser(parsePort).default(6969));
  add(command, new Option('--bind <address>', 'address or interface to listen on (default: every one)'));
  add(command, new Option('--json', 'events as JSON lines').default(false));
}

/**
 * `--seed` takes its ratio only after an equals sign, or `--seed FILE` would lose the FILE. commander would take it.
 * @returns the arguments with each plain `--seed` spelled out.
 */
export function spellOutSeed(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((argument, i) => (argument === '--seed' && (end < 0 || i < end) ? '--seed=true' : argument));
}

function addTransferOptions(command: Command, outputMeaning: string): void {
  add(command, new Option('-o, --output <dir>', outputMeaning).default('.'));
  add(
    command,
    new Option(
      '--seed [ratio]',
      'go on seeding; with =RATIO until that many times the size is uploaded, all runs together',
    ).argParser(parseRatio),
  );
  add(
    command,
    new Option('--seed-time <minutes>', 'seed for so long at most, all runs together, also without --seed').argParser(
      parseMinutes,
    ),
  );
  add(
    command,
    new Option(
      '--select <files>',
      'only these: numbers as `show` prints them (1,3-5) or a glob (repeatable)',
    ).argParser(appendValue),
  );
  add(command, new Option('--download-limit <rate>', 'bytes per second; K, M and G work').argParser(parseRate));
  add(command, new Option('--upload-limit <rate>', 'bytes per second; K, M and G work').argParser(parseRate));
  add(
    command,
    new Option('--timeout <seconds>', 'end with exit code 2 after so long without progress').argParser(parseSeconds),
  );
  add(
    command,
    new Option('--preallocation <how>', 'how files get their length before their data (default: sparse)').choices([
      'none',
      'sparse',
      'full',
    ]),
  );
  add(command, new Option('--peer <host:port>', 'a peer to connect to (repeatable)').argParser(appendPeer));
  add(
    command,
    new Option('--port <n>', 'port to listen on; 0 = any (default: 6881 or the next free)').argParser(parsePort),
  );
  add(command, new Option('--bind <list>', 'addresses and interfaces to use and no others, apart by commas'));
  add(command, new Option('--max-peers <n>', 'connected peers at most').argParser(parsePositive));
  add(
    command,
    new Option('--upload-slots <n>', 'peers served at one time, and one more by chance (default: 4)').argParser(
      parseSlots,
    ),
  );
  add(command, new Option('--sequential', 'fetch pieces in order').default(false));
  add(command, new Option('--recheck', 'verify all existing data first, also what is known to be good').default(false));
  add(
    command,
    new Option('--state-dir <dir>', 'where resume data is kept (default: where this system has such; "" = nowhere)'),
  );
  add(command, new Option('--no-trackers', 'announce to no tracker'));
  add(command, new Option('--no-dht', 'find no peers in the DHT'));
  add(
    command,
    new Option(
      '--dht-bootstrap <host:port>',
      'a DHT node to begin with, instead of the well-known (repeatable)',
    ).argParser(appendPeer),
  );
  add(command, new Option('--no-lsd', 'find no peers in the local network'));
  add(command, new Option('--no-pex', 'exchange no peers with peers'));
  add(command, new Option('--no-port-mapping', 'do not ask the router to let peers in'));
  add(command, new Option('--json', 'events as JSON lines on stdout').default(false));
  add(command, new Option('-q, --quiet', 'print nothing but errors').default(false).conflicts('verbose'));
  add(command, new Option('-v, --verbose', 'tell about peers and trackers too').default(false));
}

/** Not an option with a value: it acts on the tracker list at the place where it stands. */
function addTierOption(command: Command): void {
  command.addOption(new Option('--tier', 'the trackers that follow are a new tier, tried when the ones before fail'));
  command.on('option:tier', () => {
    const tiers = (command.getOptionValue('tracker') as string[][] | undefined) ?? [];
    command.setOptionValueWithSource('tracker', [...tiers, []], 'cli');
  });
}

/** Every option is added by this, so that each comes from the environment too. */
export function add(command: Command, option: Option): void {
  const variable = variableOf(option.long ?? '');
  // To commander a variable that exists is a value, and switches a switch on; to people DTORRENT_PORT= is none, and
  // DTORRENT_JSON=0 is off.
  const isSwitch = !option.required && !option.optional;
  const value = process.env[variable];
  if (value !== '' && !(isSwitch && isOff(value))) option.env(variable);
  command.addOption(option);
}

function isOff(value: string | undefined): boolean {
  return value !== undefined && ['0', 'false', 'no', 'off'].includes(value.toLowerCase());
}

/** Paths and magnet links may have spaces in them: one value each time, from the environment too. */
function appendValue(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

/** Several values in one environment variable stand apart by white space. */
function appendUrl(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), ...splitWords(value)];
}

export function appendPeer(value: string, previous: readonly string[] | undefined): string[] {
  const peers = splitWords(value);
  for (const peer of peers) {
    const port = Number(/:(\d{1,5})$/.exec(peer)?.[1]);
    if (!(port >= 1 && port <= 65535)) throw new InvalidArgumentError('It has to be HOST:PORT.');
  }
  return [...(previous ?? []), ...peers];
}

function appendTracker(value: string, previous: readonly (readonly string[])[] | undefined): string[][] {
  const tiers = (previous ?? [[]]).map((tier) => [...tier]);
  tiers.at(-1)!.push(...splitWords(value));
  return tiers;
}

function splitWords(value: string): string[] {
  return value.split(/\s+/).filter((word) => word !== '');
}

export function parsePort(value: string): number {
  return parseInteger(value, 0, 65535);
}

function parsePositive(value: string): number {
  return parseInteger(value, 1, 100_000);
}

/** The range of the setting uploadSlots but for 0: who serves nobody is served by few. */
function parseSlots(value: string): number {
  return parseInteger(value, 1, 1000);
}

function parseInteger(value: string, min: number, max: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) throw new InvalidArgumentError(`It has to be a number from ${min} to ${max}.`);
  return number;
}

/** A torrent's name is one element of a path. */
function parseName(value: string): string {
  if (/^\.{0,2}$|[/\\\0]/.test(value)) throw new InvalidArgumentError('It has to be one name, without slashes.');
  return value;
}

function parseRatio(value: string): number {
  if (['true', 'yes', 'on'].includes(value.toLowerCase())) return Number.POSITIVE_INFINITY;
  if (isOff(value)) return 0;
  const ratio = /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isFinite(ratio)) throw new InvalidArgumentError('It has to be a number such as 1.5.');
  return ratio;
}

export function parseSeconds(value: string): number {
  return parseInteger(value, 1, 100_000_000);
}

function parseMinutes(value: string): number {
  const minutes = /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  if (!(minutes <= 100_000_000)) throw new InvalidArgumentError('It has to be a number of minutes such as 90 or 0.5.');
  return minutes;
}

/** 0 = no limit. Units are binary, as they are printed. */
function parseRate(value: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)([KkMmGg]?)(?:i?B)?(?:\/s)?$/.exec(value);
  const rate = match === null ? Number.NaN : Math.round(Number(match[1]) * UNIT_BYTES[match[2]!.toUpperCase()]!);
  if (!(rate <= RATE_MAX)) throw new InvalidArgumentError('It has to be bytes per second, such as 500K or 2.5M.');
  return rate;
}

const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };
/** Of the settings downloadLimit and uploadLimit. */
const RATE_MAX = 1e12;

/** Whether a torrent may have this piece length is createTorrent's to say. */
function parsePieceLength(value: string): number {
  const match = /^(\d{1,10})([KkMm]?)(?:i?B)?$/.exec(value);
  if (match === null) throw new InvalidArgumentError('It has to be bytes, such as 262144, 256K or 1M.');
  return Number(match[1]) * UNIT_BYTES[match[2]!.toUpperCase()]!;
}
