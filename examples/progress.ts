/**
 * Downloads and tells what happens: events as they come, numbers once a second, Ctrl-C ends it in good order.
 * usage: node progress.js TORRENT|MAGNET|URL [DIRECTORY]
 */
import { DtorrentError, Engine } from 'dtorrent';

const [source, downloadDir = '.'] = process.argv.slice(2);
if (source === undefined) throw new Error('usage: progress TORRENT|MAGNET|URL [DIRECTORY]');

const engine = await Engine.start({ downloadDir, port: 0 });
process.once('SIGINT', () => engine.stop());
const torrent = await engine.add(source);

torrent.on('metadata', ({ name, totalLength }) => console.log(`metadata: ${name}, ${totalLength} bytes`));
torrent.on('phase', ({ phase }) => console.log(`phase: ${phase}`));
torrent.on('peerConnected', ({ address }) => console.log(`peer: ${address}`));
torrent.on('trackerFailed', ({ url, error }) => console.log(`tracker ${url}: ${error.message}`));
torrent.on('pieceFailed', ({ piece }) => console.log(`piece ${piece} was wrong, and is fetched again`));

const timer = setInterval(() => {
  const { bytesDone, bytesTotal, downloadRate, peers, etaSeconds } = torrent.stats();
  const percent = bytesTotal === 0 ? 0 : Math.floor((100 * bytesDone) / bytesTotal);
  console.log(`${percent} %, ${Math.round(downloadRate / 1024)} KiB/s, ${peers} peers, ${etaSeconds ?? '?'} s to go`);
}, 1000);

try {
  await torrent.completed;
  console.log('complete');
} catch (error) {
  // Everything that dtorrent rejects with has a stable code.
  if (!(error instanceof DtorrentError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  clearInterval(timer);
  await engine.stop();
}
