/**
 * Local discovery (BEP 14) for all torrents of the engine: gives the sans-IO core of protocol/lsd a socket for each
 * interface and family, and its results to the torrents. Interfaces come and go; they are looked at every few seconds.
 * What a socket loses by an error it may get again with the next look. One of the ways of Discovery.
 */
import type { Address } from '../../base/address.js';
import { toHex } from '../../base/bytes.js';
import { LIMITS } from '../../base/limits.js';
import type { Random } from '../../base/random.js';
import { Timer } from '../../base/timer-queue.js';
import { wireHashes } from '../../format/infohash.js';
import type { DatagramSocket, LocalAddress, LocalInterface, Network } from '../../host/network.js';
import { LsdCore, type LsdNetwork } from '../../protocol/lsd/lsd.js';
import { LSD_GROUPS, LSD_PORT } from '../../protocol/lsd/lsd-packet.js';
import type { Turn } from '../turn.js';
import type { PeerDiscovery, SearchingTorrent } from './peer-discovery.js';

export interface LsdServiceOptions {
  readonly turn: Turn;
  readonly network: Network;
  readonly random: Random;
  /** Where the engine takes peers. */
  readonly port: () => number;
}

const LOOK_MS = 5000;
/** Routers of the local network may pass it on; libtorrent's number. */
const HOPS_MAX = 32;

export class LsdService implements PeerDiscovery {
  readonly #options: LsdServiceOptions;
  readonly #core: LsdCore;
  /** By interface, family and addresses: when one of them changes it is another network. */
  readonly #open = new Map<string, OpenNetwork>();
  readonly #byHash = new Map<string, SearchingTorrent>();
  readonly #hashesOf = new Map<SearchingTorrent, readonly Uint8Array[]>();
  readonly #lookTimer: Timer = new Timer((now) => {
    this.look();
    this.#options.turn.timers.set(this.#lookTimer, now + LOOK_MS);
  });
  readonly #announceTimer: Timer = new Timer((now) => {
    this.#core.advance(now);
    this.#rearm();
  });
  #isRunning = false;

  constructor(options: LsdServiceOptions) {
    this.#options = options;
    this.#core = new LsdCore({
      random: options.random,
      port: options.port,
      onPeer: (infoHash, peer) => this.#byHash.get(toHex(infoHash))?.addPeers([peer], 'lsd'),
    });
  }

  start(): void {
    const { turn } = this.#options;
    this.#isRunning = true;
    this.look();
    turn.timers.set(this.#lookTimer, turn.now + LOOK_MS);
  }

  join(torrent: SearchingTorrent): void {
    this.leave(torrent);
    const hashes = wireHashes(torrent.infoHash);
    this.#hashesOf.set(torrent, hashes);
    for (const infoHash of hashes) this.#byHash.set(toHex(infoHash), torrent);
    this.#core.join(hashes, this.#options.turn.now);
    this.#rearm();
  }

  leave(torrent: SearchingTorrent): void {
    for (const infoHash of this.#hashesOf.get(torrent) ?? []) {
      this.#byHash.delete(toHex(infoHash));
      this.#core.leave(infoHash);
    }
    this.#hashesOf.delete(torrent);
  }

  stop(done: () => void): void {
    const { timers } = this.#options.turn;
    this.#isRunning = false;
    timers.cancel(this.#lookTimer);
    timers.cancel(this.#announceTimer);
    for (const network of this.#open.values()) network.close();
    this.#open.clear();
    done();
  }

  /** Opens what has come and closes what is gone; in a turn. Called by itself too, and when bindings change. */
  look(): void {
    if (!this.#isRunning) return;
    const wanted = new Map<string, { readonly name: string; readonly addresses: readonly LocalAddress[] }>();
    for (const { name, ...local } of this.#options.network.interfaces()) {
      for (const family of [4, 6] as const) {
        const addresses = addressesToUse(local, family);
        if (addresses.length === 0 || wanted.size >= LIMITS.lsdNetworksMax) continue;
        wanted.set(`${name} ${addresses.map(({ host }) => host).join(' ')}`, { name, addresses });
      }
    }
    for (const [key, network] of this.#open) {
      if (wanted.has(key)) continue;
      this.#open.delete(key);
      this.#core.removeNetwork(network);
      network.close();
    }
    for (const [key, { name, addresses }] of wanted) if (!this.#open.has(key)) this.#openNetwork(key, name, addresses);
    this.#rearm();
  }

  #openNetwork(key: string, interfaceName: string, addresses: readonly LocalAddress[]): void {
    const { turn, network } = this.#options;
    const opened = new OpenNetwork(addresses);
    this.#open.set(key, opened);
    const group = LSD_GROUPS[opened.family];
    const multicast = { group, interfaceName, hopsMax: HOPS_MAX, loopsBack: true };
    opened.socket = network.openDatagramSocket(
      { host: addresses[0]!.host, port: LSD_PORT, multicast },
      {
        onListening: () => {
          turn.run(() => {
            this.#core.addNetwork(opened, turn.now);
            this.#rearm();
          });
        },
        onDatagram: (packet, from) => turn.run(() => this.#core.receive(packet, from, opened, turn.now)),
        // A family that is switched off, a firewall: it is tried again by the next look.
        onError: () => {
          turn.run(() => {
            this.#core.removeNetwork(opened);
            if (this.#open.get(key) === opened) this.#open.delete(key);
          });
        },
      },
    );
  }

  #rearm(): void {
    if (this.#isRunning) this.#options.turn.timers.set(this.#announceTimer, this.#core.nextDeadline);
  }
}

class OpenNetwork implements LsdNetwork {
  readonly family: 4 | 6;
  readonly addresses: readonly LocalAddress[];
  socket: DatagramSocket | null = null;
  readonly #group: Address;

  constructor(addresses: readonly LocalAddress[]) {
    this.addresses = addresses;
    this.family = addresses[0]!.family;
    this.#group = { family: this.family, host: LSD_GROUPS[this.family], port: LSD_PORT };
  }

  send(packet: Uint8Array): void {
    this.socket?.send(packet, this.#group);
  }

  close(): void {
    this.socket?.close();
  }
}

/**
 * Not loopback, and not a line to a single other host, where there is no local network. Link-local IPv6 is of no use
 * either: a peer that is found there cannot be dialled without knowing the interface.
 */
function addressesToUse(
  { isLoopback, canMulticast, addresses }: Omit<LocalInterface, 'name'>,
  family: 4 | 6,
): readonly LocalAddress[] {
  if (isLoopback || !canMulticast) return [];
  const longest = family === 4 ? 30 : 127;
  return addresses.filter(
    (address) => address.family === family && address.prefixBits <= longest && !/^fe[89ab]/.test(address.host),
  );
}
