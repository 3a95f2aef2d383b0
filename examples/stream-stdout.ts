/**
 * Writes the largest file of a torrent to standard output while it downloads: pipe it into a player.
 * usage: node stream-stdout.js TORRENT|MAGNET|URL [DIRECTORY] | mpv -
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Engine } from 'dtorrent';

const [source, downloadDir = '.'] = process.argv.slice(2);
if (source === undefined) throw new Error('usage: stream-stdout TORRENT|MAGNET|URL [DIRECTORY]');

const engine = await Engine.start({ downloadDir, port: 0 });
try {
  const torrent = await engine.add(source);
  await torrent.ready;
  const largest = torrent.files.reduce((a, b) => (b.length > a.length ? b : a));
  console.error(`${largest.path}, ${largest.length} bytes`);
  // Pieces come in the order of reading; every byte is verified before it is written.
  await pipeline(Readable.from(largest.stream()), process.stdout);
} finally {
  await engine.stop();
}
