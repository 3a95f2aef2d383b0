/**
 * Makes a torrent of a folder (or file), seeds it from where it is, and prints its magnet link. Ctrl-C ends it.
 * usage: node seed-folder.js PATH [TRACKER-URL...]
 */
import { dirname, resolve } from 'node:path';
import { createTorrent, Engine, formatMagnet, magnetOf, parseTorrent } from 'dtorrent';

const [path, ...trackers] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: seed-folder PATH [TRACKER-URL...]');

const { bytes } = await createTorrent(path, { trackers: [trackers], onlySafeNames: true });
// The torrent's name is the last element of the path, so the data is found in the directory above.
const engine = await Engine.start({ downloadDir: dirname(resolve(path)), port: 0 });
process.once('SIGINT', () => engine.stop());
const torrent = await engine.add(bytes);
await torrent.completed;
console.log(formatMagnet(magnetOf(parseTorrent(bytes))));
