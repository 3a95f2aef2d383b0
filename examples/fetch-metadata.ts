/**
 * Asks one peer for the info dictionary of an info-hash and lists the files: what a magnet link leads to.
 * usage: node fetch-metadata.js INFO-HASH HOST:PORT
 */
import { connect } from 'node:net';
import { parseMagnet } from 'dtorrent/magnet';
import { parseInfoDictionary, wireHashes } from 'dtorrent/metainfo';
import { fetchMetadata, WireStream } from 'dtorrent/wire';

const [hash, peer = ''] = process.argv.slice(2);
if (hash === undefined) throw new Error('usage: fetch-metadata INFO-HASH HOST:PORT');
const { infoHash } = parseMagnet(`magnet:?xt=urn:btih:${hash}`);

const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(peer) ?? [];
const socket = connect({ host: host ?? '127.0.0.1', port: Number(port) });
const wire = new WireStream();
socket.pipe(wire).pipe(socket);
socket.setTimeout(30_000, () => socket.destroy());

// Whoever dials speaks first. With a wrong peer this rejects, and says why.
wire.handshake({ infoHash: wireHashes(infoHash)[0]! });
const metainfo = parseInfoDictionary(await fetchMetadata(wire, infoHash));
wire.end();

console.log(metainfo.name);
for (const file of metainfo.files) if (!file.padding) console.log(`${file.lengthBytes} ${file.path.join('/')}`);
