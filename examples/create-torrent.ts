/**
 * Writes a .torrent for a file or folder: v1 and v2 in one, pieces hashed on all processors.
 * usage: node create-torrent.js PATH OUTPUT.torrent [TRACKER-URL...]
 */
import { writeFile } from 'node:fs/promises';
import { createTorrent, infoHashHex } from 'dtorrent';

const [path, output, ...trackers] = process.argv.slice(2);
if (path === undefined || output === undefined) throw new Error('usage: create-torrent PATH OUTPUT [TRACKER-URL...]');

const torrent = await createTorrent(path, {
  // One tier each: tried in this order. All in one tier would be tried in any order.
  trackers: trackers.map((url) => [url]),
  onProgress: ({ bytesHashed, bytesTotal }) => console.log(`${bytesHashed} of ${bytesTotal} bytes`),
});
await writeFile(output, torrent.bytes);
console.log(`${infoHashHex(torrent.infoHash)} ${output}`);
for (const skipped of torrent.skippedPaths) console.log(`left out, no regular file: ${skipped}`);
