/**
 * Serves the files of a torrent over HTTP while they download, with ranges: a browser or player can seek. On this
 * machine only. Ctrl-C ends it.
 * usage: node stream-http.js TORRENT|MAGNET|URL [DIRECTORY] [PORT]
 */
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Engine } from 'dtorrent';

const [source, downloadDir = '.', port = '8080'] = process.argv.slice(2);
if (source === undefined) throw new Error('usage: stream-http TORRENT|MAGNET|URL [DIRECTORY] [PORT]');

const engine = await Engine.start({ downloadDir, port: 0 });
const torrent = await engine.add(source);
await torrent.ready;

const server = createServer(async (request, response) => {
  const file = torrent.files[Number(request.url?.slice(1))];
  if (file === undefined) {
    response.writeHead(404).end();
    return;
  }
  const [range, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from);
  const end = Math.min(to === '' ? file.length - 1 : Number(to), file.length - 1);
  if (start > end) {
    response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
    return;
  }
  response.writeHead(range === undefined ? 200 : 206, {
    'accept-ranges': 'bytes',
    'content-length': end - start + 1,
    ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${file.length}` }),
  });
  // A player that seeks closes the connection: the stream ends with it, and the pieces that it waited for are let go.
  await pipeline(Readable.from(file.stream({ start, end })), response).catch(() => {});
});

server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  const actualPort = typeof address === 'object' ? address?.port : port;
  for (const file of torrent.files) console.log(`http://127.0.0.1:${actualPort}/${file.index} ${file.path}`);
});
process.once('SIGINT', async () => {
  server.close();
  server.closeAllConnections();
  await engine.stop();
});
