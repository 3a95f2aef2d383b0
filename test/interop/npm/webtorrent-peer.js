/**
 * WebTorrent as a process: one torrent, told what to do by lines on stdin, saying what happened by lines on stdout.
 * usage: node webtorrent-peer.js PORT [--lsd] [--pex] [DHT_NODE_HOST:PORT ...]
 * in: `add SOURCE DIRECTORY` (tab-separated), `peer HOST:PORT`; out: `listening`, `complete`
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import WebTorrent from 'webtorrent';

const [port, ...rest] = process.argv.slice(2);
const bootstrap = rest.filter((argument) => !argument.startsWith('--'));
// Plain TCP, and peers from trackers, from stdin, on request from peers and the local network, and from the DHT when there
// are nodes to begin with.
const client = new WebTorrent({
  torrentPort: Number(port),
  dhtPort: Number(port),
  secure: 0,
  utp: false,
  dht: bootstrap.length > 0 && { bootstrap },
  lsd: rest.includes('--lsd'),
  utPex: rest.includes('--pex'),
  natUpnp: false,
  natPmp: false,
});
client.on('error', fail);
client.on('listening', () => console.log('listening'));

let torrent;
createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, ...parameters] = line.split('\t');
  if (command === 'add') add(...parameters);
  else if (command === 'peer') addPeer(parameters[0]);
  else fail(new Error(`no command ${command}`));
});

function add(source, directory) {
  torrent = client.add(source.startsWith('magnet:') ? source : readFileSync(source), { path: directory });
  torrent.on('done', () => console.log('complete'));
  torrent.on('error', fail);
  torrent.on('warning', (warning) => console.error(warning));
}

function addPeer(peer) {
  if (torrent.infoHash) torrent.addPeer(peer);
  else torrent.once('infoHash', () => torrent.addPeer(peer));
}

function fail(error) {
  console.error(error);
  process.exit(1);
}
