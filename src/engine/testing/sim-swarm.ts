/**
 * Whole engines on simulated hosts, for tests: a torrent made of reproducible bytes, and sessions that seed or fetch it.
 * Everything is synchronous and in virtual time.
 */
import { addressKey, type HostPort, makeAddress } from '../../base/address.js';
import { concatBytes } from '../../base/bytes.js';
import { sha1 } from '../../base/crypto.js';
import { SeededRandom } from '../../base/random.js';
import { encodeBencode } from '../../format/bencode.js';
import type { Magnet } from '../../format/magnet.js';
import { type Metainfo, parseMetainfo } from '../../format/metainfo.js';
import type { SimHost } from '../../sim/sim-host.js';
import type { SimHostOptions, Simulator } from '../../sim/simulator.js';
import { auditSession } from '../audit/audit-session.js';
import { parseSelection } from '../data/file-selection.js';
import type { EngineEvent } from '../events.js';
import type { SeedGoal } from '../seed-goal.js';
import { Session } from '../session.js';
import { resolveSettings, type Settings } from '../settings.js';
import type { Torrent } from '../torrent.js';

export const DOWNLOADS = '/downloads';
/** About how many pieces, times peers, are looked at a turn. */
const AUDIT_CREDIT_PER_TURN = 1000;

/** A v1 torrent and its content. */
export interface SimTorrent {
  readonly metainfo: Metainfo;
  readonly magnet: Magnet;
  /** Path below the download directory -> content. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export function makeSimTorrent(options: {
  readonly lengths: Readonly<Record<string, number>>;
  readonly pieceLength: number;
  readonly trackers?: readonly string[];
  readonly isPrivate?: boolean;
}): SimTorrent {
  const random = new SeededRandom(42);
  const files = new Map<string, Uint8Array>();
  for (const [path, length] of Object.entries(options.lengths)) {
    const bytes = new Uint8Array(length);
    random.fill(bytes);
    files.set(`content/${path}`, bytes);
  }
  const whole = concatBytes([...files.values()]);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < whole.length; at += options.pieceLength) {
    pieces.push(sha1(whole.subarray(at, at + options.pieceLength)));
  }
  const info = {
    name: 'content',
    'piece length': options.pieceLength,
    pieces: concatBytes(pieces),
    files: Object.entries(options.lengths).map(([path, length]) => ({ length, path: path.split('/') })),
    private: options.isPrivate === true ? 1 : undefined,
  };
  const trackers = options.trackers ?? [];
  const metainfo = parseMetainfo(encodeBencode({ info, 'announce-list': trackers.map((url) => [url]) }));
  const magnet: Magnet = {
    infoHash: metainfo.infoHash,
    name: null,
    trackers,
    webSeeds: [],
    peers: [],
    select: null,
  };
  return { metainfo, magnet, files };
}

/** One engine on one simulated host. */
export class SimEngine {
  readonly host: SimHost;
  readonly session: Session;
  readonly events: EngineEvent[] = [];
  /** False for a test that makes by hand what does not add up. */
  isAudited = true;

  constructor(simulator: Simulator, settings: Partial<Settings> = {}, host: SimHostOptions = {}) {
    this.host = simulator.createHost(host);
    this.session = new Session(this.host, resolveSettings({ downloadDir: DOWNLOADS, ...settings }), (event) => {
      this.events.push(event);
    });
    this.#auditTurns();
    this.session.start((error) => {
      if (error !== null) throw error;
    });
    simulator.run(() => this.session.listenPort !== 0);
  }

  /** `host:port` that others can dial. */
  get address(): string {
    return addressKey(makeAddress(this.host.ipv4!, this.session.listenPort)!);
  }

  /** Adds the torrent; `from` are dialled. */
  add(
    source: Metainfo | Magnet,
    options: {
      readonly from?: readonly SimEngine[];
      /** Dialled too. */
      readonly peers?: readonly HostPort[];
      readonly downloadDir?: string;
      readonly isTrusted?: boolean;
      readonly isRecheck?: boolean;
      readonly isPaused?: boolean;
      readonly select?: readonly string[];
      readonly seedGoal?: SeedGoal;
      readonly isSuperSeed?: boolean;
    } = {},
  ): Torrent {
    const engines = (options.from ?? []).map(({ host, session }) => ({ host: host.ipv4!, port: session.listenPort }));
    const torrent = this.session.add(source, {
      downloadDir: options.downloadDir ?? DOWNLOADS,
      peers: [...engines, ...(options.peers ?? [])],
      isSequential: false,
      isTrusted: options.isTrusted ?? false,
      isRecheck: options.isRecheck ?? false,
      isPaused: options.isPaused ?? null,
      selection: parseSelection(options.select ?? []),
      isSuperSeed: options.isSuperSeed ?? false,
      ...(options.seedGoal === undefined ? {} : { seedGoal: options.seedGoal }),
    });
    this.session.begin(torrent);
    return torrent;
  }

  /** Puts the content where a download would. */
  give(torrent: SimTorrent): void {
    for (const [path, bytes] of torrent.files) this.host.disk.write(`${DOWNLOADS}/${path}`, bytes);
  }

  has(torrent: SimTorrent): boolean {
    return [...torrent.files].every(([path, bytes]) => {
      const stored = this.host.disk.read(`${DOWNLOADS}/${path}`);
      return stored !== null && Buffer.from(stored).equals(bytes);
    });
  }

  count(type: EngineEvent['type']): number {
    return this.events.filter((event) => event.type === type).length;
  }

  /** Whatever the test is about: what does not add up fails it, in the turn that did it if its torrents are small. */
  #auditTurns(): void {
    const { turn } = this.session.context;
    const { afterTurn } = turn;
    let credit = 0;
    turn.afterTurn = () => {
      credit += AUDIT_CREDIT_PER_TURN;
      const cost = auditCost(this.session);
      if (this.isAudited && credit >= cost) {
        credit = 0;
        const finding = auditSession(this.session);
        if (finding !== null) throw new Error(`audit: ${finding}`);
      }
      afterTurn();
    };
  }

  stop(simulator: Simulator): void {
    let isStopped = false;
    this.session.stop(() => {
      isStopped = true;
    });
    simulator.run(() => isStopped, { maxVirtualMs: 60_000 });
    if (!isStopped) throw new Error('the session did not stop');
  }
}

function auditCost({ torrents }: Session): number {
  let cost = 0;
  for (const { metainfo, swarm } of torrents) cost += (1 + (metainfo?.pieceCount ?? 0)) * (1 + swarm.peers.size);
  return cost;
}
