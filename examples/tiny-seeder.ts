/**
 * A seeder from node:net and the peer wire alone: no engine, no tracker. For a torrent of one file.
 * Any client downloads from it: by the .torrent, or by magnet link, for it serves the metadata too.
 * usage: node tiny-seeder.js FILE.torrent FILE [PORT]
 */
import { open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { FileLayout, parseMetainfo, wireHashes } from 'dtorrent/metainfo';
import { serveMetadata, WireStream } from 'dtorrent/wire';

const [torrentPath, filePath, port = '6881'] = process.argv.slice(2);
if (torrentPath === undefined || filePath === undefined) throw new Error('usage: tiny-seeder TORRENT FILE [PORT]');

const metainfo = parseMetainfo(await readFile(torrentPath));
const layout = new FileLayout(metainfo);
const hashes = wireHashes(metainfo.infoHash);
const file = await open(filePath);

const server = createServer((socket) => {
  const wire = new WireStream();
  wire.on('handshake', ({ infoHash }) => {
    if (!hashes.some((hash) => Buffer.compare(hash, infoHash) === 0)) {
      wire.destroy();
      return;
    }
    wire.handshake({ infoHash, layout });
    wire.haveAll();
    serveMetadata(wire, metainfo.infoBytes);
  });
  wire.on('interested', () => wire.unchoke());
  // Told only as fast as the peer reads: no queue of our own is needed.
  wire.on('request', ({ piece, begin, length, respond, reject }) => {
    // Zeros where the file ends: some clients ask for whole blocks there.
    const block = Buffer.alloc(length);
    file.read(block, 0, length, piece * metainfo.pieceLength + begin).then(() => respond(block), reject);
  });
  // Peers send a keep-alive every two minutes.
  socket.setTimeout(150_000, () => socket.destroy());
  socket.pipe(wire).pipe(socket);
});

server.listen(Number(port), () => console.log(`listening on ${JSON.stringify(server.address())}`));
