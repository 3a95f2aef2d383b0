/**
 * The one table of settings: name, default, range and meaning. The types, the validation and the command line's
 * options are read off it; a new setting is one new row.
 */
import { DtorrentError } from '../base/errors.js';
import { BOOTSTRAP_NODES } from '../protocol/dht/bootstrap.js';

/** A row of SETTINGS_TABLE, told apart by `kind`: an integer from `min` to `max`, its `default`, its `meaning` for people. */
export interface NumberSetting {
  readonly kind: 'number';
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly meaning: string;
}
/** A row of SETTINGS_TABLE, told apart by `kind`: a text, its `default`, its `meaning` for people. */
export interface StringSetting {
  readonly kind: 'string';
  readonly default: string;
  readonly meaning: string;
}
/** A row of SETTINGS_TABLE, told apart by `kind`: one of `choices`, its `default`, its `meaning` for people. */
export interface ChoiceSetting<Choice extends string> {
  readonly kind: 'choice';
  readonly default: Choice;
  readonly choices: readonly Choice[];
  readonly meaning: string;
}
/** A row of SETTINGS_TABLE, told apart by `kind`: on or off, its `default`, its `meaning` for people. */
export interface BooleanSetting {
  readonly kind: 'boolean';
  readonly default: boolean;
  readonly meaning: string;
}

function number(defaultValue: number, min: number, max: number, meaning: string): NumberSetting {
  return { kind: 'number', default: defaultValue, min, max, meaning };
}
function string(defaultValue: string, meaning: string): StringSetting {
  return { kind: 'string', default: defaultValue, meaning };
}
function choice<Choice extends string>(
  defaultValue: Choice,
  choices: readonly Choice[],
  meaning: string,
): ChoiceSetting<Choice> {
  return { kind: 'choice', default: defaultValue, choices, meaning };
}
function boolean(defaultValue: boolean, meaning: string): BooleanSetting {
  return { kind: 'boolean', default: defaultValue, meaning };
}

const MIB = 1024 * 1024;

/** Every setting there is. */
export const SETTINGS_TABLE: {
  readonly [K in keyof Settings]: Settings[K] extends number
    ? NumberSetting
    : Settings[K] extends boolean
      ? BooleanSetting
      : string extends Settings[K]
        ? StringSetting
        : ChoiceSetting<Settings[K] & string>;
} = {
  downloadDir: string('.', 'directory that torrents are stored in'),
  stateDir: string('', 'directory that resume data is kept in; empty = none is kept'),
  resumeIntervalMs: number(30_000, 1000, 3_600_000, 'time between two saves of resume data while something changes'),
  preallocation: choice('sparse', ['none', 'sparse', 'full'], 'how files get their length before their data comes'),
  downloadLimit: number(0, 0, 1e12, 'bytes per second received of all torrents together; 0 = no limit'),
  uploadLimit: number(0, 0, 1e12, 'bytes per second sent of all torrents together; 0 = no limit'),
  port: number(6881, 0, 65535, 'TCP port to listen on; 0 = any free one'),
  portAttempts: number(10, 1, 1000, 'how many ports, counting up from `port`, are tried when one is in use'),
  bind: string('', 'addresses and interfaces to listen on and send from, apart by commas; empty = everything'),
  maxPeers: number(200, 1, 100_000, 'connected peers, all torrents together'),
  maxPeersPerTorrent: number(100, 1, 100_000, 'connected peers of one torrent'),
  maxHalfOpen: number(50, 1, 10_000, 'connection attempts under way at one time'),
  uploadSlots: number(4, 0, 1000, 'interested peers unchoked by merit in each choking round (BEP 3)'),
  optimisticSlots: number(1, 0, 100, 'peers unchoked regardless of merit'),
  chokeRoundMs: number(10_000, 1000, 600_000, 'time between choking rounds'),
  optimisticRoundMs: number(30_000, 1000, 600_000, 'time between optimistic unchokes'),
  maxRequestsPerPeer: number(500, 2, 5000, 'requests outstanding to one peer; also sent as reqq'),
  requestQueueMs: number(3000, 100, 60_000, 'how much data, in time at the current rate, is kept requested'),
  writeCacheBytes: number(32 * MIB, MIB, 64 * 1024 * MIB, 'memory for pieces being downloaded'),
  readCacheBytes: number(32 * MIB, MIB, 64 * 1024 * MIB, 'memory for pieces being uploaded'),
  diskWorkers: number(1, 0, 64, 'threads that hash and write; 0 = on the main thread'),
  maxOpenFiles: number(100, 1, 100_000, 'files kept open, all torrents together'),
  numWant: number(200, 0, 1000, 'peers asked of a tracker in one announce'),
  trackers: boolean(true, 'announce to trackers'),
  dht: boolean(true, 'find peers in the DHT, and serve it (BEP 5)'),
  dhtBootstrap: string(
    BOOTSTRAP_NODES.join(','),
    'nodes that the DHT begins with when it knows none: host:port, apart by commas; empty = none',
  ),
  pex: boolean(true, 'tell peers of each other (BEP 11)'),
  lsd: boolean(true, 'find peers in the local network (BEP 14)'),
  portMapping: boolean(true, 'ask the router to let peers in: PCP, NAT-PMP, UPnP'),
};

