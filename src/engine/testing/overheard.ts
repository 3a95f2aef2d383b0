/** What an engine says of a torrent in datagrams, to the DHT and to its local network: for tests of who must not hear of it. */
import { toHex, toLatin1 } from '../../base/bytes.js';
import { wireHashes } from '../../format/infohash.js';
import type { Metainfo } from '../../format/metainfo.js';
import { LSD_PORT } from '../../protocol/lsd/lsd-packet.js';
import type { SimEngine } from './sim-swarm.js';

/** Packets with an info-hash of the torrent. */
export interface Overheard {
  dht: number;
  lsd: number;
}

/** Hears what leaves by sockets that are opened from now on: right after its start an engine has none for the DHT yet. */
export function overhear({ host }: SimEngine, torrent: Pick<Metainfo, 'infoHash'>): Overheard {
  const said: Overheard = { dht: 0, lsd: 0 };
  const hashes = wireHashes(torrent.infoHash).map((hash) => ({ raw: toLatin1(hash), hex: toHex(hash) }));
  const { network } = host;
  const open = network.openDatagramSocket.bind(network);
  network.openDatagramSocket = (options, handler) => {
    const socket = open(options, handler);
    const send = socket.send.bind(socket);
    socket.send = (packet, to) => {
      const text = toLatin1(packet);
      const isOfTorrent = hashes.some(({ raw, hex }) => text.includes(raw) || text.toLowerCase().includes(hex));
      if (isOfTorrent) said[to.port === LSD_PORT ? 'lsd' : 'dht']++;
      send(packet, to);
    };
    return socket;
  };
  return said;
}
