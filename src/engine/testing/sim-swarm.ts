/**
 * Whole engines on simulated hosts, for tests: a torrent made of reproducible bytes, and sessions that seed or fetch it.
 * Everything is synchronous and in virtual time.
 */
import { addressKey, type HostPort, makeAddress } from '../../base/address.js';
import type { Magnet } from '../../format/magnet.js';
import type { Metainfo } from '../../format/metainfo.js';
import { LAB_DIRECTORY, LabNode } from '../../lab/lab-node.js';
import { LabTorrent, type LabTorrentOptions } from '../../lab/lab-torrent.js';
import type { SimHost } from '../../sim/sim-host.js';
import type { SimHostOptions, Simulator } from '../../sim/simulator.js';
import { auditSession } from '../audit/audit-session.js';
import { parseSelection } from '../data/file-selection.js';
import type { EngineEvent } from '../events.js';
import type { SeedGoal } from '../seed-goal.js';
import type { Session } from '../session.js';
import type { Settings } from '../settings.js';
import type { Torrent } from '../torrent.js';

export const DOWNLOADS: string = LAB_DIRECTORY;
/** About how many pieces, times peers, are looked at a turn. */
const AUDIT_CREDIT_PER_TURN = 1000;

/** A v1 torrent and its content. */
export interface SimTorrent {
  readonly metainfo: Metainfo;
  readonly magnet: Magnet;
  /** Path below the download directory -> content. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export function makeSimTorrent(options: Omit<LabTorrentOptions, 'seed'>): SimTorrent {
  return new LabTorrent({ ...options, seed: 42 });
}

/** One engine on one simulated host. */
export class SimEngine {
  readonly host: SimHost;
  readonly session: Session;
  readonly events: EngineEvent[] = [];
  /** False for a test that makes by hand what does not add up. */
  isAudited = true;
  readonly #node: LabNode;

  constructor(simulator: Simulator, settings: Partial<Settings> = {}, host: SimHostOptions = {}) {
    this.host = simulator.createHost(host);
    this.#node = new LabNode(this.host, settings);
    this.#node.onEvent = (event) => this.events.push(event);
    this.session = this.#node.session;
    this.#auditTurns();
    this.#node.start();
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
    const { from: _, select, peers = [], ...rest } = options;
    return this.#node.add(source, {
      ...rest,
      peers: [...engines, ...peers],
      selection: parseSelection(select ?? []),
    });
  }

  /** Puts the content where a download would. */
  give(torrent: SimTorrent): void {
    this.#node.give(torrent);
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