/** The values; SETTINGS_TABLE has their ranges and meanings. */
export interface Settings {
  readonly downloadDir: string;
  readonly stateDir: string;
  readonly resumeIntervalMs: number;
  /** none: files grow as data comes · sparse: full length at once, blocks on demand · full: blocks too. */
  readonly preallocation: 'none' | 'sparse' | 'full';
  readonly downloadLimit: number;
  readonly uploadLimit: number;
  readonly port: number;
  readonly portAttempts: number;
  readonly bind: string;
  readonly maxPeers: number;
  readonly maxPeersPerTorrent: number;
  readonly maxHalfOpen: number;
  readonly uploadSlots: number;
  readonly optimisticSlots: number;
  readonly chokeRoundMs: number;
  readonly optimisticRoundMs: number;
  readonly maxRequestsPerPeer: number;
  readonly requestQueueMs: number;
  readonly writeCacheBytes: number;
  readonly readCacheBytes: number;
  readonly diskWorkers: number;
  readonly maxOpenFiles: number;
  readonly numWant: number;
  readonly trackers: boolean;
  readonly dht: boolean;
  readonly dhtBootstrap: string;
  readonly pex: boolean;
  readonly lsd: boolean;
  readonly portMapping: boolean;
}

/** The settings that may change while the engine runs. */
export type RateLimits = Partial<Pick<Settings, 'downloadLimit' | 'uploadLimit'>>;

/**
 * Fills in the defaults.
 * @throws {DtorrentError} `EOPTION` for an unknown name, a wrong type or a number out of range.
 */
export function resolveSettings(given: Partial<Settings> = {}): Settings {
  const resolved: Record<string, string | number | boolean> = {};
  for (const [name, row] of Object.entries(SETTINGS_TABLE)) resolved[name] = row.default;
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(SETTINGS_TABLE, name)) throw new DtorrentError('EOPTION', `there is no setting "${name}"`);
    const row = SETTINGS_TABLE[name as keyof Settings];
    if (row.kind === 'choice') {
      if (!(row.choices as readonly unknown[]).includes(value)) {
        throw new DtorrentError('EOPTION', `setting ${name} must be one of ${row.choices.join(', ')}`);
      }
    } else if (typeof value !== row.kind) {
      throw new DtorrentError('EOPTION', `setting ${name} must be a ${row.kind}`);
    }
    if (row.kind === 'number' && !(Number.isInteger(value) && Number(value) >= row.min && Number(value) <= row.max)) {
      throw new DtorrentError(
        'EOPTION',
        `setting ${name} must be an integer from ${row.min} to ${row.max}, not ${value}`,
      );
    }
    resolved[name] = value;
  }
  return resolved as unknown as Settings;
}
