/**
 * One production engine on one simulated host, through its lives: it starts, is stopped or crashes, and starts again
 * from the disk and the records that the one before left. Everything is synchronous and in virtual time.
 */
import type { HostPort } from '../base/address.js';
import { parseSelection } from '../engine/data/file-selection.js';
import type { EngineEvent } from '../engine/events.js';
import { Session } from '../engine/session.js';
import { resolveSettings, type Settings } from '../engine/settings.js';
import type { Torrent } from '../engine/torrent.js';
import type { TorrentOptions } from '../engine/torrent-options.js';
import type { Magnet } from '../format/magnet.js';
import type { Metainfo } from '../format/metainfo.js';
import type { SimHost } from '../sim/sim-host.js';
import type { LabTorrent } from './lab-torrent.js';

export const LAB_DIRECTORY = '/downloads';
/** What a world has to offer for: a member that is to use these says so. */
export const ALONE: Partial<Settings> = { dht: false, lsd: false, portMapping: false };

export class LabNode {
  readonly host: SimHost;
  readonly session: Session;
  /** Called with each event, outside of turns. */
  onEvent: (event: EngineEvent) => void = () => {};

  constructor(host: SimHost, settings: Partial<Settings> = {}) {
    this.host = host;
    const resolved = resolveSettings({ downloadDir: LAB_DIRECTORY, ...ALONE, ...settings });
    this.session = new Session(host, resolved, (event) => this.onEvent(event));
  }

  /** Listens; `done` comes once others can dial it. */
  start(done: () => void = () => {}): void {
    this.session.start((error) => {
      if (error !== null) throw error;
      done();
    });
  }

  add(
    source: Metainfo | Magnet,
    options: Partial<TorrentOptions> & { readonly peers?: readonly HostPort[] } = {},
  ): Torrent {
    const torrent = this.session.add(source, {
      downloadDir: LAB_DIRECTORY,
      peers: [],
      isSequential: false,
      isTrusted: false,
      isRecheck: false,
      isPaused: null,
      selection: parseSelection([]),
      isSuperSeed: false,
      ...options,
    });
    this.session.begin(torrent);
    return torrent;
  }

  /** Puts the content where a download would. */
  give(torrent: Pick<LabTorrent, 'files'>): void {
    for (const [path, bytes] of torrent.files) this.host.disk.write(`${LAB_DIRECTORY}/${path}`, bytes);
  }
}
