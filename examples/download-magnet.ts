/**
 * Downloads a magnet link, verified, and ends.
 * usage: node download-magnet.js MAGNET [DIRECTORY]
 */
import { Engine } from 'dtorrent';

const [magnet, downloadDir = '.'] = process.argv.slice(2);
if (magnet === undefined) throw new Error('usage: download-magnet MAGNET [DIRECTORY]');

const engine = await Engine.start({ downloadDir, port: 0 });
try {
  const torrent = await engine.add(magnet);
  await torrent.completed;
  console.log(`${torrent.name} is complete in ${downloadDir}`);
} finally {
  // Tells the tracker, closes the files; the process ends by itself afterwards.
  await engine.stop();
}
